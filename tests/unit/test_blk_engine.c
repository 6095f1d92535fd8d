/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine on files in memory, on disk and on a block device, with and without io_uring:
 * parallel random ios against a shadow, then each odd case by itself.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <rte_common.h>

#include "base_time.h"
#include "blk_engine.h"
#include "blk_images.h"

#define KIB 1024u
#define MIB (1024u * KIB)
#define REGION (64 * KIB) /* one io at a time in each */
#define REGIONS 32
#define SIZE ((uint64_t)REGION * REGIONS)
#define IOS 4000
#define TIMEOUT (60 * BASE_NS_PER_S)

/* One image, its engine, and what the image must hold. */
struct rig {
	int image; /* the file, whatever is exported */
	int loop; /* -1, or the device on it */
	struct blk_export *exp;
	struct blk_engine *e;
	uint8_t *shadow;
	uint32_t seed;
	unsigned int ended, failed;
};

struct job {
	struct blk_eio io; /* first: done() casts back */
	struct rig *rig;
	bool busy;
	enum blk_status status;
	uint8_t *payload;
};

enum rig_kind {
	RIG_MEMORY,
	RIG_DISK,
	RIG_DEVICE
};

/* @return false: this machine has no such thing. */
static bool
rig_open(struct rig *rig, enum rig_kind kind, struct blk_engine_conf conf, uint64_t size)
{
	const char *dir = kind == RIG_MEMORY ? image_mem_dir() : image_disk_dir();
	struct blk_export_conf ec = { .name = "disk" };
	char path[64], dev[64], err[256];

	*rig = (struct rig){ .loop = -1, .seed = 1 };
	if (dir == NULL)
		return false;
	rig->image = image_create(dir, size, path);
	assert_true(rig->image >= 0);
	ec.path = path;
	if (kind == RIG_DEVICE) {
		rig->loop = image_loop(rig->image, false, dev);
		if (rig->loop < 0) {
			close(rig->image);
			return false;
		}
		ec.path = dev;
	}
	if (blk_export_open(&ec, &rig->exp, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	rig->exp->unit = 3;
	assert_int_equal(blk_engine_create(&conf, &rig->e), 0);
	assert_int_equal(blk_engine_add(rig->e, rig->exp), 0);
	rig->shadow = calloc(1, size);
	assert_non_null(rig->shadow);
	return true;
}

static void
rig_close(struct rig *rig)
{
	assert_int_equal(blk_engine_inflight(rig->e), 0);
	blk_engine_destroy(rig->e);
	blk_export_close(rig->exp);
	if (rig->loop >= 0)
		close(rig->loop);
	close(rig->image);
	free(rig->shadow);
}

/* For tests of what io_uring alone does. @return as rig_open(), and false where there is none. */
static bool
rig_open_ring(struct rig *rig, enum rig_kind kind, struct blk_engine_conf conf, uint64_t size)
{
	if (!rig_open(rig, kind, conf, size))
		return false;
	if (blk_engine_fd(rig->e) >= 0)
		return true;
	print_message("skipped: no io_uring\n");
	rig_close(rig);
	return false;
}

static uint32_t
rnd(struct rig *rig, uint32_t below)
{
	rig->seed = rig->seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)rig->seed * below >> 32);
}

static void
job_done(struct blk_eio *io, enum blk_status status)
{
	struct job *job = (struct job *)io;
	const uint8_t *want = job->rig->shadow + io->off;

	assert_true(job->busy);
	job->busy = false;
	job->status = status;
	job->rig->ended++;
	if (status != BLK_OK)
		job->rig->failed++;
	else if (io->op == BLK_READ)
		assert_memory_equal(io->data, want, io->len);
}

static void
start(struct job *job)
{
	job->busy = true;
	job->io.done = job_done;
	blk_engine_start(job->rig->e, &job->io);
}

/* One io, to its end. */
static enum blk_status
run(struct rig *rig, struct blk_eio io)
{
	struct job job = { .io = io, .rig = rig };

	job.io.exp = rig->exp;
	start(&job);
	assert_int_equal(blk_engine_drain(rig->e, TIMEOUT), 0);
	assert_false(job.busy);
	return job.status;
}

/* --- many at once --- */

static void
shadow_zero(struct rig *rig, const struct blk_eio *io)
{
	uint64_t align = io->op == BLK_DISCARD ? rig->exp->align : 1;
	uint64_t from = RTE_ALIGN_MUL_CEIL(io->off, align);
	uint64_t to = RTE_ALIGN_MUL_FLOOR(io->off + io->len, align);

	if (from < to)
		memset(rig->shadow + from, 0, to - from);
}

static void
random_io(struct rig *rig, struct job *job, unsigned int region)
{
	static const uint8_t ops[] = { BLK_READ,	 BLK_READ,  BLK_READ,	 BLK_WRITE,
				       BLK_WRITE,	 BLK_WRITE, BLK_DISCARD, BLK_WRITE_ZEROES,
				       BLK_WRITE_ZEROES, BLK_FLUSH };
	struct blk_eio *io = &job->io;
	uint32_t from = rnd(rig, REGION);
	uint32_t len = 1 + rnd(rig, REGION - from);

	if (rnd(rig, 2) != 0) {
		from = RTE_ALIGN_FLOOR(from, 4096);
		len = RTE_MIN(RTE_ALIGN_CEIL(len, 4096), REGION - from);
	}
	*io = (struct blk_eio){
		.exp = rig->exp,
		.op = ops[rnd(rig, RTE_DIM(ops))],
		.off = (uint64_t)region * REGION + from,
		.len = len,
		.data = job->payload,
	};
	switch (io->op) {
	case BLK_READ:
		if (rnd(rig, 2) != 0)
			io->data = NULL; /* into a buffer of the engine */
		break;
	case BLK_WRITE:
		io->flags = rnd(rig, 16) == 0 ? BLK_FLAG_FUA : 0;
		for (uint32_t i = 0; i < len; i++)
			job->payload[i] = (uint8_t)rnd(rig, 256);
		memcpy(rig->shadow + io->off, job->payload, len);
		break;
	case BLK_WRITE_ZEROES:
		io->flags = (uint8_t)rnd(rig, 4);
		shadow_zero(rig, io);
		break;
	case BLK_DISCARD:
		io->flags = (uint8_t)rnd(rig, 2);
		shadow_zero(rig, io);
		break;
	case BLK_FLUSH:
		io->off = 0;
		io->len = 0;
		break;
	}
}

static void
verify_image(struct rig *rig)
{
	uint8_t *is = malloc(SIZE);

	assert_non_null(is);
	assert_int_equal(pread(rig->exp->fd, is, SIZE, 0), SIZE);
	assert_memory_equal(is, rig->shadow, SIZE);
	free(is);
}

static void
many_at_once(enum rig_kind kind, struct blk_engine_conf conf)
{
	uint64_t end = base_now_ns() + TIMEOUT;
	unsigned int started = 0;
	struct job *jobs;
	struct rig rig;

	if (!rig_open(&rig, kind, conf, SIZE))
		skip();
	jobs = calloc(REGIONS, sizeof(*jobs));
	assert_non_null(jobs);
	for (unsigned int r = 0; r < REGIONS; r++) {
		jobs[r].rig = &rig;
		jobs[r].payload = malloc(REGION);
		assert_non_null(jobs[r].payload);
	}
	while (rig.ended < IOS) {
		for (unsigned int r = 0; r < REGIONS && started < IOS; r++) {
			if (jobs[r].busy)
				continue;
			random_io(&rig, &jobs[r], r);
			started++;
			start(&jobs[r]);
		}
		blk_engine_poll(rig.e);
		assert_true(base_now_ns() < end);
	}
	assert_int_equal(rig.failed, 0);
	verify_image(&rig);
	for (unsigned int r = 0; r < REGIONS; r++)
		free(jobs[r].payload);
	free(jobs);
	rig_close(&rig);
}

static void
test_many_memory(void **state)
{
	many_at_once(RIG_MEMORY, (struct blk_engine_conf){ 0 });
}

static void
test_many_disk(void **state)
{
	many_at_once(RIG_DISK, (struct blk_engine_conf){ 0 });
}

static void
test_many_device(void **state)
{
	many_at_once(RIG_DEVICE, (struct blk_engine_conf){ 0 });
}

/* So little room that most ios have to wait for it. */
static void
test_many_parked(void **state)
{
	many_at_once(RIG_DISK, (struct blk_engine_conf){ .ring = 4, .buffers = 2 });
}

static void
test_many_without_ring(void **state)
{
	many_at_once(RIG_DISK, (struct blk_engine_conf){ .no_ring = true });
	many_at_once(RIG_DEVICE, (struct blk_engine_conf){ .no_ring = true });
}

/* --- odd cases --- */

/* A file in memory never pays for a kernel thread, and what is long never holds up the others. */
static void
test_memory_ways(void **state)
{
	struct blk_engine_stats stats;
	uint8_t data[4096] = { 1 };
	struct rig rig;

	if (!rig_open_ring(&rig, RIG_MEMORY, (struct blk_engine_conf){ 0 }, 64 * MIB))
		skip();
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_WRITE, .data = data, .len = 4096 }),
			 BLK_OK);
	memcpy(rig.shadow, data, sizeof(data));
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_READ, .len = 4096 }), BLK_OK);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_FLUSH }), BLK_OK);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_DISCARD, .len = MIB }), BLK_OK);
	blk_engine_stats(rig.e, &stats);
	assert_int_equal(stats.steps_ring, 0);
	assert_int_equal(stats.submits, 0);
	assert_int_equal(stats.steps_inline, 4);

	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_WRITE_ZEROES,
						     .flags = BLK_FLAG_NO_HOLE,
						     .len = 64 * MIB }),
			 BLK_OK);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_DISCARD, .len = 64 * MIB }), BLK_OK);
	blk_engine_stats(rig.e, &stats);
	assert_int_equal(stats.steps_inline, 4);
	assert_true(stats.steps_ring >= 64);
	rig_close(&rig);
}

/* The kernel is entered to submit and for nothing else; an idle engine does nothing. */
static void
test_idle_polls(void **state)
{
	struct blk_engine_stats stats;
	struct rig rig;

	if (!rig_open_ring(&rig, RIG_DISK, (struct blk_engine_conf){ 0 }, MIB))
		skip();
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_READ, .len = 4096 }), BLK_OK);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(blk_engine_poll(rig.e), 0);
	blk_engine_stats(rig.e, &stats);
	assert_int_equal(stats.submits, 1);
	assert_int_equal(stats.steps_ring, 1);
	rig_close(&rig);
}

static void
test_fast_only(void **state)
{
	const uint8_t both = BLK_FLAG_FAST_ONLY | BLK_FLAG_NO_HOLE;
	struct rig rig;

	if (!rig_open(&rig, RIG_MEMORY, (struct blk_engine_conf){ 0 }, MIB))
		skip();
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_WRITE_ZEROES,
						     .flags = BLK_FLAG_FAST_ONLY,
						     .len = MIB }),
			 BLK_OK);
	/* Files in memory have no ZERO_RANGE: allocated zeros can only be written. */
	assert_int_equal(run(&rig,
			     (struct blk_eio){ .op = BLK_WRITE_ZEROES, .flags = both, .len = MIB }),
			 BLK_ENOTSUP);
	assert_true(rig.exp->no_zero_range);
	rig_close(&rig);
}

static uint64_t
allocated(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* DISCARD and may-unmap zeros give space back, NO_HOLE keeps it. */
static void
holes(enum rig_kind kind)
{
	struct rig rig;

	if (!rig_open(&rig, kind, (struct blk_engine_conf){ 0 }, 4 * MIB))
		skip();
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_WRITE_ZEROES,
						     .flags = BLK_FLAG_NO_HOLE | BLK_FLAG_FUA,
						     .len = 4 * MIB }),
			 BLK_OK);
	assert_true(allocated(rig.image) >= 4 * MIB);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_WRITE_ZEROES, .len = MIB }), BLK_OK);
	assert_true(allocated(rig.image) <= 3 * MIB + 64 * KIB);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_DISCARD, .len = 4 * MIB }), BLK_OK);
	assert_true(allocated(rig.image) <= 64 * KIB);
	rig_close(&rig);
}

static void
test_holes_memory(void **state)
{
	holes(RIG_MEMORY);
}

static void
test_holes_disk(void **state)
{
	holes(RIG_DISK);
}

static void
test_holes_device(void **state)
{
	holes(RIG_DEVICE);
}

/*
 * The image shrank under us: what is gone answers as a disk with a bad end does, and is looked
 * at again.
 */
static void
shrunk(enum rig_kind kind, struct blk_engine_conf conf)
{
	struct rig rig;

	if (!rig_open(&rig, kind, conf, MIB))
		skip();
	assert_int_equal(ftruncate(rig.image, 6000), 0);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_READ, .off = 8192, .len = 4096 }),
			 BLK_EIO);
	assert_true(rig.exp->stale);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_READ, .off = 4096, .len = 4096 }),
			 BLK_EIO);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_READ, .off = 4096, .len = 1904 }),
			 BLK_OK);
	rig_close(&rig);
}

static void
test_shrunk(void **state)
{
	shrunk(RIG_DISK, (struct blk_engine_conf){ 0 });
	shrunk(RIG_DISK, (struct blk_engine_conf){ .no_ring = true });
}

static void
test_shrunk_memory(void **state)
{
	shrunk(RIG_MEMORY, (struct blk_engine_conf){ 0 });
}

/* The server's disk is full: here, the limit on a file's size stands for it. */
static void
test_no_space(void **state)
{
	struct rlimit was, now;
	struct rig rig;
	uint8_t data[4096] = { 0 };
	enum blk_status whole, part;

	if (!rig_open(&rig, RIG_DISK, (struct blk_engine_conf){ 0 }, MIB))
		skip();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	now = was;
	now.rlim_cur = 6000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
	whole = run(&rig,
		    (struct blk_eio){ .op = BLK_WRITE, .off = 8192, .len = 4096, .data = data });
	/* The first bytes fit: what was not written must not be lost sight of. */
	part = run(&rig,
		   (struct blk_eio){ .op = BLK_WRITE, .off = 4096, .len = 4096, .data = data });
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(whole, BLK_ENOSPC);
	assert_int_equal(part, BLK_ENOSPC);
	rig_close(&rig);
}

/* Put another file behind an export's descriptor, as if the disk had died. */
static void
test_dead_file(void **state)
{
	uint8_t data[512] = { 0 };
	const struct blk_eio fua = {
		.op = BLK_WRITE, .flags = BLK_FLAG_FUA, .len = 512, .data = data
	};
	struct rig rig;
	int dead;

	if (!rig_open(&rig, RIG_DISK, (struct blk_engine_conf){ .no_ring = true }, MIB))
		skip();
	dead = open("/dev/null", O_PATH | O_CLOEXEC);
	assert_true(dead >= 0);
	assert_int_equal(dup2(dead, rig.exp->fd), rig.exp->fd);
	close(dead);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_READ, .len = 512 }), BLK_EIO);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_WRITE, .len = 512, .data = data }),
			 BLK_EIO);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_WRITE_ZEROES, .len = 512 }),
			 BLK_EIO);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_DISCARD, .len = 512 }), BLK_EIO);
	assert_int_equal(rig.exp->flush_errors, 0);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_FLUSH }), BLK_EIO);
	assert_int_equal(rig.exp->flush_errors, 1);
	/*
	 * A write that syncs has a file of its own to be told by, and only if not counts as well.
	 */
	assert_int_equal(run(&rig, fua), BLK_OK);
	assert_int_equal(dup2(rig.exp->fd, rig.exp->fua_fd), rig.exp->fua_fd);
	assert_int_equal(run(&rig, fua), BLK_EIO);
	assert_int_equal(rig.exp->flush_errors, 1);
	close(rig.exp->fua_fd);
	rig.exp->fua_fd = -1;
	/* Here it fails as a write, before it syncs: nothing that was answered is known lost. */
	assert_int_equal(run(&rig, fua), BLK_EIO);
	assert_int_equal(rig.exp->flush_errors, 1);
	rig_close(&rig);
}

/* A file system that cannot punch: told once, and zeros are written instead. */
static void
test_no_punch(void **state)
{
	struct rig rig;

	if (!rig_open(&rig, RIG_DEVICE, (struct blk_engine_conf){ .no_ring = true }, MIB))
		skip();
	/*
	 * A device has no punch of files for ranges that are no whole sectors: EINVAL strikes
	 * the way.
	 */
	rig.exp->backing = BLK_BACKING_LOCAL;
	rig.exp->align = 1;
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_DISCARD, .off = 7, .len = 99 }),
			 BLK_ENOTSUP);
	memset(rig.shadow, 0, 512);
	assert_int_equal(pwrite(rig.exp->fd, "garbage", 7, 7), 7);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_WRITE_ZEROES, .off = 7, .len = 99 }),
			 BLK_OK);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_READ, .len = 512 }), BLK_OK);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_WRITE_ZEROES,
						     .flags = BLK_FLAG_FAST_ONLY,
						     .off = 7,
						     .len = 99 }),
			 BLK_ENOTSUP);
	rig_close(&rig);
}

/* Edges of a discard that are no whole sectors stay; nothing but edges is no error. */
static void
test_discard_edges(void **state)
{
	uint8_t data[4096], is[4096];
	struct rig rig;

	if (!rig_open(&rig, RIG_DEVICE, (struct blk_engine_conf){ 0 }, MIB))
		skip();
	memset(data, 0xa5, sizeof(data));
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_WRITE, .len = 4096, .data = data }),
			 BLK_OK);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_DISCARD, .off = 1, .len = 510 }),
			 BLK_OK);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_DISCARD, .off = 500, .len = 1024 }),
			 BLK_OK);
	memset(data + 512, 0, 512);
	assert_int_equal(pread(rig.exp->fd, is, sizeof(is), 0), sizeof(is));
	assert_memory_equal(is, data, sizeof(is));
	rig_close(&rig);
}

/* --- sleeping --- */

static void *
feed_later(void *arg)
{
	uint8_t data[4096] = { 0 };

	usleep(100000);
	assert_int_equal(write(*(int *)arg, data, sizeof(data)), sizeof(data));
	return NULL;
}

/* Sleep until the engine's descriptor says that there is something to reap. */
static void
sleep_and_reap(struct rig *rig, struct job *job)
{
	struct pollfd pfd = { .fd = blk_engine_fd(rig->e), .events = POLLIN };

	for (int i = 0; job->busy && i < 100; i++) {
		assert_int_equal(poll(&pfd, 1, 20000), 1); /* not by the time-out */
		blk_engine_poll(rig->e);
	}
	assert_false(job->busy);
}

static void
test_wake(void **state)
{
	struct rig rig;
	struct job job = { .rig = &rig };
	struct blk_export fake = { .unit = 3 };
	uint8_t data[4096] = { 0 };
	pthread_t thread;
	int p[2];

	if (!rig_open_ring(&rig, RIG_DISK, (struct blk_engine_conf){ 0 }, MIB))
		skip();
	/*
	 * Completed by a thread of the kernel, as far as the file system is one that makes it so.
	 */
	job.io = (struct blk_eio){ .exp = rig.exp, .op = BLK_WRITE, .len = 4096, .data = data };
	start(&job);
	blk_engine_poll(rig.e);
	sleep_and_reap(&rig, &job);
	assert_int_equal(job.status, BLK_OK);

	/* Completed when somebody else acts: the ring sees a pipe behind the export. */
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	fake.fd = p[0];
	assert_int_equal(blk_engine_add(rig.e, &fake), 0);
	job.io = (struct blk_eio){ .exp = rig.exp, .op = BLK_READ, .len = 4096 };
	start(&job);
	blk_engine_poll(rig.e);
	assert_true(job.busy);
	assert_int_equal(blk_engine_drain(rig.e, 5 * BASE_NS_PER_MS), -ETIMEDOUT);
	assert_true(job.busy);
	assert_int_equal(pthread_create(&thread, NULL, feed_later, &p[1]), 0);
	sleep_and_reap(&rig, &job);
	pthread_join(thread, NULL);
	assert_int_equal(job.status, BLK_OK);
	rig_close(&rig);
	close(p[0]);
	close(p[1]);
}

/* --- a disk that hangs --- */

/* Reads of unit 9 go to a pipe that nobody writes to. */
static struct job *
hang(struct rig *rig, struct blk_export *hung, int pipe_fd, unsigned int ios)
{
	struct job *jobs = calloc(ios, sizeof(*jobs));

	assert_non_null(jobs);
	hung->unit = 9;
	hung->fd = pipe_fd;
	hung->backing = BLK_BACKING_LOCAL;
	assert_int_equal(blk_engine_add(rig->e, hung), 0);
	for (unsigned int i = 0; i < ios; i++) {
		jobs[i].rig = rig;
		jobs[i].io = (struct blk_eio){ .exp = hung, .op = BLK_READ, .len = 512 };
		start(&jobs[i]);
	}
	return jobs;
}

/* More ios than the engine has room for hang; another export still gets its share. */
static void
hung(enum rig_kind kind)
{
	const unsigned int ios = 50;
	struct blk_export exp = { 0 };
	uint8_t data[512] = { 7 };
	struct job *jobs;
	struct rig rig;
	int p[2];

	if (!rig_open_ring(&rig, kind, (struct blk_engine_conf){ .ring = 8, .buffers = 4 }, MIB))
		skip();
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	jobs = hang(&rig, &exp, p[0], ios);
	for (int i = 0; i < 20; i++) {
		struct job job = { .rig = &rig };
		uint64_t end = base_now_ns() + TIMEOUT;

		memcpy(rig.shadow, data, sizeof(data));
		job.io = (struct blk_eio){
			.exp = rig.exp, .op = i % 2 ? BLK_READ : BLK_WRITE, .len = 512, .data = data
		};
		start(&job);
		while (job.busy && base_now_ns() < end)
			blk_engine_poll(rig.e);
		assert_false(job.busy);
		assert_int_equal(job.status, BLK_OK);
	}
	assert_int_equal(blk_engine_inflight(rig.e), ios);
	/* The pipe ends: so do they. */
	close(p[1]);
	assert_int_equal(blk_engine_drain(rig.e, TIMEOUT), 0);
	for (unsigned int i = 0; i < ios; i++)
		assert_int_equal(jobs[i].status, BLK_EIO);
	free(jobs);
	rig_close(&rig);
	close(p[0]);
}

static void
test_hung_memory(void **state)
{
	hung(RIG_MEMORY);
}

static void
test_hung_disk(void **state)
{
	hung(RIG_DISK);
}

/* What a broken caller could ask for ends, and ends once. */
static void
test_refused(void **state)
{
	struct rig rig;

	if (!rig_open(&rig, RIG_DISK, (struct blk_engine_conf){ .buffer_size = 4096 }, MIB))
		skip();
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_READ, .len = 4097 }), BLK_EINVAL);
	assert_int_equal(run(&rig, (struct blk_eio){ .op = BLK_LIST }), BLK_ENOTSUP);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_memory),
		cmocka_unit_test(test_many_disk),
		cmocka_unit_test(test_many_device),
		cmocka_unit_test(test_many_parked),
		cmocka_unit_test(test_many_without_ring),
		cmocka_unit_test(test_memory_ways),
		cmocka_unit_test(test_idle_polls),
		cmocka_unit_test(test_fast_only),
		cmocka_unit_test(test_holes_memory),
		cmocka_unit_test(test_holes_disk),
		cmocka_unit_test(test_holes_device),
		cmocka_unit_test(test_shrunk),
		cmocka_unit_test(test_shrunk_memory),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_dead_file),
		cmocka_unit_test(test_no_punch),
		cmocka_unit_test(test_discard_edges),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_wake),
		cmocka_unit_test(test_hung_memory),
		cmocka_unit_test(test_hung_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
