/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /fwd/stats, /fwd/latency and /fwd/config for telemetry clients. The callbacks run in a thread
 * of DPDK's: they read counters that may change meanwhile, and texts under the lock.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base_dpdk.h"
#include "base_tel.h"
#include "fwd_priv.h"

static pthread_mutex_t fwds_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, fwd) fwds = LIST_HEAD_INITIALIZER(fwds);

void
fwd_telemetry_add(struct fwd *f)
{
	pthread_mutex_lock(&fwds_lock);
	LIST_INSERT_HEAD(&fwds, f, entry);
	pthread_mutex_unlock(&fwds_lock);
}

void
fwd_telemetry_remove(struct fwd *f)
{
	pthread_mutex_lock(&fwds_lock);
	LIST_REMOVE(f, entry);
	pthread_mutex_unlock(&fwds_lock);
}

static const char *
state_name(enum fwd_state state)
{
	static const char *const names[] = {
		[FWD_CLOSED] = "closed",   [FWD_OPENING] = "opening",	[FWD_READY] = "ready",
		[FWD_RUNNING] = "running", [FWD_STOPPING] = "stopping",
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
add_run(struct rte_tel_data *d, const struct fwd_run *run)
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
add_tester(struct rte_tel_data *d, const struct fwd *f)
{
	const struct fwd_tester_counts *c = &f->tester.counts;
	uint64_t messages = fwd_get(&c->messages), bytes = fwd_get(&c->bytes);
	uint64_t begin = fwd_get(&c->begin_ns), end = fwd_get(&c->end_ns);
	uint64_t ns = end > begin ? end - begin : 0;
	bool over = f->ended == f->tester.order;

	base_tel_dict_u64(d, "run", f->tester.order);
	base_tel_dict_u64(d, "elapsed_ms", ns / BASE_NS_PER_MS);
	base_tel_dict_u64(d, "requests", fwd_get(&c->requests));
	base_tel_dict_u64(d, "messages", messages);
	base_tel_dict_u64(d, "bytes", bytes);
	base_tel_dict_u64(d, "messages_per_second", rate(messages, ns));
	base_tel_dict_u64(d, "bytes_per_second", rate(bytes, ns));
	base_tel_dict_u64(d, "stores", over ? f->stores : fwd_stores(f) - f->stores_before);
	add_latency(d, &f->tester.latency);
	base_tel_dict_u64(d, "stalls_local", fwd_get(&c->stalls_local));
	base_tel_dict_u64(d, "stalls_remote", fwd_get(&c->stalls_remote));
	base_tel_dict_u64(d, "polls", fwd_get(&c->polls));
	base_tel_dict_u64(d, "polls_empty", fwd_get(&c->polls_empty));
	base_tel_dict_u64(d, "lost", fwd_get(&c->lost));
	base_tel_dict_u64(d, "mismatches", fwd_get(&c->mismatches));
	base_tel_dict_u64(d, "errors_status", fwd_get(&c->err_status));
	base_tel_dict_u64(d, "errors_protocol", fwd_get(&c->err_protocol));
	base_tel_dict_u64(d, "errors_broken", fwd_get(&c->err_broken));
	base_tel_dict_u64(d, "errors_stuck", fwd_get(&c->err_stuck));
	base_tel_dict_u64(d, "peer_messages", fwd_get(&c->peer_messages));
	base_tel_dict_u64(d, "peer_polls", fwd_get(&c->peer_polls));
	base_tel_dict_u64(d, "peer_polls_empty", fwd_get(&c->peer_polls_empty));
}

static void
add_received(struct rte_tel_data *d, const struct fwd *f)
{
	const struct fwd_received *c = &f->answerer.counts;
	const struct fwd_mode *mode = fwd_mode_by_id((uint16_t)fwd_get(&c->mode));
	uint64_t begin = fwd_get(&c->begin_ns), newest = fwd_get(&c->newest_ns);
	struct rte_tel_data *sub = rte_tel_data_alloc();

	if (sub == NULL)
		return;
	rte_tel_data_start_dict(sub);
	base_tel_dict_u64(sub, "sessions", fwd_get(&c->sessions));
	base_tel_dict_u64(sub, "runs", fwd_get(&c->runs));
	rte_tel_data_add_dict_string(sub, "mode", mode != NULL ? mode->name : "");
	base_tel_dict_u64(sub, "size", fwd_get(&c->size));
	base_tel_dict_u64(sub, "requests", fwd_get(&c->requests));
	base_tel_dict_u64(sub, "messages", fwd_get(&c->messages));
	base_tel_dict_u64(sub, "bytes", fwd_get(&c->bytes));
	base_tel_dict_u64(sub, "run_ms", newest > begin ? (newest - begin) / BASE_NS_PER_MS : 0);
	base_tel_dict_u64(sub, "polls", fwd_get(&c->polls));
	base_tel_dict_u64(sub, "polls_empty", fwd_get(&c->polls_empty));
	base_tel_dict_u64(sub, "mismatches", fwd_get(&c->mismatches));
	base_tel_dict_u64(sub, "refused", fwd_get(&c->refused));
	base_tel_dict_u64(sub, "errors_protocol", fwd_get(&c->lies));
	add_sub(d, "received", sub);
}

/* The one that a program has; the newest, where a test has two. */
static int
stats_cb(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	enum fwd_state state;
	struct fwd *f;

	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&fwds_lock);
	f = LIST_FIRST(&fwds);
	if (f != NULL) {
		pthread_mutex_lock(&f->lock);
		state = fwd_state(f);
		rte_tel_data_add_dict_string(d, "state", state_name(state));
		rte_tel_data_add_dict_string(d, "trouble",
					     state == FWD_OPENING ? f->session_trouble
								  : f->run_trouble);
		rte_tel_data_add_dict_string(d, "mode", f->shown_valid ? f->shown.mode->name : "");
		base_tel_dict_u64(d, "retries", f->retries);
		if (f->shown_valid)
			add_tester(d, f);
		add_received(d, f);
		pthread_mutex_unlock(&f->lock);
	}
	pthread_mutex_unlock(&fwds_lock);
	return 0;
}

static int
latency_cb(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	int ret = -ENOENT;
	struct fwd *f;

	pthread_mutex_lock(&fwds_lock);
	f = LIST_FIRST(&fwds);
	if (f != NULL) {
		base_tel_hist(d, &f->tester.latency);
		base_tel_dict_u64(d, "run", f->tester.order);
		ret = 0;
	}
	pthread_mutex_unlock(&fwds_lock);
	return ret;
}

static int
config_cb(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	char gid[BASE_GID_STRLEN];
	struct fwd_run run;
	struct fwd *f;

	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&fwds_lock);
	f = LIST_FIRST(&fwds);
	if (f != NULL) {
		pthread_mutex_lock(&f->lock);
		fwd_settings_run(&f->set, &run);
		add_run(d, &run);
		rte_tel_data_add_dict_string(d, "peer",
					     fwd_state(f) == FWD_CLOSED
						     ? ""
						     : base_gid_str(f->rgid, gid));
		rte_tel_data_add_dict_int(d, "listen", f->listen);
		rte_tel_data_add_dict_int(d, "data_worker", (int)f->data_worker);
		pthread_mutex_unlock(&f->lock);
	}
	pthread_mutex_unlock(&fwds_lock);
	return 0;
}

RTE_INIT(fwd_telemetry_init)
{
	rte_telemetry_register_cmd("/fwd/stats", stats_cb,
				   "Results of the running or newest link test, and what others "
				   "test with us. No parameters");
	rte_telemetry_register_cmd("/fwd/latency", latency_cb,
				   "Histogram of the running or newest link test's latencies. No "
				   "parameters");
	rte_telemetry_register_cmd("/fwd/config", config_cb,
				   "Settings of link tests. No parameters");
}
