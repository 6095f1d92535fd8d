/* SPDX-License-Identifier: BSD-3-Clause */
/* Link tests: life, settings, and the commands of the prompt (ismstat.h). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fwd_priv.h"
#include "run.h"

/*
 * What "auto" packs: messages up to so large, and as many as make so many bytes. A message of a
 * page goes out in one store alone; behind a header it would take two.
 */
#define PACK_SIZE 2048u
#define PACK_BYTES (16u << 10)
/* Slots that "auto" uses: together so many bytes, for they shall stay in a cache. */
#define WINDOW_BYTES (512u << 10)
#define WINDOW_MAX 64u
#define SLOT_MIN 4096u
#define NAP_US 20 /* while a test runs: what it measures shall not be our sleep */

static unsigned int
poll_control(void *arg, uint64_t now_ns)
{
	return fwd_poll_control(arg, now_ns);
}

static unsigned int
poll_data(void *arg, uint64_t now_ns)
{
	return fwd_poll_data(arg, now_ns);
}

/* --- life --- */

static int
listen_start(struct fwd *f)
{
	struct link_listen_conf conf = {
		.service = LINK_SERVICE_TEST,
		.queues_max = 1,
		.depth_max = LINK_DEPTH_MAX,
		.slot_max = LINK_SLOT_MAX,
		.may_connect = fwd_may_connect,
		.ops = &fwd_testee_ops,
		.arg = f,
	};

	return f->listen ? link_listen(f->link, &conf) : 0;
}

static int
copy_conf(struct fwd *f, const struct fwd_conf *conf)
{
	f->link = conf->link;
	f->dev_id = link_dev_id(conf->link);
	f->listen = conf->listen;
	f->allow_any = conf->allow_any;
	f->set.mode = &fwd_ping;
	f->set.seed = 1;
	if (conf->allow_count == 0)
		return 0;
	f->allow = calloc(conf->allow_count, sizeof(f->allow[0]));
	if (f->allow == NULL)
		return -ENOMEM;
	memcpy(f->allow, conf->allow, conf->allow_count * sizeof(f->allow[0]));
	f->allow_count = conf->allow_count;
	return 0;
}

int
fwd_new(const struct fwd_conf *conf, struct fwd **out)
{
	struct fwd *f = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(sizeof(*f)));
	int ret;

	if (f == NULL)
		return -ENOMEM;
	memset(f, 0, sizeof(*f));
	pthread_mutex_init(&f->lock, NULL);
	fwd_answerer_init(&f->answerer);
	LIST_INIT(&f->testees);
	ret = copy_conf(f, conf);
	if (ret == 0)
		ret = listen_start(f);
	if (ret != 0) {
		free(f->allow);
		free(f);
		return ret;
	}
	fwd_telemetry_add(f);
	*out = f;
	return 0;
}

int
fwd_create(const struct fwd_conf *conf, struct fwd **out)
{
	struct fwd *f;
	int ret = fwd_new(conf, &f);

	if (ret != 0)
		return ret;
	f->data_worker = run_workers() > 1 ? 1 : 0;
	ret = run_add_poller(0, poll_control, f);
	if (ret == 0)
		ret = run_add_poller(f->data_worker, poll_data, f);
	if (ret != 0) {
		fwd_destroy(f);
		return ret;
	}
	*out = f;
	return 0;
}

void
fwd_destroy(struct fwd *f)
{
	struct fwd_testee *e;

	if (f == NULL)
		return;
	fwd_telemetry_remove(f);
	fwd_tester_stop(&f->tester);
	fwd_answerer_stop(&f->answerer);
	if (f->session != NULL)
		link_session_close(f->session, "the program is leaving");
	if (f->listen)
		link_unlisten(f->link, LINK_SERVICE_TEST);
	while ((e = LIST_FIRST(&f->testees)) != NULL) {
		LIST_REMOVE(e, all);
		fwd_testee_free(e);
	}
	pthread_mutex_destroy(&f->lock);
	free(f->allow);
	free(f);
}

/* --- settings --- */

const struct fwd_setting fwd_settings[] = {
	{ "fwd", "ping|stream|verify|flood|io", "what the test does" },
	{ "size", "auto|1..262144", "bytes of a message" },
	{ "burst", "auto|1..4096", "messages of a request; flood: requests of a store" },
	{ "window", "auto|1..256", "requests open at once" },
	{ "time", "0..86400", "seconds, 0: until stop" },
	{ "count", "0..1000000000000", "messages, 0: no limit" },
	{ "rate", "0..1000000000", "messages a second, 0: as many as can be" },
	{ "seed", "0..4294967295", "of the contents of verify, and of the places of io" },
	{ "copy", "on|off", "stream: the receiver copies each message out of the slot" },
};
const unsigned int fwd_setting_count = RTE_DIM(fwd_settings);

/* Numbers: where they go, and their bounds. */
static const struct number {
	const char *name;
	size_t at;
	bool wide; /* a uint64_t, else a uint32_t */
	bool automatic; /* "auto", which is 0, may be said */
	uint64_t min, max;
} numbers[] = {
	{ "size", offsetof(struct fwd_settings, size), false, true, 1, FWD_SIZE_MAX },
	{ "burst", offsetof(struct fwd_settings, burst), false, true, 1, FWD_BURST_MAX },
	{ "window", offsetof(struct fwd_settings, window), false, true, 1, FWD_WINDOW_MAX },
	{ "time", offsetof(struct fwd_settings, time_s), true, false, 0, 86400 },
	{ "count", offsetof(struct fwd_settings, count), true, false, 0, 1000000000000 },
	{ "rate", offsetof(struct fwd_settings, rate), true, false, 0, 1000000000 },
	{ "seed", offsetof(struct fwd_settings, seed), true, false, 0, UINT32_MAX },
};

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

static int
wrong_value(const char *name, const char *value, char *err, size_t err_size)
{
	char text[64];

	base_text_clean(text, sizeof(text), value, strlen(value));
	for (unsigned int i = 0; i < fwd_setting_count; i++)
		if (strcmp(fwd_settings[i].name, name) == 0)
			return complain(-EINVAL, err, err_size, "set %s '%s': expected %s", name,
					text, fwd_settings[i].values);
	base_text_clean(text, sizeof(text), name, strlen(name));
	return complain(-EINVAL, err, err_size,
			"no setting '%s'; there are fwd, size, burst, window, time, count, rate, "
			"seed, copy",
			text);
}

/* @return 0, -EINVAL, -ENOENT it is no number. */
static int
set_number(struct fwd_settings *set, const char *name, const char *value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < RTE_DIM(numbers); i++) {
		const struct number *num = &numbers[i];
		void *at = (char *)set + num->at;

		if (strcmp(num->name, name) != 0)
			continue;
		if (!(num->automatic && strcmp(value, "auto") == 0) &&
		    base_num_parse(value, 1, num->min, num->max, &n) != 0)
			return -EINVAL;
		if (num->wide)
			*(uint64_t *)at = n;
		else
			*(uint32_t *)at = (uint32_t)n;
		return 0;
	}
	return -ENOENT;
}

/* @return 0 or -EINVAL. */
static int
set_word(struct fwd_settings *set, const char *name, const char *value)
{
	if (strcmp(name, "fwd") == 0) {
		const struct fwd_mode *mode = fwd_mode_find(value);

		if (mode != NULL)
			set->mode = mode;
		return mode != NULL ? 0 : -EINVAL;
	}
	if (strcmp(name, "copy") == 0) {
		set->copy = strcmp(value, "on") == 0;
		return set->copy || strcmp(value, "off") == 0 ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int
fwd_set(struct fwd *f, const char *name, const char *value, char *err, size_t err_size)
{
	struct fwd_settings set = f->set;
	int ret;

	if (fwd_running(f))
		return complain(-EBUSY, err, err_size, "a test runs: 'stop' it first");
	ret = set_number(&set, name, value);
	if (ret == -ENOENT)
		ret = set_word(&set, name, value);
	if (ret != 0)
		return wrong_value(name, value, err, err_size);
	pthread_mutex_lock(&f->lock);
	f->set = set;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

/* Messages that a slot shall have: as many as are worth it, no more than it can have. */
static uint32_t
burst_of(const struct fwd_settings *set, uint32_t size)
{
	uint32_t burst = set->burst, most;

	if (set->mode->burst == 1)
		return 1;
	if (set->mode->op == FWD_NOP)
		return burst != 0 ? burst : set->mode->burst;
	most = FWD_SIZE_MAX / fwd_stride(size);
	if (burst == 0)
		burst = size > PACK_SIZE ? 1
					 : RTE_MIN(set->mode->burst, PACK_BYTES / fwd_stride(size));
	return RTE_MAX(RTE_MIN(burst, most), 1u);
}

static uint32_t
window_of(const struct fwd_settings *set, uint32_t size, uint32_t burst)
{
	uint32_t bytes = set->mode->slot(size, burst), standard = set->mode->window;

	if (set->window != 0)
		return set->window;
	/* Only streams profit from more than the least that keeps both ends busy. */
	if (set->mode->slot != fwd_packed_len)
		return standard;
	return RTE_MAX(RTE_MIN(WINDOW_BYTES / bytes, WINDOW_MAX), standard);
}

void
fwd_settings_run(const struct fwd_settings *set, struct fwd_run *run)
{
	uint32_t size = set->size != 0 ? set->size : set->mode->size, burst;

	if (set->mode->op == FWD_NOP)
		size = 0;
	burst = burst_of(set, size);
	*run = (struct fwd_run){
		.mode = set->mode,
		.size = size,
		.burst = burst,
		.window = window_of(set, size, burst),
		.copy = set->copy && set->mode->op == FWD_MESSAGES,
		.seed = set->seed,
		.time_ns = set->time_s * BASE_NS_PER_S,
		.count = set->count,
		.rate = set->rate,
	};
}

uint32_t
fwd_run_slot(const struct fwd_run *run)
{
	uint32_t bytes = run->mode->slot(run->size, run->burst);

	return RTE_MAX(RTE_ALIGN_CEIL(bytes, SLOT_MIN), SLOT_MIN);
}

uint16_t
fwd_run_depth(const struct fwd_run *run)
{
	return (uint16_t)RTE_MAX(rte_align32pow2(run->window), 2u);
}

/* --- commands --- */

int
fwd_open(struct fwd *f, uint64_t gid, char *err, size_t err_size)
{
	char text[BASE_GID_STRLEN];
	struct fwd_run run;
	int ret;

	if (f->open)
		return complain(-EBUSY, err, err_size, "a link to %s is open: 'link close' first",
				base_gid_str(f->rgid, text));
	f->rgid = gid;
	fwd_settings_run(&f->set, &run);
	fwd_trouble_set(f, f->session_trouble, "%s", "");
	fwd_trouble_set(f, f->run_trouble, "%s", "");
	ret = fwd_session_open(f, &run);
	/* The one of before has not gone yet: control tries again. */
	f->reset = ret == -EEXIST;
	if (ret != 0 && ret != -EEXIST)
		return complain(ret, err, err_size, "no link to %s: %s", base_gid_str(gid, text),
				ret == -EADDRINUSE ? "that is our own GID" : strerror(-ret));
	f->open = true;
	fwd_state_publish(f);
	return 0;
}

int
fwd_close(struct fwd *f, char *err, size_t err_size)
{
	if (!f->open)
		return complain(-ENOTCONN, err, err_size, "no link is open");
	f->open = false;
	f->pending = false;
	fwd_session_close(f);
	f->reset = false;
	fwd_trouble_set(f, f->session_trouble, "%s", "");
	fwd_state_publish(f);
	return 0;
}

int
fwd_start(struct fwd *f, char *err, size_t err_size)
{
	struct fwd_run run;

	if (!f->open)
		return complain(-ENOTCONN, err, err_size, "no link is open: 'link open GID' first");
	if (fwd_running(f))
		return complain(-EBUSY, err, err_size, "a test runs already");
	fwd_state_publish(f);
	if (fwd_state(f) != FWD_READY)
		return complain(-ENOTCONN, err, err_size, "%s",
				f->session_trouble[0] != '\0' ? f->session_trouble
							      : "the session is not up yet");
	fwd_settings_run(&f->set, &run);
	pthread_mutex_lock(&f->lock);
	f->shown = run;
	f->shown_valid = false;
	pthread_mutex_unlock(&f->lock);
	fwd_trouble_set(f, f->run_trouble, "%s", "");
	f->pending = true;
	f->pending_ns = 0;
	if (f->open_depth != fwd_run_depth(&run) || f->open_slot != fwd_run_slot(&run))
		fwd_session_close(f);
	run_limit_nap(f->data_worker, NAP_US);
	fwd_state_publish(f);
	return 0;
}

int
fwd_stop(struct fwd *f, char *err, size_t err_size)
{
	if (!fwd_running(f))
		return complain(-EALREADY, err, err_size, "no test runs");
	if (f->pending) {
		f->pending = false;
		fwd_trouble_set(f, f->run_trouble, "stopped before it began");
	} else {
		fwd_run_halt(f);
	}
	fwd_state_publish(f);
	return 0;
}

enum fwd_state
fwd_state(const struct fwd *f)
{
	return __atomic_load_n(&f->state, __ATOMIC_RELAXED);
}

const char *
fwd_trouble(const struct fwd *f)
{
	if (fwd_state(f) == FWD_OPENING && f->session_trouble[0] != '\0')
		return f->session_trouble;
	return f->run_trouble;
}
