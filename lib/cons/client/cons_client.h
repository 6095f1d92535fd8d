/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Client of the console service: a session to one peer, which may come and go, and the terminals
 * that are attached to consoles of that peer in it (DESIGN D11, D13; docs/SPEC-cons.md).
 *
 *	client     one session. There is one for a link and a peer.
 *	terminal   one attachment to one console. A client has `terminals` of them at most, to
 *	           several consoles or to the same one. Each has its own part of the session's
 *	           slots: one that is never read, or whose console takes no input, holds up no
 *	           other.
 *
 * What a console says is PULLED, in order: cons_terminal_next() shows the next item,
 * cons_terminal_consume() gives it back. Output lies in our DMB, where the peer stored it; only
 * what was consumed becomes credit again, so a reader that is slow makes the program slow.
 *
 * What is typed is copied into a buffer of CONS_INPUT_MAX bytes and stays there until the terminal
 * has taken it. After the loss of a session the console's own count says what to send again: each
 * byte reaches an instance once.
 *
 * A peer of version 1 has room for one terminal: any more are refused (CONS_ITEM_REFUSED, ENOMEM).
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
struct cons_terminal;

#define CONS_INPUT_MAX (64 * 1024) /* bytes typed and not taken yet */

/* A terminal's size; rows 0: unknown. */
struct cons_size {
	uint16_t rows, cols, xpixel, ypixel;
};

struct cons_client_conf {
	struct link *link;
	uint64_t rgid;
	/*
	 * At once, at most CONS_UNITS_MAX; 0: 1. The session has 2 * credits slots for each of
	 * them, but LINK_DEPTH_MAX in all at most: with many terminals each has fewer credits, 4
	 * with CONS_UNITS_MAX of them. A server that grants fewer than 8 slots for each serves only
	 * as many terminals as that is enough for; the others are refused (ENOMEM).
	 */
	uint16_t terminals;
	uint16_t credits; /* READs that each terminal keeps open at most, up to 128; 0: 16 */
	uint32_t slot_size; /* bytes one READ can bring, and of each slot; 0: 16 KiB */
};

struct cons_terminal_conf {
	bool list; /* ask for the list, attach to nothing */
	const char *console; /* NULL: the only one; copied */
	const char
		*term; /* NULL: unknown; what SPEC-cons does not allow counts as unknown; copied */
	struct cons_size size;
	bool observe, take_over;
	uint32_t history; /* bytes of scrollback wanted */
	/*
	 * There is an item, or room for input, that was not there before. Called at the end of
	 * cons_client_poll(), once for all that has come. It may call everything but
	 * cons_client_poll() and cons_client_destroy(). NULL: look at each round.
	 */
	void (*wake)(void *arg, struct cons_terminal *t);
	void *arg;
};

/* What comes out of a terminal. */
enum cons_item_kind {
	CONS_ITEM_NONE, /* nothing now */
	CONS_ITEM_ATTACHED, /* for the first time */
	CONS_ITEM_DATA, /* `data`, `len`: output; valid until consumed or link_poll() */
	CONS_ITEM_CUT, /* `value` bytes of output exist no more */
	CONS_ITEM_LOST, /* no session: `why`, `text`; it is tried again for ever */
	CONS_ITEM_AGAIN, /* attached again, nothing is missing but what a CUT then tells */
	CONS_ITEM_RESTARTED, /* attached again to a new instance; `value` bytes typed are dropped */
	CONS_ITEM_DROPPED, /* attached again, but the server has forgotten us: as RESTARTED */
	CONS_ITEM_LISTED, /* cons_terminal_infos() has the consoles */
	/* The last item is one of these; after it there is none. */
	CONS_ITEM_REFUSED, /* `status`; EBUSY: `value` is the writer's GID, with CONS_ATTACHED_OWNED
			      in `code` take-over is of no use; EIO: `text` why; with
			      ENOENT cons_terminal_infos() has what there is */
	CONS_ITEM_ENDED, /* `code` as in SPEC-cons, `text` */
	CONS_ITEM_TAKEN, /* `value`: GID of the new writer */
	CONS_ITEM_DETACHED, /* the server detached us: `text` */
	CONS_ITEM_LEFT, /* after cons_terminal_leave() */
};

struct cons_item {
	enum cons_item_kind kind;
	const uint8_t *data;
	uint32_t len;
	uint32_t history; /* DATA: so many bytes at its begin were said before we attached */
	bool border; /* DATA: what comes behind those is live */
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
 * Opens a session, which attaches to nothing yet; work is done by cons_client_poll().
 * @return 0; -EINVAL, -ENOMEM; as link_open().
 */
int cons_client_create(const struct cons_client_conf *conf, struct cons_client **c);
/* Closes the session: consoles live on. Its terminals are gone with it. Tolerates NULL. */
void cons_client_destroy(struct cons_client *c);
/* Completions, credits, input. Call each round after link_poll(). @return work done. */
unsigned int cons_client_poll(struct cons_client *c, uint64_t now_ns);
void cons_client_session_info(const struct cons_client *c, struct link_session_info *info);

/*
 * One terminal more. Whatever becomes of it is told by items; the session need not be up.
 * @return 0; -EINVAL a name that none can have; -ENOMEM; -ENOSPC there are as many as the client
 *         may have, those included that were detached and are waited for (cons_client_detach()).
 */
int cons_client_attach(struct cons_client *c, const struct cons_terminal_conf *conf,
		       struct cons_terminal **t);
/*
 * The terminal is gone, and all that waits in it; the console lives on. What was typed and not
 * sent yet is dropped: cons_terminal_leave() sends it. The server is told in the next rounds;
 * until it has answered the terminal's place is not free. Tolerates NULL.
 */
void cons_client_detach(struct cons_terminal *t);

/* @return false: no item (kind NONE). The same item comes again until it is consumed. */
bool cons_terminal_next(struct cons_terminal *t, struct cons_item *item);
/* DATA: `bytes` of it were used, all or less; other items are gone, whatever bytes says. */
void cons_terminal_consume(struct cons_terminal *t, uint32_t bytes);

/* How many bytes cons_terminal_write() would take now. 0 too when we do not write or have ended. */
size_t cons_terminal_room(const struct cons_terminal *t);
/* @return how many of the bytes were taken; the others must be offered again. */
size_t cons_terminal_write(struct cons_terminal *t, const void *data, size_t len);
/* No input will follow; a later write takes it back. */
void cons_terminal_eof(struct cons_terminal *t);
void cons_terminal_break(struct cons_terminal *t);
/* The terminal's size now, said to the console though it be the same. rows 0 is ignored. */
void cons_terminal_resize(struct cons_terminal *t, const struct cons_size *size);
/* Detach in good order, after all input was sent: LEFT comes when it is done, or no session is. */
void cons_terminal_leave(struct cons_terminal *t);

/* The consoles told by LIST, in the server's order. Valid until the terminal is gone. */
const struct cons_info *cons_terminal_infos(const struct cons_terminal *t, unsigned int *count);

enum cons_terminal_state {
	CONS_TERMINAL_DOWN, /* no session (yet) */
	CONS_TERMINAL_ASKING, /* LIST or ATTACH is under way */
	CONS_TERMINAL_ATTACHED,
	CONS_TERMINAL_LEAVING,
	CONS_TERMINAL_OVER, /* its last item was made */
};

struct cons_terminal_info {
	enum cons_terminal_state state;
	char name[CONS_NAME_MAX]; /* of the console, as the server tells it */
	bool writer, device;
	uint64_t instance;
	uint64_t writer_gid; /* as of the newest attachment; 0: none */
	uint64_t out_pos; /* consumed so far */
	uint64_t in_pos; /* taken by the console so far */
	unsigned int unacknowledged; /* bytes typed and not taken */
	unsigned int credits; /* READs open */
	unsigned int place; /* among the client's terminals, from 1; in version 2 the unit */
};
void cons_terminal_info(const struct cons_terminal *t, struct cons_terminal_info *info);
const char *cons_terminal_state_str(enum cons_terminal_state state);

#endif
