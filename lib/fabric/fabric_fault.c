/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults on demand: what stands above the fabric must survive them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base_text.h"
#include "fabric_priv.h"

#define DELAY_US_MAX 1000000
#define SPEC_FIELDS 4
#define SPEC_MAX 128

static const char expected[] = "expected store-fail:NAME:N[:COUNT], store-delay:NAME:USEC, "
			       "event-lose:NAME:N or kill:NAME:N";

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

/* Arm what spec says. @return 0, -EINVAL with err set. */
static int
spec_arm(struct fabric_faults *faults, const struct spec *spec, char *err, size_t err_size)
{
	const char *kind = spec->field[0];
	bool delay = strcmp(kind, "store-delay") == 0, fail = strcmp(kind, "store-fail") == 0;
	uint64_t max = delay ? DELAY_US_MAX : UINT64_MAX / 2, n, count = 1;

	if (base_num_parse(spec->field[2], 0, 1, max, &n) < 0)
		return number_bad(spec->field[2], max, err, err_size);
	if (spec->fields == 4 && fail && base_num_parse(spec->field[3], 0, 1, max, &count) < 0)
		return number_bad(spec->field[3], max, err, err_size);
	if (fail) {
		faults->fail_from = faults->stores + n;
		faults->fail_count = count;
	} else if (delay) {
		faults->delay_us = (uint32_t)n;
	} else if (strcmp(kind, "event-lose") == 0) {
		faults->lose_every = n;
	} else {
		faults->kill_at = faults->stores + n;
	}
	return 0;
}

static bool
kind_known(const struct spec *spec)
{
	const char *kind = spec->field[0];

	if (strcmp(kind, "store-fail") == 0)
		return true;
	return spec->fields == 3 && (strcmp(kind, "store-delay") == 0 ||
				     strcmp(kind, "event-lose") == 0 || strcmp(kind, "kill") == 0);
}

int
fabric_fault(struct fabric *fab, const char *text, char *err, size_t err_size)
{
	struct fabric_fn *fn;
	struct spec spec;

	if (spec_split(&spec, text) < 0 || !kind_known(&spec)) {
		snprintf(err, err_size, "\"%.64s\" is no fault: %s", text, expected);
		return -EINVAL;
	}
	fn = fabric_fn_by_name(fab, spec.field[1]);
	if (fn == NULL) {
		snprintf(err, err_size, "no function is named \"%.32s\"", spec.field[1]);
		return -ENOENT;
	}
	return spec_arm(&fn->faults, &spec, err, err_size);
}

static void
delay(uint32_t usec)
{
	struct timespec ts = { .tv_sec = usec / 1000000, .tv_nsec = usec % 1000000 * 1000L };

	nanosleep(&ts, NULL);
}

int
fabric_fault_store(struct fabric_fn *fn)
{
	struct fabric_faults *faults = &fn->faults;

	faults->stores++;
	if (faults->delay_us > 0)
		delay(faults->delay_us);
	if (faults->kill_at != 0 && faults->stores >= faults->kill_at) {
		faults->kill_at = 0;
		fabric_fn_fail(fn);
		return -EIO;
	}
	if (faults->fail_count > 0 && faults->stores >= faults->fail_from) {
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
	return faults->lose_every != 0 && faults->events % faults->lose_every == 0;
}

bool
fabric_fault_counts_stores(const struct fabric_fn *fn)
{
	const struct fabric_faults *faults = &fn->faults;

	return faults->fail_count > 0 || faults->kill_at != 0 || faults->delay_us > 0;
}
