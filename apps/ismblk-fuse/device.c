/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /dev/fuse, polled without blocking by every worker. A request is read into a buffer; a WRITE
 * keeps its buffer until the payload is no longer needed, and the next request is read into
 * another one. When buffers or contexts run out, requests wait in the kernel.
 */
#include "ismblk.h"

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
#include <unistd.h>

#include "base_time.h"
#include "run.h"

#define PAGE 4096
#define BUFFERS_MAX 256
#define BACKGROUND_MAX 1024 /* asynchronous requests that the kernel may have open */
#define LONG_WRITE (128 * 1024) /* bytes of payload from which on a WRITE's successor gets a room */
#define LOOK_EVERY 4 /* rounds, while answers are awaited */
#define KILLED_NS (100 * BASE_NS_PER_MS)
#define KILLED_DEAF_NS (500 * BASE_NS_PER_MS)

static __thread struct worker *self;

struct worker *
worker_self(void)
{
	return self;
}

/* --- contexts --- */

struct context *
context_get(struct worker *w, fuse_req_t req, struct file *file)
{
	struct context *c = TAILQ_FIRST(&w->free);

	TAILQ_REMOVE(&w->free, c, entry);
	TAILQ_INSERT_TAIL(&w->active, c, entry);
	memset(&c->io, 0, sizeof(c->io));
	c->io.disk = file->disk;
	c->io.arg = c;
	c->peer = file->peer;
	c->file = file;
	c->req = req;
	c->buffer = NULL;
	c->rounds = 0;
	return c;
}

void
context_put(struct context *c)
{
	struct worker *w = c->worker;

	if (c->buffer != NULL) {
		c->buffer->next = w->free_buffers;
		w->free_buffers = c->buffer;
	}
	TAILQ_REMOVE(&w->active, c, entry);
	TAILQ_INSERT_HEAD(&w->free, c, entry);
	w->answered = true;
}

void
context_submit(struct context *c)
{
	struct blk_cq *cq = blk_client_queue(c->peer->client, c->worker->index);
	int ret = blk_cq_submit(cq, &c->io);

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

static void
take_buffer(struct worker *w)
{
	if (w->current != NULL)
		return;
	w->current = w->free_buffers;
	w->free_buffers = w->current->next;
}

/* The kernel has ended the connection: unmounted, or aborted by hand. */
static void
device_gone(struct worker *w, int err)
{
	if (err != ENODEV && err != ECONNABORTED) {
		run_error("/dev/fuse: %s", strerror(err));
		atomic_store_explicit(&w->app->status, RUN_EXIT_FAIL, memory_order_relaxed);
	}
	run_stop();
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
	n = readv(w->app->fuse_fd, w->iov, (int)places + 1);
	w->placed = places > 0 && n > REQUEST_HEAD + BLK_ROOM_HEAD;
	if (n > 0)
		w->long_writes = in->opcode == FUSE_WRITE && n >= REQUEST_HEAD + LONG_WRITE;
	return n;
}

/* @return 1 look again; 0 there is none; -1 look no further. */
static int
receive_failed(struct worker *w, int err)
{
	if (err == EAGAIN) {
		STAT_ADD(w, empty, 1);
		return 0;
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

	take_buffer(w);
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

/* --- processes that were killed while their request waits for a peer to come back --- */

/* A kill -9, or a signal that ends it, waits for this thread? */
static bool
is_killed(pid_t tid)
{
	char path[64], line[128];
	unsigned long long pending = 0, one;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "SigPnd: %llx", &one) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &one) == 1)
			pending |= one;
	}
	fclose(f);
	return (pending & 1ULL << (SIGKILL - 1)) != 0;
}

/*
 * The kernel cannot end a process whose request we hold. A peer may stay away for ever, so
 * requests of killed processes are given up; those of others wait, whatever signals they have.
 * A deaf worker does not hear of interrupts, so it looks at everyone.
 */
static void
give_up_killed(struct worker *w, uint64_t now_ns)
{
	struct context *c, *next;

	if (now_ns < w->interrupt_ns)
		return;
	w->interrupt_ns = now_ns + (w->deaf ? KILLED_DEAF_NS : KILLED_NS);
	for (c = TAILQ_FIRST(&w->active); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (blk_client_up(c->peer->client) || (!w->deaf && !fuse_req_interrupted(c->req)) ||
		    !is_killed(fuse_req_ctx(c->req)->pid))
			continue;
		if (blk_cq_cancel(blk_client_queue(c->peer->client, w->index), &c->io, -EINTR) == 0)
			STAT_ADD(w, interrupted, 1);
	}
}

unsigned int
device_poll(void *arg, uint64_t now_ns)
{
	struct worker *w = arg;
	unsigned int work = 0;

	self = w;
	if (worth_looking(w))
		work += take_requests(w);
	work += peers_poll_queues(w->app, w->index, now_ns);
	if (!TAILQ_EMPTY(&w->active))
		give_up_killed(w, now_ns);
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
	w->memory_size = buffers * buffer_size;
	mem = mmap(NULL, w->memory_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	w->memory = mem == MAP_FAILED ? NULL : mem;
	if (w->contexts == NULL || w->buffers == NULL || w->memory == NULL)
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

/* The kernel says hello: agree on sizes, and on no splicing (payload goes by readv and writev). */
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
				      FUSE_CAP_ATOMIC_O_TRUNC);
	conn->want |= conn->capable & (FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO |
				       FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_PARALLEL_DIROPS);
	atomic_store_explicit(&app->initialised, true, memory_order_relaxed);
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = tree_lookup,
	.getattr = tree_getattr,
	.setattr = tree_setattr,
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
};

/* libfuse's own words: kept while we mount, so that a failure is one line; printed later on. */
static char fuse_words[256];
static bool fuse_keep_words;

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
	char options[256], program[] = "dpdk-ismblk", dash_o[] = "-o";
	char *argv[] = { program, dash_o, options, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

	snprintf(options, sizeof(options),
		 "fsname=ism:%s,subtype=dpdk-ismblk,default_permissions,max_read=%u%s%s",
		 app->peer_count == 1 ? app->peers[0].name : "peers", app->request_max,
		 app->opt.allow_other ? ",allow_other" : "", app->opt.read_only ? ",ro" : "");
	fuse_set_log_func(on_fuse_log);
	fuse_keep_words = true;
	app->session = fuse_session_new(&args, &ops, sizeof(ops), app);
	fuse_opt_free_args(&args);
	return app->session != NULL ? 0 : -EINVAL;
}

int
device_mount(struct ismblk *app)
{
	unsigned int i;

	if (workers_init(app) != 0) {
		run_error("no memory for request buffers");
		return RUN_EXIT_FAIL;
	}
	if (session_open(app) != 0 || fuse_session_mount(app->session, app->opt.mount) != 0) {
		run_error("cannot mount on %s: %s", app->opt.mount,
			  fuse_words[0] != '\0' ? fuse_words : "libfuse gives no reason");
		return RUN_EXIT_MOUNT;
	}
	fuse_keep_words = false;
	app->fuse_fd = fuse_session_fd(app->session);
	if (fcntl(app->fuse_fd, F_SETFL, fcntl(app->fuse_fd, F_GETFL) | O_NONBLOCK) < 0) {
		run_error("/dev/fuse: %s", strerror(errno));
		return RUN_EXIT_FAIL;
	}
	for (i = 0; i < app->queues; i++) {
		run_add_wake_fd(i, app->fuse_fd);
		if (run_add_poller(i, device_poll, &app->workers[i]) != 0) {
			run_error("too few lcores for %u queues", app->queues);
			return RUN_EXIT_USAGE;
		}
	}
	return RUN_EXIT_OK;
}

void
device_unmount(struct ismblk *app)
{
	if (app->session != NULL) {
		fuse_session_unmount(app->session);
		fuse_session_destroy(app->session);
		app->session = NULL;
	}
	file_free_all();
	workers_free(app);
}
