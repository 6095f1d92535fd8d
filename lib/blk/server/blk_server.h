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

#include "base_allow.h"
#include "base_hist.h"
#include "blk.h"
#include "blk_metrics.h"
#include "link.h"

struct blk_server;
struct blk_worker;

struct blk_server_conf {
	struct link *link;
	unsigned int workers; /* data threads; queues of sessions are dealt out over them */
	uint16_t queues_max, depth_max; /* offered per session; 0: 16, 128 */
	uint32_t slot_max; /* 0: 64 KiB */
	unsigned int inflight_max; /* requests of one session in work at one worker; 0: 128 */
	uint32_t drain_ms; /* how long the end waits for the kernel; 0: 30000 */
};

struct blk_export_conf {
	const char *name; /* 1..63 printable ASCII, no '/', not "." or ".." */
	const char *path;
	const char *desc; /* may be NULL */
	bool read_only;
	bool force; /* whoever else has locked or opened the image */
	struct base_allow allow;
};

/*
 * Read what a person types: NAME=PATH[,ro][,force][,allow=GID[:GID...]|allow=any][,desc=TEXT]. Two
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
 * Open, check and lock an image, and serve it. May wait for storage: for a server that does not
 * run yet. Control thread.
 * @param err  on failure a line for people that names the path, what is wrong and what is expected.
 * @return 0; -EEXIST duplicate name; -EINVAL name; -ENOENT, -EACCES, -EISDIR, -ENODATA (size 0),
 *         -ENOTBLK (neither regular file nor block device), -EROFS (read-only file, not exported
 *         ro), -EBUSY (in use by somebody else: err says who, and
 *         that `force` overrules it), -ENOSPC (one export too many), ...
 */
int blk_server_export(struct blk_server *srv, const struct blk_export_conf *conf, char *err,
		      size_t err_size);

/*
 * The same while the server runs, in four steps, so that control never waits for storage:
 *
 *	any thread, may wait    blk_export_open()
 *	control                 blk_server_match()    name; an export of the same file
 *	any thread, may wait    blk_export_lock()
 *	control                 blk_server_publish()
 *
 * One at a time: nothing may be added or removed in between. Each fails as blk_server_export()
 * does; then the caller gives the export to blk_export_close(), which may wait as well. After
 * blk_server_publish() it is the server's.
 */
struct blk_export;
int blk_export_open(const struct blk_export_conf *conf, struct blk_export **exp, char *err,
		    size_t err_size);
int blk_server_match(const struct blk_server *srv, struct blk_export *exp, char *err,
		     size_t err_size);
/* @return 0, also where there are no locks (logged); -EBUSY. */
int blk_export_lock(struct blk_export *exp, const struct blk_export_conf *conf, char *err,
		    size_t err_size);
int blk_server_publish(struct blk_server *srv, struct blk_export *exp, char *err, size_t err_size);
/*
 * No worker may know it any more. What the helper hangs in is left to the process. Tolerates NULL.
 */
void blk_export_close(struct blk_export *exp);

/*
 * Serve this export no more. From now on it is gone for clients: requests for it answer ENOENT, and
 * their sessions go on. What is in work ends; then the helper closes the image, which may still be
 * locked until blk_server_removing() says 0. Control thread.
 * @return 0; -ENOENT no export has that name; -ENOMEM.
 */
int blk_server_remove(struct blk_server *srv, const char *name);
/* Exports that are being removed. Control thread. */
unsigned int blk_server_removing(const struct blk_server *srv);

/*
 * Change who may use an export. Sessions of those who are allowed now see it; who may use no export
 * any more loses the session. Control thread.
 * @return 0; -ENOENT no export has that name.
 */
int blk_server_allow(struct blk_server *srv, const char *name, const struct base_allow *allow);

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
	BLK_OP_METRICS(BLK_OP_FIELD)
	uint64_t inflight; /* requests taken and not answered */
	/* From the round that took a request until its answer was published. */
	struct base_hist_summary latency;
};
/* Places of exports: 0 .. that - 1. Some may be empty. */
unsigned int blk_server_exports(const struct blk_server *srv);
struct blk_export_state {
	char name[BLK_NAME_MAX];
	const char *backing; /* "file", "file in memory", ... */
	uint64_t size;
	uint32_t flags; /* BLK_INFO_* */
};
/* The export in place i. Control thread. @return 0; -ENOENT: there is none. */
int blk_server_export_state(const struct blk_server *srv, unsigned int i,
			    struct blk_export_state *state);
int blk_server_export_stats(const struct blk_server *srv, unsigned int i, const char **name,
			    struct blk_export_stats *stats);

#endif
