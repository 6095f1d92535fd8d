/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Client of the block service: disks of one peer, over one session that may
 * come and go (DESIGN D11).
 *
 * An io is given to a client queue and comes back exactly once through its `done`, on the same
 * thread. While the session is down, ios wait; when it comes back, whatever was not answered is
 * sent again (block operations are idempotent).
 *
 * Two limits end an io with -EIO before the peer does:
 *	fast_io_fail_ms  nobody serves it: there was no session for that long; or there is one, and
 *	                 for that long and the link's dead_ms the peer has answered nothing of this
 *	                 disk, or not this READ or WRITE, or the io was sent again and again.
 *	io_timeout_ms    that long after it was taken, whatever the peer does.
 * An io that was sent and ends before its answer (by a limit, or by blk_cq_cancel()) leaves an
 * orphan: its slots are not used again before the answer has come or the session has ended. While a
 * changing one (no READ or question) is left, the disk's changing ios wait: nothing that is
 * answered later is overtaken by it.
 *
 * Threads: blk_client_* belong to the control thread, blk_cq_* of one queue to one
 * data thread; blk_disk_* getters to any.
 */
#ifndef BLK_CLIENT_H
#define BLK_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "base_hist.h"
#include "blk.h"
#include "blk_client_metrics.h"
#include "blk_metrics.h"
#include "link.h"

struct blk_client;
struct blk_cq; /* one queue */
struct blk_disk; /* one export; lives as long as the client, whatever the session does */

#define BLK_IO_MAX (1024 * 1024) /* bytes of one READ or WRITE io */
#define BLK_IO_CHUNKS_MAX 256 /* requests that one io is split into at most */
#define BLK_ROOM_HEAD 4096 /* bytes of a payload that come before those in a room; one page */

/* Times of an image, in ns since 1970, below 2^62; 0: the peer does not tell. */
struct blk_times {
	uint64_t mtime, ctime;
};

struct blk_io {
	/* Filled by the caller, untouched by the client. */
	uint8_t op; /* BLK_READ ... BLK_IDENTIFY, BLK_COPY */
	uint8_t flags; /* BLK_FLAG_* */
	/* Ends with an error rather than wait for a session, or a second for an answer. */
	bool hasty;
	struct blk_disk *disk;
	uint64_t off;
	uint64_t len; /* READ, WRITE: up to BLK_IO_MAX; others any, split as needed */
	const void *data; /* WRITE: payload, must stay until done; read straight from here */
	struct blk_disk *from; /* COPY: whence, of the same client; no overlap */
	uint64_t from_off;
	/*
	 * NULL; or, for a WRITE whose payload from byte BLK_ROOM_HEAD on lies in the queue's room
	 * (blk_cq_room()): `data` again, `len` bytes that may be written. What has to be sent once
	 * more comes back there; then the client sets this to NULL.
	 */
	void *home;
	/*
	 * Ends the io. err: 0 or -errno. For a READ the payload is io->iov[0..io->iov_count),
	 * pointing into our DMB; for BLOCK_STATUS io->iov[0] holds struct blk_extent records as
	 * the peer sent them (copy before use; count and sum are NOT checked). Both are valid
	 * only until done returns.
	 */
	void (*done)(struct blk_io *io, int err);
	void *arg;
	/* Filled by the client for done(). */
	struct iovec *iov;
	unsigned int iov_count;
	struct blk_times times; /* IDENTIFY */
	/* Private to the client. */
	struct {
		TAILQ_ENTRY(blk_io) entry; /* of the queue's waiting or started ios */
		uint64_t queued_ns;
		uint64_t sent_ns; /* while started */
		uint64_t pos; /* bytes requested or, without payload, done so far */
		uint64_t flush_mark; /* FLUSH: answered writes that it covers */
		uint16_t chunks_left; /* unanswered */
		uint16_t first; /* slot of the first chunk; they are chained */
		int err;
		bool started, waited;
		bool replayed; /* was sent in a session before this one */
	} p;
};

/*
 * What a client knows that must outlive its process (DESIGN D24). Memory of the caller, all zero at
 * first, which may be shared with the process that holds it; the client writes it as it goes, so
 * that it is whole at any moment: what is written last makes the rest valid. A number that is read
 * alone is one word.
 */
struct blk_kept_disk {
	char name[BLK_NAME_MAX];
	char desc[BLK_DESC_MAX];
	uint8_t id[16]; /* of the image */
	uint64_t size;
	uint32_t flags, block_min, block_pref, block_max;
	uint32_t present;
	uint32_t pad;
	_Atomic uint64_t mtime, ctime; /* also by data threads */
	/* Counted by control and data threads; the highest count that a file was told of. */
	_Atomic uint64_t losses, losses_told;
	/*
	 * Answered writes that a volatile cache may hold: writes_done > flushed. Data threads
	 * add to writes_done (release) after the answer and raise flushed after a FLUSH's
	 * answer to what writes_done was (acquire) when it was sent.
	 */
	_Atomic uint64_t writes_done, flushed;
};

struct blk_kept {
	struct link_epoch epoch; /* of the peer's last session, if seen_epoch */
	uint32_t seen_epoch;
	_Atomic uint32_t count; /* of disks; grows only */
	struct blk_kept_disk disks[BLK_EXPORTS_MAX];
};

/* May a client start with it? Looks at nothing outside. @return false: no client has written it. */
bool blk_kept_is_sane(const struct blk_kept *kept);

struct blk_client_conf {
	struct link *link;
	uint64_t rgid;
	uint16_t queues, depth; /* 0: 1, 64 */
	uint32_t slot_size; /* 0: 64 KiB */
	bool digest; /* ask for CRC32C of payloads */
	uint32_t fast_io_fail_ms; /* 0 = never: wait for ever, as a disk should */
	uint32_t io_timeout_ms; /* 0 = never */
	/*
	 * Session up and exports known / gone / an export changed size, flags or image, came or
	 * vanished. Control thread.
	 */
	void (*on_up)(void *arg, struct blk_client *c);
	void (*on_down)(void *arg, struct blk_client *c, enum link_why why, const char *reason);
	void (*on_change)(void *arg, struct blk_client *c, struct blk_disk *disk);
	void *arg;
	/*
	 * NULL; or what a client before this one has left, in the same order of disks: they are
	 * there from the start, and losses are told across. Stays until blk_client_destroy().
	 */
	struct blk_kept *kept;
};

/*
 * `depth` is raised so that one READ of BLK_IO_MAX bytes fits into its slots.
 * @return 0; -EINVAL, -ENOMEM; as link_open().
 */
int blk_client_create(const struct blk_client_conf *conf, struct blk_client **c);
/* Every io must have ended. Closes the session. */
void blk_client_destroy(struct blk_client *c);
/*
 * Control work of the client that link_poll() does not do (LIST after up, re-IDENTIFY on
 * notice: done through queue 0's thread safely; fast-io-fail clock). Call beside link_poll().
 * @return work done.
 */
unsigned int blk_client_poll(struct blk_client *c, uint64_t now_ns);

bool blk_client_up(const struct blk_client *c);
/* Bytes that one READ or WRITE io may have in the newest session: BLK_IO_MAX, or less when the peer
 * granted fewer or smaller slots. 0 until first up. Longer ios end with -EIO. Any thread. */
uint32_t blk_client_io_max(const struct blk_client *c);
void blk_client_session_info(const struct blk_client *c, struct link_session_info *info);
unsigned int blk_client_disks(const struct blk_client *c); /* 0 until first up */
struct blk_disk *blk_client_disk(const struct blk_client *c, unsigned int i);
struct blk_disk *blk_client_disk_by_name(const struct blk_client *c, const char *name);

const char *blk_disk_name(const struct blk_disk *d); /* cleaned: also no '/', not "." or ".." */
const char *blk_disk_desc(const struct blk_disk *d);
uint64_t blk_disk_size(const struct blk_disk *d);
uint32_t blk_disk_flags(const struct blk_disk *d); /* BLK_INFO_* */
void blk_disk_block_sizes(const struct blk_disk *d, uint32_t *min, uint32_t *pref, uint32_t *max);
/* As the newest record told. */
void blk_disk_times(const struct blk_disk *d, struct blk_times *times);
bool blk_disk_present(
	const struct blk_disk *d); /* false: the peer no longer has it; ios fail with -EIO */
/*
 * Counts losses of completed-but-unflushed writes: the peer came back with another boot epoch,
 * the image behind the name is another one, or the peer's storage failed a FLUSH (which it tells
 * once, whoever asks).
 */
uint64_t blk_disk_losses(const struct blk_disk *d);
/*
 * What an open file remembers from its start on: the losses that somebody has been told of. One
 * that nobody knows of yet (its writer may have closed the file) is told to those that come later.
 */
uint64_t blk_disk_losses_known(const struct blk_disk *d);
/*
 * A file that remembers *known asks: is there a loss that it must be told of, by -EIO from its
 * fsync? From then on both know. Any thread.
 */
bool blk_disk_losses_tell(struct blk_disk *d, _Atomic uint64_t *known);

struct blk_cq *blk_client_queue(struct blk_client *c, unsigned int i);
/*
 * Takes the io. @return 0; -EINVAL (op, length above BLK_IO_MAX, range outside the disk for
 * READ/WRITE). The descriptor goes out at the next blk_cq_poll() or blk_cq_flush().
 */
int blk_cq_submit(struct blk_cq *cq, struct blk_io *io);
/*
 * Room for the payload of one WRITE in the peer's own slots, so that who has the payload (a
 * readv(2) of /dev/fuse) puts it there itself and no store has to copy it. Direct windows only,
 * and not with digests. The first BLK_ROOM_HEAD bytes of the payload have no place in it: what
 * is not known to be a long WRITE before it is there stays with the caller.  The room is for
 * the next blk_cq_submit() of an io with `home`, or blk_cq_room_drop(); before either there
 * must be no blk_cq_poll().
 * @param len  bytes of the longest payload that may come, BLK_ROOM_HEAD included.
 * @param iov  gets the places of the bytes from BLK_ROOM_HEAD on, BLK_IO_CHUNKS_MAX at most.
 * @return how many places; 0: none now, read into memory of your own.
 */
unsigned int blk_cq_room(struct blk_cq *cq, uint32_t len, struct iovec *iov);
/* Nothing is in it, or nothing that is wanted. Does nothing when there is no room. */
void blk_cq_room_drop(struct blk_cq *cq);
/* Publish what was submitted; one store for all of it. */
void blk_cq_flush(struct blk_cq *cq);
/* Completions, replay, sending what waited. Call every round. @return work done. */
unsigned int blk_cq_poll(struct blk_cq *cq, uint64_t now_ns);
/*
 * false: the peer granted fewer queues than asked for, and this is one of the others; ios end
 * with -EIO. true while the session is down. Any thread.
 */
bool blk_cq_usable(const struct blk_cq *cq);
/* ios taken and not ended. */
unsigned int blk_cq_inflight(const struct blk_cq *cq);
/*
 * End an io with `err` (negative) now: done() is called inside. One that was sent leaves an orphan.
 */
void blk_cq_cancel(struct blk_cq *cq, struct blk_io *io, int err);
/* End every io with `err`: the program is leaving. Detaches nothing. */
void blk_cq_abort(struct blk_cq *cq, int err);

/*
 * Walk the extents that BLOCK_STATUS of *pos has brought, as they lie in the DMB (each is
 * copied, then checked), looking for the first hole (reads as zeros) or for the first that is
 * none.
 * @param end  size of the disk: extents count no further.
 * @return 1 *pos is the place; 0 it is not in here, *pos is where to ask next (or end); -EPROTO
 *         nonsense.
 */
int blk_extents_seek(const void *payload, size_t len, bool hole, uint64_t *pos, uint64_t end);

struct blk_cq_stats {
	BLK_OP_METRICS(BLK_OP_FIELD)
	BLK_CQ_METRICS(BASE_METRIC_FIELD)
	uint64_t lat_ns_sum[BLK_OP_COUNT];
};
/* Any thread. */
void blk_cq_stats(const struct blk_cq *cq, struct blk_cq_stats *stats);
/* Latencies of all ios of the queue that succeeded are added to *sum. Any thread. */
void blk_cq_latency(const struct blk_cq *cq, struct base_hist *sum);
/*
 * The same of one disk over all queues.
 * @return how many of its ios are under way.
 */
uint64_t blk_disk_latency(const struct blk_client *c, const struct blk_disk *d,
			  struct base_hist *sum);

#endif
