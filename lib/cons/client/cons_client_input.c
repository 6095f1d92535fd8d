/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is typed: bytes that the console has not taken yet, and the requests that go with them.
 *
 *	in_acked        in_sent           in_end
 *	   |--- WRITEs ----|--- waiting ----|          at most CONS_INPUT_MAX bytes
 *
 * Bytes leave the buffer only when the console has taken them. So after the loss of a session they
 * are all here, and the console's own position says which of them to send again.
 */
#include <errno.h>
#include <string.h>

#include "cons_client_priv.h"

/* Slots that WRITEs leave free for the size, a break, the end of input and DETACH. */
#define SPARE_SLOTS 2

static bool
may_write(const struct cons_terminal *t)
{
	if (t->conf.observe || t->conf.list || t->state == CONS_TERMINAL_OVER ||
	    t->state == CONS_TERMINAL_LEAVING)
		return false;
	return t->state != CONS_TERMINAL_ATTACHED || t->writer;
}

size_t
cons_terminal_room(const struct cons_terminal *t)
{
	return may_write(t) ? CONS_INPUT_MAX - (size_t)(t->in_end - t->in_acked) : 0;
}

size_t
cons_terminal_write(struct cons_terminal *t, const void *data, size_t len)
{
	size_t n = RTE_MIN(len, cons_terminal_room(t));
	size_t at = t->in_end % CONS_INPUT_MAX;
	size_t first = RTE_MIN(n, CONS_INPUT_MAX - at);

	memcpy(t->input + at, data, first);
	memcpy(t->input, (const uint8_t *)data + first, n - first);
	t->in_end += n;
	if (n != 0)
		t->eof_wanted = false;
	return n;
}

void
cons_terminal_eof(struct cons_terminal *t)
{
	t->eof_wanted = true;
	t->eof_sent = false;
}

void
cons_terminal_break(struct cons_terminal *t)
{
	if (may_write(t) && t->breaks < CONS_BREAKS_MAX)
		t->break_at[t->breaks++] = t->in_end;
}

void
cons_terminal_resize(struct cons_terminal *t, const struct cons_size *size)
{
	if (size->rows == 0 || size->rows > CONS_SIZE_MAX || size->cols == 0 ||
	    size->cols > CONS_SIZE_MAX)
		return;
	t->conf.size = *size;
	t->resize_wanted = true;
}

void
cons_input_answered(struct cons_terminal *t, uint16_t id, bool taken)
{
	CONS_COUNT(t, writes, 1);
	/* The event that says why is on its way. */
	if (!taken)
		t->writer = false;
	for (unsigned int k = 0; k < t->sent_count; k++) {
		struct cons_sent *s = &t->sent[(t->sent_head + k) % LINK_DEPTH_MAX];

		if (s->id == id && !s->done) {
			s->done = true;
			break;
		}
	}
	t->woken = true;
	while (t->sent_count > 0 && t->sent[t->sent_head].done) {
		if (t->writer) {
			CONS_COUNT(t, bytes_in, t->sent[t->sent_head].end - t->in_acked);
			t->in_acked = t->sent[t->sent_head].end;
		}
		t->sent_head = (t->sent_head + 1) % LINK_DEPTH_MAX;
		t->sent_count--;
	}
}

bool
cons_input_resume(struct cons_terminal *t, uint64_t in_pos)
{
	if (in_pos < t->in_acked || in_pos > t->in_sent)
		return false;
	CONS_COUNT(t, bytes_in, in_pos - t->in_acked);
	t->in_acked = t->in_sent = in_pos;
	return true;
}

uint64_t
cons_input_restart(struct cons_terminal *t, uint64_t in_pos)
{
	uint64_t dropped = t->in_end - t->in_acked;

	t->in_acked = t->in_sent = t->in_end = in_pos;
	t->breaks = 0;
	CONS_COUNT(t, dropped_bytes, dropped);
	return dropped;
}

/* --- requests --- */

/*
 * One WRITE of what waits before `end`, up to a slot or the buffer's end. @return 0; -EAGAIN;
 * -ENOTCONN.
 */
static int
send_write(struct cons_terminal *t, uint64_t end)
{
	size_t at = t->in_sent % CONS_INPUT_MAX;
	uint32_t len = (uint32_t)RTE_MIN(end - t->in_sent, CONS_INPUT_MAX - at);
	struct link_req req = { .op = CONS_WRITE, .unit = t->unit, .off = t->in_sent };
	struct cons_sent *s;
	int ret;

	len = RTE_MIN(len, t->client->slot_size);
	req.len = len;
	ret = cons_queue_post(t, &req, t->input + at, len);
	if (ret != 0)
		return ret;
	s = &t->sent[(t->sent_head + t->sent_count++) % LINK_DEPTH_MAX];
	t->in_sent += len;
	*s = (struct cons_sent){ .end = t->in_sent, .id = req.id };
	return 0;
}

static unsigned int
send_writes(struct cons_terminal *t, uint64_t end)
{
	unsigned int max = t->client->others, n = 0;

	max -= RTE_MIN(max - 1, (unsigned int)SPARE_SLOTS);
	while (t->in_sent < end && t->in_end <= CONS_POS_MAX && t->others_open < max &&
	       send_write(t, end) == 0)
		n++;
	return n;
}

static int
send_size(struct cons_terminal *t)
{
	const struct cons_size *size = &t->conf.size;
	const struct cons_wire_size wire = {
		.rows = rte_cpu_to_be_16(size->rows),
		.cols = rte_cpu_to_be_16(size->cols),
		.xpixel = rte_cpu_to_be_16(size->xpixel),
		.ypixel = rte_cpu_to_be_16(size->ypixel),
	};
	struct link_req req = { .op = CONS_RESIZE, .unit = t->unit };
	int ret = cons_queue_post(t, &req, &wire, sizeof(wire));

	if (ret == 0) {
		t->resize_wanted = false;
		t->resize_open = true;
	}
	return ret;
}

static bool
send_plain(struct cons_terminal *t, uint8_t op, uint64_t off)
{
	struct link_req req = { .op = op, .unit = t->unit, .off = off };

	return cons_queue_post(t, &req, NULL, 0) == 0;
}

/*
 * In the order of what was typed: a break goes behind the bytes before it and ahead of those after
 * it. One that was sent before its session was lost is not sent again: it is no byte to be counted.
 */
static unsigned int
send_typed(struct cons_terminal *t)
{
	unsigned int n = 0;

	while (t->breaks > 0 && t->break_at[0] >= t->in_sent) {
		n += send_writes(t, t->break_at[0]);
		if (t->in_sent != t->break_at[0] || !send_plain(t, CONS_BREAK, 0))
			return n;
		t->breaks--;
		memmove(t->break_at, t->break_at + 1, t->breaks * sizeof(t->break_at[0]));
		n++;
	}
	return n + send_writes(t, t->in_end);
}

bool
cons_input_detach(struct cons_terminal *t)
{
	if (!send_plain(t, CONS_DETACH, 0))
		return false;
	t->at_server = CONS_GOING;
	return true;
}

unsigned int
cons_input_send(struct cons_terminal *t)
{
	unsigned int n = 0;

	if (t->writer) {
		if (t->resize_wanted && !t->resize_open)
			n += send_size(t) == 0;
		n += send_typed(t);
		if (t->in_sent != t->in_end || t->breaks > 0)
			return n;
		if (t->eof_wanted && !t->eof_sent && send_plain(t, CONS_EOF, t->in_end)) {
			t->eof_sent = true;
			n++;
		}
	}
	if (t->leave_wanted && t->breaks == 0 && cons_input_detach(t)) {
		t->state = CONS_TERMINAL_LEAVING;
		n++;
	}
	return n;
}
