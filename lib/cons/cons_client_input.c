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
may_write(const struct cons_client *c)
{
	if (c->conf.observe || c->conf.list || c->state == CONS_CLIENT_OVER ||
	    c->state == CONS_CLIENT_LEAVING)
		return false;
	return c->state != CONS_CLIENT_ATTACHED || c->writer;
}

size_t
cons_client_room(const struct cons_client *c)
{
	return may_write(c) ? CONS_INPUT_MAX - (size_t)(c->in_end - c->in_acked) : 0;
}

size_t
cons_client_write(struct cons_client *c, const void *data, size_t len)
{
	size_t n = RTE_MIN(len, cons_client_room(c));
	size_t at = c->in_end % CONS_INPUT_MAX;
	size_t first = RTE_MIN(n, CONS_INPUT_MAX - at);

	memcpy(c->input + at, data, first);
	memcpy(c->input, (const uint8_t *)data + first, n - first);
	c->in_end += n;
	if (n != 0)
		c->eof_wanted = false;
	return n;
}

void
cons_client_eof(struct cons_client *c)
{
	c->eof_wanted = true;
	c->eof_sent = false;
}

void
cons_client_break(struct cons_client *c)
{
	if (may_write(c) && c->breaks < CONS_BREAKS_MAX)
		c->break_at[c->breaks++] = c->in_end;
}

void
cons_client_resize(struct cons_client *c, const struct cons_size *size)
{
	if (size->rows == 0 || size->rows > CONS_SIZE_MAX || size->cols == 0 ||
	    size->cols > CONS_SIZE_MAX)
		return;
	c->conf.size = *size;
	c->resize_wanted = true;
}

void
cons_input_answered(struct cons_client *c, uint16_t id, bool taken)
{
	CONS_COUNT(c, writes, 1);
	/* The event that says why is on its way. */
	if (!taken)
		c->writer = false;
	for (unsigned int k = 0; k < c->sent_count; k++) {
		struct cons_sent *s = &c->sent[(c->sent_head + k) % LINK_DEPTH_MAX];

		if (s->id == id && !s->done) {
			s->done = true;
			break;
		}
	}
	while (c->sent_count > 0 && c->sent[c->sent_head].done) {
		if (c->writer) {
			CONS_COUNT(c, bytes_in, c->sent[c->sent_head].end - c->in_acked);
			c->in_acked = c->sent[c->sent_head].end;
		}
		c->sent_head = (c->sent_head + 1) % LINK_DEPTH_MAX;
		c->sent_count--;
	}
}

bool
cons_input_resume(struct cons_client *c, uint64_t in_pos)
{
	if (in_pos < c->in_acked || in_pos > c->in_sent)
		return false;
	CONS_COUNT(c, bytes_in, in_pos - c->in_acked);
	c->in_acked = c->in_sent = in_pos;
	return true;
}

uint64_t
cons_input_restart(struct cons_client *c, uint64_t in_pos)
{
	uint64_t dropped = c->in_end - c->in_acked;

	c->in_acked = c->in_sent = c->in_end = in_pos;
	c->breaks = 0;
	CONS_COUNT(c, dropped_bytes, dropped);
	return dropped;
}

/* --- requests --- */

/*
 * One WRITE of what waits before `end`, up to a slot or the buffer's end. @return 0; -EAGAIN;
 * -ENOTCONN.
 */
static int
send_write(struct cons_client *c, uint64_t end)
{
	size_t at = c->in_sent % CONS_INPUT_MAX;
	uint32_t len = (uint32_t)RTE_MIN(end - c->in_sent, CONS_INPUT_MAX - at);
	struct link_req req = { .op = CONS_WRITE, .unit = c->unit, .off = c->in_sent };
	struct cons_sent *s;
	int ret;

	len = RTE_MIN(len, c->slot_size);
	req.len = len;
	ret = cons_queue_post(c, &req, c->input + at, len);
	if (ret != 0)
		return ret;
	s = &c->sent[(c->sent_head + c->sent_count++) % LINK_DEPTH_MAX];
	c->in_sent += len;
	*s = (struct cons_sent){ .end = c->in_sent, .id = req.id };
	return 0;
}

static unsigned int
send_writes(struct cons_client *c, uint64_t end)
{
	unsigned int max = c->depth - c->credits, n = 0;

	max -= RTE_MIN(max - 1, (unsigned int)SPARE_SLOTS);
	while (c->in_sent < end && c->in_end <= CONS_POS_MAX && c->others_open < max &&
	       send_write(c, end) == 0)
		n++;
	return n;
}

static int
send_size(struct cons_client *c)
{
	const struct cons_size *size = &c->conf.size;
	const struct cons_wire_size wire = {
		.rows = rte_cpu_to_be_16(size->rows),
		.cols = rte_cpu_to_be_16(size->cols),
		.xpixel = rte_cpu_to_be_16(size->xpixel),
		.ypixel = rte_cpu_to_be_16(size->ypixel),
	};
	struct link_req req = { .op = CONS_RESIZE, .unit = c->unit };
	int ret = cons_queue_post(c, &req, &wire, sizeof(wire));

	if (ret == 0) {
		c->resize_wanted = false;
		c->resize_open = true;
	}
	return ret;
}

static bool
send_plain(struct cons_client *c, uint8_t op, uint64_t off)
{
	struct link_req req = { .op = op, .unit = c->unit, .off = off };

	return cons_queue_post(c, &req, NULL, 0) == 0;
}

/*
 * In the order of what was typed: a break goes behind the bytes before it and ahead of those after
 * it. One that was sent before its session was lost is not sent again: it is no byte to be counted.
 */
static unsigned int
send_typed(struct cons_client *c)
{
	unsigned int n = 0;

	while (c->breaks > 0 && c->break_at[0] >= c->in_sent) {
		n += send_writes(c, c->break_at[0]);
		if (c->in_sent != c->break_at[0] || !send_plain(c, CONS_BREAK, 0))
			return n;
		c->breaks--;
		memmove(c->break_at, c->break_at + 1, c->breaks * sizeof(c->break_at[0]));
		n++;
	}
	return n + send_writes(c, c->in_end);
}

unsigned int
cons_input_send(struct cons_client *c)
{
	unsigned int n = 0;

	if (c->writer) {
		if (c->resize_wanted && !c->resize_open)
			n += send_size(c) == 0;
		n += send_typed(c);
		if (c->in_sent != c->in_end || c->breaks > 0)
			return n;
		if (c->eof_wanted && !c->eof_sent && send_plain(c, CONS_EOF, c->in_end)) {
			c->eof_sent = true;
			n++;
		}
	}
	if (c->leave_wanted && c->breaks == 0 && send_plain(c, CONS_DETACH, 0)) {
		c->state = CONS_CLIENT_LEAVING;
		n++;
	}
	return n;
}
