/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of a client: its session, loss and return; its terminals; rounds. The drawings are in
 * cons_client_priv.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_log.h>
#include <rte_random.h>

#include "base_time.h"
#include "cons_client_priv.h"

#define DEFAULT_CREDITS 16
#define DEFAULT_SLOT (16 * 1024)
#define SHOWN_NS (100 * BASE_NS_PER_MS)
#define NEWS_WAITING 8 /* at most, to begin with a session */
static_assert(NEWS_WAITING + 4 <= CONS_NEWS_MAX, "room for what a session tells");

RTE_LOG_REGISTER(cons_client_logtype, lib.ism.cons.client, NOTICE);

const char *
cons_terminal_state_str(enum cons_terminal_state state)
{
	static const char *const text[] = {
		[CONS_TERMINAL_DOWN] = "down",	       [CONS_TERMINAL_ASKING] = "asking",
		[CONS_TERMINAL_ATTACHED] = "attached", [CONS_TERMINAL_LEAVING] = "leaving",
		[CONS_TERMINAL_OVER] = "over",
	};

	return (size_t)state < RTE_DIM(text) ? text[state] : "unknown";
}

/* --- memory --- */

static void
terminal_free(struct cons_terminal *t)
{
	if (t == NULL)
		return;
	free(t->copies);
	free(t->input);
	free(t);
}

/* Its place is free. */
static void
terminal_remove(struct cons_terminal *t)
{
	t->client->terminal[t->place] = NULL;
	terminal_free(t);
}

/* --- session callbacks, inside link_poll() --- */

static void
on_up(void *arg, struct link_session *s)
{
	struct cons_client *c = arg;
	struct link_session_info info;

	link_session_info(s, &info);
	c->q = link_session_queue(s, 0);
	if (link_queue_attach(c->q) != 0) {
		c->q = NULL;
		return;
	}
	c->session_up = true;
	c->version2 = (info.features & CONS_FEATURE_UNITS) != 0;
	c->slot_size = info.slot_size;
	c->posted = false;
	c->shown_due_ns = 0;
	cons_queue_share(c, info.depth);
}

static void
terminal_lost(struct cons_terminal *t, enum link_why why, const char *reason)
{
	struct cons_item *item;

	cons_items_keep(t);
	t->at_server = CONS_NOTHING;
	t->reads_open = t->others_open = 0;
	t->sent_count = 0;
	t->resize_open = false;
	if (t->state == CONS_TERMINAL_LEAVING) {
		cons_items_add(t, CONS_ITEM_LEFT);
		cons_terminal_over(t);
	}
	if (t->state == CONS_TERMINAL_OVER)
		return;
	t->info_count = 0;
	if (t->state == CONS_TERMINAL_ATTACHED) {
		item = cons_items_add(t, CONS_ITEM_LOST);
		item->why = why;
		memcpy(item->text, reason, sizeof(item->text));
	}
	t->state = CONS_TERMINAL_DOWN;
}

static_assert(LINK_REASON_MAX == CONS_TEXT_MAX, "a reason fits an item's text");

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
	struct cons_client *c = arg;
	struct link_session_info info;

	if (!c->session_up)
		return;
	link_session_info(s, &info);
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		struct cons_terminal *t = c->terminal[i];

		if (t != NULL && t->closing)
			terminal_remove(t);
		else if (t != NULL)
			terminal_lost(t, why, info.reason);
	}
	link_queue_detach(c->q);
	c->q = NULL;
	c->session_up = false;
	c->shown_due_ns = 0;
	memset(c->request, 0, sizeof(c->request));
}

static const struct link_session_ops session_ops = {
	.on_up = on_up,
	.on_down = on_down,
};

/* --- rounds --- */

/* Who leaves before it is attached has left. */
static void
leave_early(struct cons_terminal *t)
{
	if (!t->leave_wanted ||
	    (t->state != CONS_TERMINAL_DOWN && t->state != CONS_TERMINAL_ASKING))
		return;
	cons_items_add(t, CONS_ITEM_LEFT);
	cons_terminal_over(t);
}

/* The server still has something of a terminal that nobody uses any more. */
static unsigned int
go(struct cons_terminal *t)
{
	/* In version 1 nothing names an ATTACH that is not answered. */
	if (t->at_server == CONS_ATTACHED || (t->at_server == CONS_ASKED && t->client->version2))
		return cons_input_detach(t);
	return 0;
}

static unsigned int
terminal_step(struct cons_terminal *t)
{
	if (t->closing || t->state == CONS_TERMINAL_OVER)
		return go(t);
	if (t->state == CONS_TERMINAL_DOWN && cons_items_news(t) <= NEWS_WAITING)
		cons_attach_ask(t);
	if (t->state == CONS_TERMINAL_ATTACHED)
		return cons_queue_credits(t) + cons_input_send(t);
	return 0;
}

static unsigned int
session_round(struct cons_client *c)
{
	unsigned int work = cons_take(c);

	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		struct cons_terminal *t = c->terminal[i];

		if (t == NULL)
			continue;
		work += terminal_step(t);
		if (t->closing && t->at_server == CONS_NOTHING && t->reads_open == 0 &&
		    t->others_open == 0)
			terminal_remove(t);
	}
	cons_queue_flush(c);
	return work;
}

/* Any of them may detach itself or others, and attach new ones. */
static void
wake(const struct cons_client *c)
{
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		struct cons_terminal *t = c->terminal[i];

		if (t == NULL || !t->woken || t->closing)
			continue;
		t->woken = false;
		if (t->conf.wake != NULL)
			t->conf.wake(t->conf.arg, t);
	}
}

static void
show(struct cons_client *c, uint64_t now_ns)
{
	if (now_ns < c->shown_due_ns)
		return;
	c->shown_due_ns = now_ns + SHOWN_NS;
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		if (c->terminal[i] != NULL && !c->terminal[i]->closing)
			cons_client_telemetry_refresh(c->terminal[i]);
	}
}

unsigned int
cons_client_poll(struct cons_client *c, uint64_t now_ns)
{
	unsigned int work = 0;

	show(c, now_ns);
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		if (c->terminal[i] != NULL)
			leave_early(c->terminal[i]);
	}
	if (c->session_up)
		work = session_round(c);
	wake(c);
	return work;
}

/* --- life of a client --- */

static int
normalise(struct cons_client_conf *conf)
{
	if (conf->link == NULL || conf->rgid == 0)
		return -EINVAL;
	conf->terminals = conf->terminals != 0 ? conf->terminals : 1;
	conf->credits = conf->credits != 0 ? conf->credits : DEFAULT_CREDITS;
	conf->slot_size = conf->slot_size != 0 ? conf->slot_size : DEFAULT_SLOT;
	if (conf->credits > LINK_DEPTH_MAX / 2 || conf->slot_size > LINK_SLOT_MAX ||
	    conf->slot_size % 4096 != 0 || conf->terminals > CONS_UNITS_MAX)
		return -EINVAL;
	return 0;
}

int
cons_client_create(const struct cons_client_conf *conf, struct cons_client **client)
{
	struct link_open_conf open = { .service = LINK_SERVICE_CONS,
				       .queues = 1,
				       .features = CONS_FEATURE_UNITS,
				       .ops = &session_ops };
	struct cons_client *c = calloc(1, sizeof(*c));
	uint32_t depth;
	int ret;

	if (c == NULL)
		return -ENOMEM;
	c->conf = *conf;
	ret = normalise(&c->conf);
	if (ret != 0)
		goto free_client;
	depth = rte_align32pow2(2u * c->conf.credits * c->conf.terminals);
	open.rgid = c->conf.rgid;
	open.depth = (uint16_t)RTE_MIN(depth, (uint32_t)LINK_DEPTH_MAX);
	open.slot_size = c->conf.slot_size;
	open.arg = c;
	ret = link_open(c->conf.link, &open, &c->session);
	if (ret != 0)
		goto free_client;
	*client = c;
	return 0;
free_client:
	free(c);
	return ret;
}

void
cons_client_destroy(struct cons_client *c)
{
	if (c == NULL)
		return;
	link_session_close(c->session, "client ends");
	if (c->q != NULL)
		link_queue_detach(c->q);
	for (unsigned int i = 0; i < CONS_UNITS_MAX; i++) {
		if (c->terminal[i] == NULL)
			continue;
		if (!c->terminal[i]->closing)
			cons_client_telemetry_remove(c->terminal[i]);
		terminal_free(c->terminal[i]);
	}
	free(c);
}

void
cons_client_session_info(const struct cons_client *c, struct link_session_info *info)
{
	link_session_info(c->session, info);
}

/* --- life of a terminal --- */

/* What the console would choke on is not told. */
static void
take_term(struct cons_wire_attach *asked, const char *term)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+._-";
	size_t len = term != NULL ? strlen(term) : 0;

	if (len < sizeof(asked->term) && len == (term != NULL ? strspn(term, allowed) : 0))
		memcpy(asked->term, term != NULL ? term : "", len);
}

static uint64_t
choose_number(void)
{
	uint64_t n;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n = rte_rand();
	return n != 0 ? n : 1;
}

static struct cons_terminal *
terminal_alloc(struct cons_client *c, const struct cons_terminal_conf *conf)
{
	struct cons_terminal *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->input = malloc(CONS_INPUT_MAX);
	t->copies = malloc((size_t)c->conf.credits * c->conf.slot_size);
	if (t->input == NULL || t->copies == NULL) {
		terminal_free(t);
		return NULL;
	}
	t->client = c;
	t->conf = *conf;
	while (t->copies_count < c->conf.credits) {
		t->copies_free[t->copies_count] = t->copies_count;
		t->copies_count++;
	}
	t->number = choose_number();
	if (conf->console != NULL)
		memcpy(t->asked.name, conf->console, strlen(conf->console));
	take_term(&t->asked, conf->term);
	t->conf.console = t->conf.term = NULL;
	return t;
}

int
cons_client_attach(struct cons_client *c, const struct cons_terminal_conf *conf,
		   struct cons_terminal **terminal)
{
	unsigned int place = 0;
	struct cons_terminal *t;

	if (conf->console != NULL && !cons_name_valid(conf->console))
		return -EINVAL;
	while (place < c->conf.terminals && c->terminal[place] != NULL)
		place++;
	if (place == c->conf.terminals)
		return -ENOSPC;
	t = terminal_alloc(c, conf);
	if (t == NULL)
		return -ENOMEM;
	t->place = place;
	c->terminal[place] = t;
	cons_client_telemetry_add(t);
	*terminal = t;
	return 0;
}

void
cons_client_detach(struct cons_terminal *t)
{
	if (t == NULL)
		return;
	cons_client_telemetry_remove(t);
	cons_items_drop(t);
	t->closing = true;
	if (!t->client->session_up)
		terminal_remove(t);
}

void
cons_terminal_leave(struct cons_terminal *t)
{
	t->leave_wanted = true;
}

const struct cons_info *
cons_terminal_infos(const struct cons_terminal *t, unsigned int *count)
{
	*count = t->info_count;
	return t->infos;
}

void
cons_terminal_info(const struct cons_terminal *t, struct cons_terminal_info *info)
{
	memset(info, 0, sizeof(*info));
	info->state = t->state;
	memcpy(info->name, t->name, sizeof(info->name));
	info->writer = t->writer;
	info->device = t->device;
	info->instance = t->instance;
	info->writer_gid = t->writer_gid;
	info->out_pos = t->out_seen;
	info->in_pos = t->in_acked;
	info->unacknowledged = (unsigned int)(t->in_end - t->in_acked);
	info->credits = t->reads_open;
	info->place = t->place + 1;
}
