/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings of a test: names and values that a person types, and what "auto" comes to. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_bitops.h>
#include <rte_common.h>

#include "base_text.h"
#include "base_time.h"
#include "probe_client_priv.h"

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

/* --- names and values --- */

const struct probe_setting probe_settings[] = {
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
const unsigned int probe_setting_count = RTE_DIM(probe_settings);

/* Numbers: where they go, and their bounds. */
static const struct number {
	const char *name;
	size_t at;
	bool wide; /* a uint64_t, else a uint32_t */
	bool automatic; /* "auto", which is 0, may be said */
	uint64_t min, max;
} numbers[] = {
	{ "size", offsetof(struct probe_settings, size), false, true, 1, PROBE_SIZE_MAX },
	{ "burst", offsetof(struct probe_settings, burst), false, true, 1, PROBE_BURST_MAX },
	{ "window", offsetof(struct probe_settings, window), false, true, 1, PROBE_WINDOW_MAX },
	{ "time", offsetof(struct probe_settings, time_s), true, false, 0, 86400 },
	{ "count", offsetof(struct probe_settings, count), true, false, 0, 1000000000000 },
	{ "rate", offsetof(struct probe_settings, rate), true, false, 0, 1000000000 },
	{ "seed", offsetof(struct probe_settings, seed), true, false, 0, UINT32_MAX },
};

/* @return -EINVAL. */
static int
wrong_value(const char *name, const char *value, char *err, size_t err_size)
{
	char text[64];

	for (unsigned int i = 0; i < probe_setting_count; i++) {
		if (strcmp(probe_settings[i].name, name) != 0)
			continue;
		base_text_clean(text, sizeof(text), value, strlen(value));
		snprintf(err, err_size, "set %s '%s': expected %s", name, text,
			 probe_settings[i].values);
		return -EINVAL;
	}
	base_text_clean(text, sizeof(text), name, strlen(name));
	snprintf(err, err_size,
		 "no setting '%s'; there are fwd, size, burst, window, time, count, rate, seed, "
		 "copy",
		 text);
	return -EINVAL;
}

/* @return 0, -EINVAL, -ENOENT it is no number. */
static int
set_number(struct probe_settings *set, const char *name, const char *value)
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
set_word(struct probe_settings *set, const char *name, const char *value)
{
	if (strcmp(name, "fwd") == 0) {
		const struct probe_mode *mode = probe_mode_find(value);

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
probe_settings_set(struct probe_settings *set, const char *name, const char *value, char *err,
		   size_t err_size)
{
	int ret = set_number(set, name, value);

	if (ret == -ENOENT)
		ret = set_word(set, name, value);
	return ret != 0 ? wrong_value(name, value, err, err_size) : 0;
}

/* --- what they come to --- */

/* Messages that a slot shall have: as many as are worth it, no more than it can have. */
static uint32_t
burst_of(const struct probe_settings *set, uint32_t size)
{
	uint32_t burst = set->burst, most;

	if (set->mode->burst == 1)
		return 1;
	if (set->mode->op == PROBE_NOP)
		return burst != 0 ? burst : set->mode->burst;
	most = PROBE_SIZE_MAX / probe_stride(size);
	if (burst == 0)
		burst = size > PACK_SIZE
				? 1
				: RTE_MIN(set->mode->burst, PACK_BYTES / probe_stride(size));
	return RTE_MAX(RTE_MIN(burst, most), 1u);
}

static uint32_t
window_of(const struct probe_settings *set, uint32_t size, uint32_t burst)
{
	uint32_t bytes = set->mode->slot(size, burst), standard = set->mode->window;

	if (set->window != 0)
		return set->window;
	/* Only streams profit from more than the least that keeps both ends busy. */
	if (set->mode->slot != probe_packed_len)
		return standard;
	return RTE_MAX(RTE_MIN(WINDOW_BYTES / bytes, WINDOW_MAX), standard);
}

void
probe_settings_run(const struct probe_settings *set, struct probe_run *run)
{
	uint32_t size = set->size != 0 ? set->size : set->mode->size, burst;

	if (set->mode->op == PROBE_NOP)
		size = 0;
	burst = burst_of(set, size);
	*run = (struct probe_run){
		.mode = set->mode,
		.size = size,
		.burst = burst,
		.window = window_of(set, size, burst),
		.copy = set->copy && set->mode->op == PROBE_MESSAGES,
		.seed = set->seed,
		.time_ns = set->time_s * BASE_NS_PER_S,
		.count = set->count,
		.rate = set->rate,
	};
}

uint32_t
probe_run_slot(const struct probe_run *run)
{
	uint32_t bytes = run->mode->slot(run->size, run->burst);

	return RTE_MAX(RTE_ALIGN_CEIL(bytes, SLOT_MIN), SLOT_MIN);
}

uint16_t
probe_run_depth(const struct probe_run *run)
{
	return (uint16_t)RTE_MAX(rte_align32pow2(run->window), 2u);
}
