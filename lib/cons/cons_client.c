/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of a client: its session, ATTACH and LIST, loss and return. The drawing is in
 * cons_client_priv.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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
cons_client_state_str(enum cons_client_state state)
{
	static const char *const text[] = {
		[CONS_CLIENT_DOWN] = "down",	     [CONS_CLIENT_ASKING] = "asking",
		[CONS_CLIENT_ATTACHED] = "attached", [CONS_CLIENT_LEAVING] = "leaving",
		[CONS_CLIENT_OVER] = "over",
	};

	return (size_t)state < RTE_DIM(text) ? text[state] : "unknown";
}

void
cons_client_over(struct cons_client *c)
{
	c->state = CONS_CLIENT_OVER;
	c->writer = false;
}

/* --- LIST and ATTACH --- */

static int
ask_list(struct cons_client *c)
{
	struct link_req req = { .op = CONS_LIST, .off = c->info_count };

	return cons_queue_post(c, &req, NULL, 0);
}

static int
ask_attach(struct cons_client *c)
{
	struct link_req req = { .op = CONS_ATTACH };
	struct cons_wire_attach *w = &c->asked;
	const struct cons_size *size = &c->conf.size;
	uint32_t flags = c->conf.observe ? CONS_ATTACH_OBSERVE : 0;

	/* Only the first time: two that take over from each other would do it for ever. */
	if (c->conf.take_over && c->instance == 0)
		flags |= CONS_ATTACH_TAKE_OVER;
	w->client = rte_cpu_to_be_64(c->number);
	w->instance = rte_cpu_to_be_64(c->instance);
	w->out_pos = rte_cpu_to_be_64(c->instance != 0 ? c->out_next : 0);
	w->flags = rte_cpu_to_be_32(flags);
	w->history = rte_cpu_to_be_32(c->conf.history);
	w->size.rows = rte_cpu_to_be_16(size->rows);
	w->size.cols = rte_cpu_to_be_16(size->cols);
	w->size.xpixel = rte_cpu_to_be_16(size->xpixel);
	w->size.ypixel = rte_cpu_to_be_16(size->ypixel);
	c->resize_wanted = false;
	return cons_queue_post(c, &req, w, sizeof(*w));
}

static void
ask(struct cons_client *c)
{
	int ret = c->conf.list || c->listing ? ask_list(c) : ask_attach(c);

	if (ret == 0)
		c->state = CONS_CLIENT_ASKING;
}

static void
list_complete(struct cons_client *c)
{
	struct cons_item *item = cons_queue_item(c, CONS_ITEM_LISTED);

	if (c->listing)
		*item = c->refusal;
	cons_client_over(c);
}

int
cons_client_listed(struct cons_client *c, const struct link_cqe *cqe)
{
	const uint8_t *at = link_slot_rx(c->q, cqe->id);
	int n = cons_reply_list(cqe, c->info_count);
	struct cons_wire_info wire;

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++, at += sizeof(wire)) {
		memcpy(&wire, at, sizeof(wire));
		if (cons_reply_info(&wire, &c->infos[c->info_count + (unsigned int)i]) != 0)
			return -EPROTO;
	}
	c->info_count += (unsigned int)n;
	if (c->info_count < cqe->result)
		return ask_list(c) == -EAGAIN ? -EPROTO : 0;
	list_complete(c);
	return 0;
}

static void
refused(struct cons_client *c, uint16_t status, const struct cons_attached *a)
{
	struct cons_item *item = &c->refusal;

	memset(item, 0, sizeof(*item));
	item->kind = CONS_ITEM_REFUSED;
	item->status = status;
	item->value = a->writer;
	memcpy(item->text, a->text, sizeof(item->text));
	if (status == CONS_ENOENT) {
		/* What there is instead says more. */
		c->listing = true;
		c->info_count = 0;
		if (ask_list(c) == 0)
			return;
	}
	*cons_queue_item(c, CONS_ITEM_REFUSED) = *item;
	cons_client_over(c);
}

/* The same attachment as before, to the same instance. @return false: the peer lies. */
static bool
resumed(struct cons_client *c, const struct cons_attached *a)
{
	struct cons_item *item;

	if (c->conf.observe || cons_input_resume(c, a->in_pos)) {
		cons_queue_item(c, CONS_ITEM_AGAIN);
		return true;
	}
	if (a->in_pos > c->in_sent)
		return false;
	/* The server remembers only so many clients, and which bytes it took is not known. */
	item = cons_queue_item(c, CONS_ITEM_DROPPED);
	item->value = cons_input_restart(c, a->in_pos);
	return true;
}

/* An instance that has not seen us. @return false: the peer lies. */
static bool
started(struct cons_client *c, const struct cons_attached *a)
{
	struct cons_item *item;

	if (c->instance == 0) {
		/* What was typed before is for this one; nobody can have sent any of it. */
		if (a->in_pos != 0)
			return false;
		cons_queue_item(c, CONS_ITEM_ATTACHED);
		return true;
	}
	item = cons_queue_item(c, CONS_ITEM_RESTARTED);
	item->value = cons_input_restart(c, a->in_pos);
	return true;
}

static void
begin(struct cons_client *c, const struct cons_attached *a)
{
	struct cons_item *item;

	memcpy(c->name, a->name, sizeof(c->name));
	c->instance = a->instance;
	c->unit = a->unit;
	c->writer_gid = a->writer;
	c->writer = (a->flags & CONS_ATTACHED_WRITER) != 0;
	c->device = (a->flags & CONS_ATTACHED_DEVICE) != 0;
	cons_queue_moves(c, a->out_pos);
	c->eof_sent = false;
	c->state = CONS_CLIENT_ATTACHED;
	if (a->lost == 0)
		return;
	item = cons_queue_item(c, CONS_ITEM_CUT);
	item->value = a->lost;
	CONS_COUNT(c, cut_bytes, a->lost);
}

int
cons_client_attached(struct cons_client *c, const struct link_cqe *cqe)
{
	struct cons_wire_attached wire = { 0 };
	struct cons_attached a;

	if (cqe->payload != 0)
		memcpy(&wire, link_slot_rx(c->q, cqe->id), sizeof(wire));
	if (cons_reply_attached(&wire, &c->asked, cqe->status, &a) != 0)
		return -EPROTO;
	if (cqe->status != CONS_OK) {
		refused(c, cqe->status, &a);
		return 0;
	}
	if (c->instance != 0)
		CONS_COUNT(c, reconnects, 1);
	if (!(a.instance != c->instance ? started(c, &a) : resumed(c, &a)))
		return -EPROTO;
	begin(c, &a);
	return 0;
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
	c->slot_size = info.slot_size;
	c->depth = info.depth;
	c->credits = RTE_MIN(c->conf.credits, c->depth / 2);
	c->reads_open = c->others_open = 0;
	c->posted = false;
	c->shown_due_ns = 0;
}

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
	struct cons_client *c = arg;
	struct link_session_info info;
	struct cons_item *item;

	if (!c->session_up)
		return;
	cons_queue_keep(c);
	link_queue_detach(c->q);
	c->q = NULL;
	c->session_up = false;
	c->reads_open = 0;
	c->shown_due_ns = 0;
	memset(c->op, 0, sizeof(c->op));
	c->sent_count = 0;
	c->resize_open = false;
	if (c->state == CONS_CLIENT_LEAVING) {
		cons_queue_item(c, CONS_ITEM_LEFT);
		cons_client_over(c);
	}
	if (c->state == CONS_CLIENT_OVER)
		return;
	c->info_count = 0;
	if (c->state == CONS_CLIENT_ATTACHED) {
		link_session_info(s, &info);
		item = cons_queue_item(c, CONS_ITEM_LOST);
		item->why = why;
		memcpy(item->text, info.reason, sizeof(item->text));
	}
	c->state = CONS_CLIENT_DOWN;
}

static_assert(LINK_REASON_MAX == CONS_TEXT_MAX, "a reason fits an item's text");

static const struct link_session_ops session_ops = {
	.on_up = on_up,
	.on_down = on_down,
};

/* --- rounds --- */

unsigned int
cons_client_poll(struct cons_client *c, uint64_t now_ns)
{
	unsigned int work = 0;

	if (now_ns >= c->shown_due_ns) {
		c->shown_due_ns = now_ns + SHOWN_NS;
		cons_client_telemetry_refresh(c);
	}
	if (c->leave_wanted && c->state != CONS_CLIENT_ATTACHED &&
	    c->state != CONS_CLIENT_LEAVING && c->state != CONS_CLIENT_OVER) {
		cons_queue_item(c, CONS_ITEM_LEFT);
		cons_client_over(c);
	}
	if (!c->session_up)
		return 0;
	work += cons_queue_reap(c);
	if (c->state == CONS_CLIENT_DOWN && cons_queue_news(c) <= NEWS_WAITING)
		ask(c);
	if (c->state == CONS_CLIENT_ATTACHED) {
		work += cons_queue_credits(c);
		work += cons_input_send(c);
	}
	cons_queue_flush(c);
	return work;
}

/* --- life --- */

static int
normalise(struct cons_client_conf *conf)
{
	if (conf->link == NULL || conf->rgid == 0)
		return -EINVAL;
	conf->credits = conf->credits != 0 ? conf->credits : DEFAULT_CREDITS;
	conf->slot_size = conf->slot_size != 0 ? conf->slot_size : DEFAULT_SLOT;
	if (conf->credits > LINK_DEPTH_MAX / 2 || conf->slot_size > LINK_SLOT_MAX ||
	    conf->slot_size % 4096 != 0)
		return -EINVAL;
	if (conf->console != NULL && !cons_name_valid(conf->console))
		return -EINVAL;
	return 0;
}

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

static void
client_free(struct cons_client *c)
{
	free(c->copies);
	free(c->input);
	free(c);
}

static struct cons_client *
client_alloc(const struct cons_client_conf *conf)
{
	struct cons_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->input = malloc(CONS_INPUT_MAX);
	c->copies = malloc((size_t)conf->credits * conf->slot_size);
	if (c->input == NULL || c->copies == NULL) {
		client_free(c);
		return NULL;
	}
	c->conf = *conf;
	while (c->copies_count < conf->credits) {
		c->copies_free[c->copies_count] = c->copies_count;
		c->copies_count++;
	}
	c->number = choose_number();
	if (conf->console != NULL)
		memcpy(c->asked.name, conf->console, strlen(conf->console));
	take_term(&c->asked, conf->term);
	c->conf.console = c->conf.term = NULL;
	return c;
}

int
cons_client_create(const struct cons_client_conf *conf, struct cons_client **client)
{
	struct link_open_conf open = { .service = LINK_SERVICE_CONS,
				       .queues = 1,
				       .ops = &session_ops };
	struct cons_client_conf full = *conf;
	struct cons_client *c;
	int ret = normalise(&full);

	if (ret != 0)
		return ret;
	c = client_alloc(&full);
	if (c == NULL)
		return -ENOMEM;
	open.rgid = full.rgid;
	open.depth = (uint16_t)rte_align32pow2(2u * full.credits);
	open.slot_size = full.slot_size;
	open.arg = c;
	ret = link_open(full.link, &open, &c->session);
	if (ret != 0) {
		client_free(c);
		return ret;
	}
	cons_client_telemetry_add(c);
	*client = c;
	return 0;
}

void
cons_client_destroy(struct cons_client *c)
{
	if (c == NULL)
		return;
	cons_client_telemetry_remove(c);
	link_session_close(c->session, "client ends");
	if (c->q != NULL)
		link_queue_detach(c->q);
	client_free(c);
}

void
cons_client_leave(struct cons_client *c)
{
	c->leave_wanted = true;
}

const struct cons_info *
cons_client_infos(const struct cons_client *c, unsigned int *count)
{
	*count = c->info_count;
	return c->infos;
}

void
cons_client_info(const struct cons_client *c, struct cons_client_info *info)
{
	memset(info, 0, sizeof(*info));
	info->state = c->state;
	memcpy(info->name, c->name, sizeof(info->name));
	info->writer = c->writer;
	info->device = c->device;
	info->instance = c->instance;
	info->writer_gid = c->writer_gid;
	info->out_pos = c->out_seen;
	info->in_pos = c->in_acked;
	info->unacknowledged = (unsigned int)(c->in_end - c->in_acked);
	info->credits = c->reads_open;
}

void
cons_client_session_info(const struct cons_client *c, struct link_session_info *info)
{
	link_session_info(c->session, info);
}
