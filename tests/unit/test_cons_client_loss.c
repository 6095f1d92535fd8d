/* SPDX-License-Identifier: BSD-3-Clause */
/* A console client whose session goes: what is resumed, what is told, what a liar gets. */
#include "cons_client_rig.h"
#include "link_priv.h"

static uint8_t noise[128 * 1024];

static int
make_noise(void **state)
{
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 2654435761u >> 11);
	return 0;
}

/* --- resumed --- */

/* Output that was consumed is not asked for again, the rest is. */
static void
output_resumes(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	struct cons_terminal_info info;
	uint64_t client = r->attach.client;

	ccrig_say(r, noise, 5000);
	ccrig_until(r, &r->output_len, 5000);
	ccrig_server_stop(r);
	ccrig_item(r, CONS_ITEM_LOST);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.state, CONS_TERMINAL_DOWN);
	assert_int_equal(info.credits, 0);
	ccrig_server_start(r);
	ccrig_item(r, CONS_ITEM_AGAIN);
	assert_int_equal(r->attach.client, client);
	assert_int_equal(rte_be_to_cpu_64(r->attach.instance), 0x1111);
	assert_int_equal(rte_be_to_cpu_64(r->attach.out_pos), 5000);
	ccrig_until(r, &r->read_count, 16);
	ccrig_say(r, noise + 5000, 5000);
	ccrig_until(r, &r->output_len, 10000);
	assert_memory_equal(r->output, noise, 10000);
	ccrig_free(r);
}

/* What came before the loss and was not consumed yet outlives it, for as long as it takes. */
static void
output_before_the_loss(void **state)
{
	struct ccrig *r = ccrig_new(&(struct ccrig_conf){ .client.credits = 4 });
	struct cons_terminal_info info;
	struct cons_item item;

	r->deaf = true;
	ccrig_say(r, noise, 3000);
	ccrig_event(r, CONS_EVENT_CUT, 0, 10, "");
	ccrig_say(r, noise + 3000, 3000);
	ccrig_rounds(r, 50);
	assert_true(cons_terminal_next(r->t, &item));
	memcpy(r->output, item.data, 1000);
	r->output_len = 1000;
	cons_terminal_consume(r->t, 1000);
	ccrig_server_stop(r);
	ccrig_rounds(r, 200);
	/* It is asked for what comes behind, though nobody has consumed that much. */
	ccrig_server_start(r);
	ccrig_until(r, &r->attaches, 2);
	assert_int_equal(rte_be_to_cpu_64(r->attach.out_pos), 6010);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.out_pos, 1000);
	/* Three of four credits are held by what waits. */
	ccrig_until(r, &r->read_count, 1);
	ccrig_say(r, noise + 6000, 3000);
	ccrig_rounds(r, 100);
	assert_int_equal(r->read_count, 0);
	/* And once more. */
	ccrig_server_stop(r);
	ccrig_rounds(r, 100);
	ccrig_server_start(r);
	ccrig_until(r, &r->attaches, 3);
	assert_int_equal(rte_be_to_cpu_64(r->attach.out_pos), 9010);
	ccrig_rounds(r, 100);
	assert_int_equal(r->read_count, 0);
	r->deaf = false;
	ccrig_until(r, &r->read_count, 4);
	ccrig_say(r, noise + 9000, 3000);
	ccrig_until(r, &r->output_len, 12000);
	assert_memory_equal(r->output, noise, 12000);
	ccrig_item(r, CONS_ITEM_CUT);
	ccrig_item(r, CONS_ITEM_LOST);
	ccrig_item(r, CONS_ITEM_AGAIN);
	ccrig_item(r, CONS_ITEM_LOST);
	ccrig_item(r, CONS_ITEM_AGAIN);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.out_pos, 12010);
	ccrig_free(r);
}

/* After a session as short as those below, the link would wait before it calls again. */
static void
call_at_once(void *arg, struct link_session *s)
{
	s->open.retry_min_ms = s->open.retry_max_ms = s->backoff_ms = 0;
}

/* Rounds until the client attaches again, if it does so soon: one whose news wait does not. */
static void
may_attach(struct ccrig *r, unsigned int attaches)
{
	uint64_t end = base_now_ns() + 300 * BASE_NS_PER_MS;

	while (r->attaches == attaches && base_now_ns() < end)
		ccrig_round(r);
	ccrig_rounds(r, 50);
}

/* A reader that is stuck while sessions come and go: what is to be told stays bounded. */
static void
stuck_through_many_losses(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	unsigned int items = 0, attaches;

	link_session_each(r->l[1], call_at_once, NULL);
	r->deaf = true;
	for (unsigned int i = 0; i < 12; i++) {
		attaches = r->attaches;
		ccrig_server_stop(r);
		ccrig_rounds(r, 50);
		ccrig_server_start(r);
		may_attach(r, attaches);
	}
	assert_true(r->attaches < 12);
	r->deaf = false;
	may_attach(r, r->attaches);
	while (r->item_count > 0) {
		ccrig_item(r, items % 2 == 0 ? CONS_ITEM_LOST : CONS_ITEM_AGAIN);
		items++;
	}
	assert_true(items >= 8 && items % 2 == 0);
	ccrig_until(r, &r->read_count, 16);
	ccrig_say(r, "still there", 11);
	ccrig_until(r, &r->output_len, 11);
	ccrig_free(r);
}

/* The scrollback was too short. */
static void
output_is_cut(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	struct cons_terminal_info info;

	ccrig_say(r, noise, 100);
	ccrig_until(r, &r->output_len, 100);
	ccrig_server_stop(r);
	r->auto_pos = false;
	r->attached.flags = rte_cpu_to_be_32(CONS_ATTACHED_WRITER);
	r->attached.out_pos = rte_cpu_to_be_64(100 + 4000);
	r->attached.lost = rte_cpu_to_be_64(4000);
	ccrig_server_start(r);
	ccrig_item(r, CONS_ITEM_LOST);
	ccrig_item(r, CONS_ITEM_AGAIN);
	assert_int_equal(ccrig_item(r, CONS_ITEM_CUT)->value, 4000);
	cons_terminal_info(r->t, &info);
	assert_int_equal(info.out_pos, 4100);
	ccrig_free(r);
}

/* Each byte once, wherever the loss falls. */
static void
input_once(void **state)
{
	for (uint32_t taken = 0; taken <= 40000; taken += 10000) {
		struct ccrig *r = ccrig_new(&(struct ccrig_conf){ .client.slot_size = 4096 });

		r->hold = true;
		assert_int_equal(cons_terminal_write(r->t, noise, 40000), 40000);
		ccrig_until(r, &r->held_count, 10);
		ccrig_server_stop(r);
		/* The console had taken so much of it, and nobody told us. */
		memcpy(r->input, noise, taken);
		r->in_pos = taken;
		r->hold = false;
		/* Typed while there is no session. */
		ccrig_item(r, CONS_ITEM_LOST);
		assert_int_equal(cons_terminal_write(r->t, noise + 40000, 1000), 1000);
		ccrig_server_start(r);
		assert_int_equal(ccrig_item(r, CONS_ITEM_AGAIN)->value, 0);
		while (r->in_pos < 41000)
			ccrig_round(r);
		ccrig_rounds(r, 50);
		assert_int_equal(r->in_pos, 41000);
		assert_memory_equal(r->input, noise, 41000);
		ccrig_free(r);
	}
}

/* The end of input is said in each session. */
static void
eof_again(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	unsigned int at = r->seen_count;

	cons_terminal_write(r->t, "abc", 3);
	cons_terminal_eof(r->t);
	ccrig_until(r, &r->seen_count, at + 2);
	ccrig_rounds(r, 50);
	ccrig_server_stop(r);
	ccrig_server_start(r);
	at = r->seen_count;
	ccrig_until(r, &r->seen_count, at + 2);
	assert_int_equal(r->seen[at].op, CONS_ATTACH);
	assert_int_equal(r->seen[at + 1].op, CONS_EOF);
	assert_int_equal(r->seen[at + 1].off, 3);
	ccrig_free(r);
}

static void
many_losses(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	size_t typed = 0;

	for (unsigned int i = 0; i < 20; i++) {
		typed += cons_terminal_write(r->t, noise + typed, 1000);
		ccrig_until(r, &r->read_count, 1);
		ccrig_say(r, noise + r->out_pos, 500);
		ccrig_rounds(r, i * 3);
		ccrig_server_stop(r);
		ccrig_rounds(r, i);
		ccrig_server_start(r);
		ccrig_item(r, CONS_ITEM_LOST);
		ccrig_item(r, CONS_ITEM_AGAIN);
	}
	while (r->in_pos < typed)
		ccrig_round(r);
	assert_memory_equal(r->input, noise, typed);
	assert_memory_equal(r->output, noise, r->output_len);
	ccrig_free(r);
}

/* Sizes that changed while away go with ATTACH. */
static void
size_while_away(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	unsigned int at;

	ccrig_server_stop(r);
	ccrig_item(r, CONS_ITEM_LOST);
	cons_terminal_resize(r->t, &(struct cons_size){ 33, 44, 0, 0 });
	at = r->seen_count;
	ccrig_server_start(r);
	ccrig_item(r, CONS_ITEM_AGAIN);
	assert_int_equal(rte_be_to_cpu_16(r->attach.size.rows), 33);
	ccrig_rounds(r, 50);
	assert_int_equal(r->seen_count, at + 1);
	ccrig_free(r);
}

/* --- not the same any more --- */

static void
restarted(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	const struct cons_item *item;

	r->hold = true;
	cons_terminal_write(r->t, "half a command", 14);
	ccrig_until(r, &r->held_count, 1);
	ccrig_say(r, noise, 777);
	ccrig_until(r, &r->output_len, 777);
	ccrig_server_stop(r);
	r->attached.instance = rte_cpu_to_be_64(0x2222);
	r->out_pos = 0;
	r->hold = false;
	ccrig_server_start(r);
	ccrig_item(r, CONS_ITEM_LOST);
	item = ccrig_item(r, CONS_ITEM_RESTARTED);
	assert_int_equal(item->value, 14);
	/* Both streams begin anew. */
	ccrig_until(r, &r->read_count, 16);
	ccrig_say(r, "new", 3);
	cons_terminal_write(r->t, "ls", 2);
	while (r->in_pos < 2)
		ccrig_round(r);
	assert_memory_equal(r->input, "ls", 2);
	ccrig_until(r, &r->output_len, 780);
	assert_memory_equal(r->output + 777, "new", 3);
	ccrig_free(r);
}

/* Seventeen others have written since: the server knows us no more. */
static void
forgotten(void **state)
{
	struct ccrig *r = ccrig_new(NULL);

	cons_terminal_write(r->t, "12345", 5);
	while (r->in_pos < 5)
		ccrig_round(r);
	ccrig_rounds(r, 50);
	r->hold = true;
	cons_terminal_write(r->t, "678", 3);
	ccrig_until(r, &r->held_count, 1);
	ccrig_server_stop(r);
	r->hold = false;
	r->in_pos = 0;
	ccrig_server_start(r);
	ccrig_item(r, CONS_ITEM_LOST);
	assert_int_equal(ccrig_item(r, CONS_ITEM_DROPPED)->value, 3);
	cons_terminal_write(r->t, "ab", 2);
	while (r->in_pos < 2)
		ccrig_round(r);
	assert_memory_equal(r->input, "ab", 2);
	ccrig_free(r);
}

static void
busy_after_loss(void **state)
{
	struct ccrig *r = ccrig_new(&(struct ccrig_conf){ .terminal.take_over = true });

	assert_int_equal(rte_be_to_cpu_32(r->attach.flags), CONS_ATTACH_TAKE_OVER);
	ccrig_server_stop(r);
	r->status = CONS_EBUSY;
	r->attached.writer = rte_cpu_to_be_64(9);
	ccrig_server_start(r);
	ccrig_item(r, CONS_ITEM_LOST);
	assert_int_equal(ccrig_item(r, CONS_ITEM_REFUSED)->value, 9);
	assert_int_equal(r->attach.flags, 0);
	ccrig_free(r);
}

/* The answer to ATTACH is lost: not told, asked again. */
static void
loss_while_asking(void **state)
{
	struct ccrig *r = malloc(sizeof(*r));

	assert_non_null(r);
	ccrig_init(r);
	r->hold_attach = true;
	ccrig_server_start(r);
	ccrig_client(r, NULL);
	ccrig_until(r, &r->attaches, 1);
	ccrig_server_stop(r);
	ccrig_rounds(r, 100);
	assert_int_equal(r->item_count, 0);
	r->hold_attach = false;
	ccrig_server_start(r);
	ccrig_item(r, CONS_ITEM_ATTACHED);
	ccrig_free(r);
}

static void
loss_while_leaving(void **state)
{
	struct ccrig *r = ccrig_new(NULL);

	cons_terminal_leave(r->t);
	cons_client_poll(r->c, base_now_ns());
	ccrig_server_stop(r);
	ccrig_item(r, CONS_ITEM_LEFT);
	ccrig_free(r);
}

/* --- liars --- */

/* The session must end for a breach of protocol. */
static void
expect_breach(struct ccrig *r)
{
	const struct cons_item *item = ccrig_item(r, CONS_ITEM_LOST);

	assert_int_equal(item->why, LINK_WHY_PROTOCOL);
	ccrig_free(r);
}

static void
wrong_position(void **state)
{
	struct ccrig *r = ccrig_new(NULL);

	ccrig_say(r, "abc", 3);
	r->out_pos++;
	ccrig_say(r, "abc", 3);
	expect_breach(r);
}

static void
wrong_event(void **state)
{
	struct ccrig *r = ccrig_new(NULL);

	ccrig_event(r, 99, 0, 0, "");
	expect_breach(r);
}

static void
gone_without_reason(void **state)
{
	struct ccrig *r = ccrig_new(NULL);

	ccrig_gone_reads(r);
	expect_breach(r);
}

static void
write_not_understood(void **state)
{
	struct ccrig *r = ccrig_new(NULL);

	r->refuse_write = CONS_EINVAL;
	cons_terminal_write(r->t, "x", 1);
	expect_breach(r);
}

/* Nothing comes after the end; there the breach is the link's news alone. */
static void
output_after_the_end(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	struct link_session_info info = { 0 };
	uint64_t end = base_now_ns() + 20 * BASE_NS_PER_S;

	ccrig_event(r, CONS_EVENT_ENDED, 0, 0, "");
	ccrig_item(r, CONS_ITEM_ENDED);
	ccrig_say(r, "and", 3);
	while (info.protocol_errors == 0) {
		ccrig_round(r);
		cons_client_session_info(r->c, &info);
		assert_true(base_now_ns() < end);
	}
	assert_int_equal(r->output_len, 0);
	assert_int_equal(r->item_count, 0);
	ccrig_free(r);
}

/* ATTACH and LIST: no item comes of a breach, the session goes and is tried again. */
static void
liars_before_the_attachment(void **state)
{
	for (unsigned int lie = 0; lie < 7; lie++) {
		struct ccrig *r = malloc(sizeof(*r));
		struct link_session_info info = { 0 };
		uint64_t end = base_now_ns() + 20 * BASE_NS_PER_S;

		assert_non_null(r);
		ccrig_init(r);
		ccrig_info(r, 0, "one");
		if (lie == 0)
			r->in_pos = 5; /* of a client that was never here */
		else if (lie == 1)
			r->attached_len = 100;
		else if (lie == 2)
			r->attached.unit = 0, r->keep_unit = true;
		else if (lie == 3)
			r->list_result = 2; /* of which nothing ever comes */
		else if (lie == 4)
			r->list_result = CONS_CONSOLES_MAX + 1;
		else if (lie == 5 && ccrig_version2)
			r->keep_unit = true; /* another one than was asked for */
		else
			memset(r->infos[0].name, 'x', sizeof(r->infos[0].name));
		ccrig_server_start(r);
		ccrig_client(r, &(struct ccrig_conf){ .terminal.list = lie >= 3 && !r->keep_unit });
		while (info.protocol_errors == 0) {
			ccrig_round(r);
			cons_client_session_info(r->c, &info);
			assert_true(base_now_ns() < end);
		}
		assert_int_equal(r->item_count, 0);
		ccrig_free(r);
	}
}

static void
more_input_than_was_sent(void **state)
{
	struct ccrig *r = ccrig_new(NULL);
	struct link_session_info info = { 0 };
	uint64_t end = base_now_ns() + 20 * BASE_NS_PER_S;

	ccrig_server_stop(r);
	ccrig_item(r, CONS_ITEM_LOST);
	r->in_pos = 1;
	ccrig_server_start(r);
	while (info.protocol_errors == 0) {
		ccrig_round(r);
		cons_client_session_info(r->c, &info);
		assert_true(base_now_ns() < end);
	}
	assert_int_equal(r->item_count, 0);
	ccrig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_resumes),
		cmocka_unit_test(output_before_the_loss),
		cmocka_unit_test(stuck_through_many_losses),
		cmocka_unit_test(output_is_cut),
		cmocka_unit_test(input_once),
		cmocka_unit_test(eof_again),
		cmocka_unit_test(many_losses),
		cmocka_unit_test(size_while_away),
		cmocka_unit_test(restarted),
		cmocka_unit_test(forgotten),
		cmocka_unit_test(busy_after_loss),
		cmocka_unit_test(loss_while_asking),
		cmocka_unit_test(loss_while_leaving),
		cmocka_unit_test(wrong_position),
		cmocka_unit_test(wrong_event),
		cmocka_unit_test(gone_without_reason),
		cmocka_unit_test(write_not_understood),
		cmocka_unit_test(output_after_the_end),
		cmocka_unit_test(liars_before_the_attachment),
		cmocka_unit_test(more_input_than_was_sent),
	};

	int failed = cmocka_run_group_tests_name("version 1", tests, make_noise, NULL);

	ccrig_version2 = true;
	return failed + cmocka_run_group_tests_name("version 2", tests, make_noise, NULL);
}
