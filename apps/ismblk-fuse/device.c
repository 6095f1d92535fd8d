/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /dev/fuse, polled without blocking by every worker. A request is read into a buffer; a WRITE
 * keeps its buffer until the payload is no longer needed, and the next request is read into
 * another one. When buffers or contexts run out, requests wait in the kernel.
 */
#include "ismblk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base_time.h"
#include "run.h"

static_assert(REQUEST_HEAD == sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in),
	      "a WRITE's payload follows its head");

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096
#define BUFFERS_MAX 256
#define BACKGROUND_MAX 1024 /* asynchronous requests that the kernel may have open */
#define LONG_WRITE (128 * 1024) /* bytes of payload from which on a WRITE's successor gets a room */
#define BLOCKED_NS (20 * BASE_NS_PER_MS) /* no read that does not wait takes so long */
#define LOOK_EVERY 4 /* rounds, while answers are awaited */

static __thread struct worker *self;

struct worker *
worker_self(void)
{
	return self;
}

/* --- contexts --- */

struct context *
context_for(struct worker *w, fuse_req_t req, struct peer *peer, struct blk_disk *disk)
{
	struct context *c = TAILQ_FIRST(&w->free);

	TAILQ_REMOVE(&w->free, c, entry);
	TAILQ_INSERT_TAIL(&w->active, c, entry);
	memset(&c->io, 0, sizeof(c->io));
	c->io.disk = disk;
	c->io.arg = c;
	c->peer = peer;
	c->file = NULL;
	c->req = req;
	c->buffer = NULL;
	c->serial = ++w->serial;
	c->since_ns = w->now_ns;
	c->reads = NULL;
	c->held = c->cached = false;
	c->rounds = 0;
	return c;
}

struct context *
context_get(struct worker *w, fuse_req_t req, struct file *file)
{
	struct context *c = context_for(w, req, file->peer, file->disk);

	c->file = file;
	return c;
}

void
context_put(struct context *c)
{
	struct worker *w = c->worker;

	c->serial = 0;
	w->held -= c->held;
	if (c->reads != NULL)
		reads_end(c);
	if (c->buffer != NULL) {
		c->buffer->next = w->free_buffers;
		w->free_buffers = c->buffer;
	}
	TAILQ_REMOVE(&w->active, c, entry);
	TAILQ_INSERT_HEAD(&w->free, c, entry);
	w->answered = true;
}

static struct blk_cq *
context_queue(const struct context *c)
{
	return blk_client_queue(c->peer->client, c->worker->index);
}

void
context_give_up(struct context *c, int err)
{
	if (!c->held) {
		blk_cq_cancel(context_queue(c), &c->io, -err);
		return;
	}
	file_free(c->file);
	fuse_reply_err(c->req, err);
	context_put(c);
}

void
context_submit(struct context *c)
{
	int ret;

	if (c->cached)
		reads_begin(c);
	ret = blk_cq_submit(context_queue(c), &c->io);
	if (ret == 0)
		return;
	/* The disk has shrunk since the caller looked. */
	fuse_reply_err(c->req, c->io.op == BLK_WRITE ? ENOSPC : EIO);
	context_put(c);
}

/* --- requests in --- */

/*
 * A worker without a buffer, a context or a queue leaves requests to the kernel or to other
 * workers.
 */
static bool
can_take(const struct worker *w)
{
	unsigned int i;

	if ((w->current == NULL && w->free_buffers == NULL) || TAILQ_EMPTY(&w->free))
		return false;
	for (i = 0; i < w->app->peer_count; i++) {
		if (!blk_cq_usable(blk_client_queue(w->app->peers[i].client, w->index)))
			return false;
	}
	return true;
}

/* A readable /dev/fuse must not keep a worker awake that cannot read it. */
static void
set_deaf(struct worker *w, bool deaf)
{
	if (w->deaf == deaf)
		return;
	w->deaf = deaf;
	if (deaf)
		STAT_ADD(w, stalls, 1);
	if (deaf)
		run_remove_wake_fd(w->index, w->app->fuse_fd);
	else
		run_add_wake_fd(w->index, w->app->fuse_fd);
}

/*
 * A process that is killed while the kernel, in the middle of a copy, looks for a page that is not
 * there yet, loses the request with EIO; one that has its pages only ends after the copy. So pages
 * are there before: for most requests, and for all in a streak of long ones. Linux before 5.14
 * cannot; but nor can it send a request again.
 */
static void
warm_up(const struct worker *w, struct buffer *b)
{
	uint32_t want = PAGE + (w->long_writes ? REQUEST_MAX : LONG_WRITE);

	if (b->warm >= want)
		return;
	(void)madvise(b->mem + REQUEST_HEAD - PAGE, want, MADV_POPULATE_WRITE);
	b->warm = want;
}

void
device_take_buffer(struct worker *w)
{
	if (w->current == NULL) {
		w->current = w->free_buffers;
		w->free_buffers = w->current->next;
	}
	warm_up(w, w->current);
}

/* The kernel has ended the connection: unmounted, or aborted by hand. */
static void
device_gone(struct worker *w, int err)
{
	if (err != ENODEV && err != ECONNABORTED) {
		run_error("/dev/fuse: %s", strerror(err));
		atomic_store_explicit(&w->app->status, RUN_EXIT_FAIL, memory_order_relaxed);
	}
	w->app->over(w->app);
}

ssize_t
device_read(struct worker *w, const struct iovec *iov, int count)
{
	int fd = w->app->fuse_fd;
	ssize_t n;

	if (!w->app->guarded)
		return readv(fd, iov, count);
	w->thread = pthread_self();
	/* Partner: device_guard(). */
	atomic_store_explicit(&w->reading_ns, base_now_ns(), memory_order_release);
	n = readv(fd, iov, count);
	atomic_store_explicit(&w->reading_ns, 0, memory_order_relaxed);
	return n;
}

/* --- a room for a long WRITE's payload (lib/blk), with the one peer that it can be for --- */

static struct blk_cq *
room_queue(const struct worker *w)
{
	return blk_client_queue(w->app->peers[0].client, w->index);
}

/*
 * After a long WRITE the next request is likely one too: what comes behind its first page is put
 * where a store would have copied it to. All other requests are shorter than that page, or of a
 * kind that nobody here looks at.
 * @return as readv().
 */
static ssize_t
receive(struct worker *w)
{
	const struct fuse_in_header *in = (const struct fuse_in_header *)w->current->mem;
	unsigned int places = 0;
	ssize_t n;

	if (w->long_writes && w->app->peer_count == 1)
		places = blk_cq_room(room_queue(w), w->app->request_max, &w->iov[1]);
	w->iov[0].iov_base = w->current->mem;
	w->iov[0].iov_len = REQUEST_HEAD + (places > 0 ? BLK_ROOM_HEAD : REQUEST_MAX);
	n = device_read(w, w->iov, (int)places + 1);
	w->placed = places > 0 && n > REQUEST_HEAD + BLK_ROOM_HEAD;
	if (n > 0)
		w->long_writes = in->opcode == FUSE_WRITE && n >= REQUEST_HEAD + LONG_WRITE;
	return n;
}

void
device_guard(struct ismblk *app, uint64_t now_ns)
{
	for (unsigned int i = 0; i < app->queues; i++) {
		struct worker *w = &app->workers[i];
		uint64_t since = atomic_load_explicit(&w->reading_ns, memory_order_acquire);

		if (since == 0 || now_ns < since + BLOCKED_NS)
			continue;
		atomic_store_explicit(&app->blocked, true, memory_order_relaxed);
		pthread_kill(w->thread, SIGURG);
	}
}

static bool
is_blocked(const struct ismblk *app)
{
	return atomic_load_explicit(&app->blocked, memory_order_relaxed);
}

/* @return 1 look again; 0 there is none; -1 look no further. */
static int
receive_failed(struct worker *w, int err)
{
	if (err == EAGAIN) {
		STAT_ADD(w, empty, 1);
		return 0;
	}
	if (is_blocked(w->app)) {
		ismblk_error(w->app, "/dev/fuse was made to block: the mount ends");
		atomic_store_explicit(&w->app->status, RUN_EXIT_FAIL, memory_order_relaxed);
		w->app->over(w->app);
		return -1;
	}
	/* ENOENT: the request was withdrawn while it was being read. */
	if (err == EINTR || err == ENOENT)
		return 1;
	/* The peer took its slots' memory away; the kernel has failed the request. */
	if (err == EFAULT && w->long_writes) {
		w->long_writes = false;
		return 1;
	}
	device_gone(w, err);
	return -1;
}

/* @return 1 a request was processed; 0 there is none; -1 look no further. */
static int
take_request(struct worker *w)
{
	struct fuse_buf buf = { 0 };
	ssize_t n;
	int ret = 1;

	device_take_buffer(w);
	n = receive(w);
	if (n < 0) {
		ret = receive_failed(w, errno);
	} else {
		STAT_ADD(w, requests, 1);
		buf.mem = w->current->mem;
		buf.size = (size_t)n;
		fuse_session_process_buf(w->app->session, &buf);
	}
	blk_cq_room_drop(room_queue(w)); /* if nobody used it */
	return ret;
}

/* @return requests taken. */
static unsigned int
take_requests(struct worker *w)
{
	unsigned int i, n = 0;
	int ret = 1;

	w->skipped = 0;
	w->answered = false;
	while (n < BURST && ret > 0) {
		bool can = can_take(w);

		set_deaf(w, !can);
		if (!can)
			break;
		ret = take_request(w);
		n += ret > 0;
	}
	for (i = 0; n > 0 && i < w->app->peer_count; i++)
		blk_cq_flush(blk_client_queue(w->app->peers[i].client, w->index));
	return n;
}

/*
 * Is it worth a system call to look? With nothing in flight, or after an answer that lets
 * somebody go on, yes; while all wait for the peer, only now and then.
 */
static bool
worth_looking(struct worker *w)
{
	return w->answered || TAILQ_EMPTY(&w->active) || ++w->skipped >= LOOK_EVERY;
}

unsigned int
device_poll(void *arg, uint64_t now_ns)
{
	struct worker *w = arg;
	unsigned int work = 0;

	self = w;
	w->now_ns = now_ns;
	if (!w->draining && !is_blocked(w->app) && worth_looking(w))
		work += take_requests(w);
	work += peers_poll_queues(w->app, w->index, now_ns);
	if (w->held != 0)
		work += hold_step(w);
	killed_step(w);
	return work;
}

/* --- set-up --- */

static int
worker_init(struct ismblk *app, struct worker *w, unsigned int index)
{
	size_t buffer_size = PAGE + REQUEST_MAX;
	unsigned int i, buffers;
	uint8_t *mem;

	buffers = (unsigned int)app->opt.depth * app->peer_count + 8;
	if (buffers > BUFFERS_MAX)
		buffers = BUFFERS_MAX;
	w->app = app;
	w->index = index;
	TAILQ_INIT(&w->free);
	TAILQ_INIT(&w->active);
	w->contexts = calloc(CONTEXTS, sizeof(*w->contexts));
	w->buffers = calloc(buffers, sizeof(*w->buffers));
	/* A page more: heads of older protocols are shorter, and libfuse passes over them. */
	w->memory_size = buffers * buffer_size + PAGE;
	mem = mmap(NULL, w->memory_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	w->memory = mem == MAP_FAILED ? NULL : mem;
	if (killed_init(w) != 0 || w->contexts == NULL || w->buffers == NULL || w->memory == NULL)
		return -ENOMEM;
	for (i = 0; i < CONTEXTS; i++) {
		w->contexts[i].worker = w;
		TAILQ_INSERT_TAIL(&w->free, &w->contexts[i], entry);
	}
	for (i = 0; i < buffers; i++) {
		w->buffers[i].mem = mem + i * buffer_size + PAGE - REQUEST_HEAD;
		w->buffers[i].next = w->free_buffers;
		w->free_buffers = &w->buffers[i];
	}
	return 0;
}

static void
workers_free(struct ismblk *app)
{
	unsigned int i;

	for (i = 0; app->workers != NULL && i < app->queues; i++) {
		struct worker *w = &app->workers[i];

		if (w->memory != NULL)
			munmap(w->memory, w->memory_size);
		free(w->buffers);
		free(w->contexts);
		killed_free(w);
	}
	free(app->workers);
	app->workers = NULL;
}

static int
workers_init(struct ismblk *app)
{
	unsigned int i;
	int ret = 0;

	app->workers = calloc(app->queues, sizeof(*app->workers));
	if (app->workers == NULL)
		return -ENOMEM;
	for (i = 0; i < app->queues && ret == 0; i++)
		ret = worker_init(app, &app->workers[i], i);
	return ret;
}

/* --- the session --- */

/*
 * The kernel says hello: agree on sizes, and on no splicing (payload goes by readv and writev).
 * What libfuse cannot say, handover.c adds.
 */
static void
op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct ismblk *app = userdata;

	conn->max_write = app->request_max;
	conn->max_read = app->request_max;
	conn->max_readahead = REQUEST_MAX;
	conn->max_background = BACKGROUND_MAX;
	conn->congestion_threshold = BACKGROUND_MAX;
	conn->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				      FUSE_CAP_SPLICE_MOVE | FUSE_CAP_WRITEBACK_CACHE |
				      FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_AUTO_INVAL_DATA);
	conn->want |= conn->capable &
		      (FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS);
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = tree_lookup,
	.getattr = attr_get,
	.setattr = attr_set,
	.mknod = tree_mknod,
	.mkdir = tree_mkdir,
	.unlink = tree_unlink,
	.rmdir = tree_unlink,
	.rename = tree_rename,
	.readdir = tree_readdir,
	.readdirplus = tree_readdirplus,
	.statfs = tree_statfs,
	.open = file_open,
	.release = file_release,
	.read = data_read,
	.write = data_write,
	.fsync = file_fsync,
	.fallocate = file_fallocate,
	.lseek = file_lseek,
	.copy_file_range = file_copy,
};

/* libfuse's own words: kept while we mount, so that a failure is one line; printed later on. */
static __thread char fuse_words[256];
static __thread bool fuse_keep_words;

static void
on_fuse_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char line[256];

	if (level > FUSE_LOG_WARNING)
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	if (!fuse_keep_words)
		run_note("%s", line);
	else if (fuse_words[0] == '\0')
		memcpy(fuse_words, line, sizeof(fuse_words));
}

static int
session_open(struct ismblk *app)
{
	char options[64], path[32], program[] = "dpdk-ismblk", dash_o[] = "-o";
	char *argv[] = { program, dash_o, options, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

	/* libfuse compares it with what op_init() says. */
	snprintf(options, sizeof(options), "max_read=%u", app->request_max);
	fuse_set_log_func(on_fuse_log);
	fuse_words[0] = '\0';
	fuse_keep_words = true;
	app->session = fuse_session_new(&args, &ops, sizeof(ops), app);
	fuse_opt_free_args(&args);
	app->session_fd = fcntl(app->fuse_fd, F_DUPFD_CLOEXEC, 3);
	snprintf(path, sizeof(path), "/dev/fd/%d", app->session_fd);
	if (app->session == NULL || app->session_fd < 0 ||
	    fuse_session_mount(app->session, path) != 0) {
		fuse_keep_words = false;
		ismblk_error(app, "cannot serve %s: %s", app->opt.mount,
			     fuse_words[0] != '\0' ? fuse_words : "libfuse gives no reason");
		return RUN_EXIT_FAIL;
	}
	fuse_keep_words = false;
	return RUN_EXIT_OK;
}

struct add {
	struct worker *worker;
	int ret;
};

/* On the worker. */
static void
add_poller(void *arg)
{
	struct add *add = arg;
	struct worker *w = add->worker;

	add->ret = run_add_poller(w->index, device_poll, w);
	if (add->ret != 0)
		return;
	w->polled = true;
	add->ret = run_add_wake_fd(w->index, w->app->fuse_fd);
}

static int
add_pollers(struct ismblk *app)
{
	int ret = 0;

	for (unsigned int i = 0; i < app->queues && ret == 0; i++) {
		struct add add = { .worker = &app->workers[i] };

		ret = run_call(i, add_poller, &add);
		if (ret == 0)
			ret = add.ret;
	}
	if (ret == 0)
		return RUN_EXIT_OK;
	ismblk_error(app, "the lcores cannot serve the mount: %s", strerror(-ret));
	return RUN_EXIT_FAIL;
}

int
device_init(struct ismblk *app)
{
	if (workers_init(app) == 0 && file_init(app) == 0)
		return RUN_EXIT_OK;
	ismblk_error(app, "no memory for request buffers");
	return RUN_EXIT_FAIL;
}

int
device_start(struct ismblk *app)
{
	int ret;

	if (fcntl(app->fuse_fd, F_SETFL, fcntl(app->fuse_fd, F_GETFL) | O_NONBLOCK) < 0) {
		ismblk_error(app, "/dev/fuse: %s", strerror(errno));
		return RUN_EXIT_FAIL;
	}
	ret = session_open(app);
	if (ret == RUN_EXIT_OK)
		ret = app->taken ? handover_next(app) : handover_first(app);
	/* Before anything is read: the kernel would send that again too, and lose our answer. */
	if (ret == RUN_EXIT_OK && app->taken)
		ret = handover_resend(app);
	return ret == RUN_EXIT_OK ? add_pollers(app) : ret;
}

/* --- the end --- */

/* Of opens that are held. The ios have ended. */
static void
give_up_all(struct worker *w)
{
	while (!TAILQ_EMPTY(&w->active))
		context_give_up(TAILQ_FIRST(&w->active), EIO);
}

/* On the worker, as the next two. */
static void
begin_draining(void *arg)
{
	struct worker *w = arg;

	w->draining = true;
	set_deaf(w, true);
}

struct look {
	struct worker *worker;
	bool busy;
};

static void
look_at_worker(void *arg)
{
	struct look *look = arg;

	look->busy = look->worker->polled && !TAILQ_EMPTY(&look->worker->active);
}

static void
remove_poller(void *arg)
{
	struct worker *w = arg;

	hold_step(w);
	give_up_all(w);
	if (!w->polled)
		return;
	w->polled = false;
	if (!w->deaf)
		run_remove_wake_fd(w->index, w->app->fuse_fd);
	run_remove_poller(w->index, device_poll, w);
}

static bool
is_busy(struct ismblk *app)
{
	struct look look = { .busy = false };

	for (unsigned int i = 0; i < app->queues && !look.busy; i++) {
		look.worker = &app->workers[i];
		(void)run_call(i, look_at_worker, &look);
	}
	return look.busy;
}

void
device_stop(struct ismblk *app, unsigned int ms)
{
	const struct timespec nap = { .tv_nsec = BASE_NS_PER_MS };
	uint64_t end = base_now_ns() + ms * BASE_NS_PER_MS;
	unsigned int i;

	if (app->workers == NULL)
		return;
	for (i = 0; i < app->queues; i++)
		(void)run_call(i, begin_draining, &app->workers[i]);
	while (base_now_ns() < end && is_busy(app))
		nanosleep(&nap, NULL);
	for (i = 0; i < app->queues; i++)
		(void)run_call(i, remove_poller, &app->workers[i]);
}

void
device_close(struct ismblk *app)
{
	if (app->session != NULL)
		fuse_session_destroy(app->session);
	else if (app->session_fd >= 0)
		close(app->session_fd);
	app->session = NULL;
	app->session_fd = -1;
	if (app->fuse_fd >= 0)
		close(app->fuse_fd);
	app->fuse_fd = -1;
	workers_free(app);
	file_fini(app);
}
