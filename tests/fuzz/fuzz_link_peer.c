/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile peer against a whole listener: a script of events, stores into the listener's DMBs
 * (blocks with the right checksum too), ring descriptors and time. The listener polls, answers
 * what passes its gate, and must neither crash nor break its own promises.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inproc.h"
#include "link.h"
#include "link_priv.h"

#define DEPTH 4
#define SLOT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct inproc ip;
static struct link *victim;
static struct link_session *up; /* the session that is up, or NULL */
static uint64_t now;

/* The peer's own DMBs, made once. */
static struct rte_pmd_ism_dmb *ctrl, *ring, *slots;

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
on_up(void *arg, struct link_session *s)
{
	up = s;
	must(link_queue_attach(link_session_queue(s, 0)) == 0);
}

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
	must(up == s);
	link_queue_detach(link_session_queue(s, 0));
	up = NULL;
}

static int
may_connect(void *arg, uint64_t gid, char *reason)
{
	must(gid == ip.gid[1]);
	return 0;
}

static const struct link_session_ops ops = { .on_up = on_up, .on_down = on_down };

/*
 * The rawdevs are known to EAL's memory only, where no leak checker looks: what is made once, for
 * all inputs, is not for it. Weak: builds without sanitizers have neither.
 */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

static void
setup(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	if (__lsan_disable != NULL)
		__lsan_disable();
	must(inproc_setup(&ip, &(struct inproc_conf){ .functions = 2 }) == 0);
	rte_log_set_level_pattern("lib.ism.*", RTE_LOG_CRIT);
	must(rte_pmd_ism_dmb_register(ip.dev_id[1], ip.gid[0], LINK_CTRL_SIZE, 0, &ctrl) == 0);
	must(rte_pmd_ism_dmb_register(ip.dev_id[1], ip.gid[0], 4096, 0, &ring) == 0);
	must(rte_pmd_ism_dmb_register(ip.dev_id[1], ip.gid[0], DEPTH * SLOT, 0, &slots) == 0);
	if (__lsan_enable != NULL)
		__lsan_enable();
}

static void
begin(void)
{
	struct rte_pmd_ism_event ev[16];

	/* Calls of the input before. */
	while (rte_pmd_ism_events(ip.dev_id[0], ev, 16) > 0)
		;
	now += 3600 * BASE_NS_PER_S;
	must(link_create(&(struct link_conf){ .dev_id = ip.dev_id[0], .sessions_max = 2 },
			 &victim) == 0);
	must(link_listen(victim, &(struct link_listen_conf){
					 .service = LINK_SERVICE_TEST,
					 .queues_max = 2,
					 .depth_max = DEPTH,
					 .slot_max = SLOT,
					 .features = 1,
					 .may_connect = may_connect,
					 .ops = &ops,
				 }) == 0);
	memset(ctrl->addr, 0, ctrl->len);
}

static void
end(void)
{
	struct rte_pmd_ism_stats st;

	if (up != NULL)
		link_queue_detach(link_session_queue(up, 0));
	up = NULL;
	link_destroy(victim);
	must(rte_pmd_ism_stats_get(ip.dev_id[0], &st) == 0);
	must(st.dmbs == 0 && st.windows == 0);
}

/* Requests that pass the gate are in range, and are answered. */
static void
serve(void)
{
	struct link_queue *q = up != NULL ? link_session_queue(up, 0) : NULL;
	struct link_req req[DEPTH];
	int n = q != NULL ? link_sqe_poll(q, req, DEPTH) : 0;

	for (int i = 0; i < n; i++) {
		struct link_cqe cqe = { .id = req[i].id, .payload = 16 };

		must(req[i].id < link_queue_depth(q) && req[i].op != 0);
		must(req[i].payload <= link_queue_slot_size(q));
		memset(link_slot_payload(q, req[i].id), 1, req[i].payload);
		if (req[i].flags & 1) /* left open */
			continue;
		(void)link_rsp_payload(q, cqe.id, 0, "0123456789abcdef", 16);
		(void)link_rsp_post(q, &cqe);
	}
	if (q != NULL)
		(void)link_rsp_flush(q);
}

static void
pass(unsigned int ms)
{
	now += ms * BASE_NS_PER_MS;
	link_poll(victim, now);
	serve();
	must(victim->stats.sessions <= 2);
}

/* --- the script --- */

struct script {
	const uint8_t *at;
	size_t left;
};

static uint8_t
byte(struct script *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->at++;
}

static void
bytes(struct script *s, void *dst, size_t len)
{
	size_t n = len < s->left ? len : s->left;

	memset(dst, 0, len);
	memcpy(dst, s->at, n);
	s->at += n;
	s->left -= n;
}

static const uint32_t nonce = 77;

static void
call(struct script *s, bool raw)
{
	uint64_t info = link_event_info(ctrl->token, LINK_SERVICE_TEST, nonce);
	uint32_t code = LINK_EVENT_CODE(LINK_EVENT_OP_CALL);

	if (raw) {
		bytes(s, &info, sizeof(info));
		code ^= byte(s);
	}
	(void)rte_pmd_ism_signal(ip.dev_id[1], ip.gid[0], code, info);
}

/* The listener's session with us, whatever its phase. */
static struct link_session *
session(void)
{
	return TAILQ_FIRST(&victim->sessions);
}

static void
store(uint64_t token, uint32_t limit, uint32_t off, const void *data, uint32_t len)
{
	struct rte_pmd_ism_win *win;

	if (rte_pmd_ism_win_open(ip.dev_id[1], token, limit, &win) != 0)
		return;
	(void)rte_pmd_ism_store(win, off, data, len);
	rte_pmd_ism_win_close(win);
}

static void
store_ctrl(struct script *s)
{
	uint8_t data[64];
	uint32_t off = (uint32_t)byte(s) * 64;

	bytes(s, data, sizeof(data));
	if (session() != NULL && session()->ctrl != NULL)
		store(session()->ctrl->token, LINK_CTRL_SIZE, off, data, sizeof(data));
}

/* A CONNECT that is right but for what the script changes. */
static void
connect_out(struct script *s)
{
	union {
		struct link_wire_connect wire;
		uint8_t bytes[sizeof(struct link_wire_connect) + 2 * sizeof(rte_be64_t)];
	} c = { 0 };
	struct rte_pmd_ism_win *win;
	uint8_t changes = byte(s) % 4;

	c.wire.version = rte_cpu_to_be_16(1);
	c.wire.service = rte_cpu_to_be_16(LINK_SERVICE_TEST);
	c.wire.keepalive_ms = rte_cpu_to_be_32(100);
	c.wire.slot_size = rte_cpu_to_be_32(SLOT);
	c.wire.queues = rte_cpu_to_be_16(1);
	c.wire.depth = rte_cpu_to_be_16(DEPTH);
	c.wire.mem.ring_token = rte_cpu_to_be_64(ring->token);
	c.wire.mem.ring_len = rte_cpu_to_be_32(4096);
	c.wire.mem.dmb_len = rte_cpu_to_be_32(DEPTH * SLOT);
	c.wire.mem.dmb_count = rte_cpu_to_be_32(1);
	c.wire.token[0] = rte_cpu_to_be_64(slots->token);
	while (changes-- > 0) {
		uint8_t at = byte(s);

		c.bytes[at % sizeof(c)] ^= byte(s);
	}
	if (session() == NULL || session()->ctrl == NULL ||
	    rte_pmd_ism_win_open(ip.dev_id[1], session()->ctrl->token, LINK_CTRL_SIZE, &win) != 0)
		return;
	(void)link_block_store(win, LINK_CTRL_SETUP, LINK_BLOCK_CONNECT, nonce, &c,
			       sizeof(c) - (byte(s) & 1 ? 0 : sizeof(rte_be64_t)));
	rte_pmd_ism_win_close(win);
}

static void
descriptor(struct script *s)
{
	uint8_t data[LINK_DESC_SIZE];
	uint32_t place = byte(s) % DEPTH;

	bytes(s, data, sizeof(data));
	if (up != NULL && up->ring != NULL)
		store(up->ring->token, up->ring->len, place * LINK_DESC_SIZE, data, sizeof(data));
}

/* One with the tag that is expected, at the place where it is expected. */
static void
descriptor_next(struct script *s)
{
	rte_be64_t w[LINK_DESC_WORDS];
	struct link_queue *q = up != NULL ? link_session_queue(up, 0) : NULL;
	uint64_t tag;

	bytes(s, w, sizeof(w));
	if (q == NULL || q->depth == 0)
		return;
	tag = (uint64_t)q->rx.tag << LINK_TAG_SHIFT;
	w[0] &= rte_cpu_to_be_64(UINT64_C(0x00ffff0003ffff00));
	w[2] &= rte_cpu_to_be_64(UINT64_C(0x00001fffffffffff));
	w[3] &= rte_cpu_to_be_64(UINT64_C(0x00000000ffffffff));
	for (unsigned int i = 0; i < LINK_DESC_WORDS; i++)
		w[i] = (w[i] & rte_cpu_to_be_64(LINK_WORD_MASK)) | rte_cpu_to_be_64(tag);
	store(up->ring->token, up->ring->len, (q->rx.head & q->rx.mask) * LINK_DESC_SIZE, w,
	      sizeof(w));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = { .at = data, .left = size };

	setup();
	begin();
	for (unsigned int step = 0; s.left > 0 && step < 200; step++) {
		switch (byte(&s) % 8) {
		case 0:
			call(&s, false);
			break;
		case 1:
			call(&s, true);
			break;
		case 2:
			store_ctrl(&s);
			break;
		case 3:
			connect_out(&s);
			break;
		case 4:
			descriptor(&s);
			break;
		case 5:
			descriptor_next(&s);
			break;
		case 6:
			pass(byte(&s) * 20u);
			break;
		default:
			pass(1);
		}
	}
	end();
	return 0;
}
