/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer's disks as files of one FUSE mount: the program dpdk-ismblk, and a library for dpdk-ismd.
 *
 * Two processes (DESIGN D24, lib/run/run_holder.h): one holds the mount, the other does all else,
 * and may die and be replaced. The other one is a child of the holder, or a runtime: that serves
 * mounts of several holders, a struct ismblk each.
 *
 *	main.c        life cycle: options, device, peers, mount, loop, the way out
 *	options.c     the command line after "--"
 *	mountpoint.c  may we mount there? asked before anything is touched
 *	mount.c       the mount: made, found again, ended
 *	record.c      what the next process has to know
 *	handover.c    the kernel's INIT, and requests that an earlier process has left
 *	peers.c       sessions with the servers, control rounds
 *	share.c       one client for all mounts of a process that show the same peer
 *	list.c        --list
 *	device.c      /dev/fuse: polled without blocking; buffers and request contexts
 *	tree.c        names, directories
 *	attr.c        attributes: sizes and times
 *	truncate.c    O_TRUNC
 *	cache.c       what the kernel keeps of a disk's content
 *	file.c        open, fsync, fallocate, lseek, copy_file_range
 *	borrow.c      the same program as the holder of a mount that a runtime serves
 *	killed.c      requests of killed processes are given up
 *	hold.c        OPEN waits for the READs before it
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
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "base_bucket.h"
#include "base_counter.h"
#include "base_helper.h"
#include "base_text.h"
#include "blk_client.h"
#include "link.h"
#include "mount_metrics.h"
#include "run_borrow.h"
#include "run_holder.h"

#define PEERS_MAX 16
#define EXPORT_NAMES_MAX 256
#define REQUEST_MAX (1024 * 1024) /* bytes of payload of one FUSE request */
#define REQUEST_HEAD 80 /* bytes in front of a WRITE's payload: fuse_in_header, fuse_write_in */
#define BURST 32 /* requests taken from /dev/fuse in one round */
#define CONTEXTS 1024 /* requests in flight of one worker */
#define ATTR_SECONDS 1.0 /* how long the kernel trusts names, and attributes of folders */
#define DISK_ATTR_SECONDS 0.0 /* and of disks: others change them; so it asks each time */

/* --- options.c --- */

#define KEEPALIVE_MS 1000 /* what the options are without a word */
#define HOT_US 200
#define IDLE_MAX_US 40000

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
	bool read_only, list, json, allow_other, digest, quiet, no_restart;
	struct run_borrow borrow;
	enum cache_mode cache;
	uint64_t queues, depth, slot_size;
	uint64_t connect_timeout_ms, fast_io_fail_ms, io_timeout_ms, keepalive_ms;
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

/* --- mount.c --- */

struct ismblk;

/* Which mount. */
struct mount_id {
	unsigned int major, minor; /* device number of the file system */
	uint64_t mnt; /* number of the mount, as in /proc/self/mountinfo; 0: not known */
};

/* A mount that was made. */
struct mounted {
	char dir[PATH_MAX];
	struct mount_id id;
	uint32_t known; /* id is */
};

/*
 * Mount on where->dir; fills the rest of it.
 * @return /dev/fuse; -1, the line is printed.
 */
int mount_make(const struct options *opt, uint32_t request_max, struct mounted *where);
/* Unmounted, or aborted? Asks no file system. */
bool mount_is_over(int fuse_fd);
/*
 * The holder's: close the descriptors (/dev/fuse first), which ends the connection, and
 * unmount what mount_make() mounted, wherever it is now. What somebody else has mounted at that
 * path, or on our mount, stays; a line says so. Tolerates a mount that somebody else has undone.
 * @param where  NULL: not known.
 * @param stuck  another process has /dev/fuse open and cannot die: end the connection all the same.
 */
void mount_end(const struct mounted *where, const int *fds, unsigned int count, bool stuck);

/* --- cache.c --- */

struct peer;

/* The pages of one disk. Control's; what has been done is in the record, which workers read. */
struct cache {
	bool under_way; /* the kernel is being told */
	uint64_t asked; /* the disk's losses when that began */
};

/* Control thread: one round. @return work done. */
unsigned int cache_poll(struct ismblk *app, uint64_t now_ns);
/* May the kernel still have pages from before the disk's newest loss? Any thread. */
bool cache_stale(const struct peer *p, const struct blk_disk *disk, fuse_ino_t ino);
/* The loop has ended: let the holder come out of the kernel, for a bounded time. */
void cache_settle(struct ismblk *app);

/* --- peers.c --- */

/*
 * What the mount remembers of the times of a file or folder, in ns since 1970; 0: nothing. Any
 * worker writes; each word stands for itself, but for mtime, which holds as long as the image's is
 * `base`.
 */
struct times {
	_Atomic int64_t atime, mtime; /* set by hand */
	_Atomic int64_t base;
	_Atomic int64_t ctime; /* when they were set */
	_Atomic int64_t written; /* our last write, if the peer does not tell */
};

/* --- record.c: what outlives the process (DESIGN D24) --- */

#define INIT_MAX 512 /* bytes of an INIT that are kept; Linux 6.18 sends 104 */
#define FILES_MAX (1u << 18) /* open files of a mount; memory is taken for those only that are */

enum file_state {
	FILE_FREE,
	FILE_OPENING, /* the kernel may not have the answer yet */
	FILE_OPEN,
};

/* An open file. All but its losses are written by open and release alone. */
struct kept_file {
	_Atomic uint32_t state;
	uint32_t serial; /* of those that had this place */
	uint64_t ino;
	uint64_t unique; /* of the OPEN, without the kernel's mark of one that is sent again */
	uint32_t direct, dsync;
	_Atomic uint64_t losses; /* of the disk, as this open file knows them */
	/*
	 * 0; or 1 + what losses was, while an fsync that is to say EIO has not been answered: if
	 * the process dies then, the next one has to say it.
	 */
	_Atomic uint64_t owed;
};

/* Shared with the holder, who reads which mount it is; of one build alone. */
struct record {
	char magic[8];
	uint32_t version, pad;
	uint64_t size; /* of this struct */
	/* Which mount, and what the kernel was told of it. */
	struct mounted where;
	uint32_t read_only, allow_other, cache_none;
	uint32_t request_max;
	uint32_t init_len;
	uint8_t init[INIT_MAX]; /* the kernel's INIT, as it came */
	int64_t start_s, start_ns; /* times of folders */
	struct times root_times;
	struct link_epoch epoch; /* as servers know us */
	uint32_t peer_count;
	uint32_t files_used; /* places of files that were ever taken; grows only */
	struct record_peer {
		uint64_t gid;
		uint64_t home; /* of a runtime's blk_kept, which has the places; 0: it is below */
		/* By place of the disk. */
		struct times folder_times, times[BLK_EXPORTS_MAX];
		/* Losses of the disk before which no page in the kernel's cache was read. */
		_Atomic uint64_t forgotten[BLK_EXPORTS_MAX];
		struct blk_kept kept;
	} peers[PEERS_MAX];
	struct kept_file files[FILES_MAX];
};

/* Make one. @return RUN_EXIT_OK or RUN_EXIT_FAIL; the line is printed. */
int record_make(struct ismblk *app);
/*
 * Go on with that of an earlier process: mount, start and request_max are taken from it.
 * @return RUN_EXIT_OK or RUN_EXIT_FAIL; the line is printed.
 */
int record_take(struct ismblk *app, int fd);
/*
 * The same two for a holder that is somebody else's program: it can read the record, and nobody but
 * us can write it. record_copy() takes nothing from the one it is given but a copy, which it
 * checks; the holder needs the new one.
 */
int record_make_sealed(struct ismblk *app);
int record_copy(struct ismblk *app, int fd);
/* From now on what is written to it stays here: the next one shall find it as it is. */
void record_leave(struct ismblk *app);
/* Tolerates one that is not there. */
void record_close(struct ismblk *app);
/* For the holder: read-only. @return NULL: it is none of ours. Never unmapped. */
const struct record *record_look(int fd);

/* --- handover.c --- */

/*
 * Between session_open() and the loop: answer the kernel's INIT, with what libfuse says to it.
 * @return RUN_EXIT_OK or RUN_EXIT_FAIL; the line is printed.
 */
int handover_first(struct ismblk *app);
/* The same with an INIT that was answered long ago: libfuse alone has to hear of it. */
int handover_next(struct ismblk *app);
/*
 * Let the kernel send again what an earlier process has taken and not answered.
 * @return RUN_EXIT_OK, also when the mount is gone; RUN_EXIT_FAIL, the line is printed.
 */
int handover_resend(struct ismblk *app);

/* Clients of one process, by peer (share.c). All zero at first, but for link. */
struct shares {
	SLIST_HEAD(, share) all;
};

struct peer {
	SLIST_ENTRY(peer) sharing; /* of those with the same share */
	struct share *share;
	struct ismblk *app;
	uint64_t gid;
	char name[BASE_GID_STRLEN];
	unsigned int index;
	struct blk_client *client;
	struct record_peer *kept; /* NULL with --list */
	uint64_t home; /* as the record's */
	struct cache cache[BLK_EXPORTS_MAX];
	struct reads *reads; /* BLK_EXPORTS_MAX, by the disk's place */
};

/* A disk of it has changed (blk_client_conf.on_change). */
void peer_changed(struct peer *p, struct blk_disk *disk);
/*
 * A client to that peer for p: the one that is there, or a new one.
 * @param differs  on -EEXIST, the option in which the client that is there differs from conf.
 * @return 0; -EEXIST; as blk_client_create(). Control thread, as share_drop().
 */
int share_take(struct shares *shares, struct peer *p, const struct blk_client_conf *conf,
	       const char **differs);
/* No io of p is under way. @return whether the client is gone: p was the last one. */
bool share_drop(struct shares *shares, struct peer *p);

/* Open clients to all peers and wait until each is there. @return enum run_exit. */
int peers_connect(struct ismblk *app);
/* The same without waiting. */
int peers_open(struct ismblk *app);
/*
 * Is each of them there? @return -1: not yet; enum run_exit: yes, or no use to wait (the line is
 * said).
 */
int peers_there(struct ismblk *app, uint64_t deadline_ns);
/* Is every --export there? @return RUN_EXIT_OK or RUN_EXIT_EXPORT. */
int peers_check_exports(struct ismblk *app);
/* One round of control. @return work done. */
unsigned int peers_control(struct ismblk *app, uint64_t now_ns);
/* One round of a worker's queues. @return work done. */
unsigned int peers_poll_queues(struct ismblk *app, unsigned int queue, uint64_t now_ns);
/* Let ios end, for a bounded time; what is left ends with EIO. No worker may run. */
void peers_drain(struct ismblk *app);
/* End all ios with EIO. No worker may run. */
void peers_fail(struct ismblk *app);
void peers_close(struct ismblk *app);
/* Does --export choose this disk? */
bool peers_selected(const struct ismblk *app, const struct blk_disk *disk);

/* --- list.c --- */
/* The exports to that stream. @return whether that could be done; the stream is not flushed. */
bool list_write(const struct ismblk *app, FILE *stream);
/* The same to stdout. @return enum run_exit. */
int list_print(const struct ismblk *app);

/* --- borrow.c --- */
/*
 * Have a runtime do what the options say: hold the mount that it serves, or print its list.
 * @param client  connected; is closed here.
 * @return what to exit with; lines are printed.
 */
int borrow(const struct options *opt, struct run_client *client);

/* --- device.c --- */

/* A buffer that a request is read into; a WRITE keeps it until its payload is no longer needed. */
struct buffer {
	struct buffer *next;
	uint8_t *mem; /* REQUEST_HEAD + REQUEST_MAX bytes; payload begins on a page */
	uint32_t warm; /* bytes of it that have pages */
};

struct file; /* one open file */
struct worker;

/* Times to be set, in ns since 1970; 0: left as it is. */
struct attr_change {
	int64_t atime, mtime;
};

/* READs into the page cache of a disk that are not answered; see hold.c. Any worker. */
struct reads {
	atomic_uint turn;
	atomic_uint open[2];
};

/* One FUSE request that waits for an io; or an OPEN that is held. */
struct context {
	struct blk_io io;
	TAILQ_ENTRY(context) entry; /* of the worker's free or active ones */
	struct worker *worker;
	struct peer *peer;
	struct file *file;
	fuse_req_t req;
	struct buffer *buffer; /* WRITE: holds the payload; else NULL */
	fuse_ino_t ino; /* getattr, setattr, fsync */
	struct attr_change change; /* setattr */
	int err; /* fsync */
	bool owes; /* fsync: that of the file's `owed` */
	uint64_t size; /* lseek, O_TRUNC: of the disk */
	uint64_t serial; /* another one for each request */
	uint64_t since_ns; /* taken from /dev/fuse */
	struct reads *reads; /* READ: where it is counted, in place turn % 2; else NULL */
	unsigned int turn; /* of an OPEN: in which it came */
	bool held; /* an OPEN */
	bool cached; /* READ: its pages are locked until it is answered */
	/* lseek */
	unsigned int rounds;
	bool hole;
};
TAILQ_HEAD(context_list, context);

struct worker_stats {
	MOUNT_WORKER_METRICS(BASE_METRIC_LIVE)
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
	bool polled; /* device_poll() is called */
	/* While it reads /dev/fuse: since when; 0. Release: the thread that does. */
	_Atomic uint64_t reading_ns;
	pthread_t thread;
	bool draining; /* no more requests are taken */
	unsigned int skipped; /* rounds since /dev/fuse was last looked at */
	struct base_bucket lines; /* of what users do to disks */
	uint64_t now_ns; /* of this round */
	uint64_t serial; /* of the newest context */
	unsigned int held; /* opens */
	struct killed *killed;
	struct worker_stats stats;
};

/* Of its own worker. */
#define STAT_ADD(w, field, n) base_count(&(w)->stats.field, (n))

/* Memory for requests and open files. @return enum run_exit. */
int device_init(struct ismblk *app);
/*
 * Serve the mount app->fuse_fd, a new one or (app->taken) that of an earlier process: from here on
 * workers poll it. @return enum run_exit.
 */
int device_start(struct ismblk *app);
/*
 * Take no more requests, and let those that were taken end: what is left after that time ends with
 * EIO. Then no worker polls the mount. Does nothing when they do not. Any thread that is no worker.
 */
void device_stop(struct ismblk *app, unsigned int ms);
/*
 * Interrupt reads of a guarded mount that do not return; SIGURG has a handler. While there are
 * workers, any thread.
 */
void device_guard(struct ismblk *app, uint64_t now_ns);
/* readv() of /dev/fuse by the caller, for w. @return as readv(). */
ssize_t device_read(struct worker *w, const struct iovec *iov, int count);
/* End libfuse's session; the mount is the holder's. Tolerates what is not there. */
void device_close(struct ismblk *app);
/* A buffer to read a request into, `current`. */
void device_take_buffer(struct worker *w);
/* run_poll_fn of a worker. */
unsigned int device_poll(void *arg, uint64_t now_ns);
/* The worker that runs the current operation. */
struct worker *worker_self(void);
/* @return a context for an io of this disk; never NULL inside an operation. */
struct context *context_for(struct worker *w, fuse_req_t req, struct peer *peer,
			    struct blk_disk *disk);
/* The same for an open file. */
struct context *context_get(struct worker *w, fuse_req_t req, struct file *file);
/* The request was answered. */
void context_put(struct context *c);
/* Answer with an error (positive errno) now, whatever the request waits for. */
void context_give_up(struct context *c, int err);
/* Give the io to the worker's queue of the disk's peer; answers the request if that fails. */
void context_submit(struct context *c);

/* --- killed.c --- */

/* Each round. */
void killed_step(struct worker *w);
/* @return 0; -ENOMEM. */
int killed_init(struct worker *w);
/* Tolerates one that was not initialised. */
void killed_free(struct worker *w);

/* --- hold.c --- */

/* The READ of this context is counted: reads_end() is owed. */
void reads_begin(struct context *c);
void reads_end(struct context *c);
/* Answer the OPEN with file_opened(), now or in a later hold_step(). */
void hold_open(struct worker *w, fuse_req_t req, struct file *f);
/* Each round. @return opens answered. */
unsigned int hold_step(struct worker *w);

/* --- tree.c --- */

void tree_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
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
/*
 * The peer whose disks are in this folder, or NULL (the root of several peers, or no folder).
 */
struct peer *tree_folder(struct ismblk *app, fuse_ino_t ino);
bool tree_is_folder(struct ismblk *app, fuse_ino_t ino);
/* The number of a disk's file. */
fuse_ino_t tree_ino(const struct peer *peer, const struct blk_disk *disk);
bool tree_read_only(const struct ismblk *app, const struct blk_disk *disk);

/* --- attr.c --- */

void attr_get(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void attr_set(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
	      struct fuse_file_info *fi);
/*
 * The newest attributes that are known here of a folder or disk.
 * @return seconds for which the kernel may trust them.
 */
double attr_fill(struct ismblk *app, struct stat *st, fuse_ino_t ino);
/* What is remembered of a disk's file. */
struct times *attr_times(struct ismblk *app, fuse_ino_t ino);
/* A write has ended, well or not. Before its answer. */
void attr_written(const struct blk_disk *disk, struct times *times);

/* --- truncate.c --- */

/* Make a disk read as zeros, all of it; answers a SETATTR. */
void truncate_disk(fuse_req_t req, fuse_ino_t ino, struct peer *peer, struct blk_disk *disk);

/* --- file.c --- */

/* An open file: what this process knows of it besides what is kept. */
struct file {
	struct kept_file *kept;
	SLIST_ENTRY(file) entry; /* of those that are free */
	struct blk_disk *disk;
	struct peer *peer;
	struct times *times;
	bool dsync; /* opened with O_SYNC or O_DSYNC */
	struct reads *reads; /* of the disk */
	bool direct; /* past the kernel's page cache */
};

/* The table of open files, with those of an earlier process. @return 0; -ENOMEM. */
int file_init(struct ismblk *app);
/* Tolerates one that is not there. */
void file_fini(struct ismblk *app);
/* @return NULL: there is no such file, and the request has got its answer (EBADF). */
struct file *file_of(fuse_req_t req, const struct fuse_file_info *fi);

void file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
/* The end of an open that hold_open() was given: the answer, or it has failed. */
void file_opened(fuse_req_t req, struct file *f);
void file_free(struct file *f);
void file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void file_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void file_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		    struct fuse_file_info *fi);
void file_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
/* copy_file_range(2), on the server. */
void file_copy(fuse_req_t req, fuse_ino_t ino_in, off_t off_in, struct fuse_file_info *fi_in,
	       fuse_ino_t ino_out, off_t off_out, struct fuse_file_info *fi_out, size_t len,
	       int flags);
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
void telemetry_start(struct ismblk *app);
/* Tolerates one that was not started. */
void telemetry_stop(struct ismblk *app);

/* --- one mount --- */

struct ismblk {
	struct options opt;
	struct link *link;
	struct shares *shares;
	struct run_held held; /* the line to its holder */
	uid_t uid; /* whose the files are */
	gid_t gid;
	/* NULL: run_error(). A line for whoever has asked for the mount. */
	void (*say)(struct ismblk *app, const char *line);
	/* The mount has ended by itself. Any worker; must not wait. */
	void (*over)(struct ismblk *app);
	/*
	 * NULL: all is kept in the record. What is kept of that peer; *home is the one that it has
	 * to be, or 0 and gets it. @return NULL: there is none. Control thread, as drop_kept().
	 */
	struct blk_kept *(*find_kept)(struct ismblk *app, uint64_t gid, uint64_t *home);
	/* The last mount of that peer is gone. */
	void (*drop_kept)(struct ismblk *app, uint64_t gid);
	unsigned int init_ms; /* how long to wait for the kernel's INIT */
	/*
	 * Somebody else can make /dev/fuse block, which is for both of us: reads are watched
	 * (device_guard()), and after one that blocked there are no more.
	 */
	bool guarded;
	_Atomic bool blocked;
	SLIST_ENTRY(ismblk) shown; /* of those that telemetry shows */
	bool is_shown;
	struct peer peers[PEERS_MAX];
	unsigned int peer_count;
	unsigned int queues; /* of each client; workers 0..queues-1 serve the mount */
	struct worker *workers;
	struct files *files; /* that are open; NULL */
	struct fuse_session *session;
	int fuse_fd; /* -1 = none */
	int session_fd; /* the number that libfuse writes its answers to, and closes; -1 */
	struct record *record; /* NULL with --list */
	int record_fd;
	bool taken; /* the mount was made by an earlier process */
	uint32_t request_max; /* bytes of payload that a request may have, at most REQUEST_MAX */
	_Atomic bool announced; /* it is served: the kernel may be told things */
	_Atomic int status; /* enum run_exit to end with; any worker sets it */
	uint64_t control_ns; /* when control is due */
	uint64_t work_ns; /* when something happened last, while no worker runs */
	uint64_t cache_ns; /* when to look for lost writes next */
	unsigned int caches_asked; /* how many are under way */
	struct timespec start; /* times of folders */
};

/* A line for whoever wants the mount: what is wrong. */
void ismblk_error(struct ismblk *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
