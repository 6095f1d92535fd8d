/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What /fwd/stats, /fwd/latency and /fwd/config tell of the asking end. In telemetry's thread:
 * counters that may change meanwhile, and texts under the lock.
 */
#include "base_dpdk.h"
#include "base_tel.h"
#include "base_text.h"
#include "probe_client_priv.h"

static const char *
state_name(enum probe_state state)
{
	static const char *const names[] = {
		[PROBE_CLOSED] = "closed",   [PROBE_OPENING] = "opening",   [PROBE_READY] = "ready",
		[PROBE_RUNNING] = "running", [PROBE_STOPPING] = "stopping",
	};

	return names[state];
}

/* n a second over `ns`. */
static uint64_t
rate(uint64_t n, uint64_t ns)
{
	return ns == 0 ? 0 : (uint64_t)((double)n * (double)BASE_NS_PER_S / (double)ns);
}

/* Put `sub` into d. */
static void
add_sub(struct rte_tel_data *d, const char *name, struct rte_tel_data *sub)
{
	if (rte_tel_data_add_dict_container(d, name, sub, 0) != 0)
		rte_tel_data_free(sub);
}

static void
add_run(struct rte_tel_data *d, const struct probe_run *run)
{
	rte_tel_data_add_dict_string(d, "mode", run->mode->name);
	base_tel_dict_u64(d, "size", run->size);
	base_tel_dict_u64(d, "burst", run->burst);
	base_tel_dict_u64(d, "window", run->window);
	base_tel_dict_u64(d, "time_ms", run->time_ns / BASE_NS_PER_MS);
	base_tel_dict_u64(d, "count", run->count);
	base_tel_dict_u64(d, "rate", run->rate);
	base_tel_dict_u64(d, "seed", run->seed);
	rte_tel_data_add_dict_int(d, "copy", run->copy);
}

static void
add_latency(struct rte_tel_data *d, const struct base_hist *hist)
{
	struct rte_tel_data *sub = rte_tel_data_alloc();
	struct base_hist_summary s;

	if (sub == NULL)
		return;
	base_hist_summary(hist, &s);
	rte_tel_data_start_dict(sub);
	base_tel_dict_u64(sub, "count", s.count);
	base_tel_dict_u64(sub, "mean", s.mean);
	base_tel_dict_u64(sub, "min", s.min);
	base_tel_dict_u64(sub, "p50", s.p50);
	base_tel_dict_u64(sub, "p99", s.p99);
	base_tel_dict_u64(sub, "p999", s.p999);
	base_tel_dict_u64(sub, "max", s.max);
	add_sub(d, "latency_ns", sub);
}

static void
add_test(struct rte_tel_data *d, const struct probe_client *c)
{
	bool over = c->ended == c->tester.order;
	struct probe_client_stats st;
	uint64_t ns;

	probe_client_stats(c, &st);
	ns = st.end_ns > st.begin_ns ? st.end_ns - st.begin_ns : 0;
	base_tel_dict_u64(d, "run", c->tester.order);
	base_tel_dict_u64(d, "elapsed_ms", ns / BASE_NS_PER_MS);
	base_tel_dict_u64(d, "requests", st.requests);
	base_tel_dict_u64(d, "messages", st.messages);
	base_tel_dict_u64(d, "bytes", st.bytes);
	base_tel_dict_u64(d, "messages_per_second", rate(st.messages, ns));
	base_tel_dict_u64(d, "bytes_per_second", rate(st.bytes, ns));
	base_tel_dict_u64(d, "stores",
			  over ? c->stores : probe_client_stores(c) - c->stores_before);
	add_latency(d, &c->tester.latency);
	base_tel_dict_u64(d, "stalls_local", st.stalls_local);
	base_tel_dict_u64(d, "stalls_remote", st.stalls_remote);
	base_tel_dict_u64(d, "polls", st.polls);
	base_tel_dict_u64(d, "polls_empty", st.polls_empty);
	base_tel_dict_u64(d, "lost", st.lost);
	base_tel_dict_u64(d, "mismatches", st.mismatches);
	base_tel_dict_u64(d, "errors_status", st.err_status);
	base_tel_dict_u64(d, "errors_protocol", st.err_protocol);
	base_tel_dict_u64(d, "errors_broken", st.err_broken);
	base_tel_dict_u64(d, "errors_stuck", st.err_stuck);
	base_tel_dict_u64(d, "peer_messages", st.peer_messages);
	base_tel_dict_u64(d, "peer_polls", st.peer_polls);
	base_tel_dict_u64(d, "peer_polls_empty", st.peer_polls_empty);
}

static void
add_stats(void *end, struct rte_tel_data *d)
{
	struct probe_client *c = end;
	enum probe_state state;

	pthread_mutex_lock(&c->lock);
	state = probe_client_state(c);
	rte_tel_data_add_dict_string(d, "state", state_name(state));
	rte_tel_data_add_dict_string(d, "trouble",
				     state == PROBE_OPENING ? c->session_trouble : c->run_trouble);
	rte_tel_data_add_dict_string(d, "mode", c->shown_valid ? c->shown.mode->name : "");
	base_tel_dict_u64(d, "retries", c->retries);
	if (c->shown_valid)
		add_test(d, c);
	pthread_mutex_unlock(&c->lock);
}

static void
add_config(void *end, struct rte_tel_data *d)
{
	struct probe_client *c = end;
	char gid[BASE_GID_STRLEN];
	struct probe_run run;

	pthread_mutex_lock(&c->lock);
	probe_settings_run(&c->set, &run);
	add_run(d, &run);
	rte_tel_data_add_dict_string(d, "peer",
				     probe_client_state(c) == PROBE_CLOSED
					     ? ""
					     : base_gid_str(c->rgid, gid));
	rte_tel_data_add_dict_int(d, "data_worker", (int)c->conf.data_worker);
	pthread_mutex_unlock(&c->lock);
}

static void
add_histogram(void *end, struct rte_tel_data *d)
{
	struct probe_client *c = end;

	base_tel_hist(d, &c->tester.latency);
	base_tel_dict_u64(d, "run", c->tester.order);
}

static uint64_t
peer(void *end)
{
	struct probe_client *c = end;

	return probe_client_state(c) == PROBE_CLOSED ? 0 : probe_get(&c->rgid);
}

void
probe_client_telemetry(struct probe_client *c)
{
	c->telemetry.end = c;
	c->telemetry.asks = true;
	c->telemetry.stats = add_stats;
	c->telemetry.config = add_config;
	c->telemetry.latency = add_histogram;
	c->telemetry.peer = peer;
	probe_telemetry_add(&c->telemetry);
}
