/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults on demand, which the programs that use the fabric must survive. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base_text.h"
#include "fabric_priv.h"

#define DELAY_US_MAX 1000000
#define COUNT_MAX (UINT64_MAX / 2)
#define SPEC_FIELDS 4
#define SPEC_MAX 128

#define PPM_MAX 1000000u /* 100 % in parts per million */
#define PERCENT_DIGITS 4 /* behind the point */

static const char expected[] =
	"expected store-fail:NAME:N[:COUNT], store-delay:NAME:USEC[:RATE], event-lose:NAME:N or "
	"kill:NAME:N; N may be a RATE like 0.5%";

struct spec {
	char text[SPEC_MAX];
	char *field[SPEC_FIELDS]; /* kind, name, number, count */
	unsigned int fields;
};

static int
spec_split(struct spec *spec, const char *text)
{
	char *at = spec->text;

	if (strlen(text) >= sizeof(spec->text))
		return -EINVAL;
	memcpy(spec->text, text, strlen(text) + 1);
	spec->fields = 0;
	while (at != NULL) {
		if (spec->fields == SPEC_FIELDS)
			return -EINVAL;
		spec->field[spec->fields++] = at;
		at = strchr(at, ':');
		if (at != NULL)
			*at++ = '\0';
	}
	return spec->fields >= 3 ? 0 : -EINVAL;
}

static int
number_bad(const char *what, uint64_t max, char *err, size_t err_size)
{
	snprintf(err, err_size, "\"%.32s\" is no number from 1 to %" PRIu64, what, max);
	return -EINVAL;
}

/* --- when --- */

/*
 * "12.5%": digits, at most PERCENT_DIGITS of them behind a point, and the sign.
 * @return 0, or -EINVAL: it is not that, 0, or above 100.
 */
static int
rate_parse(const char *text, uint32_t *ppm)
{
	unsigned int decimals = 0;
	uint64_t value = 0;
	bool point = false;
	const char *at;

	for (at = text; (*at >= '0' && *at <= '9') || (*at == '.' && !point); at++) {
		if (*at == '.') {
			point = true;
			continue;
		}
		value = value * 10 + (uint64_t)(*at - '0');
		decimals += point;
		if (decimals > PERCENT_DIGITS || value > PPM_MAX)
			return -EINVAL;
	}
	if (at == text || at[-1] == '.' || text[0] == '.' || strcmp(at, "%") != 0)
		return -EINVAL;
	for (; decimals < PERCENT_DIGITS; decimals++)
		value *= 10;
	if (value == 0 || value > PPM_MAX)
		return -EINVAL;
	*ppm = (uint32_t)value;
	return 0;
}

/* N or RATE. @return 0, or -EINVAL with err set. */
static int
when_parse(const char *text, struct fabric_fault_when *when, char *err, size_t err_size)
{
	*when = (struct fabric_fault_when){ .n = 0 };
	if (strchr(text, '%') == NULL) {
		if (base_num_parse(text, 0, 1, COUNT_MAX, &when->n) == 0)
			return 0;
		return number_bad(text, COUNT_MAX, err, err_size);
	}
	if (rate_parse(text, &when->ppm) == 0)
		return 0;
	snprintf(err, err_size, "\"%.32s\" is no rate from 0.0001%% to 100%%", text);
	return -EINVAL;
}

/*
 * Does a fault with a probability hit this store? xorshift64, seeded with the GID, so that the same
 * stores fail at each run.
 */
static bool
rate_hits(struct fabric_fn *fn, uint32_t ppm)
{
	uint64_t *x = &fn->faults.random;

	if (ppm == 0)
		return false;
	if (*x == 0)
		*x = fn->gid;
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return (*x >> 32) % PPM_MAX < ppm;
}

/* --- kinds: each arms what the text says. @return 0, or -EINVAL with err set --- */

static int
arm_store_fail(struct fabric_faults *faults, const struct spec *spec, char *err, size_t err_size)
{
	struct fabric_fault_when when;
	uint64_t count = 1;
	int ret;

	ret = when_parse(spec->field[2], &when, err, err_size);
	if (ret < 0)
		return ret;
	if (when.ppm != 0)
		count = UINT64_MAX; /* without end */
	if (spec->fields == 4 && base_num_parse(spec->field[3], 0, 1, COUNT_MAX, &count) < 0)
		return number_bad(spec->field[3], COUNT_MAX, err, err_size);
	faults->fail = when;
	faults->fail.n += faults->stores;
	faults->fail_count = count;
	return 0;
}

static int
arm_store_delay(struct fabric_faults *faults, const struct spec *spec, char *err, size_t err_size)
{
	struct fabric_fault_when when = { .ppm = PPM_MAX };
	uint64_t us;

	if (base_num_parse(spec->field[2], 0, 1, DELAY_US_MAX, &us) < 0)
		return number_bad(spec->field[2], DELAY_US_MAX, err, err_size);
	if (spec->fields == 4 && rate_parse(spec->field[3], &when.ppm) < 0) {
		snprintf(err, err_size, "\"%.32s\" is no rate from 0.0001%% to 100%%",
			 spec->field[3]);
		return -EINVAL;
	}
	faults->delay_us = (uint32_t)us;
	faults->delay_ppm = when.ppm;
	return 0;
}

static int
arm_event_lose(struct fabric_faults *faults, const struct spec *spec, char *err, size_t err_size)
{
	return when_parse(spec->field[2], &faults->lose, err, err_size);
}

static int
arm_kill(struct fabric_faults *faults, const struct spec *spec, char *err, size_t err_size)
{
	struct fabric_fault_when when;
	int ret = when_parse(spec->field[2], &when, err, err_size);

	if (ret < 0)
		return ret;
	faults->kill = when;
	if (when.ppm == 0)
		faults->kill.n += faults->stores;
	return 0;
}

struct kind {
	const char *name;
	unsigned int fields; /* at most */
	int (*arm)(struct fabric_faults *faults, const struct spec *spec, char *err,
		   size_t err_size);
};

static const struct kind *
kind_find(const struct spec *spec)
{
	static const struct kind kinds[] = {
		{ "store-fail", 4, arm_store_fail },
		{ "store-delay", 4, arm_store_delay },
		{ "event-lose", 3, arm_event_lose },
		{ "kill", 3, arm_kill },
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(kinds); i++)
		if (strcmp(spec->field[0], kinds[i].name) == 0)
			return spec->fields <= kinds[i].fields ? &kinds[i] : NULL;
	return NULL;
}

int
fabric_fault(struct fabric *fab, const char *text, char *err, size_t err_size)
{
	const struct kind *kind = NULL;
	struct fabric_fn *fn;
	struct spec spec;

	if (spec_split(&spec, text) == 0)
		kind = kind_find(&spec);
	if (kind == NULL) {
		snprintf(err, err_size, "\"%.64s\" is no fault: %s", text, expected);
		return -EINVAL;
	}
	fn = fabric_fn_by_name(fab, spec.field[1]);
	if (fn == NULL) {
		snprintf(err, err_size, "no function is named \"%.32s\"", spec.field[1]);
		return -ENOENT;
	}
	return kind->arm(&fn->faults, &spec, err, err_size);
}

static void
delay(uint32_t usec)
{
	struct timespec ts = { .tv_sec = usec / 1000000, .tv_nsec = usec % 1000000 * 1000L };

	nanosleep(&ts, NULL);
}

static bool
fail_due(struct fabric_fn *fn)
{
	const struct fabric_faults *faults = &fn->faults;

	return faults->fail.ppm != 0 ? rate_hits(fn, faults->fail.ppm)
				     : faults->stores >= faults->fail.n;
}

/* A fault by number fires once, a fault by probability again and again, also after a reset. */
static bool
kill_due(struct fabric_fn *fn)
{
	struct fabric_faults *faults = &fn->faults;

	if (faults->kill.ppm != 0)
		return rate_hits(fn, faults->kill.ppm);
	if (faults->kill.n == 0 || faults->stores < faults->kill.n)
		return false;
	faults->kill.n = 0;
	return true;
}

int
fabric_fault_store(struct fabric_fn *fn)
{
	struct fabric_faults *faults = &fn->faults;

	faults->stores++;
	if (faults->delay_us > 0 && rate_hits(fn, faults->delay_ppm))
		delay(faults->delay_us);
	if (kill_due(fn)) {
		fabric_fn_fail(fn);
		return -EIO;
	}
	if (faults->fail_count > 0 && fail_due(fn)) {
		if (faults->fail_count != UINT64_MAX)
			faults->fail_count--;
		return -EIO;
	}
	return 0;
}

bool
fabric_fault_event_lost(struct fabric_fn *fn)
{
	struct fabric_faults *faults = &fn->faults;

	faults->events++;
	if (faults->lose.ppm != 0)
		return rate_hits(fn, faults->lose.ppm);
	return faults->lose.n != 0 && faults->events % faults->lose.n == 0;
}

bool
fabric_fault_counts_stores(const struct fabric_fn *fn)
{
	const struct fabric_faults *faults = &fn->faults;

	return faults->fail_count > 0 || faults->kill.n != 0 || faults->kill.ppm != 0 ||
	       faults->delay_us > 0;
}
