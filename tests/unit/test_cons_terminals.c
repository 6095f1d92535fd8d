/* SPDX-License-Identifier: BSD-3-Clause */
/* Several terminals of one client at a real server: who has what, who holds up whom, loss. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_log.h>

#include "base_time.h"
#include "cons_client.h"
#include "cons_server.h"
#include "inproc.h"

#define REPEAT "stty raw -echo; echo ready; exec cat"
#define WAIT_NS (30 * BASE_NS_PER_S)
#define SEEN_MAX (2u << 20)

/* What a terminal has told its user. */
struct user {
	struct cons_terminal *t;
	bool deaf; /* consumes nothing */
	char *seen; /* NUL behind it */
	size_t len;
	enum cons_item_kind items[64]; /* but DATA */
	unsigned int item_count;
	struct cons_item last;
	unsigned int wakes;
};

static struct world {
	struct inproc ip;
	struct link *l[2];
	struct cons_server *srv;
	struct cons_client *c;
	struct user users[CONS_UNITS_MAX];
} w;

static void
quiet(void *arg, const char *line)
{
}

/* A server with these consoles, allowed to any, and a client with room for so many terminals. */
static void
start(uint16_t terminals, uint16_t depth_max)
{
	struct cons_server_conf sc = { .audit = quiet, .depth_max = depth_max };
	struct cons_client_conf cc = { .terminals = terminals, .slot_size = 4096 };
	struct link_conf lc = { .keepalive_ms = 100 };

	memset(&w, 0, sizeof(w));
	assert_int_equal(inproc_setup(&w.ip, &(struct inproc_conf){ .functions = 2 }), 0);
	rte_log_set_level_pattern("lib.ism.link", RTE_LOG_ERR);
	for (unsigned int i = 0; i < 2; i++) {
		lc.dev_id = w.ip.dev_id[i];
		assert_int_equal(link_create(&lc, &w.l[i]), 0);
	}
	sc.link = w.l[0];
	assert_int_equal(cons_server_create(&sc, &w.srv), 0);
	cc.link = w.l[1];
	cc.rgid = w.ip.gid[0];
	assert_int_equal(cons_client_create(&cc, &w.c), 0);
}

static void
console(const char *name, const char *command)
{
	const struct cons_console_conf conf = {
		.name = name, .kind = CONS_CONSOLE_EXEC, .what = command, .allow.any = true
	};
	char err[256];

	if (cons_server_console(w.srv, &conf, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

static void
rig_stop(void)
{
	cons_client_destroy(w.c);
	cons_server_destroy(w.srv);
	link_destroy(w.l[1]);
	link_destroy(w.l[0]);
	inproc_teardown(&w.ip);
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++)
		free(w.users[i].seen);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

static void
take(struct user *u)
{
	struct cons_item item;

	while (!u->deaf && cons_terminal_next(u->t, &item)) {
		if (item.kind == CONS_ITEM_DATA) {
			assert_true(u->len + item.len < SEEN_MAX);
			memcpy(u->seen + u->len, item.data, item.len);
			u->len += item.len;
			u->seen[u->len] = '\0';
		} else {
			assert_true(u->item_count < 64);
			u->items[u->item_count++] = item.kind;
			u->last = item;
		}
		cons_terminal_consume(u->t, item.len);
	}
}

static void
round_of_all(void)
{
	uint64_t now = base_now_ns();

	link_poll(w.l[0], now);
	cons_server_poll(w.srv, now);
	link_poll(w.l[1], now);
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		if (w.users[i].t != NULL)
			take(&w.users[i]);
	}
	cons_client_poll(w.c, now);
}

#define until(what)                                                                                \
	do {                                                                                       \
		uint64_t end_ = base_now_ns() + WAIT_NS;                                           \
		while (!(what)) {                                                                  \
			round_of_all();                                                            \
			if (base_now_ns() > end_)                                                  \
				fail_msg("waited too long for: %s", #what);                        \
		}                                                                                  \
	} while (0)

static void
pass(unsigned int ms)
{
	uint64_t end = base_now_ns() + ms * BASE_NS_PER_MS;

	while (base_now_ns() < end)
		round_of_all();
}

static void
woken(void *arg, struct cons_terminal *t)
{
	struct user *u = arg;

	assert_ptr_equal(u->t, t);
	u->wakes++;
}

/* @return what cons_client_attach() says. */
static int
attach(struct user *u, const char *name, bool observe)
{
	const struct cons_terminal_conf conf = {
		.console = name,
		.observe = observe,
		.history = UINT32_MAX,
		.wake = woken,
		.arg = u,
	};

	free(u->seen);
	memset(u, 0, sizeof(*u));
	u->seen = calloc(1, SEEN_MAX);
	assert_non_null(u->seen);
	return cons_client_attach(w.c, &conf, &u->t);
}

static void
attach_ready(struct user *u, const char *name, bool observe)
{
	assert_int_equal(attach(u, name, observe), 0);
	until(strstr(u->seen, "ready\n") != NULL);
	assert_int_equal(u->items[0], CONS_ITEM_ATTACHED);
}

static void
detach(struct user *u)
{
	cons_client_detach(u->t);
	u->t = NULL;
}

/* Type, and wait for the echo. */
static void
echo(struct user *u, const char *text)
{
	assert_int_equal(cons_terminal_write(u->t, text, strlen(text)), strlen(text));
	until(strstr(u->seen, text) != NULL);
}

static unsigned int
credits(const struct user *u)
{
	struct cons_terminal_info info;

	cons_terminal_info(u->t, &info);
	return info.credits;
}

/* --- who has what --- */

static void
two_consoles(void **state)
{
	struct user *a = &w.users[0], *b = &w.users[1], *c = &w.users[2];

	start(2, 0);
	console("one", REPEAT);
	console("two", REPEAT);
	attach_ready(a, "one", false);
	attach_ready(b, "two", false);
	assert_int_equal(attach(c, "one", true), -ENOSPC);
	echo(a, "for one\n");
	echo(b, "to the second\n");
	assert_null(strstr(a->seen, "second"));
	assert_null(strstr(b->seen, "for one"));
	assert_int_equal(a->item_count + b->item_count, 2);
	/* One goes, the other stays; the place is free again, for the other console. */
	detach(a);
	until(attach(c, "two", true) == 0);
	until(strstr(c->seen, "second") != NULL);
	assert_int_equal(cons_terminal_room(c->t), 0);
	echo(b, "still here\n");
	until(strstr(c->seen, "still here\n") != NULL);
	assert_int_equal(b->item_count, 1);
	rig_stop();
}

static void
writer_and_observers(void **state)
{
	struct user *a = &w.users[0], *b = &w.users[1], *c = &w.users[2];

	start(3, 0);
	console("one", REPEAT);
	attach_ready(a, "one", false);
	attach_ready(b, "one", true);
	attach_ready(c, "one", true);
	echo(a, "for all\n");
	until(strstr(b->seen, "for all\n") != NULL && strstr(c->seen, "for all\n") != NULL);
	/* A second writer is another client. */
	detach(c);
	until(attach(c, "one", false) == 0);
	until(c->item_count == 1);
	assert_int_equal(c->items[0], CONS_ITEM_REFUSED);
	assert_int_equal(c->last.status, CONS_EBUSY);
	assert_int_equal(c->last.value, w.ip.gid[1]);
	rig_stop();
}

/* One leaves in good order: the others are not told, and it may come back. */
static void
one_leaves(void **state)
{
	struct user *a = &w.users[0], *b = &w.users[1];

	start(2, 0);
	console("one", REPEAT);
	attach_ready(a, "one", false);
	attach_ready(b, "one", true);
	cons_terminal_write(a->t, "bye\n", 4);
	cons_terminal_leave(a->t);
	until(a->item_count == 2);
	assert_int_equal(a->items[1], CONS_ITEM_LEFT);
	until(strstr(b->seen, "bye\n") != NULL);
	assert_int_equal(b->item_count, 1);
	detach(a);
	until(attach(a, "one", false) == 0);
	until(strstr(a->seen, "bye\n") != NULL);
	echo(a, "back\n");
	until(strstr(b->seen, "back\n") != NULL);
	rig_stop();
}

static void
as_many_as_there_are(void **state)
{
	static char names[CONS_UNITS_MAX][16];
	char text[32];

	start(CONS_UNITS_MAX, 0);
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "c%u", i);
		console(names[i], REPEAT);
		attach_ready(&w.users[i], names[i], false);
	}
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		snprintf(text, sizeof(text), "this is %u\n", i);
		echo(&w.users[i], text);
		assert_int_equal(w.users[i].len, strlen("ready\n") + strlen(text));
		until(credits(&w.users[i]) == LINK_DEPTH_MAX / CONS_UNITS_MAX / 2);
	}
	rig_stop();
}

/* A server that grants few slots: some terminals have none, and the others work. */
static void
fewer_slots(void **state)
{
	start(8, 32);
	console("one", REPEAT);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(attach(&w.users[i], "one", i > 0), 0);
	for (unsigned int i = 4; i < 8; i++) {
		until(w.users[i].item_count == 1);
		assert_int_equal(w.users[i].items[0], CONS_ITEM_REFUSED);
		assert_int_equal(w.users[i].last.status, CONS_ENOMEM);
	}
	for (unsigned int i = 0; i < 4; i++)
		until(strstr(w.users[i].seen, "ready\n") != NULL);
	echo(&w.users[0], "typed\n");
	until(strstr(w.users[3].seen, "typed\n") != NULL);
	rig_stop();
}

/* --- who holds up whom --- */

/* A terminal that is never read keeps its part of the slots, and only its own program waits. */
static void
one_never_reads(void **state)
{
	struct user *deaf = &w.users[0], *b = &w.users[1];
	char line[16];
	const char *at;

	start(2, 0);
	console("loud", "stty -opost -echo; exec seq -f %08.0f 0 99999");
	console("flow", "stty -opost -echo; exec seq -f %08.0f 0 199999");
	assert_int_equal(attach(deaf, "loud", false), 0);
	deaf->deaf = true;
	pass(200);
	assert_int_equal(attach(b, "flow", false), 0);
	until(b->item_count == 2);
	assert_int_equal(b->items[1], CONS_ITEM_ENDED);
	assert_int_equal(b->len, 1800000);
	assert_int_equal(credits(deaf), 0);
	assert_int_equal(deaf->len, 0);
	/* It reads after all: nothing is missing. */
	deaf->deaf = false;
	until(deaf->item_count == 2);
	assert_int_equal(deaf->items[1], CONS_ITEM_ENDED);
	assert_int_equal(deaf->len, 900000);
	at = deaf->seen;
	for (unsigned int i = 0; i < 100000; i++, at += 9) {
		snprintf(line, sizeof(line), "%08u\n", i);
		assert_memory_equal(at, line, 9);
	}
	rig_stop();
}

/* A console that takes no input: its terminal's buffer fills, the other one types on. */
static void
one_takes_nothing(void **state)
{
	static char much[CONS_INPUT_MAX];
	struct user *full = &w.users[0], *b = &w.users[1];
	struct cons_terminal_info info;
	char text[32];

	start(2, 0);
	console("full", "stty raw -echo; echo ready; exec sleep 1000");
	console("one", REPEAT);
	attach_ready(full, "full", false);
	attach_ready(b, "one", false);
	memset(much, 'x', sizeof(much));
	for (unsigned int i = 0; i < 100; i++) {
		(void)cons_terminal_write(full->t, much, cons_terminal_room(full->t));
		cons_terminal_break(full->t);
		cons_terminal_resize(full->t, &(struct cons_size){ 10, (uint16_t)(i + 1), 0, 0 });
		snprintf(text, sizeof(text), "line %u\n", i);
		echo(b, text);
	}
	cons_terminal_info(full->t, &info);
	assert_true(info.unacknowledged > CONS_INPUT_MAX / 2);
	/* It can go all the same, and its place with it. */
	detach(full);
	until(attach(full, "one", true) == 0);
	until(strstr(full->seen, "line 99\n") != NULL);
	echo(b, "on\n");
	rig_stop();
}

/* All slots but the last are full of what waits behind that: DETACH has the last one. */
static void
full_to_the_last_slot(void **state)
{
	static char much[4096];
	struct user *full = &w.users[0], *b = &w.users[1];
	struct cons_terminal_info info = { 0 };

	start(2, 0);
	console("full", "stty raw -echo; echo ready; exec sleep 1000");
	console("one", REPEAT);
	attach_ready(full, "full", false);
	attach_ready(b, "one", false);
	memset(much, 'x', sizeof(much));
	while (info.unacknowledged < 3 * sizeof(much)) {
		(void)cons_terminal_write(full->t, much, sizeof(much));
		pass(5);
		cons_terminal_info(full->t, &info);
	}
	for (unsigned int i = 0; i < 100; i++) {
		cons_terminal_break(full->t);
		round_of_all();
	}
	echo(b, "typed\n");
	detach(full);
	until(attach(full, "one", true) == 0);
	until(strstr(full->seen, "typed\n") != NULL);
	rig_stop();
}

/* What a terminal has not read goes with it: its slots are free again. */
static void
unread_and_gone(void **state)
{
	struct user *deaf = &w.users[0], *b = &w.users[1];

	start(2, 0);
	console("loud", "stty -echo; exec yes loud");
	console("one", REPEAT);
	attach_ready(b, "one", false);
	for (unsigned int i = 0; i < 12; i++) {
		until(attach(deaf, "loud", i % 2 != 0) == 0);
		deaf->deaf = true;
		until(credits(deaf) > 0);
		until(credits(deaf) == 0);
		detach(deaf);
	}
	echo(b, "typed\n");
	until(attach(deaf, "one", true) == 0);
	until(strstr(deaf->seen, "typed\n") != NULL);
	until(credits(b) == 16 && credits(deaf) == 16);
	rig_stop();
}

/* Output without end in one; keys in the other are answered soon. */
static void
one_floods(void **state)
{
	struct user *loud = &w.users[0], *b = &w.users[1];
	uint64_t begin, longest = 0;
	char text[32];

	start(2, 0);
	console("loud", "stty -echo; exec yes loud");
	console("one", REPEAT);
	assert_int_equal(attach(loud, "loud", false), 0);
	attach_ready(b, "one", false);
	for (unsigned int i = 0; i < 50; i++) {
		loud->len = 0;
		until(loud->len > 20000);
		snprintf(text, sizeof(text), "line %u\n", i);
		begin = base_now_ns();
		loud->len = 0;
		echo(b, text);
		longest = RTE_MAX(longest, base_now_ns() - begin);
		loud->len = 0;
	}
	assert_true(longest < BASE_NS_PER_S);
	rig_stop();
}

/* --- the session is lost --- */

/* Three terminals through many losses: no byte is lost or doubled, in either direction. */
static void
all_resume(void **state)
{
	struct user *a = &w.users[0], *b = &w.users[1], *c = &w.users[2];
	char text[64];
	uint64_t end = base_now_ns() + 3 * WAIT_NS;
	size_t typed = 0, i = 0;

	start(3, 0);
	console("flow", "stty -opost -echo; for i in 0 1 2 3 4 5 6 7 8 9; do "
			"seq -f $i%07.0f 0 9999; sleep 0.1; done; read x; echo end");
	console("echo", REPEAT);
	attach_ready(b, "echo", false);
	attach_ready(c, "echo", true);
	assert_int_equal(attach(a, "flow", false), 0);
	for (unsigned int loss = 0; loss < 5; loss++) {
		size_t goal = b->len + 20000;

		while (b->len < goal && base_now_ns() < end) {
			if (cons_terminal_room(b->t) > sizeof(text)) {
				snprintf(text, sizeof(text), "%07zu\n", i++);
				typed += cons_terminal_write(b->t, text, 8);
			}
			round_of_all();
		}
		inproc_lose(&w.ip, 1);
		until(b->items[b->item_count - 1] == CONS_ITEM_LOST &&
		      c->items[c->item_count - 1] == CONS_ITEM_LOST);
		inproc_restore(&w.ip, 1);
		until(b->items[b->item_count - 1] == CONS_ITEM_AGAIN &&
		      c->items[c->item_count - 1] == CONS_ITEM_AGAIN &&
		      a->items[a->item_count - 1] == CONS_ITEM_AGAIN);
	}
	until(a->len == 900000 && b->len == typed + 6 && c->len == typed + 6);
	for (i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "%zu%07zu\n", i / 10000, i % 10000);
		assert_memory_equal(a->seen + i * 9, text, 9);
	}
	for (i = 0; i < typed / 8; i++) {
		snprintf(text, sizeof(text), "%07zu\n", i);
		assert_memory_equal(b->seen + 6 + i * 8, text, 8);
	}
	assert_memory_equal(b->seen, c->seen, b->len);
	cons_terminal_write(a->t, "\n", 1);
	until(a->items[a->item_count - 1] == CONS_ITEM_ENDED);
	assert_string_equal(a->seen + 900000, "end\n");
	rig_stop();
}

/* --- callbacks --- */

static struct cons_terminal *gone, *instead;

static void
go_at_once(void *arg, struct cons_terminal *t)
{
	const struct cons_terminal_conf conf = { .console = "one", .observe = true };

	assert_null(gone);
	gone = t;
	cons_client_detach(t);
	assert_int_equal(cons_client_attach(w.c, &conf, &instead), 0);
}

static void
wakes(void **state)
{
	const struct cons_terminal_conf conf = { .console = "one",
						 .observe = true,
						 .wake = go_at_once };
	struct user *a = &w.users[0];
	struct cons_terminal *t;
	unsigned int was;

	gone = instead = NULL;
	start(3, 0);
	console("one", REPEAT);
	attach_ready(a, "one", false);
	assert_true(a->wakes > 0);
	/* Nothing happens: nothing is told. */
	pass(20);
	was = a->wakes;
	pass(20);
	assert_int_equal(a->wakes, was);
	/* Room for input, and output, are told. */
	a->deaf = true;
	assert_int_equal(cons_terminal_write(a->t, "x", 1), 1);
	until(a->wakes > was);
	a->deaf = false;
	/* One that detaches in its own callback, and attaches another one. */
	assert_int_equal(cons_client_attach(w.c, &conf, &t), 0);
	until(gone == t);
	until(instead != NULL);
	w.users[1].t = instead;
	w.users[1].seen = calloc(1, SEEN_MAX);
	until(w.users[1].item_count == 1);
	assert_int_equal(w.users[1].items[0], CONS_ITEM_ATTACHED);
	echo(a, "on\n");
	until(strstr(w.users[1].seen, "on\n") != NULL);
	rig_stop();
}

/* --- an ATTACH that waits --- */

static void
detach_while_asking(void **state)
{
	struct user *a = &w.users[0], *b = &w.users[1];
	struct cons_server_stats st = { 0 };

	start(2, 0);
	console("short", "exit 0");
	console("one", REPEAT);
	while (st.starts_held == 0) {
		until(attach(a, "short", false) == 0);
		until(a->item_count == 2 || (cons_server_stats(w.srv, &st), st.starts_held > 0));
		if (st.starts_held == 0)
			detach(a);
	}
	attach_ready(b, "one", false);
	assert_int_equal(a->item_count, 0);
	/* Its user goes: the server forgets it at once, and not when its turn has come. */
	detach(a);
	cons_server_stats(w.srv, &st);
	until(attach(a, "one", true) == 0);
	until(strstr(a->seen, "ready\n") != NULL);
	/* One that leaves has left at once. */
	detach(a);
	until(attach(a, "short", false) == 0);
	pass(5);
	cons_terminal_leave(a->t);
	until(a->item_count == 1);
	assert_int_equal(a->items[0], CONS_ITEM_LEFT);
	pass(1500);
	assert_int_equal(a->item_count, 1);
	echo(b, "here\n");
	assert_int_equal(b->item_count, 1);
	rig_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_consoles),
		cmocka_unit_test(writer_and_observers),
		cmocka_unit_test(as_many_as_there_are),
		cmocka_unit_test(fewer_slots),
		cmocka_unit_test(one_never_reads),
		cmocka_unit_test(one_takes_nothing),
		cmocka_unit_test(one_floods),
		cmocka_unit_test(all_resume),
		cmocka_unit_test(wakes),
		cmocka_unit_test(one_leaves),
		cmocka_unit_test(full_to_the_last_slot),
		cmocka_unit_test(unread_and_gone),
		cmocka_unit_test(detach_while_asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
