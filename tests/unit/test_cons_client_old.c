/* SPDX-License-Identifier: BSD-3-Clause */
/* A client with room for several terminals at a server of version 1, which has room for one. */
#include "cons_client_rig.h"

static struct cons_terminal *
attach(struct ccrig *r, bool list)
{
	const struct cons_terminal_conf conf = { .list = list };
	struct cons_terminal *t;

	assert_int_equal(cons_client_attach(r->c, &conf, &t), 0);
	return t;
}

/* Rounds until the terminal has said something; @return what. */
static struct cons_item
next_item(struct ccrig *r, struct cons_terminal *t)
{
	uint64_t end = base_now_ns() + 20 * BASE_NS_PER_S;
	struct cons_item item;

	while (!cons_terminal_next(t, &item)) {
		ccrig_round(r);
		assert_true(base_now_ns() < end);
	}
	cons_terminal_consume(t, 0);
	return item;
}

static struct ccrig *
start(void)
{
	return ccrig_new(&(struct ccrig_conf){ .client.terminals = 3 });
}

/* It has the whole session, a second one is refused, and the list is there for all. */
static void
second_is_refused(void **state)
{
	struct ccrig *r = start();
	struct cons_terminal *b = attach(r, false), *c;
	struct cons_item item = next_item(r, b);

	assert_int_equal(item.kind, CONS_ITEM_REFUSED);
	assert_int_equal(item.status, CONS_ENOMEM);
	assert_true(item.text[0] != '\0');
	assert_int_equal(r->attaches, 1);
	ccrig_info(r, 0, "sh");
	c = attach(r, true);
	assert_int_equal(next_item(r, c).kind, CONS_ITEM_LISTED);
	/* The first one is as it was. */
	cons_terminal_write(r->t, "abc", 3);
	ccrig_say(r, "def", 3);
	ccrig_until(r, &r->output_len, 3);
	while (r->in_pos < 3)
		ccrig_round(r);
	ccrig_until(r, &r->read_count, 16);
	ccrig_free(r);
}

/* When it goes, the next one has its turn: with a unit that the server tells. */
static void
one_after_the_other(void **state)
{
	struct ccrig *r = start();
	unsigned int at = r->seen_count;
	struct cons_terminal *b;

	cons_client_detach(r->t);
	b = attach(r, false);
	r->attached.unit = rte_cpu_to_be_16(8);
	r->t = b;
	ccrig_item(r, CONS_ITEM_ATTACHED);
	assert_int_equal(r->seen[at].op, CONS_DETACH);
	assert_int_equal(r->seen[at].unit, CCRIG_UNIT);
	assert_int_equal(r->seen[at + 1].op, CONS_ATTACH);
	ccrig_until(r, &r->read_count, 16); /* each names unit 8 */
	cons_terminal_write(b, "x", 1);
	ccrig_until(r, &r->seen_count, at + 3);
	assert_int_equal(r->seen[at + 2].unit, 8);
	ccrig_free(r);
}

/* One that leaves is waited for, too. */
static void
one_leaves(void **state)
{
	struct ccrig *r = start();
	struct cons_terminal *a = r->t;

	cons_terminal_leave(a);
	cons_client_poll(r->c, base_now_ns());
	r->t = attach(r, false);
	cons_client_poll(r->c, base_now_ns()); /* ahead of the answer */
	ccrig_item(r, CONS_ITEM_ATTACHED);
	assert_int_equal(next_item(r, a).kind, CONS_ITEM_LEFT);
	ccrig_free(r);
}

/* Nothing names an ATTACH that is not answered: DETACH waits for the answer. */
static void
detach_while_asking(void **state)
{
	struct ccrig *r = malloc(sizeof(*r));
	struct cons_terminal *b;
	uint16_t id;

	assert_non_null(r);
	ccrig_init(r);
	r->hold_attach = true;
	ccrig_server_start(r);
	ccrig_client(r, &(struct ccrig_conf){ .client.terminals = 3 });
	ccrig_until(r, &r->attaches, 1);
	id = r->seen[0].id;
	cons_client_detach(r->t);
	b = attach(r, false);
	r->t = b;
	ccrig_rounds(r, 200);
	assert_int_equal(r->seen_count, 1);
	assert_int_equal(r->item_count, 0);
	r->hold_attach = false;
	r->unit = CCRIG_UNIT;
	r->attached.flags = rte_cpu_to_be_32(CONS_ATTACHED_WRITER);
	ccrig_answer(r, id, 0, CONS_OK, 0, &r->attached, sizeof(r->attached));
	ccrig_item(r, CONS_ITEM_ATTACHED);
	assert_int_equal(r->seen[1].op, CONS_DETACH);
	assert_int_equal(r->seen[1].unit, CCRIG_UNIT);
	assert_int_equal(r->seen[2].op, CONS_ATTACH);
	ccrig_free(r);
}

/* The session goes: who has been refused stays so, the other one comes back. */
static void
loss(void **state)
{
	struct ccrig *r = start();
	struct cons_terminal *b = attach(r, false);
	struct cons_item item;

	assert_int_equal(next_item(r, b).kind, CONS_ITEM_REFUSED);
	ccrig_server_stop(r);
	ccrig_item(r, CONS_ITEM_LOST);
	ccrig_server_start(r);
	ccrig_item(r, CONS_ITEM_AGAIN);
	assert_false(cons_terminal_next(b, &item));
	ccrig_free(r);
}

/* Two are there when a server of version 2 is replaced by one of version 1: one of them stays. */
static void
server_gets_older(void **state)
{
	struct cons_terminal *b;
	struct cons_item item;
	struct ccrig *r;

	ccrig_version2 = true;
	r = start();
	b = attach(r, false);
	assert_int_equal(next_item(r, b).kind, CONS_ITEM_ATTACHED);
	assert_int_equal(r->attaches, 2);
	ccrig_server_stop(r);
	assert_int_equal(next_item(r, b).kind, CONS_ITEM_LOST);
	ccrig_item(r, CONS_ITEM_LOST);
	ccrig_version2 = false;
	r->attached.unit = rte_cpu_to_be_16(CCRIG_UNIT);
	ccrig_server_start(r);
	ccrig_item(r, CONS_ITEM_AGAIN);
	item = next_item(r, b);
	assert_int_equal(item.kind, CONS_ITEM_REFUSED);
	assert_int_equal(item.status, CONS_ENOMEM);
	ccrig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_is_refused),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(detach_while_asking),
		cmocka_unit_test(one_leaves),
		cmocka_unit_test(loss),
		cmocka_unit_test(server_gets_older),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
