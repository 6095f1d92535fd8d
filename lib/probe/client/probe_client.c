/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of the asking end, and what it is told to do (probe_client.h). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_tel.h"
#include "base_text.h"
#include "probe_client_priv.h"

/* --- life --- */

int
probe_client_create(const struct probe_client_conf *conf, struct probe_client **out)
{
	struct probe_client *c = aligned_alloc(RTE_CACHE_LINE_SIZE,
					       RTE_CACHE_LINE_ROUNDUP(sizeof(*c)));

	if (c == NULL)
		return -ENOMEM;
	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
	c->conf = *conf;
	c->dev_id = link_dev_id(conf->link);
	c->set.mode = &probe_ping;
	c->set.seed = 1;
	probe_tester_init(&c->tester, conf->shared);
	probe_client_telemetry(c);
	*out = c;
	return 0;
}

void
probe_client_destroy(struct probe_client *c)
{
	if (c == NULL)
		return;
	probe_telemetry_remove(&c->telemetry);
	probe_tester_stop(&c->tester);
	if (c->session != NULL)
		link_session_close(c->session, "the program is leaving");
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* --- commands --- */

static int complain(int ret, char *err, size_t err_size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* @return ret, for callers that end with it. */
static int
complain(int ret, char *err, size_t err_size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, err_size, fmt, ap);
	va_end(ap);
	return ret;
}

int
probe_client_set(struct probe_client *c, const char *name, const char *value, char *err,
		 size_t err_size)
{
	struct probe_settings set = c->set;
	int ret;

	if (probe_client_running(c))
		return complain(-EBUSY, err, err_size, "a test runs: 'stop' it first");
	ret = probe_settings_set(&set, name, value, err, err_size);
	if (ret != 0)
		return ret;
	pthread_mutex_lock(&c->lock);
	c->set = set;
	pthread_mutex_unlock(&c->lock);
	return 0;
}

int
probe_client_open(struct probe_client *c, uint64_t gid, char *err, size_t err_size)
{
	char text[BASE_GID_STRLEN];
	struct probe_run run;
	int ret;

	if (c->open)
		return complain(-EBUSY, err, err_size, "a link to %s is open: 'link close' first",
				base_gid_str(probe_client_rgid(c), text));
	atomic_store_explicit(&c->rgid, gid, memory_order_relaxed);
	probe_settings_run(&c->set, &run);
	probe_client_trouble_set(c, c->session_trouble, "%s", "");
	probe_client_trouble_set(c, c->run_trouble, "%s", "");
	ret = probe_client_session_open(c, &run);
	/* The one of before has not gone yet: control tries again. */
	c->reset = ret == -EEXIST;
	if (ret != 0 && ret != -EEXIST)
		return complain(ret, err, err_size, "no link to %s: %s", base_gid_str(gid, text),
				ret == -EADDRINUSE ? "that is our own GID" : strerror(-ret));
	c->open = true;
	probe_client_state_publish(c);
	return 0;
}

int
probe_client_close(struct probe_client *c, char *err, size_t err_size)
{
	if (!c->open)
		return complain(-ENOTCONN, err, err_size, "no link is open");
	c->open = false;
	if (c->pending)
		probe_client_measures(c, false);
	c->pending = false;
	probe_client_session_close(c);
	c->reset = false;
	probe_client_trouble_set(c, c->session_trouble, "%s", "");
	probe_client_state_publish(c);
	return 0;
}

int
probe_client_start(struct probe_client *c, char *err, size_t err_size)
{
	struct probe_run run;

	if (!c->open)
		return complain(-ENOTCONN, err, err_size, "no link is open: 'link open GID' first");
	if (probe_client_running(c))
		return complain(-EBUSY, err, err_size, "a test runs already");
	probe_client_state_publish(c);
	if (probe_client_state(c) != PROBE_READY)
		return complain(-ENOTCONN, err, err_size, "%s",
				c->session_trouble[0] != '\0' ? c->session_trouble
							      : "the session is not up yet");
	probe_settings_run(&c->set, &run);
	pthread_mutex_lock(&c->lock);
	c->shown = run;
	c->shown_valid = false;
	pthread_mutex_unlock(&c->lock);
	probe_client_trouble_set(c, c->run_trouble, "%s", "");
	c->pending = true;
	c->pending_ns = 0;
	if (c->open_depth != probe_run_depth(&run) || c->open_slot != probe_run_slot(&run))
		probe_client_session_close(c);
	probe_client_measures(c, true);
	probe_client_state_publish(c);
	return 0;
}

int
probe_client_stop(struct probe_client *c, char *err, size_t err_size)
{
	if (!probe_client_running(c))
		return complain(-EALREADY, err, err_size, "no test runs");
	if (c->pending) {
		c->pending = false;
		probe_client_measures(c, false);
		probe_client_trouble_set(c, c->run_trouble, "stopped before it began");
	} else {
		probe_client_run_halt(c);
	}
	probe_client_state_publish(c);
	return 0;
}

enum probe_state
probe_client_state(const struct probe_client *c)
{
	return atomic_load_explicit(&c->state, memory_order_relaxed);
}

const char *
probe_client_trouble(const struct probe_client *c)
{
	if (probe_client_state(c) == PROBE_OPENING && c->session_trouble[0] != '\0')
		return c->session_trouble;
	return c->run_trouble;
}

void
probe_client_stats(const struct probe_client *c, struct probe_client_stats *stats)
{
	static_assert(sizeof(*stats) == sizeof(c->tester.counts), "the same numbers");
	base_counters_read(&c->tester.counts, stats, sizeof(*stats));
}
