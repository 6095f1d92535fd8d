/* SPDX-License-Identifier: BSD-3-Clause */
/* A console client in a session that lasts: output and credits, input, requests, refusals, LIST. */
#include "cons_client_rig.h"

static uint8_t noise[256 * 1024];

static int
make_noise(void **state)
{
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 2654435761u >> 13);
	return 0;
}

/* --- output --- */

static void
output_in_order(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	unsigned int said = 0;

	while (said < 200000) {
		unsigned int n = 1 + said % 16000;

		ccrig_until(r, &r->read_count, 1);
		ccrig_say(r, noise + said, n);
		said += n;
	}
	ccrig_until(r, &r->output_len, said);
	assert_int_equal(r->output_len, said);
	assert_memory_equal(r->output, noise, said);
	ccrig_free(r);
}

/* A reader that is slow gives no credit: only a slot that was consumed whole is one again. */
static void
credits(void **state)
{
	struct ccrig *r = ccrig_new(&(struct ccrig_conf){ .client.credits = 4 });
	struct cons_terminal_info info;
	struct cons_item item;

	cons_terminal_info(r->t, &info);
	assert_int_equal(info.credits, 4);
	r->deaf = true;
	for (unsigned int i = 0; i < 4; i++)
		ccrig_say(r, noise, 1000);
	ccrig_rounds(r, 200);
	assert_int_equal(r->read_count, 0);
	assert_true(cons_terminal_next(r->t, &item));
	assert_int_equal(item.len, 1000);
	cons_terminal_consume(r->t, 999);
	assert_true(cons_terminal_next(r->t, &item));
	assert_int_equal(item.len, 1);
	assert_int_equal(item.data[0], noise[999]);
	ccrig_rounds(r, 200);
	assert_int_equal(r->read_count, 0);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.out_pos, 999);
	/* More than there is counts as all. */
	cons_terminal_consume(r->t, 5000);
	ccrig_until(r, &r->read_count, 1);
	ccrig_rounds(r, 200);
	assert_int_equal(r->read_count, 1);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.out_pos, 1000);
	r->deaf = false;
	ccrig_until(r, &r->read_count, 4);
	assert_false(cons_terminal_next(r->t, &item));
	assert_int_equal(item.kind, CONS_ITEM_NONE);
	cons_terminal_consume(r->t, 1); /* nothing: nothing happens */
	ccrig_free(r);
}

static void
cut(void **state)
{
	struct ccrig *r = ccrig_new(&(struct ccrig_conf){ .terminal.observe = true });
	const struct cons_item *item;
	struct cons_terminal_info info;

	assert_int_equal(rte_be_to_cpu_32(r->attach.flags), CONS_ATTACH_OBSERVE);
	ccrig_say(r, "one", 3);
	ccrig_event(r, CONS_EVENT_CUT, 0, 5000, "");
	ccrig_say(r, "two", 3);
	item = ccrig_item(r, CONS_ITEM_CUT);
	assert_int_equal(item->value, 5000);
	ccrig_until(r, &r->output_len, 6);
	assert_memory_equal(r->output, "onetwo", 6);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.out_pos, 5006);
	assert_false(info.writer);
	ccrig_free(r);
}

static void
history_lost(void **state)
{
	struct ccrig r;

	ccrig_init(&r);
	r.attached.lost = rte_cpu_to_be_64(77);
	r.out_pos = 1234567890123;
	ccrig_server_start(&r);
	ccrig_client(&r, &(struct ccrig_conf){ .terminal.history = 4096,
					       .terminal.console = "sh",
					       .terminal.term = "xterm-256color",
					       .terminal.size = { 50, 132, 1, 2 },
					       .terminal.take_over = true });
	ccrig_item(&r, CONS_ITEM_ATTACHED);
	assert_int_equal(ccrig_item(&r, CONS_ITEM_CUT)->value, 77);
	assert_string_equal(r.attach.name, "sh");
	assert_string_equal(r.attach.term, "xterm-256color");
	assert_int_equal(rte_be_to_cpu_32(r.attach.history), 4096);
	assert_int_equal(rte_be_to_cpu_32(r.attach.flags), CONS_ATTACH_TAKE_OVER);
	assert_int_equal(rte_be_to_cpu_16(r.attach.size.rows), 50);
	assert_int_equal(rte_be_to_cpu_16(r.attach.size.cols), 132);
	assert_int_equal(rte_be_to_cpu_16(r.attach.size.ypixel), 2);
	assert_int_equal(r.attach.instance, 0);
	assert_int_not_equal(r.attach.client, 0);
	ccrig_until(&r, &r.read_count, 16);
	ccrig_say(&r, "x", 1);
	ccrig_until(&r, &r.output_len, 1);
	cons_client_destroy(r.c);
	ccrig_server_stop(&r);
	link_destroy(r.l[1]);
	inproc_teardown(&r.ip);
}

/* Which bytes were said before we came, however they are cut into answers and into gulps. */
static void
history_border(void **state)
{
	struct cons_item item;
	struct ccrig r;

	ccrig_init(&r);
	r.out_pos = 1000;
	r.attached.head = rte_cpu_to_be_64(1015);
	r.attached.told = rte_cpu_to_be_32(CONS_TOLD_HEAD);
	ccrig_server_start(&r);
	ccrig_client(&r, NULL);
	ccrig_item(&r, CONS_ITEM_ATTACHED);
	ccrig_until(&r, &r.read_count, 16);
	r.deaf = true;
	ccrig_say(&r, "0123456789", 10);
	ccrig_say(&r, "0123456789", 10);
	ccrig_say(&r, "live", 4);
	ccrig_rounds(&r, 100);
	assert_true(cons_terminal_next(r.t, &item));
	assert_int_equal(item.history, 10);
	assert_false(item.border);
	cons_terminal_consume(r.t, 10);
	assert_true(cons_terminal_next(r.t, &item));
	assert_int_equal(item.history, 5);
	assert_true(item.border);
	cons_terminal_consume(r.t, 2);
	assert_true(cons_terminal_next(r.t, &item));
	assert_int_equal(item.history, 3);
	assert_true(item.border);
	cons_terminal_consume(r.t, 6);
	assert_true(cons_terminal_next(r.t, &item));
	assert_int_equal(item.history, 0);
	cons_terminal_consume(r.t, 2);
	assert_true(cons_terminal_next(r.t, &item));
	assert_int_equal(item.len, 4);
	assert_int_equal(item.history, 0);
	assert_false(item.border);
	cons_client_destroy(r.c);
	ccrig_server_stop(&r);
	link_destroy(r.l[1]);
	inproc_teardown(&r.ip);
}

/* --- input --- */

static void
input(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	struct cons_terminal_info info;
	size_t done = 0;

	assert_int_equal(cons_terminal_room(r->t), CONS_INPUT_MAX);
	while (done < sizeof(noise)) {
		size_t n = RTE_MIN(1 + done % 5000, sizeof(noise) - done);

		done += cons_terminal_write(r->t, noise + done, n);
		ccrig_round(r);
	}
	while (r->in_pos < sizeof(noise))
		ccrig_round(r);
	ccrig_rounds(r, 50);
	assert_memory_equal(r->input, noise, sizeof(noise));
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.in_pos, sizeof(noise));
	assert_int_equal(info.unacknowledged, 0);
	ccrig_free(r);
}

/* A console that takes nothing: the buffer fills and no more; size and break still get through. */
static void
input_full(void **state)
{
	struct ccrig *r = ccrig_new(&(struct ccrig_conf){ .client.slot_size = 4096 });
	unsigned int seen;

	r->hold = true;
	assert_int_equal(cons_terminal_write(r->t, noise, sizeof(noise)), CONS_INPUT_MAX);
	assert_int_equal(cons_terminal_write(r->t, noise, 1), 0);
	ccrig_until(r, &r->held_count, 14);
	ccrig_rounds(r, 100);
	assert_int_equal(r->held_count, 14);
	assert_int_equal(cons_terminal_room(r->t), 0);
	seen = r->seen_count;
	cons_terminal_resize(r->t, &(struct cons_size){ 10, 20, 0, 0 });
	ccrig_until(r, &r->seen_count, seen + 1);
	assert_int_equal(r->seen[seen].op, CONS_RESIZE);
	assert_int_equal(r->read_count, 16);
	r->hold = false;
	ccrig_accept_held(r);
	while (r->in_pos < CONS_INPUT_MAX)
		ccrig_round(r);
	ccrig_rounds(r, 50);
	assert_int_equal(cons_terminal_room(r->t), CONS_INPUT_MAX);
	assert_memory_equal(r->input, noise, CONS_INPUT_MAX);
	ccrig_free(r);
}

/* Answers may overtake each other: what is acknowledged is only what has no gap before it. */
static void
input_answers_out_of_order(void **state)
{
	struct ccrig *r = ccrig_new(&(struct ccrig_conf){ .client.slot_size = 4096 });
	struct cons_terminal_info info;

	r->hold = true;
	cons_terminal_write(r->t, noise, 8192);
	ccrig_until(r, &r->held_count, 2);
	ccrig_answer(r, r->held[1].id, 0, CONS_OK, 0, NULL, 0);
	ccrig_rounds(r, 50);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.unacknowledged, 8192);
	ccrig_answer(r, r->held[0].id, 0, CONS_OK, 0, NULL, 0);
	ccrig_rounds(r, 50);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.unacknowledged, 0);
	ccrig_free(r);
}

static void
order_of_requests(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	unsigned int at = r->seen_count;

	cons_terminal_write(r->t, "abc", 3);
	cons_terminal_break(r->t);
	cons_terminal_eof(r->t);
	ccrig_until(r, &r->seen_count, at + 3);
	assert_int_equal(r->seen[at].op, CONS_WRITE);
	assert_int_equal(r->seen[at + 1].op, CONS_BREAK);
	assert_int_equal(r->seen[at + 2].op, CONS_EOF);
	assert_int_equal(r->seen[at + 2].off, 3);
	assert_int_equal(r->seen[at + 2].unit, r->unit);
	/* Said once. */
	ccrig_rounds(r, 50);
	assert_int_equal(r->seen_count, at + 3);
	/* Breaks between bytes of one round stay there. */
	at = r->seen_count;
	cons_terminal_write(r->t, "de", 2);
	cons_terminal_break(r->t);
	cons_terminal_break(r->t);
	cons_terminal_write(r->t, "f", 1);
	cons_terminal_break(r->t);
	ccrig_until(r, &r->seen_count, at + 5);
	assert_int_equal(r->seen[at].op, CONS_WRITE);
	assert_int_equal(r->seen[at].len, 2);
	assert_int_equal(r->seen[at + 1].op, CONS_BREAK);
	assert_int_equal(r->seen[at + 2].op, CONS_BREAK);
	assert_int_equal(r->seen[at + 3].op, CONS_WRITE);
	assert_int_equal(r->seen[at + 3].len, 1);
	assert_int_equal(r->seen[at + 3].off, 5);
	assert_int_equal(r->seen[at + 4].op, CONS_BREAK);
	/* Taken back by a write before it was sent; said again when asked again. */
	at = r->seen_count;
	cons_terminal_eof(r->t);
	cons_terminal_write(r->t, "d", 1);
	ccrig_until(r, &r->seen_count, at + 1);
	ccrig_rounds(r, 50);
	assert_int_equal(r->seen_count, at + 1);
	assert_int_equal(r->seen[at].op, CONS_WRITE);
	cons_terminal_eof(r->t);
	ccrig_until(r, &r->seen_count, at + 2);
	assert_int_equal(r->seen[at + 1].op, CONS_EOF);
	assert_int_equal(r->seen[at + 1].off, 7);
	ccrig_free(r);
}

/* Sizes that come faster than answers: one is under way, the newest follows. */
static void
sizes(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	unsigned int at = r->seen_count;

	r->hold_resize = true;
	for (uint16_t i = 1; i <= 20; i++) {
		cons_terminal_resize(r->t, &(struct cons_size){ i, 80, 0, 0 });
		ccrig_rounds(r, 5);
	}
	assert_int_equal(r->seen_count, at + 1);
	assert_int_equal(rte_be_to_cpu_16(r->size.rows), 1);
	r->hold_resize = false;
	ccrig_answer(r, r->seen[at].id, 0, CONS_OK, 0, NULL, 0);
	ccrig_until(r, &r->seen_count, at + 2);
	assert_int_equal(rte_be_to_cpu_16(r->size.rows), 20);
	/* Sizes that no console has are not sent. */
	cons_terminal_resize(r->t, &(struct cons_size){ 0, 80, 0, 0 });
	cons_terminal_resize(r->t, &(struct cons_size){ 24, 0, 0, 0 });
	cons_terminal_resize(r->t, &(struct cons_size){ 24, 1001, 0, 0 });
	cons_terminal_resize(r->t, &(struct cons_size){ 1001, 80, 0, 0 });
	ccrig_rounds(r, 50);
	assert_int_equal(r->seen_count, at + 2);
	ccrig_free(r);
}

static void
observer_sends_nothing(void **state)
{
	struct ccrig *r = ccrig_new(&(struct ccrig_conf){ .terminal.observe = true });
	unsigned int at = r->seen_count;

	assert_int_equal(cons_terminal_room(r->t), 0);
	assert_int_equal(cons_terminal_write(r->t, "x", 1), 0);
	cons_terminal_break(r->t);
	cons_terminal_eof(r->t);
	cons_terminal_resize(r->t, &(struct cons_size){ 10, 20, 0, 0 });
	ccrig_rounds(r, 50);
	assert_int_equal(r->seen_count, at);
	ccrig_free(r);
}

/* --- ends --- */

static void
end_of_program(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	const struct cons_item *item;
	struct cons_terminal_info info;

	ccrig_say(r, "bye", 3);
	ccrig_event(r, CONS_EVENT_ENDED, 3, 0, "done\033[2J");
	ccrig_gone_reads(r);
	item = ccrig_item(r, CONS_ITEM_ENDED);
	assert_int_equal(item->code, 3);
	assert_string_equal(item->text, "done?[2J");
	assert_memory_equal(r->output, "bye", 3);
	ccrig_rounds(r, 100);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.state, CONS_TERMINAL_OVER);
	assert_int_equal(r->read_count, 0);
	assert_int_equal(cons_terminal_room(r->t), 0);
	/* The session's end is no news any more. */
	ccrig_server_stop(r);
	ccrig_rounds(r, 1000);
	assert_int_equal(r->item_count, 0);
	ccrig_free(r);
}

/* Output and the end come while nobody consumes, then the session goes: nothing is missing. */
static void
end_is_kept(void **state)
{
	struct ccrig *r = ccrig_new(NULL);

	r->deaf = true;
	ccrig_say(r, noise, 5000);
	ccrig_event(r, CONS_EVENT_ENDED, 0, 0, "");
	ccrig_rounds(r, 50);
	ccrig_server_stop(r);
	ccrig_rounds(r, 500);
	r->deaf = false;
	ccrig_item(r, CONS_ITEM_ENDED);
	assert_int_equal(r->output_len, 5000);
	assert_memory_equal(r->output, noise, 5000);
	ccrig_free(r);
}

static void
taken(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	struct cons_terminal_info info;

	/* The WRITE that comes too late is refused before the event is seen. */
	r->refuse_write = CONS_EPERM;
	cons_terminal_write(r->t, "late", 4);
	ccrig_rounds(r, 50);
	assert_int_equal(cons_terminal_room(r->t), 0);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.unacknowledged, 4);
	ccrig_event(r, CONS_EVENT_TAKEN, 0, 0xabcdef, "");
	ccrig_gone_reads(r);
	assert_int_equal(ccrig_item(r, CONS_ITEM_TAKEN)->value, 0xabcdef);
	ccrig_free(r);
}

static void
detached(void **state)
{
	struct ccrig *r = ccrig_new(NULL);

	ccrig_event(r, CONS_EVENT_DETACHED, 0, 0, "no reason");
	assert_string_equal(ccrig_item(r, CONS_ITEM_DETACHED)->text, "no reason");
	ccrig_free(r);
}

static void
leave(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	unsigned int at = r->seen_count;

	cons_terminal_write(r->t, "exit", 4);
	cons_terminal_break(r->t);
	cons_terminal_leave(r->t);
	ccrig_item(r, CONS_ITEM_LEFT);
	assert_int_equal(r->seen[at].op, CONS_WRITE);
	assert_int_equal(r->seen[at + 1].op, CONS_BREAK);
	assert_int_equal(r->seen[at + 2].op, CONS_DETACH);
	assert_int_equal(r->read_count, 0);
	assert_int_equal(cons_terminal_write(r->t, "x", 1), 0);
	ccrig_free(r);
}

static void
leave_before_a_session(void **state)
{
	struct ccrig r;

	ccrig_init(&r);
	ccrig_client(&r, NULL);
	cons_terminal_leave(r.t);
	ccrig_item(&r, CONS_ITEM_LEFT);
	cons_client_destroy(r.c);
	link_destroy(r.l[1]);
	inproc_teardown(&r.ip);
}

/* --- refusals and lists --- */

static struct ccrig *
unattached(void)
{
	struct ccrig *r = malloc(sizeof(*r));

	assert_non_null(r);
	ccrig_init(r);
	ccrig_server_start(r);
	return r;
}

static void
busy(void **state)
{
	struct ccrig *r = unattached();
	const struct cons_item *item;

	r->status = CONS_EBUSY;
	r->attached.writer = rte_cpu_to_be_64(0x42);
	ccrig_client(r, NULL);
	item = ccrig_item(r, CONS_ITEM_REFUSED);
	assert_int_equal(item->status, CONS_EBUSY);
	assert_int_equal(item->value, 0x42);
	ccrig_free(r);
}

static void
cannot_start(void **state)
{
	struct ccrig *r = unattached();
	const struct cons_item *item;

	r->status = CONS_EIO;
	snprintf(r->attached.text, sizeof(r->attached.text), "no such\nfile");
	ccrig_client(r, NULL);
	item = ccrig_item(r, CONS_ITEM_REFUSED);
	assert_int_equal(item->status, CONS_EIO);
	assert_string_equal(item->text, "no such?file");
	ccrig_free(r);
}

static void
refused_in_few_words(void **state)
{
	static const uint16_t status[] = { CONS_EINVAL, CONS_EACCES, CONS_ENOMEM };

	for (size_t i = 0; i < RTE_DIM(status); i++) {
		struct ccrig *r = unattached();

		r->status = status[i];
		r->attached_len = 0;
		ccrig_client(r, NULL);
		assert_int_equal(ccrig_item(r, CONS_ITEM_REFUSED)->status, status[i]);
		ccrig_free(r);
	}
}

/* Which console? The list comes along. */
static void
no_such_console(void **state)
{
	struct ccrig *r = unattached();
	const struct cons_info *infos;
	unsigned int n;

	r->status = CONS_ENOENT;
	r->attached_len = 0;
	ccrig_info(r, 0, "sh");
	ccrig_info(r, 1, "a\tb");
	ccrig_client(r, NULL);
	assert_int_equal(ccrig_item(r, CONS_ITEM_REFUSED)->status, CONS_ENOENT);
	infos = cons_terminal_infos(r->t, &n);
	assert_int_equal(n, 2);
	assert_string_equal(infos[0].name, "sh");
	assert_string_equal(infos[1].name, "a?b");
	ccrig_free(r);
}

static void
list(void **state)
{
	static const unsigned int per_list[] = { 0, 1, 7, 64 };

	for (size_t k = 0; k < RTE_DIM(per_list); k++) {
		struct ccrig *r = unattached();
		const struct cons_info *infos;
		char name[32];
		unsigned int n;

		for (unsigned int i = 0; i < CONS_CONSOLES_MAX; i++) {
			snprintf(name, sizeof(name), "console%u", i);
			ccrig_info(r, i, name);
		}
		r->per_list = per_list[k];
		ccrig_client(r, &(struct ccrig_conf){ .terminal.list = true });
		assert_int_equal(cons_terminal_room(r->t), 0);
		ccrig_item(r, CONS_ITEM_LISTED);
		infos = cons_terminal_infos(r->t, &n);
		assert_int_equal(n, CONS_CONSOLES_MAX);
		assert_string_equal(infos[63].name, "console63");
		assert_string_equal(infos[63].desc, "about console63");
		assert_int_equal(infos[63].instance, 163);
		assert_int_equal(r->attaches, 0);
		/* It stays when the session goes. */
		ccrig_server_stop(r);
		ccrig_rounds(r, 500);
		cons_terminal_infos(r->t, &n);
		assert_int_equal(n, CONS_CONSOLES_MAX);
		ccrig_free(r);
	}
}

static void
empty_list(void **state)
{
	struct ccrig *r = unattached();
	unsigned int n;

	ccrig_client(r, &(struct ccrig_conf){ .terminal.list = true });
	ccrig_item(r, CONS_ITEM_LISTED);
	cons_terminal_infos(r->t, &n);
	assert_int_equal(n, 0);
	ccrig_free(r);
}

/* --- what may be asked for --- */

static void
arguments(void **state)
{
	struct cons_terminal *t;
	struct cons_client *c;
	struct ccrig r;

	ccrig_init(&r);
	const struct cons_client_conf good = { .link = r.l[1], .rgid = r.ip.gid[0] };
	struct cons_client_conf bad;

#define REFUSED(field, value, err)                                                                 \
	do {                                                                                       \
		bad = good;                                                                        \
		bad.field = value;                                                                 \
		assert_int_equal(cons_client_create(&bad, &c), err);                               \
	} while (0)
	REFUSED(link, NULL, -EINVAL);
	REFUSED(rgid, 0, -EINVAL);
	REFUSED(rgid, r.ip.gid[1], -EADDRINUSE);
	REFUSED(credits, 129, -EINVAL);
	REFUSED(slot_size, 5000, -EINVAL);
	REFUSED(slot_size, 512 * 1024, -EINVAL);
	REFUSED(terminals, CONS_UNITS_MAX + 1, -EINVAL);
#undef REFUSED
	assert_int_equal(cons_client_create(&good, &c), 0);
	assert_int_equal(cons_client_attach(c, &(struct cons_terminal_conf){ .console = "a/b" },
					    &t),
			 -EINVAL);
	assert_int_equal(cons_client_attach(c, &(struct cons_terminal_conf){ .console = "" }, &t),
			 -EINVAL);
	assert_int_equal(cons_client_attach(c, &(struct cons_terminal_conf){ 0 }, &t), 0);
	assert_int_equal(cons_client_attach(c, &(struct cons_terminal_conf){ 0 }, &t), -ENOSPC);
	cons_client_detach(t);
	assert_int_equal(cons_client_attach(c, &(struct cons_terminal_conf){ 0 }, &t), 0);
	cons_client_destroy(c);
	cons_client_detach(NULL);
	cons_client_destroy(NULL);
	link_destroy(r.l[1]);
	inproc_teardown(&r.ip);
}

static void
term_is_checked(void **state)
{
	static const char too_long[] = "0123456789012345678901234567890123456789"
				       "012345678901234567890123";
	const char *const bad[] = { "", "x;rm", "a b", too_long };

	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		struct ccrig *r = ccrig_new(&(struct ccrig_conf){ .terminal.term = bad[i] });

		assert_string_equal(r->attach.term, "");
		ccrig_free(r);
	}
}

/* A server that grants the least there is. */
static void
small_grant(void **state)
{
	struct ccrig *r = malloc(sizeof(*r));
	unsigned int said = 0;

	assert_non_null(r);
	ccrig_init(r);
	r->depth_max = 2;
	r->slot_max = 4096;
	ccrig_server_start(r);
	ccrig_client(r, NULL);
	ccrig_item(r, CONS_ITEM_ATTACHED);
	cons_terminal_write(r->t, noise, 20000);
	cons_terminal_resize(r->t, &(struct cons_size){ 10, 20, 0, 0 });
	while (said < 20000) {
		ccrig_until(r, &r->read_count, 1);
		assert_int_equal(r->read_count, 1);
		ccrig_say(r, noise + said, 4000);
		said += 4000;
	}
	while (r->in_pos < 20000)
		ccrig_round(r);
	ccrig_until(r, &r->output_len, 20000);
	assert_memory_equal(r->output, noise, 20000);
	assert_memory_equal(r->input, noise, 20000);
	assert_int_equal(rte_be_to_cpu_16(r->size.rows), 10);
	cons_terminal_leave(r->t);
	ccrig_item(r, CONS_ITEM_LEFT);
	ccrig_free(r);
}

static void
words(void **state)
{
	assert_string_equal(cons_terminal_state_str(CONS_TERMINAL_DOWN), "down");
	assert_string_equal(cons_terminal_state_str(CONS_TERMINAL_OVER), "over");
	assert_string_equal(cons_terminal_state_str((enum cons_terminal_state)99), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_in_order),
		cmocka_unit_test(credits),
		cmocka_unit_test(cut),
		cmocka_unit_test(history_lost),
		cmocka_unit_test(history_border),
		cmocka_unit_test(input),
		cmocka_unit_test(input_full),
		cmocka_unit_test(input_answers_out_of_order),
		cmocka_unit_test(order_of_requests),
		cmocka_unit_test(sizes),
		cmocka_unit_test(observer_sends_nothing),
		cmocka_unit_test(end_of_program),
		cmocka_unit_test(end_is_kept),
		cmocka_unit_test(taken),
		cmocka_unit_test(detached),
		cmocka_unit_test(leave),
		cmocka_unit_test(leave_before_a_session),
		cmocka_unit_test(busy),
		cmocka_unit_test(cannot_start),
		cmocka_unit_test(refused_in_few_words),
		cmocka_unit_test(no_such_console),
		cmocka_unit_test(list),
		cmocka_unit_test(empty_list),
		cmocka_unit_test(arguments),
		cmocka_unit_test(term_is_checked),
		cmocka_unit_test(small_grant),
		cmocka_unit_test(words),
	};

	int failed = cmocka_run_group_tests_name("version 1", tests, make_noise, NULL);

	ccrig_version2 = true;
	return failed + cmocka_run_group_tests_name("version 2", tests, make_noise, NULL);
}
