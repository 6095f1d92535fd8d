/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-ismblk: a peer's disks as files of one FUSE mount.
 *
 *	main.c        life cycle: options, device, peers, mount, loop, the way out
 *	options.c     the command line after "--"
 *	mountpoint.c  may we mount there? asked before anything is touched
 *	peers.c       sessions with the servers, control rounds
 *	list.c        --list
 *	device.c      /dev/fuse: polled without blocking; buffers and request contexts
 *	tree.c        names, attributes, directories
 *	file.c        open, fsync, fallocate, lseek
 *	data.c        read and write
 *	telemetry.c   counters
 *
 * Threads: worker 0 (the main lcore) is the control thread as well. Each worker polls /dev/fuse and
 * owns queue `index` of every client; a request stays on the worker that took it.
 */
#ifndef ISMBLK_H
#define ISMBLK_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base_text.h"
#include "blk_client.h"
#include "link.h"

#define PEERS_MAX 16
#define EXPORT_NAMES_MAX 256
#define REQUEST_MAX (1024 * 1024) /* bytes of payload of one FUSE request */
#define REQUEST_HEAD 80 /* bytes in front of a WRITE's payload: fuse_in_header, fuse_write_in */
#define BURST 32 /* requests taken from /dev/fuse in one round */
#define CONTEXTS 1024 /* requests in flight of one worker */
#define ATTR_SECONDS 1.0 /* how long the kernel trusts names and attributes */

/* --- options.c --- */

enum cache_mode {
	CACHE_AUTO,
	CACHE_NONE
};

struct options {
	uint64_t peers[PEERS_MAX];
	unsigned int peer_count;
	const char *mount;
	const char *exports[EXPORT_NAMES_MAX]; /* none: all */
	unsigned int export_count;
	const char *device;
	bool read_only, list, json, allow_other, digest, quiet;
	enum cache_mode cache;
	uint64_t queues, depth, slot_size;
	uint64_t connect_timeout_ms, fast_io_fail_ms, keepalive_ms;
	uint64_t hot_us, idle_max_us;
};

/*
 * Parse the program's part of the command line.
 * @return -1 go on; else the exit code to leave with (help and version are printed, or the
 *         complaint).
 */
int options_parse(int argc, char **argv, struct options *opt);

/* --- mountpoint.c --- */

/*
 * @param real  gets the absolute path.
 * @return RUN_EXIT_OK or RUN_EXIT_MOUNT; the line is printed.
 */
int mountpoint_check(const char *dir, char real[PATH_MAX]);

/* --- peers.c --- */

struct ismblk;

struct peer {
	struct ismblk *app;
	uint64_t gid;
	char name[BASE_GID_STRLEN];
	unsigned int index;
	struct blk_client *client;
};

/* Open clients to all peers and wait until each is there. @return enum run_exit. */
int peers_connect(struct ismblk *app);
/* Is every --export there? @return RUN_EXIT_OK or RUN_EXIT_EXPORT. */
int peers_check_exports(const struct ismblk *app);
/* One round of control. @return work done. */
unsigned int peers_control(struct ismblk *app, uint64_t now_ns);
/* One round of a worker's queues. @return work done. */
unsigned int peers_poll_queues(struct ismblk *app, unsigned int queue, uint64_t now_ns);
/* Let ios end, for a bounded time; what is left ends with EIO. No worker may run. */
void peers_drain(struct ismblk *app);
void peers_close(struct ismblk *app);
/* Does --export choose this disk? */
bool peers_selected(const struct ismblk *app, const struct blk_disk *disk);

/* --- list.c --- */
int list_print(const struct ismblk *app);

/* --- device.c --- */

/* A buffer that a request is read into; a WRITE keeps it until its payload is no longer needed. */
struct buffer {
	struct buffer *next;
	uint8_t *mem; /* REQUEST_HEAD + REQUEST_MAX bytes; payload begins on a page */
};

struct file; /* one open file */
struct worker;

/* One FUSE request that waits for an io. */
struct context {
	struct blk_io io;
	TAILQ_ENTRY(context) entry; /* of the worker's free or active ones */
	struct worker *worker;
	struct peer *peer;
	struct file *file;
	fuse_req_t req;
	struct buffer *buffer; /* WRITE: holds the payload; else NULL */
	/* lseek */
	uint64_t size;
	unsigned int rounds;
	bool hole;
};
TAILQ_HEAD(context_list, context);

/* Written by the worker, read by telemetry: relaxed. */
struct worker_stats {
	_Atomic uint64_t requests; /* taken from /dev/fuse */
	_Atomic uint64_t empty; /* reads of /dev/fuse that found none */
	_Atomic uint64_t stalls; /* how often it was left alone for want of a buffer or context */
	_Atomic uint64_t payload_in, payload_out; /* bytes of WRITE and READ requests */
	_Atomic uint64_t placed; /* payloads that the kernel put into the peer's slots */
	_Atomic uint64_t copies; /* payloads that had to be copied */
	_Atomic uint64_t interrupted; /* requests given up because their process was killed */
};

struct worker {
	struct ismblk *app;
	unsigned int index;
	struct buffer *current; /* what the request being processed was read into */
	struct buffer *free_buffers;
	struct context_list free, active;
	struct buffer *buffers; /* all of them */
	struct context *contexts;
	void *memory;
	size_t memory_size;
	struct iovec iov[1 + BLK_IO_CHUNKS_MAX]; /* a request that may be a long WRITE goes here */
	bool long_writes; /* the last request was one: the next may be */
	bool placed; /* the request being processed is one, its payload in the peer's slots */
	bool answered; /* something was answered since /dev/fuse was last found empty */
	bool deaf; /* /dev/fuse is left alone until something is free again */
	unsigned int skipped; /* rounds since /dev/fuse was last looked at */
	uint64_t interrupt_ns; /* when to look for killed processes next */
	struct worker_stats stats;
};

#define STAT_ADD(w, field, n)                                                                      \
	atomic_fetch_add_explicit(&(w)->stats.field, (n), memory_order_relaxed)

/* Mount. @return enum run_exit. */
int device_mount(struct ismblk *app);
/* Tolerates what is not there, and a mount that somebody else has undone. */
void device_unmount(struct ismblk *app);
/* run_poll_fn of a worker. */
unsigned int device_poll(void *arg, uint64_t now_ns);
/* The worker that runs the current operation. */
struct worker *worker_self(void);
/* @return a context for an io of this disk's peer; never NULL inside an operation. */
struct context *context_get(struct worker *w, fuse_req_t req, struct file *file);
/* The request was answered. */
void context_put(struct context *c);
/* Give the io to the worker's queue of the disk's peer; answers the request if that fails. */
void context_submit(struct context *c);

/* --- tree.c --- */

void tree_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void tree_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void tree_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		  struct fuse_file_info *fi);
void tree_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		  struct fuse_file_info *fi);
void tree_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi);
void tree_statfs(fuse_req_t req, fuse_ino_t ino);
void tree_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void tree_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void tree_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void tree_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
		 const char *newname, unsigned int flags);
/* The disk behind a file's number, or NULL; *peer is its peer. */
struct blk_disk *tree_disk(struct ismblk *app, fuse_ino_t ino, struct peer **peer);
/* The number of a disk's file. */
fuse_ino_t tree_ino(const struct peer *peer, const struct blk_disk *disk);
bool tree_read_only(const struct ismblk *app, const struct blk_disk *disk);

/* --- file.c --- */

struct file {
	LIST_ENTRY(file) entry;
	struct blk_disk *disk;
	struct peer *peer;
	bool direct; /* past the kernel's page cache */
	_Atomic uint64_t losses; /* of the disk, as this open file knows them */
};

static inline struct file *
file_of(const struct fuse_file_info *fi)
{
	return (struct file *)(uintptr_t)fi->fh;
}

void file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void file_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void file_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		    struct fuse_file_info *fi);
void file_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
/* Files that the kernel did not close: the mount was torn away. */
void file_free_all(void);
/*
 * What a range operation does to `size` bytes of disk. @return 0 *len is clipped; or a positive
 * errno.
 */
int file_range(int mode, uint64_t size, uint64_t off, uint64_t *len, uint8_t *flags);

/* --- data.c --- */
void data_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void data_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		struct fuse_file_info *fi);

/* --- telemetry.c --- */
void telemetry_start(const struct ismblk *app);
void telemetry_stop(void);

/* --- the program --- */

struct ismblk {
	struct options opt;
	uint16_t dev_id;
	struct link *link;
	struct peer peers[PEERS_MAX];
	unsigned int peer_count;
	unsigned int queues; /* of each client; workers 0..queues-1 serve the mount */
	struct worker *workers;
	struct fuse_session *session;
	int fuse_fd;
	uint32_t request_max; /* bytes of payload that a request may have, at most REQUEST_MAX */
	bool announced; /* "ready" was said */
	_Atomic bool initialised; /* the kernel's INIT is answered; any worker sets it */
	_Atomic int status; /* enum run_exit to end with; any worker sets it */
	uint64_t control_ns; /* when control is due */
	struct timespec start; /* times of all files */
};

#endif
