/* SPDX-License-Identifier: BSD-3-Clause */
/* Exports come, change hands and go while sessions use them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "blk_rig.h"

#define MIB (1024u * 1024)

/* An export of an image of its own; its path stays there for that long. */
static struct blk_export_conf
conf_of(struct rig *r, const char *name, uint64_t gid)
{
	char path[64];
	struct blk_export_conf conf = rig_export_conf(r, name,
						      image_create(image_disk_dir(), MIB, path));

	conf.allow.any = gid == 0;
	conf.allow.gid[0] = gid;
	conf.allow.count = gid != 0;
	return conf;
}

static void
add_export(struct rig *r, const char *name, uint64_t gid)
{
	rig_export(r, conf_of(r, name, gid));
}

static enum blk_status
read_of(struct rig *r, unsigned int peer, uint16_t unit)
{
	return rig_status(r, peer,
			  (struct link_req){ .op = BLK_READ, .unit = unit, .len = RIG_SLOT }, NULL);
}

/* The names that a peer sees, with their units. */
static const char *
list(struct rig *r, unsigned int peer)
{
	static char names[256];
	struct link_cqe cqe = rig_call(r, peer, (struct link_req){ .op = BLK_LIST }, NULL);
	const struct blk_export_info *info = rig_payload(r, peer, cqe.id);

	names[0] = '\0';
	for (unsigned int i = 0; i < cqe.payload / sizeof(*info); i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s=%u ",
			 info[i].name, rte_be_to_cpu_16(info[i].unit));
	return names;
}

static void
remove_now(struct rig *r, const char *name)
{
	assert_int_equal(blk_server_remove(r->srv, name), 0);
	assert_int_equal(blk_server_removing(r->srv), 1);
	rig_until(r, blk_server_removing(r->srv) == 0);
}

static unsigned int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
test_removed(void **state)
{
	struct blk_export_stats stats;
	const char *name;
	uint32_t notice;
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "first", 0);
	add_export(&r, "second", 0);
	rig_connect(&r, 0, 1, 0);
	assert_string_equal(list(&r, 0), "first=1 second=2 ");
	assert_int_equal(read_of(&r, 0, 1), BLK_OK);
	notice = r.peer[0].notice;
	remove_now(&r, "first");
	rig_until(&r, r.peer[0].notice != notice);
	assert_string_equal(list(&r, 0), "second=2 ");
	assert_int_equal(read_of(&r, 0, 1), BLK_ENOENT);
	assert_int_equal(read_of(&r, 0, 2), BLK_OK);
	assert_int_equal(blk_server_export_stats(r.srv, 0, &name, &stats), -ENOENT);
	assert_int_equal(blk_server_export_stats(r.srv, 1, &name, &stats), 0);
	assert_int_equal(blk_server_remove(r.srv, "first"), -ENOENT);
	assert_int_equal(r.peer[0].downs, 0);
	rig_teardown(&r);
}

/* A session that knew the unit never finds another export behind it. */
static void
test_unit_is_not_reused_too_soon(void **state)
{
	struct rig r;

	rig_setup(&r, 2, 1);
	add_export(&r, "old", 0);
	rig_connect(&r, 0, 1, 0);
	remove_now(&r, "old");
	add_export(&r, "new", 0);
	assert_string_equal(list(&r, 0), "new=2 ");
	assert_int_equal(read_of(&r, 0, 1), BLK_ENOENT);
	rig_disconnect(&r, 0);
	rig_pass(&r, 50);
	add_export(&r, "newer", 0);
	rig_connect(&r, 1, 1, 0);
	assert_string_equal(list(&r, 1), "newer=1 new=2 ");
	assert_int_equal(read_of(&r, 1, 1), BLK_OK);
	rig_teardown(&r);
}

/* Counters, and lost writes, are those of the export that is there now. */
static void
test_place_begins_anew(void **state)
{
	struct link_req flush = { .op = BLK_FLUSH, .unit = 1 };
	struct blk_export_stats stats;
	const char *name;
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "old", 0);
	rig_connect(&r, 0, 1, 0);
	atomic_fetch_add(&r.srv->exports[0]->flush_errors, 1);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_EIO);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_OK);
	rig_disconnect(&r, 0);
	rig_pass(&r, 50);
	remove_now(&r, "old");
	add_export(&r, "new", 0);
	assert_int_equal(blk_server_export_stats(r.srv, 0, &name, &stats), 0);
	assert_string_equal(name, "new");
	assert_int_equal(stats.ops[BLK_FLUSH], 0);
	rig_connect(&r, 0, 1, 0);
	assert_int_equal(rig_status(&r, 0, flush, NULL), BLK_OK);
	assert_int_equal(blk_server_export_stats(r.srv, 0, &name, &stats), 0);
	assert_int_equal(stats.ops[BLK_FLUSH], 1);
	rig_teardown(&r);
}

/* What is in work when the export goes ends as if nothing was. */
static void
test_removed_in_work(void **state)
{
	struct link_req req = { .op = BLK_READ, .unit = 1, .len = RIG_SLOT };
	uint16_t id[RIG_DEPTH / 2];
	unsigned int ok = 0;
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "disk", 0);
	rig_connect(&r, 0, 1, 0);
	for (int round = 0; round < 50; round++) {
		for (unsigned int i = 0; i < RIG_DEPTH / 2; i++) {
			req.unit = (uint16_t)(round + 1);
			id[i] = rig_send(&r, 0, req, NULL);
		}
		for (int i = 0; i < round % 4; i++)
			rig_round(&r);
		assert_int_equal(blk_server_remove(r.srv, "disk"), 0);
		for (unsigned int i = 0; i < RIG_DEPTH / 2; i++) {
			enum blk_status status = rig_take(&r, 0, id[i]).status;

			assert_true(status == BLK_OK || status == BLK_ENOENT);
			ok += status == BLK_OK;
		}
		rig_until(&r, blk_server_removing(r.srv) == 0);
		close(r.image[--r.images]);
		add_export(&r, "disk", 0);
	}
	assert_true(ok > 0);
	rig_teardown(&r);
}

/*
 * The source of a copy goes while it is being read: it stays for so long, though nothing of its own
 * is in work. Asked at each round, not now and then.
 */
static void
remove_source(struct rig *r, unsigned int *held)
{
	const struct blk_worker *w = blk_server_worker(r->srv, 0);

	assert_int_equal(blk_server_remove(r->srv, "from"), 0);
	while (blk_server_removing(r->srv) > 0) {
		bool reads = blk_worker_inflight(w) > 0;
		struct blk_export *exp = atomic_load(&r->srv->exports[1]);

		blk_exports_poll(r->srv, base_now_ns());
		if (reads)
			assert_ptr_equal(atomic_load(&r->srv->exports[1]), exp);
		*held += reads;
		rig_round(r);
	}
}

static void
test_source_removed(void **state)
{
	struct link_req req = { .op = BLK_COPY, .unit = 1, .len = MIB, .payload = 16 };
	struct blk_copy from = { .unit = rte_cpu_to_be_16(2) };
	unsigned int ok = 0, held = 0;
	enum blk_status status;
	uint16_t id;
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "to", 0);
	for (int round = 0; round < 40; round++) {
		add_export(&r, "from", 0);
		rig_connect(&r, 0, 1, 0);
		id = rig_send(&r, 0, req, &from);
		for (int i = 0; i < round % 5; i++)
			rig_round(&r);
		remove_source(&r, &held);
		status = rig_take(&r, 0, id).status;
		assert_true(status == BLK_OK || status == BLK_ENOENT);
		ok += status == BLK_OK;
		rig_disconnect(&r, 0);
		rig_until(&r, TAILQ_EMPTY(&r.srv->sessions));
		close(r.image[--r.images]);
	}
	assert_true(ok > 0);
	assert_true(held > 0);
	rig_teardown(&r);
}

static void
test_descriptors_are_given_back(void **state)
{
	struct blk_export_conf conf;
	char err[256];
	unsigned int fds;
	struct rig r;

	rig_setup(&r, 1, 2);
	conf = conf_of(&r, "disk", 0);
	rig_export(&r, conf);
	remove_now(&r, "disk");
	fds = count_fds();
	for (int i = 0; i < 300; i++) {
		assert_int_equal(blk_server_export(r.srv, &conf, err, sizeof(err)), 0);
		remove_now(&r, "disk");
	}
	assert_int_equal(count_fds(), fds);
	assert_int_equal(blk_server_exports(r.srv), 1);
	rig_teardown(&r);
}

/* Where two exports share an image, the lock outlives the one that took it. */
static void
test_lock_stays(void **state)
{
	struct flock other = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct blk_export_conf conf;
	char path[64];
	struct rig r;
	int fd;

	rig_setup(&r, 1, 1);
	conf = conf_of(&r, "one", 0);
	rig_export(&r, conf);
	conf.name = "two";
	rig_export(&r, conf);
	snprintf(path, sizeof(path), "%s", conf.path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	remove_now(&r, "one");
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &other), -1);
	/* And a third one that comes now shares it with the second. */
	conf.name = "three";
	rig_export(&r, conf);
	remove_now(&r, "two");
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &other), -1);
	remove_now(&r, "three");
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &other), 0);
	close(fd);
	rig_teardown(&r);
}

static void
test_allow_changes(void **state)
{
	struct base_allow allow = { 0 };
	struct link_session_info info;
	struct rig r;

	rig_setup(&r, 2, 1);
	add_export(&r, "mine", r.ip.gid[1]);
	add_export(&r, "both", 0);
	rig_connect(&r, 0, 1, 0);
	rig_connect(&r, 1, 1, 0);
	assert_string_equal(list(&r, 1), "both=2 ");
	/* More: it shows at once, in the same session. */
	allow.count = 2;
	allow.gid[0] = r.ip.gid[1];
	allow.gid[1] = r.ip.gid[2];
	assert_int_equal(blk_server_allow(r.srv, "mine", &allow), 0);
	assert_string_equal(list(&r, 1), "mine=1 both=2 ");
	assert_int_equal(read_of(&r, 1, 1), BLK_OK);
	/* Less, of one: the session stays for the other. */
	allow.count = 1;
	assert_int_equal(blk_server_allow(r.srv, "mine", &allow), 0);
	assert_int_equal(read_of(&r, 1, 1), BLK_ENOENT);
	assert_int_equal(read_of(&r, 1, 2), BLK_OK);
	/* Nothing left for the second peer: its session ends, and no other one is had. */
	assert_int_equal(blk_server_allow(r.srv, "both", &allow), 0);
	rig_until(&r, r.peer[1].downs == 1);
	assert_int_equal(read_of(&r, 0, 1), BLK_OK);
	assert_int_equal(r.peer[0].downs, 0);
	rig_until(&r, (link_session_info(r.peer[1].session, &info), info.why == LINK_WHY_REFUSED));
	assert_int_equal(blk_server_allow(r.srv, "none", &allow), -ENOENT);
	rig_teardown(&r);
}

/* Adding step by step: the name is looked at again, for another one may have come meanwhile. */
static void
test_steps(void **state)
{
	struct blk_export_conf conf;
	struct blk_export *exp;
	char err[256];
	struct rig r;

	rig_setup(&r, 1, 1);
	conf = conf_of(&r, "disk", 0);
	assert_int_equal(blk_export_open(&conf, &exp, err, sizeof(err)), 0);
	assert_int_equal(blk_server_match(r.srv, exp, err, sizeof(err)), 0);
	assert_int_equal(blk_export_lock(exp, &conf, err, sizeof(err)), 0);
	add_export(&r, "disk", 0);
	assert_int_equal(blk_server_publish(r.srv, exp, err, sizeof(err)), -EEXIST);
	assert_non_null(strstr(err, "given twice"));
	blk_export_close(exp);
	assert_int_equal(blk_server_exports(r.srv), 1);
	rig_teardown(&r);
}

/* The end comes while an export is leaving. */
static void
test_end_while_leaving(void **state)
{
	struct rig r;

	rig_setup(&r, 1, 1);
	add_export(&r, "disk", 0);
	rig_connect(&r, 0, 1, 0);
	rig_send(&r, 0, (struct link_req){ .op = BLK_READ, .unit = 1, .len = RIG_SLOT }, NULL);
	assert_int_equal(blk_server_remove(r.srv, "disk"), 0);
	rig_teardown(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_unit_is_not_reused_too_soon),
		cmocka_unit_test(test_place_begins_anew),
		cmocka_unit_test(test_removed_in_work),
		cmocka_unit_test(test_source_removed),
		cmocka_unit_test(test_descriptors_are_given_back),
		cmocka_unit_test(test_lock_stays),
		cmocka_unit_test(test_allow_changes),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_end_while_leaving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
