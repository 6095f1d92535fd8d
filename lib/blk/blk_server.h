/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Server of the block service: exports (regular files and block devices), io_uring, allow lists.
 *
 * Threads: control thread for everything but blk_worker_poll(), which belongs to one
 * data thread per worker (worker 0's may be the control thread).
 */
#ifndef BLK_SERVER_H
#define BLK_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_hist.h"
#include "blk.h"
#include "link.h"

struct blk_server;
struct blk_worker;

struct blk_server_conf {
	struct link *link;
	unsigned int workers; /* data threads; queues of sessions are dealt out over them */
	uint16_t queues_max, depth_max; /* offered per session; 0: 16, 128 */
	uint32_t slot_max; /* 0: 64 KiB */
	uint32_t drain_ms; /* how long the end waits for the kernel; 0: 30000 */
};

#define BLK_ALLOW_MAX 64
struct blk_export_conf {
	const char *name; /* 1..63 printable ASCII, no '/', not "." or ".." */
	const char *path;
	const char *desc; /* may be NULL */
	bool read_only;
	bool allow_any;
	uint64_t allow[BLK_ALLOW_MAX]; /* GIDs; none and not allow_any = nobody */
	unsigned int allow_count;
};

/*
 * Read what a person types: NAME=PATH[,ro][,allow=GID[:GID...]|allow=any][,desc=TEXT]. Two
 * commas stand for one that is meant. Only the form is checked; the rest is
 * blk_server_export()'s.
 * @param text  what conf's texts point into; the caller frees it when conf is no longer used.
 * @return 0; -EINVAL, -ENOMEM: err_size bytes of err hold a line for people, and there is no text.
 */
int blk_export_parse(const char *arg, struct blk_export_conf *conf, char **text, char *err,
		     size_t err_size);

/* @return 0; -ENOMEM; -EEXIST the link has this service. */
int blk_server_create(const struct blk_server_conf *conf, struct blk_server **srv);
/*
 * Ends what is in flight (answers still go out), closes all sessions of the service, forgets
 * the exports. Every worker must have stopped polling; the link must still be there. Flushes
 * nothing: what was answered is in the kernel. Waits for ios that the kernel holds, at most
 * drain_ms. Tolerates NULL.
 * @return 0; -ETIMEDOUT the kernel holds ios yet, and may read and write the link's memory at any
 *         time: leave the server, the link and the function as they are, and end the process (or
 *         call again).
 */
int blk_server_destroy(struct blk_server *srv);

/*
 * Open and check an image.
 * @param err  on failure a line for people that names the path, what is wrong and what is expected.
 * @return 0; -EEXIST duplicate name; -EINVAL name; -ENOENT, -EACCES, -EISDIR, -ENODATA (size 0),
 *         -ENOTBLK (neither regular file nor block device), -EROFS (read-only file, not exported
 *         ro), -EBUSY (device in use), -ENOSPC (one export too many), ...
 */
int blk_server_export(struct blk_server *srv, const struct blk_export_conf *conf, char *err,
		      size_t err_size);

/*
 * Control work: notices changes of image sizes (once a second) and tells clients.
 * @return work done.
 */
unsigned int blk_server_poll(struct blk_server *srv, uint64_t now_ns);

struct blk_worker *blk_server_worker(struct blk_server *srv, unsigned int i);
/*
 * One round: take requests of all queues dealt to this worker, submit, reap, answer.
 * @return work done.
 */
unsigned int blk_worker_poll(struct blk_worker *w, uint64_t now_ns);
/*
 * Readable while there is something to reap, for run_add_wake_fd(); -1 where the kernel has no
 * io_uring.
 */
int blk_worker_wake_fd(const struct blk_worker *w);
/* ios in flight in this worker, all queues. */
unsigned int blk_worker_inflight(const struct blk_worker *w);

struct blk_export_stats {
	uint64_t ops[BLK_OP_COUNT], bytes[BLK_OP_COUNT], errors[BLK_OP_COUNT];
	uint64_t inflight; /* requests taken and not answered */
	/* From the round that took a request until its answer was published. */
	struct base_hist_summary latency;
};
unsigned int blk_server_exports(const struct blk_server *srv);
struct blk_export_state {
	const char *backing; /* "file", "file in memory", ... */
	uint64_t size;
	uint32_t flags; /* BLK_INFO_* */
};
/* The i-th export, in the order in which they were added. @return 0; -ENOENT. */
int blk_server_export_state(const struct blk_server *srv, unsigned int i,
			    struct blk_export_state *state);
int blk_server_export_stats(const struct blk_server *srv, unsigned int i, const char **name,
			    struct blk_export_stats *stats);

#endif
