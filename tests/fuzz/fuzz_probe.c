/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Link tests against a hostile peer, both ends. The first byte chooses who lies: a tester that
 * sends any requests to our testee, or a testee that answers our tester with anything; and whether
 * others need the victim's thread. What passes the gates must be in range, and nothing may crash or
 * be left behind.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>

#include "inproc.h"
#include "probe_client_priv.h"
#include "probe_server_priv.h"
#include "rte_pmd_ism.h"

#define DEPTH 8
#define SLOT 4096u
#define ROUND_MAX 8192u /* where the victim's thread serves others as well */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

static struct inproc ip;
static struct link *links[2]; /* [0] is ours, [1] the peer's */
static struct probe_client *asks; /* the victim is one of these two */
static struct probe_server *answers;
static struct link_queue *q; /* the peer's */
static uint64_t now;

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
on_up(void *arg, struct link_session *s)
{
	q = link_session_queue(s, 0);
	must(link_queue_attach(q) == 0);
}

static void
on_down(void *arg, struct link_session *s, enum link_why why)
{
	link_queue_detach(q);
	q = NULL;
}

static int
may_connect(void *arg, uint64_t gid, char *reason)
{
	return 0;
}

static const struct link_session_ops ops = { .on_up = on_up, .on_down = on_down };

static void
setup(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	/* Made once, known to EAL's memory only: not for the leak checker. */
	if (__lsan_disable != NULL)
		__lsan_disable();
	must(inproc_setup(&ip, &(struct inproc_conf){ .functions = 2, .direct = true }) == 0);
	rte_log_set_level_pattern("lib.ism.*", RTE_LOG_EMERG);
	rte_log_set_level_pattern("*ism*", RTE_LOG_EMERG);
	if (__lsan_enable != NULL)
		__lsan_enable();
}

static void
pass(unsigned int rounds)
{
	while (rounds-- > 0) {
		now += BASE_NS_PER_MS;
		for (unsigned int i = 0; i < 2; i++)
			link_poll(links[i], now);
		if (asks != NULL) {
			probe_client_poll(asks, now);
			probe_client_poll_data(asks, now);
		}
		if (answers != NULL)
			probe_worker_poll(probe_server_worker(answers, 0), now);
	}
}

static void
begin(bool at_tester, bool shared)
{
	struct probe_client_conf asks_conf = { .shared = shared };
	struct probe_server_conf answers_conf = {
		.allow.any = true,
		.workers = 1,
		.round_max = shared ? ROUND_MAX : 0,
	};
	struct link_open_conf open = {
		.rgid = ip.gid[0],
		.service = LINK_SERVICE_TEST,
		.queues = 1,
		.depth = DEPTH,
		.slot_size = SLOT,
		.ops = &ops,
	};
	struct link_listen_conf listen = {
		.service = LINK_SERVICE_TEST,
		.queues_max = 1,
		.depth_max = DEPTH,
		.slot_max = SLOT,
		.may_connect = may_connect,
		.ops = &ops,
	};
	struct link_session *s;
	char err[128];

	now = base_now_ns();
	for (unsigned int i = 0; i < 2; i++)
		must(link_create(&(struct link_conf){ .dev_id = ip.dev_id[i] }, &links[i]) == 0);
	asks_conf.link = answers_conf.link = links[0];
	if (!at_tester) {
		must(probe_server_create(&answers_conf, &answers) == 0);
		must(link_open(links[1], &open, &s) == 0);
	} else {
		must(probe_client_create(&asks_conf, &asks) == 0);
		must(link_listen(links[1], &listen) == 0);
		must(probe_client_set(asks, "window", "8", err, sizeof(err)) == 0);
		must(probe_client_set(asks, "size", "100", err, sizeof(err)) == 0);
		must(probe_client_set(asks, "burst", "4", err, sizeof(err)) == 0);
		must(probe_client_open(asks, ip.gid[1], err, sizeof(err)) == 0);
	}
	pass(20);
}

static void
end(void)
{
	struct rte_pmd_ism_stats st;

	if (q != NULL)
		link_queue_detach(q);
	q = NULL;
	probe_client_destroy(asks);
	probe_server_destroy(answers);
	asks = NULL;
	answers = NULL;
	for (unsigned int i = 0; i < 2; i++)
		link_destroy(links[i]);
	for (unsigned int i = 0; i < 2; i++) {
		must(rte_pmd_ism_stats_get(ip.dev_id[i], &st) == 0);
		must(st.dmbs == 0 && st.windows == 0);
	}
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

/* A request: half right, half of the script. */
static void
lie_request(struct script *s)
{
	int id = q != NULL ? link_slot_get(q) : -1;
	struct link_req req = { .id = (uint16_t)id };
	uint8_t payload[256];
	uint8_t raw[12];

	if (id < 0)
		return;
	bytes(s, raw, sizeof(raw));
	req.op = raw[0] % 10;
	req.flags = raw[1] == 0xff;
	req.unit = raw[2] % 8;
	req.off = raw[3];
	req.len = (uint32_t)raw[4] << (raw[5] % 8);
	req.payload = raw[6] % 2 ? req.len : req.op == PROBE_BEGIN ? 32u : raw[7] * 8u;
	if (req.payload > SLOT)
		req.payload = SLOT;
	if (req.op == 0)
		req.op = 1;
	bytes(s, payload, sizeof(payload));
	(void)link_req_payload(q, req.id, 0, payload, RTE_MIN(req.payload, 256u));
	if (link_req_post(q, &req) != 0)
		link_slot_put(q, req.id);
	(void)link_req_flush(q);
}

/* BEGIN that is right, of a mode that the script names. */
static void
ask_begin(struct script *s)
{
	struct probe_wire_begin wire = {
		.mode = rte_cpu_to_be_16(byte(s) % 7),
		.size = rte_cpu_to_be_32(byte(s)),
		.burst = rte_cpu_to_be_16(byte(s)),
		.window = rte_cpu_to_be_16(8),
	};
	int id = q != NULL ? link_slot_get(q) : -1;
	struct link_req req = { .op = PROBE_BEGIN, .id = (uint16_t)id, .payload = sizeof(wire) };

	if (id < 0)
		return;
	(void)link_req_payload(q, req.id, 0, &wire, sizeof(wire));
	(void)link_req_post(q, &req);
	(void)link_req_flush(q);
}

static void
take_answers(void)
{
	struct link_cqe cqe[DEPTH];
	int n = q != NULL ? link_cqe_poll(q, cqe, DEPTH) : 0;

	for (int i = 0; i < n; i++) {
		must(cqe[i].status <= PROBE_MISMATCH && cqe[i].flags == 0);
		link_slot_put(q, cqe[i].id);
	}
}

static void
lie_tester(struct script *s)
{
	for (unsigned int step = 0; s->left > 0 && step < 64; step++) {
		switch (byte(s) % 4) {
		case 0:
			ask_begin(s);
			break;
		case 1:
			pass(byte(s) % 4);
			break;
		default:
			lie_request(s);
		}
		pass(1);
		take_answers();
	}
}

/* Answers: what is right but for what the script changes. */
static void
lie_answer(struct script *s, const struct link_req *req)
{
	struct link_cqe cqe = { .id = req->id };
	uint8_t report[sizeof(struct probe_wire_report)], lie = byte(s);
	const void *p = link_slot_payload(q, req->id);

	cqe.result = req->op == PROBE_MESSAGES || req->op == PROBE_VERIFY ? req->unit
		     : req->op == PROBE_BEGIN				  ? 0
									  : req->len;
	if (req->op == PROBE_ECHO || req->op == PROBE_VERIFY)
		cqe.payload = req->payload;
	else if (req->op == PROBE_READ)
		cqe.payload = req->len;
	if (req->op == PROBE_END) {
		bytes(s, report, sizeof(report));
		p = report;
		cqe.payload = sizeof(report);
	}
	if ((lie & 1) != 0)
		cqe.status = byte(s) % 5;
	if ((lie & 2) != 0)
		cqe.result ^= byte(s);
	if ((lie & 4) != 0)
		cqe.payload = byte(s) * 16u;
	if ((lie & 8) != 0)
		((uint8_t *)link_slot_payload(q, req->id))[byte(s)] ^= byte(s);
	cqe.flags = lie == 0xff;
	(void)link_rsp_payload(q, req->id, 0, p,
			       RTE_MIN(cqe.payload, req->op == PROBE_END ? 48u : SLOT));
	(void)link_rsp_post(q, &cqe);
	(void)link_rsp_flush(q);
}

static void
lie_testee(struct script *s)
{
	static const char *const modes[] = { "ping", "stream", "verify", "flood", "io" };
	struct link_req req[DEPTH];
	char err[128];

	for (unsigned int step = 0; s->left > 0 && step < 64; step++) {
		int n;

		if (probe_client_state(asks) == PROBE_READY) {
			(void)probe_client_set(asks, "fwd", modes[byte(s) % 5], err, sizeof(err));
			(void)probe_client_set(asks, "count", byte(s) % 2 ? "20" : "0", err,
					       sizeof(err));
			(void)probe_client_start(asks, err, sizeof(err));
		} else if (byte(s) % 16 == 0) {
			(void)probe_client_stop(asks, err, sizeof(err));
		}
		pass(2);
		n = q != NULL ? link_sqe_poll(q, req, DEPTH) : 0;
		for (int i = 0; i < n; i++)
			lie_answer(s, &req[i]);
		pass(1);
	}
	must(asks->tester.counts.mismatches <= asks->tester.counts.messages + 8);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = { .at = data, .left = size };
	bool at_tester;
	uint8_t who;

	if (size < 2)
		return 0;
	setup();
	who = byte(&s);
	at_tester = who % 2;
	begin(at_tester, who / 2 % 2);
	if (at_tester)
		lie_testee(&s);
	else
		lie_tester(&s);
	end();
	return 0;
}
