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

static const struct base_metrics test_metrics = BASE_METRICS(PROBE_TEST_SHOWN);

/* n a second over `ns`. */
static uint64_t
rate(uint64_t n, uint64_t ns)
{
	return ns == 0 ? 0 : (uint64_t)((double)n * (double)BASE_NS_PER_S / (double)ns);
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
	struct rte_tel_data *sub = base_tel_new();
	struct base_hist_summary s;

	if (sub == NULL)
		return;
	base_hist_summary(hist, &s);
	base_tel_dict_u64(sub, "count", s.count);
	base_tel_dict_u64(sub, "mean", s.mean);
	base_tel_dict_u64(sub, "min", s.min);
	base_tel_dict_u64(sub, "p50", s.p50);
	base_tel_dict_u64(sub, "p99", s.p99);
	base_tel_dict_u64(sub, "p999", s.p999);
	base_tel_dict_u64(sub, "max", s.max);
	base_tel_put(d, "latency_ns", sub);
}

static void
add_test(struct rte_tel_data *d, const struct probe_client *c)
{
	uint32_t order = probe_tester_order(&c->tester);
	struct probe_client_stats st;
	uint64_t ns;
	struct {
		PROBE_TEST_SHOWN(BASE_METRIC_FIELD)
	} shown;

	probe_client_stats(c, &st);
	ns = st.end_ns > st.begin_ns ? st.end_ns - st.begin_ns : 0;
	shown.run = order;
	shown.elapsed_ms = ns / BASE_NS_PER_MS;
	shown.messages_per_second = rate(st.messages, ns);
	shown.bytes_per_second = rate(st.bytes, ns);
	shown.stores = c->ended == order ? c->stores : probe_client_stores(c) - c->stores_before;

#define GET(name, ...) shown.name = st.name;
	PROBE_TEST_METRICS(GET)
#undef GET
	base_tel_metrics(d, &test_metrics, &shown);
	add_latency(d, &c->tester.latency);
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
					     : base_gid_str(probe_client_rgid(c), gid));
	rte_tel_data_add_dict_int(d, "data_worker", (int)c->conf.data_worker);
	pthread_mutex_unlock(&c->lock);
}

static void
add_histogram(void *end, struct rte_tel_data *d)
{
	struct probe_client *c = end;

	base_tel_hist(d, &c->tester.latency);
	base_tel_dict_u64(d, "run", probe_tester_order(&c->tester));
}

static uint64_t
peer(void *end)
{
	struct probe_client *c = end;

	return probe_client_state(c) == PROBE_CLOSED ? 0 : probe_client_rgid(c);
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
