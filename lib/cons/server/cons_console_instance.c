/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One life of a console: from the start of its program, or the opening of its device, to its end.
 *
 * Output goes from the terminal straight into the scrollback. While somebody writes, it is read
 * only as far ahead as SPEC-cons allows: then the terminal's own buffer fills, and the program
 * waits as it would for a slow line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <rte_common.h>

#include "base_time.h"
#include "cons_server_priv.h"

#define READ_MAX (16u << 10) /* bytes of one read */
#define AHEAD_MAX (128u << 10) /* bytes read that the writer was not sent yet */
#define WINDOW_BYTES (64u << 10) /* without a writer: at most so many ... */
#define WINDOW_NS BASE_NS_PER_MS /* ... in so long */
#define TYPED_MAX (64u << 10) /* bytes typed in one round */
#define DRAIN_MAX (256u << 10) /* more than a terminal holds */
#define LOOK_NS (250 * BASE_NS_PER_MS) /* an event may be lost, a program may not */
#define LOOK_CHILD_NS (10 * BASE_NS_PER_MS) /* kernels without pidfd */

/* End of file: not while a program is just about to read or to change its terminal. */
#define EOF_LOOK_NS (5 * BASE_NS_PER_MS)
#define EOF_QUIET_NS (30 * BASE_NS_PER_MS)
#define EOF_AGAIN_NS (200 * BASE_NS_PER_MS)
#define PUSH_QUIET_NS (10 * BASE_NS_PER_MS)

#define ROWS 24
#define COLS 80

/* --- life --- */

/* The low bit of what epoll gives back tells a program's end from its terminal. */
static int
watch(struct cons_instance *inst)
{
	struct epoll_event in_out = {
		.events = EPOLLIN | EPOLLOUT | EPOLLET,
		.data.u64 = (uintptr_t)inst,
	};
	struct epoll_event end = {
		.events = EPOLLIN | EPOLLET,
		.data.u64 = (uintptr_t)inst | 1,
	};

	if (epoll_ctl(inst->srv->epoll, EPOLL_CTL_ADD, inst->term.fd, &in_out) != 0)
		return -errno;
	if (inst->term.pidfd >= 0 &&
	    epoll_ctl(inst->srv->epoll, EPOLL_CTL_ADD, inst->term.pidfd, &end) != 0)
		return -errno;
	return 0;
}

static int
open_term(struct cons_instance *inst, const struct cons_attach *attach, char *err, size_t err_size)
{
	const struct cons_console *c = inst->console;
	int ret;

	inst->term = (struct cons_term){ .fd = -1, .slave = -1, .pidfd = -1 };
	inst->term.ops = c->kind == CONS_CONSOLE_TTY ? &cons_tty_ops : &cons_pty_ops;
	inst->size = (struct cons_size){ .rows = ROWS, .cols = COLS };
	if (attach->rows != 0)
		inst->size = (struct cons_size){ attach->rows, attach->cols, attach->xpixel,
						 attach->ypixel };
	ret = inst->term.ops->open(&inst->term, c->what,
				   attach->term[0] != '\0' ? attach->term : "dumb", &inst->size,
				   err, err_size);
	if (ret != 0)
		return ret;
	ret = watch(inst);
	if (ret == 0)
		return 0;
	snprintf(err, err_size, "the terminal cannot be watched: %s", strerror(-ret));
	inst->term.ops->close(&inst->term);
	while (!cons_pty_reap(&inst->term, true))
		usleep(1000);
	return ret;
}

static uint64_t
random_id(void)
{
	uint64_t id = 0;

	/* Without random numbers the clock will do: an id must differ, it guards nothing. */
	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != sizeof(id) || id == 0)
		id = base_now_ns() | 1;
	return id;
}

int
cons_instance_start(struct cons_console *c, struct cons_server *srv,
		    const struct cons_attach *attach, char *err, size_t err_size)
{
	struct cons_instance *inst = calloc(1, sizeof(*inst));
	int ret = -ENOMEM;

	if (inst == NULL || cons_scroll_init(&inst->scroll, srv->conf.scrollback) != 0) {
		snprintf(err, err_size, "no memory");
		goto free_inst;
	}
	inst->srv = srv;
	inst->console = c;
	inst->id = random_id();
	inst->began_ns = srv->now_ns;
	inst->eof_char = -1;
	inst->readable = inst->writable = inst->child_event = true;
	TAILQ_INIT(&inst->units);
	ret = open_term(inst, attach, err, err_size);
	if (ret != 0) {
		CONS_LOG(ERR, "console '%s': %s", c->name, err);
		goto free_scroll;
	}
	c->now = inst;
	base_count(&c->stats.started, 1);
	base_count(&srv->stats.started, 1);
	TAILQ_INSERT_TAIL(&srv->instances, inst, entry);
	cons_audit_start(inst);
	return 0;
free_scroll:
	cons_scroll_fini(&inst->scroll);
free_inst:
	free(inst);
	return ret;
}

void
cons_instance_over(struct cons_instance *inst, uint32_t code)
{
	inst->state = CONS_OVER;
	inst->end_code = code;
	inst->eof = false;
	inst->term.ops->close(&inst->term);
	inst->console->now = NULL;
	base_count(&inst->console->stats.ended, 1);
	base_count(&inst->srv->stats.ended, 1);
	if (inst->writer != NULL)
		cons_unit_end_typed(inst->writer, CONS_EGONE);
	cons_audit_end(inst);
}

void
cons_instance_free(struct cons_instance *inst)
{
	TAILQ_REMOVE(&inst->srv->instances, inst, entry);
	cons_scroll_fini(&inst->scroll);
	free(inst);
}

/* --- output --- */

/* How far `pos` lies ahead of where a reader is. */
static uint32_t
left(uint32_t limit, uint64_t pos, uint64_t reader)
{
	return pos - reader < limit ? (uint32_t)(limit - (pos - reader)) : 0;
}

/* How much may be read now. */
static uint32_t
read_room(struct cons_instance *inst)
{
	const struct cons_scroll *s = &inst->scroll;
	uint32_t limit = RTE_MIN(AHEAD_MAX, s->size / 2), room;

	if (inst->writer != NULL) {
		room = RTE_MIN(left(limit, s->head, inst->writer->out_pos),
			       left(s->size, s->head, inst->writer->seen_pos));
	} else if (inst->absent.client != 0) {
		room = left(limit, s->head, inst->absent.out_pos);
	} else {
		if (inst->srv->now_ns - inst->window_ns >= WINDOW_NS) {
			inst->window_ns = inst->srv->now_ns;
			inst->window_bytes = 0;
		}
		room = left(WINDOW_BYTES, inst->window_bytes, 0);
	}
	return RTE_MIN(room, READ_MAX);
}

/* The writer has no credits: does something wait for them? */
static void
stall(struct cons_instance *inst)
{
	int waiting = 0;

	if (cons_instance_writer(inst) == 0 || inst->stalled)
		return;
	if (ioctl(inst->term.fd, FIONREAD, &waiting) == 0 && waiting == 0) {
		/* Until epoll tells of more; of a program that has ended it tells nothing. */
		inst->readable = inst->state == CONS_DRAINING;
		return;
	}
	inst->stalled = true;
	base_count(&inst->console->stats.stalls, 1);
}

/* Nothing more comes right now, for this reason. */
static void
read_none(struct cons_instance *inst, int err)
{
	inst->readable = false;
	if (inst->state == CONS_DRAINING)
		cons_instance_over(inst, inst->end_code);
	else if (err != EAGAIN && inst->console->kind == CONS_CONSOLE_TTY)
		cons_instance_over(inst, CONS_ENDED_HANGUP);
	/* A program that lives may close its terminal, and open it again. */
}

unsigned int
cons_instance_output(struct cons_instance *inst)
{
	uint32_t room, len;
	uint8_t *to;
	ssize_t n;

	if (inst->state == CONS_OVER || !inst->readable)
		return 0;
	room = read_room(inst);
	if (room == 0) {
		stall(inst);
		return 0;
	}
	inst->stalled = false;
	to = cons_scroll_space(&inst->scroll, &len);
	n = read(inst->term.fd, to, RTE_MIN(room, len));
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0) {
		read_none(inst, n < 0 ? errno : 0);
		return 0;
	}
	cons_scroll_added(&inst->scroll, (uint32_t)n);
	cons_loop_output(inst, (uint32_t)n);
	inst->window_bytes += (uint32_t)n;
	base_count(&inst->console->stats.bytes_out, (uint64_t)n);
	if (inst->state == CONS_DRAINING) {
		inst->drain_left -= RTE_MIN(inst->drain_left, (uint32_t)n);
		/* Somebody who outlived the program goes on writing. */
		if (inst->drain_left == 0)
			cons_instance_over(inst, inst->end_code);
	}
	return (unsigned int)n;
}

/* --- input --- */

struct cons_input *
cons_instance_row(struct cons_instance *inst, uint64_t client, bool make)
{
	struct cons_input *oldest = &inst->input[0];

	for (unsigned int i = 0; i < CONS_INPUTS; i++) {
		struct cons_input *row = &inst->input[i];

		if (row->client == client) {
			row->used = make ? ++inst->inputs_used : row->used;
			return row;
		}
		if (row->used < oldest->used)
			oldest = row;
	}
	if (!make)
		return NULL;
	*oldest = (struct cons_input){ .client = client, .used = ++inst->inputs_used };
	return oldest;
}

/* @return bytes that the terminal took. */
static uint32_t
type(struct cons_instance *inst, const void *bytes, uint32_t len)
{
	ssize_t n;

	if (!inst->writable)
		return 0;
	n = write(inst->term.fd, bytes, len);
	if (n > 0) {
		inst->srv->typed_ns = inst->srv->now_ns;
		return (uint32_t)n;
	}
	if (n < 0 && errno == EINTR)
		return 0;
	inst->writable = false;
	if (n < 0 && errno != EAGAIN && inst->console->kind == CONS_CONSOLE_TTY)
		cons_instance_over(inst, CONS_ENDED_HANGUP);
	return 0;
}

/*
 * The line is full: a terminal in canonical mode would drop the rest of it. Its end-of-file
 * character gives what it has to the reader, without a line's end and without a byte of its own:
 * the line goes on behind it. Not at once: a program that is about to make the terminal raw needs
 * none, and would read the character. Without such a character the rest has to wait.
 * @return whether the line is empty now.
 */
static bool
push_line(struct cons_instance *inst, const struct termios *tio)
{
	uint64_t now = inst->srv->now_ns;

	if (inst->push_ns == 0)
		inst->push_ns = now + PUSH_QUIET_NS;
	if (now < inst->push_ns || tio->c_cc[VEOF] == _POSIX_VDISABLE ||
	    type(inst, &tio->c_cc[VEOF], 1) != 1)
		return false;
	inst->push_ns = 0;
	base_count(&inst->console->stats.long_lines, 1);
	base_count(&inst->srv->stats.long_lines, 1);
	cons_line_reset(&inst->line);
	return true;
}

/*
 * @param raw  set when the terminal has no lines.
 * @return how many of the bytes may be typed now.
 */
static uint32_t
line_room(struct cons_instance *inst, const uint8_t *bytes, uint32_t len, bool *raw)
{
	struct termios tio;
	uint32_t n;

	*raw = true;
	if (inst->term.ops->settings == NULL || !inst->term.ops->settings(&inst->term, &tio))
		return len;
	if ((tio.c_lflag & ICANON) == 0 || (tio.c_lflag & EXTPROC) != 0) {
		cons_line_reset(&inst->line);
		inst->push_ns = 0;
		return len;
	}
	*raw = false;
	n = cons_line_room(&inst->line, &tio, bytes, len);
	if (n == 0 && push_line(inst, &tio))
		n = cons_line_room(&inst->line, &tio, bytes, len);
	if (n > 0)
		inst->push_ns = 0;
	return n;
}

/* As much of it as the line being typed can have. @return bytes that the terminal took. */
static uint32_t
type_line(struct cons_instance *inst, const uint8_t *bytes, uint32_t len)
{
	uint32_t n = len;
	bool raw = false;

	if (len > cons_line_free(&inst->line))
		n = line_room(inst, bytes, len, &raw);
	if (n > 0)
		n = type(inst, bytes, n);
	if (!raw)
		cons_line_typed(&inst->line, bytes, n);
	return n;
}

/* The slot's bytes to the terminal, as many as it takes. @return whether that was all. */
static bool
type_slot(struct cons_instance *inst, struct cons_unit *u, uint16_t id)
{
	const uint8_t *slot = link_slot_payload(u->peer->link, id);
	struct cons_slot *t = &u->peer->slots[id];
	uint32_t n = t->len - t->done;

	if (n == 0)
		return true;
	n = type_line(inst, slot + t->done, n);
	if (n == 0)
		return false;
	inst->eof = false;
	inst->typed_ns = inst->srv->now_ns;
	t->done += n;
	u->input->pos += n;
	base_count(&inst->console->stats.bytes_in, n);
	base_count(&inst->srv->stats.bytes_in, n);
	return t->done == t->len;
}

/* What it does depends on the terminal, now that all before it has been typed. */
static bool
type_break(struct cons_instance *inst, struct cons_slot *t)
{
	if (t->done == 0) {
		inst->srv->typed_ns = inst->srv->now_ns;
		if (!inst->term.ops->line_break(&inst->term, inst->srv->now_ns))
			return true;
		t->done = 1; /* not asked again when the terminal is full */
	}
	return type_line(inst, (const uint8_t *)"", 1) == 1;
}

static bool
type_one(struct cons_instance *inst, struct cons_unit *u, uint16_t id)
{
	switch (u->peer->slots[id].op) {
	case CONS_WRITE:
		return type_slot(inst, u, id);
	case CONS_BREAK:
		return type_break(inst, &u->peer->slots[id]);
	default:
		inst->eof = true;
		inst->eof_char = -1;
		inst->eof_due_ns = 0;
		return true;
	}
}

/* What the writer typed, in its order. @return requests answered. */
static unsigned int
type_all(struct cons_instance *inst)
{
	struct cons_unit *u = inst->writer;
	unsigned int work = 0;
	uint64_t limit;

	if (u == NULL || u->typed.count == 0)
		return 0;
	limit = base_count_get(&inst->console->stats.bytes_in) + TYPED_MAX;
	while (u->typed.count > 0 && base_count_get(&inst->console->stats.bytes_in) < limit) {
		if (!type_one(inst, u, u->typed.head))
			break;
		cons_peer_status(u->peer, cons_open_take(u->peer, &u->typed), CONS_OK);
		work++;
	}
	return work;
}

/*
 * A terminal has no end: it has a character that ends what is being read. So it is given
 * whenever a program waits for input in vain. "Waits" cannot be seen; "there has been no input
 * for a while, and the terminal's mode is still the same" can.
 */
static void
give_eof(struct cons_instance *inst)
{
	uint64_t now = inst->srv->now_ns;
	uint8_t byte;
	int c;

	if (now < inst->eof_look_ns)
		return;
	inst->eof_look_ns = now + EOF_LOOK_NS;
	c = inst->term.ops->eof_char(&inst->term);
	if (c != inst->eof_char) {
		inst->eof_char = c;
		inst->eof_seen_ns = now;
	}
	if (c < 0 || now - inst->eof_seen_ns < EOF_QUIET_NS || now < inst->eof_due_ns)
		return;
	byte = (uint8_t)c;
	inst->eof_due_ns = now + EOF_AGAIN_NS;
	if (type(inst, &byte, 1) != 1)
		return;
	cons_line_reset(&inst->line);
	if (inst->term.ops->eof_once)
		inst->eof = false;
}

static void
look_for_end(struct cons_instance *inst)
{
	uint32_t code;

	inst->child_event = false;
	if (!inst->term.ops->ended(&inst->term, &code))
		return;
	inst->state = CONS_DRAINING;
	inst->end_code = code;
	inst->drain_left = DRAIN_MAX;
	inst->readable = true;
	inst->eof = false;
	if (inst->writer != NULL)
		cons_unit_end_typed(inst->writer, CONS_EGONE);
}

/*
 * Without a writer nobody can type the Ctrl-Q that a Ctrl-S waits for. What the last writer typed
 * may still be on its way through the kernel when he leaves: so the output is let go with each
 * look, and not only once.
 */
void
cons_instance_release(struct cons_instance *inst)
{
	if (inst->state == CONS_RUNNING && cons_instance_writer(inst) == 0)
		inst->term.ops->release(&inst->term);
}

static void
look(struct cons_instance *inst)
{
	bool blind = inst->term.pid != 0 && inst->term.pidfd < 0;

	inst->look_ns = inst->srv->now_ns + (blind ? LOOK_CHILD_NS : LOOK_NS);
	inst->readable = inst->writable = inst->child_event = true;
	cons_instance_release(inst);
}

unsigned int
cons_instance_input(struct cons_instance *inst)
{
	uint64_t now = inst->srv->now_ns;
	unsigned int work;

	if (inst->state != CONS_RUNNING)
		return 0;
	if (now >= inst->look_ns)
		look(inst);
	work = type_all(inst);
	if (inst->state == CONS_RUNNING && inst->eof &&
	    (inst->writer == NULL || inst->writer->typed.count == 0))
		give_eof(inst);
	if (inst->state == CONS_RUNNING) {
		inst->term.ops->tick(&inst->term, now);
		cons_loop_tick(inst);
		if (inst->child_event)
			look_for_end(inst);
	}
	return work;
}
