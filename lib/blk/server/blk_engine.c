/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine under a worker: io_uring, inline calls, buffers. What to do next is blk_steps.c's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <liburing.h>
#include <rte_common.h>

#include "base_counter.h"
#include "base_tel.h"
#include "base_time.h"
#include "blk_engine.h"
#include "blk_log.h"
#include "blk_pool.h"
#include "blk_steps.h"

RTE_LOG_REGISTER(blk_server_logtype, lib.ism.blk_server, NOTICE);

#define RING_DEFAULT 512
#define BUFFERS_DEFAULT 128
#define BUFFER_SIZE_DEFAULT (64 * 1024)
#define REAP_BURST 64
#define COPIES_MAX 8 /* at once: each holds a buffer for long, and READs want some */
/* A call this short is made inline on files in memory even when it does more than move bytes. */
#define INLINE_RANGE_MAX (1u << 20)
#define INLINE_ZEROS_MAX (256u << 10)

/* Commands of block devices, Linux 6.12 and later (linux/blkdev.h there). */
#define URING_CMD_DISCARD _IO(0x12, 0)

struct io_list {
	struct blk_eio *head, **tail;
};

struct blk_engine {
	struct io_uring ring;
	bool has_ring;
	unsigned int ring_max;
	unsigned int in_kernel; /* prepared or submitted, not reaped */
	unsigned int inflight; /* started, not done */
	struct io_list parked; /* wait for a ring place or a buffer */
	struct io_list later; /* carried out one a round, by plain calls */

	unsigned int copies; /* that hold a buffer */
	bool room; /* a place or a buffer has become free since those parked were tried */
	uint16_t in_ring[BLK_EXPORTS_MAX]; /* places held, by unit - 1 */
	struct blk_pool pool; /* READ payload */
	uint8_t *zeros; /* BLK_ZEROS_MAX, never written */

	struct {
		BLK_ENGINE_METRICS(BASE_METRIC_LIVE)
	} stats;
};

static void
list_init(struct io_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

static void
list_add(struct io_list *list, struct blk_eio *io)
{
	io->p.next = NULL;
	*list->tail = io;
	list->tail = &io->p.next;
}

static struct blk_eio *
list_take(struct io_list *list)
{
	struct blk_eio *io = list->head;

	if (io != NULL) {
		list->head = io->p.next;
		if (list->head == NULL)
			list->tail = &list->head;
	}
	return io;
}

/* --- set-up --- */

/*
 * Linux lets four of its threads a CPU work on regular files and block devices: as many requests
 * that wait for a disk that hangs would hold up all others that need a thread. Let there be one
 * for each place in the ring; they are made only when the others sleep. Before Linux 5.15 it
 * stays as it is.
 */
static void
ring_let_wait(struct blk_engine *e)
{
	unsigned int most[2] = { e->ring_max, 0 }; /* 0: as it is */

	io_uring_register_iowq_max_workers(&e->ring, most);
}

/*
 * COOP_TASKRUN: the kernel does not interrupt us to post a completion; TASKRUN_FLAG: it sets a
 * bit in shared memory when it has one to post, and only then reaping costs a system call. A
 * poll without work costs none. DEFER_TASKRUN would do the same but binds the ring to one
 * thread, and set-up and drain are control's.
 */
static int
ring_open(struct blk_engine *e)
{
	static const unsigned int flags[] = { IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
					      0 };
	int files[2 * BLK_EXPORTS_MAX]; /* fd by unit - 1, then fua_fd */
	int ret = -ENOSYS;

	for (size_t i = 0; i < RTE_DIM(flags); i++) {
		ret = io_uring_queue_init(e->ring_max, &e->ring, flags[i]);
		if (ret != -EINVAL)
			break;
	}
	if (ret != 0)
		return ret;
	for (size_t i = 0; i < RTE_DIM(files); i++)
		files[i] = -1;
	ret = io_uring_register_files(&e->ring, files, RTE_DIM(files));
	if (ret != 0)
		io_uring_queue_exit(&e->ring);
	else
		ring_let_wait(e);
	return ret;
}

static int
memory_open(struct blk_engine *e, unsigned int buffers, uint32_t size)
{
	/* Never written: all of it is the kernel's one page of zeros. */
	void *zeros = mmap(NULL, BLK_ZEROS_MAX, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	e->zeros = zeros != MAP_FAILED ? zeros : NULL;
	if (blk_pool_open(&e->pool, buffers, size) != 0 || e->zeros == NULL)
		return -ENOMEM;
	return 0;
}

static void
memory_close(struct blk_engine *e)
{
	blk_pool_close(&e->pool);
	if (e->zeros != NULL)
		munmap(e->zeros, BLK_ZEROS_MAX);
}

int
blk_engine_create(const struct blk_engine_conf *conf, struct blk_engine **out)
{
	struct blk_engine *e = calloc(1, sizeof(*e));
	int ret;

	if (e == NULL)
		return -ENOMEM;
	e->ring_max = conf->ring != 0 ? conf->ring : RING_DEFAULT;
	list_init(&e->parked);
	list_init(&e->later);
	ret = memory_open(e, conf->buffers != 0 ? conf->buffers : BUFFERS_DEFAULT,
			  conf->buffer_size != 0 ? conf->buffer_size : BUFFER_SIZE_DEFAULT);
	if (ret != 0)
		goto close_memory;
	ret = conf->no_ring ? -ENOSYS : ring_open(e);
	e->has_ring = ret == 0;
	if (!e->has_ring && !conf->no_ring)
		BLK_LOG(WARNING,
			"no io_uring (%s; see sysctl kernel.io_uring_disabled): "
			"ios on slow disks will hold up others",
			strerror(-ret));
	*out = e;
	return 0;
close_memory:
	memory_close(e);
	free(e);
	return ret;
}

void
blk_engine_destroy(struct blk_engine *e)
{
	if (e == NULL)
		return;
	if (e->in_kernel > 0) {
		BLK_LOG(ERR, "%u ios still in the kernel, expected none: their memory is left",
			e->in_kernel);
		return;
	}
	if (e->has_ring) {
		/* The ring itself is undone later, by the kernel: till then it held the files. */
		io_uring_unregister_files(&e->ring);
		io_uring_queue_exit(&e->ring);
	}
	memory_close(e);
	free(e);
}

int
blk_engine_add(struct blk_engine *e, const struct blk_export *exp)
{
	int ret;

	if (!e->has_ring)
		return 0;
	ret = io_uring_register_files_update(&e->ring, exp->unit - 1u, &exp->fd, 1);
	if (ret >= 0 && exp->fua_fd >= 0)
		ret = io_uring_register_files_update(&e->ring, BLK_EXPORTS_MAX + exp->unit - 1u,
						     &exp->fua_fd, 1);
	return ret < 0 ? ret : 0;
}

void
blk_engine_remove(struct blk_engine *e, unsigned int unit)
{
	int none = -1;

	if (!e->has_ring)
		return;
	io_uring_register_files_update(&e->ring, unit - 1u, &none, 1);
	io_uring_register_files_update(&e->ring, BLK_EXPORTS_MAX + unit - 1u, &none, 1);
}

/* --- buffers of READs --- */

/* What is in memory is read at once, and its buffer is back before the next io is looked at. */
static bool
buffer_get(struct blk_engine *e, struct blk_eio *io)
{
	bool brief = io->op == BLK_READ && io->exp->backing == BLK_BACKING_MEMORY;

	if ((io->op != BLK_READ && io->op != BLK_COPY) || io->data != NULL)
		return true;
	if (io->op == BLK_COPY && e->copies == COPIES_MAX)
		return false;
	io->data = blk_pool_get(&e->pool, io->exp->unit, brief);
	io->p.pooled = io->data != NULL;
	e->copies += io->op == BLK_COPY && io->p.pooled;
	return io->p.pooled;
}

static void
buffer_put(struct blk_engine *e, struct blk_eio *io)
{
	if (!io->p.pooled)
		return;
	blk_pool_put(&e->pool, io->exp->unit, io->data);
	io->data = NULL;
	io->p.pooled = false;
	e->copies -= io->op == BLK_COPY;
	e->room = true;
}

static const void *
step_source(const struct blk_engine *e, const struct blk_eio *io, const struct blk_step *step)
{
	if (step->kind == BLK_STEP_ZEROS)
		return e->zeros;
	if (step->kind == BLK_STEP_STORE)
		return (const uint8_t *)io->data + io->p.stored;
	return (const uint8_t *)io->data + io->p.pos;
}

/* --- plain calls --- */

/*
 * The C library says EOPNOTSUPP when the system has no pwritev2: not Linux since 4.7,
 * but an emulation of it may. Then the write is made durable by a second call.
 */
static int
call_write(int fd, const void *src, const struct blk_step *step)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)src, .iov_len = step->len };
	ssize_t n = pwritev2(fd, &iov, 1, (off_t)step->off, step->dsync ? RWF_DSYNC : 0);

	if (n < 0 && errno == EOPNOTSUPP && step->dsync) {
		n = pwrite(fd, src, step->len, (off_t)step->off);
		if (n > 0 && fdatasync(fd) != 0)
			n = -1;
	}
	return n < 0 ? -errno : (int)n;
}

static int
call_step(struct blk_engine *e, struct blk_eio *io, const struct blk_step *step)
{
	uint64_t range[2] = { step->off, step->len };
	const struct blk_export *exp = blk_step_export(io, (uint8_t)step->kind);
	int fd = step->fua && exp->fua_fd >= 0 ? exp->fua_fd : exp->fd;
	ssize_t n;

	switch (step->kind) {
	case BLK_STEP_READ:
		n = pread(fd, (uint8_t *)io->data + io->p.pos, step->len, (off_t)step->off);
		break;
	case BLK_STEP_LOAD:
		n = pread(fd, io->data, step->len, (off_t)step->off);
		break;
	case BLK_STEP_WRITE:
	case BLK_STEP_ZEROS:
	case BLK_STEP_STORE:
		return call_write(fd, step_source(e, io, step), step);
	case BLK_STEP_PUNCH:
		n = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)step->off,
			      step->len);
		break;
	case BLK_STEP_ZERO_RANGE:
		n = fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)step->off,
			      step->len);
		break;
	case BLK_STEP_DISCARD_IOCTL:
		n = ioctl(fd, BLKDISCARD, range);
		break;
	case BLK_STEP_SYNC:
		n = fdatasync(fd);
		break;
	default:
		return -EOPNOTSUPP;
	}
	return n < 0 ? -errno : (int)n;
}

/* --- io_uring --- */

static void
prep_step(struct blk_engine *e, struct blk_eio *io, const struct blk_step *step,
	  struct io_uring_sqe *sqe)
{
	const struct blk_export *exp = blk_step_export(io, (uint8_t)step->kind);
	int file = exp->unit - 1 + (step->fua && exp->fua_fd >= 0 ? BLK_EXPORTS_MAX : 0);

	switch (step->kind) {
	case BLK_STEP_READ:
		io_uring_prep_read(sqe, file, (uint8_t *)io->data + io->p.pos, step->len,
				   step->off);
		break;
	case BLK_STEP_LOAD:
		io_uring_prep_read(sqe, file, io->data, step->len, step->off);
		break;
	case BLK_STEP_WRITE:
	case BLK_STEP_ZEROS:
	case BLK_STEP_STORE:
		io_uring_prep_write(sqe, file, step_source(e, io, step), step->len, step->off);
		sqe->rw_flags = step->dsync ? RWF_DSYNC : 0;
		break;
	case BLK_STEP_PUNCH:
		io_uring_prep_fallocate(sqe, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)step->off, step->len);
		break;
	case BLK_STEP_ZERO_RANGE:
		io_uring_prep_fallocate(sqe, file, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
					(off_t)step->off, step->len);
		break;
	case BLK_STEP_DISCARD:
		io_uring_prep_rw(IORING_OP_URING_CMD, sqe, file, NULL, 0, 0);
		sqe->cmd_op = URING_CMD_DISCARD;
		sqe->addr = step->off;
		sqe->addr3 = step->len;
		break;
	default:
		io_uring_prep_fsync(sqe, file, IORING_FSYNC_DATASYNC);
		sqe->off = step->off;
		sqe->len = step->len;
		break;
	}
	/* A step that was turned back goes to the kernel's threads, which may wait. */
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | (io->p.tries > 0 ? IOSQE_ASYNC : 0));
	io_uring_sqe_set_data(sqe, io);
}

/* No export holds more than half of the places: its disk may hang. @return false: no place. */
static bool
ring_step(struct blk_engine *e, struct blk_eio *io, const struct blk_step *step)
{
	uint16_t *held = &e->in_ring[io->exp->unit - 1];
	struct io_uring_sqe *sqe;

	if (e->in_kernel == e->ring_max || *held == e->ring_max / 2)
		return false;
	sqe = io_uring_get_sqe(&e->ring);
	if (sqe == NULL)
		return false;
	prep_step(e, io, step, sqe);
	e->in_kernel++;
	(*held)++;
	base_count(&e->stats.steps_ring, 1);
	return true;
}

/* --- running an io --- */

enum way {
	WAY_INLINE,
	WAY_RING,
	WAY_LATER
};

/* Files in memory: is the step short enough to be made at once? */
static bool
short_step(const struct blk_eio *io, const struct blk_step *step)
{
	switch (step->kind) {
	case BLK_STEP_READ:
	case BLK_STEP_WRITE:
	case BLK_STEP_SYNC:
		return true;
	case BLK_STEP_ZEROS:
		return io->len <= INLINE_ZEROS_MAX;
	default:
		return io->len <= INLINE_RANGE_MAX;
	}
}

static enum way
choose_way(const struct blk_engine *e, const struct blk_eio *io, const struct blk_step *step)
{
	if (io->op == BLK_COPY &&
	    blk_step_export(io, (uint8_t)step->kind)->backing == BLK_BACKING_MEMORY)
		return WAY_LATER; /* short each, but many */
	if (io->exp->backing == BLK_BACKING_MEMORY && short_step(io, step))
		return WAY_INLINE;
	if (step->kind == BLK_STEP_DISCARD_IOCTL || !e->has_ring)
		return WAY_LATER;
	return WAY_RING;
}

static void
end_io(struct blk_engine *e, struct blk_eio *io, enum blk_status status)
{
	e->inflight--;
	io->done(io, status);
	buffer_put(e, io);
}

/* Take steps until the io ends or waits for the kernel, for a place, or for its turn. */
static void
run_io(struct blk_engine *e, struct blk_eio *io)
{
	enum blk_status status;
	struct blk_step step;

	for (;;) {
		step = blk_steps_next(io, &status);
		if (step.kind == BLK_STEP_NONE)
			break;
		if (!buffer_get(e, io))
			goto park;
		switch (choose_way(e, io, &step)) {
		case WAY_LATER:
			list_add(&e->later, io);
			return;
		case WAY_RING:
			if (!ring_step(e, io, &step))
				goto park;
			return;
		case WAY_INLINE:
			break;
		}
		base_count(&e->stats.steps_inline, 1);
		status = blk_steps_result(io, call_step(e, io, &step));
		if (status != BLK_OK)
			break;
	}
	end_io(e, io, status);
	return;
park:
	if (!io->p.parked)
		base_count(&e->stats.parked, 1);
	io->p.parked = true;
	list_add(&e->parked, io);
}

void
blk_engine_start(struct blk_engine *e, struct blk_eio *io)
{
	io->p.parked = false;
	io->p.pooled = false;
	io->p.room = e->pool.size;
	blk_steps_init(io, e->has_ring);
	e->inflight++;
	if (io->op == BLK_READ && io->data == NULL && io->len > e->pool.size)
		end_io(e, io, BLK_EINVAL);
	else
		run_io(e, io);
}

/* A step has ended: carry on, or end the io. */
static void
take_result(struct blk_engine *e, struct blk_eio *io, int res)
{
	enum blk_status status;

	if (res == -EAGAIN || res == -EINTR || (res > 0 && (uint32_t)res < io->p.piece))
		base_count(&e->stats.retries, 1);
	status = blk_steps_result(io, res);
	if (status != BLK_OK)
		end_io(e, io, status);
	else
		run_io(e, io);
}

/* Those that still find no place park again, behind: one pass, in order. */
static void
run_parked(struct blk_engine *e)
{
	struct io_list parked = e->parked;
	struct blk_eio *io;

	if (parked.head == NULL || !e->room)
		return;
	e->room = false;
	list_init(&e->parked);
	while ((io = list_take(&parked)) != NULL)
		run_io(e, io);
}

static unsigned int
run_later(struct blk_engine *e)
{
	struct blk_eio *io = list_take(&e->later);
	enum blk_status status;
	struct blk_step step;

	if (io == NULL)
		return 0;
	/* The same step again: nothing has happened to the io since. */
	step = blk_steps_next(io, &status);
	base_count(&e->stats.steps_later, 1);
	take_result(e, io, call_step(e, io, &step));
	return 1;
}

static unsigned int
submit(struct blk_engine *e)
{
	int ret;

	if (io_uring_sq_ready(&e->ring) == 0)
		return 0;
	base_count(&e->stats.submits, 1);
	/*
	 * What the kernel does not take now (no memory, busy) stays in the ring: the next
	 * round is due at once.
	 */
	ret = io_uring_submit(&e->ring);
	return ret > 0 ? (unsigned int)ret : 1;
}

static unsigned int
reap(struct blk_engine *e)
{
	struct io_uring_cqe *cqes[REAP_BURST];
	struct blk_eio *ios[REAP_BURST];
	int res[REAP_BURST];
	unsigned int n;

	if (e->in_kernel == 0)
		return 0;
	/* Looks at memory; enters the kernel only when it says that it has completions to post. */
	n = io_uring_peek_batch_cqe(&e->ring, cqes, REAP_BURST);
	for (unsigned int i = 0; i < n; i++) {
		ios[i] = io_uring_cqe_get_data(cqes[i]);
		res[i] = cqes[i]->res;
	}
	io_uring_cq_advance(&e->ring, n);
	e->in_kernel -= n;
	e->room |= n > 0;
	for (unsigned int i = 0; i < n; i++) {
		e->in_ring[ios[i]->exp->unit - 1]--;
		take_result(e, ios[i], res[i]);
	}
	return n;
}

unsigned int
blk_engine_poll(struct blk_engine *e)
{
	unsigned int work;

	if (e->inflight == 0)
		return 0;
	run_parked(e);
	work = run_later(e);
	if (e->has_ring) {
		work += submit(e);
		work += reap(e);
	}
	return work;
}

unsigned int
blk_engine_inflight(const struct blk_engine *e)
{
	return e->inflight;
}

int
blk_engine_drain(struct blk_engine *e, uint64_t timeout_ns)
{
	uint64_t end = base_now_ns() + timeout_ns;

	while (e->inflight > 0) {
		if (blk_engine_poll(e) > 0)
			continue;
		if (base_now_ns() > end)
			return -ETIMEDOUT;
		usleep(50);
	}
	return 0;
}

int
blk_engine_fd(const struct blk_engine *e)
{
	return e->has_ring ? e->ring.ring_fd : -1;
}

void
blk_engine_stats(const struct blk_engine *e, struct blk_engine_stats *stats)
{
	base_counters_read(&e->stats, stats, sizeof(*stats));
}
