/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server's sessions: who may see what, changes under way, hostile peers, ends with ios in
 * flight.
 */
#include <errno.h>
#include <pthread.h>

#include "blk_rig.h"

#define KIB 1024u
#define MIB (1024u * KIB)

static uint8_t buf[RIG_SLOT];

static void
add_export(struct rig *r, const char *name, uint64_t gid)
{
	char path[64];
	struct blk_export_conf conf = rig_export_conf(r, name,
						      image_create(image_disk_dir(), MIB, path));

	conf.allow.any = gid == 0;
	conf.allow.gid[0] = gid;
	conf.allow.count = gid != 0;
	rig_export(r, conf);
}

/* The names that a peer sees, in one string. */
static void
list(struct rig *r, unsigned int peer, char *names, size_t size)
{
	struct link_cqe cqe = rig_call(r, peer, (struct link_req){ .op = BLK_LIST }, NULL);
	const struct blk_export_info *info = rig_payload(r, peer, cqe.id);
	unsigned int n = cqe.payload / sizeof(*info);

	assert_int_equal(cqe.status, BLK_OK);
	assert_int_equal(cqe.payload, n * sizeof(*info));
	assert_int_equal(cqe.result, n);
	names[0] = '\0';
	for (unsigned int i = 0; i < n; i++)
		snprintf(names + strlen(names), size - strlen(names), "%s=%u ", info[i].name,
			 rte_be_to_cpu_16(info[i].unit));
}

static void
test_allow_lists(void **state)
{
	char names[128];
	struct rig r;

	rig_setup(&r, 2, 1);
	add_export(&r, "first", r.ip.gid[1]);
	add_export(&r, "second", r.ip.gid[2]);
	add_export(&r, "both", 0);
	rig_connect(&r, 0, 1, 0);
	rig_connect(&r, 1, 1, 0);
	list(&r, 0, names, sizeof(names));
	assert_string_equal(names, "first=1 both=3 ");
	list(&r, 1, names, sizeof(names));
	assert_string_equal(names, "second=2 both=3 ");
	for (uint8_t op = BLK_READ; op < BLK_LIST; op++) {
		struct link_req req = { .op = op, .unit = 2, .len = 16 };

		req.payload = op == BLK_WRITE ? 16 : 0;
		assert_int_equal(rig_status(&r, 0, req, "sixteen bytes..."), BLK_ENOENT);
	}
	assert_string_equal(rig_identify(&r, 1, 2).name, "second");
	rig_teardown(&r);
}

/* A peer to which nothing is exported gets no session, and a reason. */
static void
test_refused(void **state)
{
	struct link_session_info info;
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "other", 0x1234);
	rig_open(&r, 0, 1, 0);
	rig_until(&r, (link_session_info(r.peer[0].session, &info), info.why == LINK_WHY_REFUSED));
	assert_non_null(strstr(info.reason, "no export"));
	assert_int_equal(r.peer[0].ups, 0);
	/* An export for it appears: the next attempt succeeds. */
	add_export(&r, "own", r.ip.gid[1]);
	rig_until(&r, r.peer[0].ups == 1);
	rig_teardown(&r);
}

static void
test_list_pages(void **state)
{
	struct link_req req = { .op = BLK_LIST };
	unsigned int seen = 0;
	struct link_cqe cqe;
	char name[16], path[64];
	struct rig r;

	rig_setup(&r, 1, 1);
	struct blk_export_conf conf = rig_export_conf(&r, name,
						      image_create(image_disk_dir(), MIB, path));
	conf.allow.any = true;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "disk%d", i);
		rig_export(&r, conf);
	}
	rig_connect(&r, 0, 1, 0);
	do {
		const struct blk_export_info *info;

		req.off = seen;
		cqe = rig_call(&r, 0, req, NULL);
		assert_int_equal(cqe.status, BLK_OK);
		assert_int_equal(cqe.result, 40);
		info = rig_payload(&r, 0, cqe.id);
		for (unsigned int i = 0; i < cqe.payload / sizeof(*info); i++) {
			snprintf(name, sizeof(name), "disk%u", seen++);
			assert_string_equal(info[i].name, name);
		}
	} while (cqe.payload > 0);
	assert_int_equal(seen, 40);
	rig_teardown(&r);
}

static void
test_too_many(void **state)
{
	char name[16], path[64], err[256];
	struct blk_export_conf conf;
	struct rig r;

	rig_setup(&r, 1, 1);
	conf = rig_export_conf(&r, name, image_create(image_disk_dir(), MIB, path));
	for (int i = 0; i < BLK_EXPORTS_MAX; i++) {
		snprintf(name, sizeof(name), "disk%d", i);
		rig_export(&r, conf);
	}
	conf.name = "last";
	assert_int_equal(blk_server_export(r.srv, &conf, err, sizeof(err)), -ENOSPC);
	assert_non_null(strstr(err, "256"));
	assert_int_equal(blk_server_exports(r.srv), BLK_EXPORTS_MAX);
	rig_teardown(&r);
}

static void
test_new_export(void **state)
{
	char names[128], err[128];
	struct blk_export_conf conf = { .name = "late", .path = "/dev/null" };
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "early", 0);
	rig_connect(&r, 0, 1, 0);
	add_export(&r, "late", r.ip.gid[1]);
	rig_until(&r, r.peer[0].notices == 1);
	list(&r, 0, names, sizeof(names));
	assert_string_equal(names, "early=1 late=2 ");
	add_export(&r, "hidden", 0x1234);
	list(&r, 0, names, sizeof(names));
	assert_string_equal(names, "early=1 late=2 ");
	assert_int_equal(blk_server_export(r.srv, &conf, err, sizeof(err)), -EEXIST);
	assert_non_null(strstr(err, "twice"));
	rig_teardown(&r);
}

static void
test_resize(void **state)
{
	struct link_req write = {
		.op = BLK_WRITE, .unit = 1, .off = MIB, .len = 4096, .payload = 4096
	};
	struct blk_export_info before, after;
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "disk", 0);
	rig_connect(&r, 0, 1, 0);
	before = rig_identify(&r, 0, 1);
	assert_int_equal(rte_be_to_cpu_64(before.size), MIB);
	assert_int_equal(rig_status(&r, 0, write, buf), BLK_ENOSPC);
	assert_int_equal(ftruncate(r.image[0], 2 * MIB), 0);
	rig_until(&r, r.peer[0].notices == 1);
	after = rig_identify(&r, 0, 1);
	assert_int_equal(rte_be_to_cpu_64(after.size), 2 * MIB);
	assert_int_equal(rte_be_to_cpu_32(after.generation),
			 rte_be_to_cpu_32(before.generation) + 1);
	assert_memory_equal(after.id, before.id, sizeof(after.id));
	assert_int_equal(rig_status(&r, 0, write, buf), BLK_OK);

	/*
	 * The end is lost: whoever meets it makes the server look, long before the second is over.
	 */
	assert_int_equal(ftruncate(r.image[0], 4096), 0);
	rig_status(&r, 0, (struct link_req){ .op = BLK_READ, .unit = 1, .off = 8192, .len = 1 },
		   NULL);
	rig_until(&r, r.peer[0].notices == 2);
	assert_int_equal(rte_be_to_cpu_64(rig_identify(&r, 0, 1).size), 4096);
	assert_int_equal(rig_status(&r, 0, write, buf), BLK_ENOSPC);
	rig_teardown(&r);
}

/* --- hostile --- */

static uint64_t seed = 7;

static uint64_t
rnd(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 17 ^ seed << 31;
}

/* Random requests, half of them nearly right: nobody but the sender's own image is touched. */
static void
test_random_requests(void **state)
{
	uint8_t is[4096], was[4096];
	struct link_req req;
	struct stat st;
	struct rig r;

	rig_setup(&r, 2, 1);
	add_export(&r, "mine", r.ip.gid[1]);
	add_export(&r, "other", r.ip.gid[2]);
	rig_connect(&r, 0, 1, 0);
	rig_connect(&r, 1, 1, 0);
	memset(was, 0x5a, sizeof(was));
	assert_int_equal(pwrite(r.image[1], was, sizeof(was), 0), sizeof(was));
	for (int i = 0; i < 5000; i++) {
		req = (struct link_req){
			.op = (uint8_t)(1 + rnd() % (i % 2 ? 255 : BLK_LIST)),
			.flags = (uint8_t)(rnd() % (i % 3 ? 8 : 256)),
			.unit = (uint16_t)(rnd() % (i % 2 ? UINT16_MAX + 1 : 3)),
			.off = rnd() % (i % 5 ? 2 * MIB : 1ull << 56),
			.len = (uint32_t)(rnd() % (i % 2 ? 2 * MIB : 1ull << 32)),
			.payload = (uint32_t)(rnd() % (RIG_SLOT + 1)),
		};
		if (i % 4 == 0)
			req.len = req.payload;
		if (i % 7 == 0)
			req.payload = 0;
		assert_true(rig_status(&r, 0, req, buf) < BLK_STATUS_COUNT);
	}
	assert_int_equal(r.peer[0].downs + r.peer[1].downs, 0);
	assert_int_equal(pread(r.image[1], is, sizeof(is), 0), sizeof(is));
	assert_memory_equal(is, was, sizeof(is));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fstat(r.image[i], &st), 0);
		assert_int_equal(st.st_size, MIB);
	}
	rig_teardown(&r);
}

/* A peer that vanishes in the middle of its requests; the other does not notice. */
static void
test_peer_lost(void **state)
{
	const struct link_req read = { .op = BLK_READ, .unit = 1, .len = 4096 };
	struct rig r;

	rig_setup(&r, 2, 1);
	add_export(&r, "disk", 0);
	rig_connect(&r, 0, 2, 0);
	rig_connect(&r, 1, 1, 0);
	for (int i = 0; i < RIG_DEPTH / 2; i++)
		rig_send(&r, 0, read, NULL);
	inproc_lose(&r.ip, 1);
	rig_until(&r, TAILQ_NEXT(TAILQ_FIRST(&r.srv->sessions), entry) == NULL);
	assert_int_equal(TAILQ_FIRST(&r.srv->sessions)->gid, r.ip.gid[2]);
	assert_int_equal(rig_status(&r, 1, read, NULL), BLK_OK);
	inproc_restore(&r.ip, 1);
	rig_until(&r, r.peer[0].ups == 2);
	assert_int_equal(rig_status(&r, 0, read, NULL), BLK_OK);
	rig_teardown(&r);
}

/* --- flushes that fail, and sessions that end --- */

static void
reconnect(struct rig *r)
{
	rig_disconnect(r, 0);
	rig_until(r, TAILQ_EMPTY(&r->srv->sessions));
	rig_connect(r, 0, 1, 0);
}

/* What the storage lost while a client was away, it hears of when it is back. */
static void
test_flush_error_while_away(void **state)
{
	const struct link_req flush = { .op = BLK_FLUSH, .unit = 1 };
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "disk", 0);
	rig_connect(&r, 0, 1, 0);
	rig_disconnect(&r, 0);
	rig_until(&r, TAILQ_EMPTY(&r.srv->sessions));
	atomic_fetch_add(&r.srv->exports[0]->flush_errors, 1);
	rig_connect(&r, 0, 1, 0);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_EIO);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_OK);
	reconnect(&r);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_OK);
	rig_teardown(&r);
}

/*
 * A client that lost its session sends its FLUSH again, and must get the error again that it may
 * never have seen. A request in the same slot shows that it has.
 */
static void
test_flush_error_is_repeated(void **state)
{
	const struct link_req flush = { .op = BLK_FLUSH, .unit = 1 };
	const struct link_req read = { .op = BLK_READ, .unit = 1, .len = 512 };
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "disk", 0);
	rig_connect(&r, 0, 1, 0);
	atomic_fetch_add(&r.srv->exports[0]->flush_errors, 1);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_EIO);
	reconnect(&r);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_EIO);
	for (int i = 0; i < RIG_DEPTH; i++)
		rig_send(&r, 0, read, NULL);
	for (uint16_t id = 0; id < RIG_DEPTH; id++)
		assert_int_equal(rig_take(&r, 0, id).status, BLK_OK);
	reconnect(&r);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_OK);
	rig_teardown(&r);
}

/* Another process of the same system has written nothing yet. */
static void
test_flush_error_of_a_former_process(void **state)
{
	const struct link_req flush = { .op = BLK_FLUSH, .unit = 1 };
	struct link_conf lc = { .keepalive_ms = 100, .epoch = { .process = 77 } };
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "disk", 0);
	rig_connect(&r, 0, 1, 0);
	atomic_fetch_add(&r.srv->exports[0]->flush_errors, 1);
	rig_disconnect(&r, 0);
	link_destroy(r.peer[0].link);
	lc.dev_id = r.ip.dev_id[1];
	assert_int_equal(link_create(&lc, &r.peer[0].link), 0);
	rig_until(&r, TAILQ_EMPTY(&r.srv->sessions));
	rig_connect(&r, 0, 1, 0);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_OK);
	rig_teardown(&r);
}

static void
test_many_parties(void **state)
{
	struct blk_party *p;
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "disk", 0);
	for (uint64_t gid = 1; gid <= BLK_PARTIES_MAX; gid++) {
		p = calloc(1, sizeof(*p));
		assert_non_null(p);
		p->gid = gid;
		p->connected = gid == 1;
		TAILQ_INSERT_TAIL(&r.srv->parties, p, entry);
		r.srv->party_count++;
	}
	rig_connect(&r, 0, 1, 0);
	assert_int_equal(r.srv->party_count, BLK_PARTIES_MAX);
	p = TAILQ_FIRST(&r.srv->parties);
	assert_int_equal(p->gid, 1);
	assert_int_equal(TAILQ_NEXT(p, entry)->gid, 3);
	assert_int_equal(TAILQ_LAST(&r.srv->parties, blk_party_list)->gid, r.ip.gid[1]);
	rig_teardown(&r);
}

/* --- ends with ios in the kernel --- */

/*
 * Behind unit 1 the ring sees a pipe from now on: its ios stay in the kernel until we let them go.
 */
static void
stall(struct rig *r, int fd)
{
	struct blk_export fake = { .unit = 1 };

	fake.fd = fd;
	assert_int_equal(blk_engine_add(blk_server_worker(r->srv, 0)->engine, &fake), 0);
}

static void
held_io(struct rig *r, int stall_fd, struct link_req req)
{
	struct blk_worker *w;
	const struct link_req other = { .op = BLK_READ, .unit = 2, .len = 4096 };

	rig_setup(r, 2, 1);
	w = blk_server_worker(r->srv, 0);
	add_export(r, "held", r->ip.gid[1]);
	add_export(r, "free", r->ip.gid[2]);
	rig_connect(r, 0, 1, 0);
	rig_connect(r, 1, 1, 0);
	if (blk_worker_wake_fd(w) < 0) {
		rig_teardown(r);
		skip();
	}
	stall(r, stall_fd);
	rig_send(r, 0, req, buf);
	rig_until(r, blk_worker_inflight(w) == 1);
	/* The client dies and comes back: not before its io has ended may it be served anew. */
	inproc_lose(&r->ip, 1);
	rig_until(r, r->peer[0].downs == 1);
	inproc_restore(&r->ip, 1);
	rig_pass(r, 700);
	assert_int_equal(r->peer[0].ups, 1);
	assert_int_equal(blk_worker_inflight(w), 1);
	assert_int_equal(rig_status(r, 1, other, NULL), BLK_OK);
}

static void
test_held_read(void **state)
{
	struct rig r;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	held_io(&r, p[0], (struct link_req){ .op = BLK_READ, .unit = 1, .len = 4096 });
	assert_int_equal(write(p[1], buf, 4096), 4096);
	rig_until(&r, r.peer[0].ups == 2);
	assert_int_equal(blk_worker_inflight(blk_server_worker(r.srv, 0)), 0);
	rig_teardown(&r);
	close(p[0]);
	close(p[1]);
}

static void
test_held_write(void **state)
{
	uint8_t drained[4096];
	struct rig r;
	int p[2], room;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	room = fcntl(p[1], F_SETPIPE_SZ, 4096);
	assert_int_equal(room, 4096);
	assert_int_equal(write(p[1], buf, 4096), 4096);
	memset(buf, 0x77, 4096);
	held_io(&r, p[1],
		(struct link_req){ .op = BLK_WRITE, .unit = 1, .len = 4096, .payload = 4096 });
	assert_int_equal(read(p[0], drained, 4096), 4096);
	rig_until(&r, r.peer[0].ups == 2);
	/* The kernel took the payload out of the old session's DMB, which was still there. */
	assert_int_equal(read(p[0], drained, 4096), 4096);
	assert_memory_equal(drained, buf, 4096);
	rig_teardown(&r);
	close(p[0]);
	close(p[1]);
}

/* A server that is told to end while the kernel holds an io waits for it, and answers it. */
static void *
release_later(void *arg)
{
	usleep(200000);
	assert_int_equal(write(*(int *)arg, buf, 4096), 4096);
	return NULL;
}

static void
test_destroy_waits(void **state)
{
	pthread_t thread;
	struct rig r;
	uint16_t id;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	rig_setup(&r, 1, 1);
	add_export(&r, "held", 0);
	rig_connect(&r, 0, 1, 0);
	if (blk_worker_wake_fd(blk_server_worker(r.srv, 0)) < 0)
		skip();
	stall(&r, p[0]);
	id = rig_send(&r, 0, (struct link_req){ .op = BLK_READ, .unit = 1, .len = 4096 }, NULL);
	rig_until(&r, blk_worker_inflight(blk_server_worker(r.srv, 0)) == 1);
	assert_int_equal(pthread_create(&thread, NULL, release_later, &p[1]), 0);
	assert_int_equal(blk_server_destroy(r.srv), 0);
	pthread_join(thread, NULL);
	assert_int_equal(link_cqe_poll(rig_queue(&r.peer[0], 0), &r.peer[0].cqe[id], 1), 1);
	assert_int_equal(r.peer[0].cqe[id].status, BLK_OK);
	assert_int_equal(blk_server_create(&(struct blk_server_conf){ .link = r.link }, &r.srv), 0);
	rig_teardown(&r);
	close(p[0]);
	close(p[1]);
}

/* Storage that hangs: whatever the kernel may still touch stays where it is. */
static void
test_destroy_gives_up(void **state)
{
	struct rig r;
	uint16_t id;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	rig_setup(&r, 1, 2);
	add_export(&r, "held", 0);
	rig_connect(&r, 0, 1, 0);
	if (blk_worker_wake_fd(blk_server_worker(r.srv, 0)) < 0)
		skip();
	stall(&r, p[0]);
	id = rig_send(&r, 0, (struct link_req){ .op = BLK_READ, .unit = 1, .len = 4096 }, NULL);
	rig_until(&r, blk_worker_inflight(blk_server_worker(r.srv, 0)) == 1);
	r.srv->conf.drain_ms = 50;
	assert_int_equal(blk_server_destroy(r.srv), -ETIMEDOUT);
	assert_int_equal(blk_worker_inflight(blk_server_worker(r.srv, 0)), 1);
	assert_int_equal(write(p[1], buf, 4096), 4096);
	r.srv->conf.drain_ms = 20000;
	assert_int_equal(blk_server_destroy(r.srv), 0);
	assert_int_equal(link_cqe_poll(rig_queue(&r.peer[0], 0), &r.peer[0].cqe[id], 1), 1);
	assert_int_equal(r.peer[0].cqe[id].status, BLK_OK);
	assert_int_equal(blk_server_create(&(struct blk_server_conf){ .link = r.link }, &r.srv), 0);
	rig_teardown(&r);
	close(p[0]);
	close(p[1]);
}

static void
test_one_server_a_link(void **state)
{
	struct blk_server_conf conf;
	struct blk_server *second;
	struct rig r;

	rig_setup(&r, 1, 1);
	conf = (struct blk_server_conf){ .link = r.link };
	assert_int_equal(blk_server_create(&conf, &second), -EEXIST);
	rig_teardown(&r);
}

/* --- several workers, each on a thread of its own --- */

struct runner {
	struct blk_worker *w;
	_Atomic bool stop;
};

static void *
run_worker(void *arg)
{
	struct runner *run = arg;

	while (!run->stop) {
		if (blk_worker_poll(run->w, base_now_ns()) == 0)
			usleep(20);
	}
	return NULL;
}

static void
test_workers(void **state)
{
	struct blk_worker_stats stats;
	struct runner run[2] = { 0 };
	pthread_t thread[2];
	struct rig r;

	rig_setup(&r, 2, 2);
	add_export(&r, "disk", 0);
	r.workers = 0; /* the threads have them */
	for (int i = 0; i < 2; i++) {
		run[i].w = blk_server_worker(r.srv, (unsigned int)i);
		assert_int_equal(pthread_create(&thread[i], NULL, run_worker, &run[i]), 0);
	}
	for (int again = 0; again < 5; again++) {
		rig_connect(&r, 0, 3, 0);
		rig_connect(&r, 1, 3, 0);
		for (int i = 0; i < 50; i++) {
			struct link_req req = { .op = BLK_READ, .unit = 1, .len = 4096 };

			assert_int_equal(rig_status(&r, (unsigned int)i % 2, req, NULL), BLK_OK);
		}
		rig_disconnect(&r, 0);
		rig_disconnect(&r, 1);
		rig_until(&r, TAILQ_EMPTY(&r.srv->sessions));
	}
	for (int i = 0; i < 2; i++) {
		run[i].stop = true;
		pthread_join(thread[i], NULL);
		blk_worker_stats(run[i].w, &stats);
		assert_int_equal(stats.queues, 0);
	}
	rig_teardown(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allow_lists),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_list_pages),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_new_export),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_random_requests),
		cmocka_unit_test(test_peer_lost),
		cmocka_unit_test(test_flush_error_while_away),
		cmocka_unit_test(test_flush_error_is_repeated),
		cmocka_unit_test(test_flush_error_of_a_former_process),
		cmocka_unit_test(test_many_parties),
		cmocka_unit_test(test_held_read),
		cmocka_unit_test(test_held_write),
		cmocka_unit_test(test_destroy_waits),
		cmocka_unit_test(test_destroy_gives_up),
		cmocka_unit_test(test_one_server_a_link),
		cmocka_unit_test(test_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
