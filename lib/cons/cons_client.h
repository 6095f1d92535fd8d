/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Client of the console service: one attachment to one console of one peer, over a session that
 * may come and go (DESIGN D11, D13; docs/SPEC-cons.md).
 *
 * What the console says is PULLED, in order: cons_client_next() shows the next item,
 * cons_client_consume() gives it back. Output lies in our DMB, where the peer stored it; only what
 * was consumed becomes credit again, so a reader that is slow makes the program slow.
 *
 * What is typed is copied into a buffer of CONS_INPUT_MAX bytes and stays there until the terminal
 * has taken it. After the loss of a session the console's own count says what to send again: each
 * byte reaches an instance once.
 *
 * All calls belong to the control thread, the one that calls link_poll().
 */
#ifndef CONS_CLIENT_H
#define CONS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cons.h"
#include "link.h"

struct cons_client;

#define CONS_INPUT_MAX (64 * 1024) /* bytes typed and not taken yet */

/* A terminal's size; rows 0: unknown. */
struct cons_size {
	uint16_t rows, cols, xpixel, ypixel;
};

struct cons_client_conf {
	struct link *link;
	uint64_t rgid;
	bool list; /* ask for the list, attach to nothing */
	const char *console; /* NULL: the only one; copied */
	const char
		*term; /* NULL: unknown; what SPEC-cons does not allow counts as unknown; copied */
	struct cons_size size;
	bool observe, take_over;
	uint32_t history; /* bytes of scrollback wanted */
	uint16_t credits; /* READs to keep open; 0: 16 */
	uint32_t slot_size; /* bytes one READ can bring; 0: 16 KiB */
};

/* What comes out of a client. */
enum cons_item_kind {
	CONS_ITEM_NONE, /* nothing now */
	CONS_ITEM_ATTACHED, /* for the first time */
	CONS_ITEM_DATA, /* `data`, `len`: output; valid until consumed or link_poll() */
	CONS_ITEM_CUT, /* `value` bytes of output exist no more */
	CONS_ITEM_LOST, /* no session: `why`, `text`; the client tries again for ever */
	CONS_ITEM_AGAIN, /* attached again, nothing is missing but what a CUT then tells */
	CONS_ITEM_RESTARTED, /* attached again to a new instance; `value` bytes typed are dropped */
	CONS_ITEM_DROPPED, /* attached again, but the server has forgotten us: as RESTARTED */
	CONS_ITEM_LISTED, /* cons_client_infos() has the consoles */
	/* The last item is one of these; after it there is none. */
	CONS_ITEM_REFUSED, /* `status`; EBUSY: `value` is the writer's GID; EIO: `text` why; with
			      ENOENT cons_client_infos() has what there is */
	CONS_ITEM_ENDED, /* `code` as in SPEC-cons, `text` */
	CONS_ITEM_TAKEN, /* `value`: GID of the new writer */
	CONS_ITEM_DETACHED, /* the server detached us: `text` */
	CONS_ITEM_LEFT, /* after cons_client_leave() */
};

struct cons_item {
	enum cons_item_kind kind;
	const uint8_t *data;
	uint32_t len;
	uint64_t value;
	uint32_t code;
	uint16_t status; /* enum cons_status */
	enum link_why why;
	char text[CONS_TEXT_MAX]; /* cleaned, may be empty */
};

/* A console of the list; texts are cleaned. */
struct cons_info {
	char name[CONS_NAME_MAX];
	char desc[CONS_TEXT_MAX];
	uint64_t instance; /* 0: nothing runs */
	uint64_t writer; /* GID, 0: none */
	uint64_t out_pos;
	uint32_t flags; /* CONS_INFO_* */
	uint32_t age, writer_age; /* s */
	uint16_t observers;
	uint16_t rows, cols;
	uint64_t observer[4]; /* GIDs, 0: none */
};

/*
 * Opens a session; work is done by cons_client_poll().
 * @return 0; -EINVAL, -ENOMEM; as link_open().
 */
int cons_client_create(const struct cons_client_conf *conf, struct cons_client **c);
/* Closes the session: the console lives on. Tolerates NULL. */
void cons_client_destroy(struct cons_client *c);
/* Completions, credits, input. Call each round after link_poll(). @return work done. */
unsigned int cons_client_poll(struct cons_client *c, uint64_t now_ns);

/* @return false: no item (kind NONE). The same item comes again until it is consumed. */
bool cons_client_next(struct cons_client *c, struct cons_item *item);
/* DATA: `bytes` of it were used, all or less; other items are gone, whatever bytes says. */
void cons_client_consume(struct cons_client *c, uint32_t bytes);

/* How many bytes cons_client_write() would take now. 0 too when we do not write or have ended. */
size_t cons_client_room(const struct cons_client *c);
/* @return how many of the bytes were taken; the others must be offered again. */
size_t cons_client_write(struct cons_client *c, const void *data, size_t len);
/* No input will follow; a later write takes it back. */
void cons_client_eof(struct cons_client *c);
void cons_client_break(struct cons_client *c);
/* The terminal's size now, said to the console though it be the same. rows 0 is ignored. */
void cons_client_resize(struct cons_client *c, const struct cons_size *size);
/* Detach in good order, after all input was sent: LEFT comes when it is done, or no session is. */
void cons_client_leave(struct cons_client *c);

/* The consoles told by LIST, in the server's order. Valid until destroyed. */
const struct cons_info *cons_client_infos(const struct cons_client *c, unsigned int *count);

enum cons_client_state {
	CONS_CLIENT_DOWN, /* no session (yet) */
	CONS_CLIENT_ASKING, /* LIST or ATTACH is under way */
	CONS_CLIENT_ATTACHED,
	CONS_CLIENT_LEAVING,
	CONS_CLIENT_OVER, /* its last item was made */
};

struct cons_client_info {
	enum cons_client_state state;
	char name[CONS_NAME_MAX]; /* of the console, as the server tells it */
	bool writer, device;
	uint64_t instance;
	uint64_t writer_gid; /* as of the newest attachment; 0: none */
	uint64_t out_pos; /* consumed so far */
	uint64_t in_pos; /* taken by the console so far */
	unsigned int unacknowledged; /* bytes typed and not taken */
	unsigned int credits; /* READs open */
};
void cons_client_info(const struct cons_client *c, struct cons_client_info *info);
void cons_client_session_info(const struct cons_client *c, struct link_session_info *info);
const char *cons_client_state_str(enum cons_client_state state);

#endif
