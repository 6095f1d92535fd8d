/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters that describe themselves. A component has a list for each thing that it counts for: a
 * macro that calls another one for each number,
 *
 *	X(name, kind, unit, family, label, help)
 *
 *	name	of the field, and the key in telemetry's answer
 *	kind	COUNTER  only grows; `clear` counts from there, and it has a rate
 *		GAUGE    as it is now
 *		PEAK     a gauge: the largest so far
 *	unit	COUNT, PLAIN (an ordinal, bits), BYTES, NS, US, MS, S, FLAG (0 or 1)
 *	family	in OpenMetrics, without the list's prefix and without the unit; NULL: the name
 *		without its unit; "": it has none there, another one tells the same
 *	label	for people; NULL: the name with spaces
 *	help	a sentence: the contract
 *
 * From the list are made the struct that counts, the one that a caller reads, telemetry's answer,
 * what dpdk-ismstat shows and takes away at `clear`, OpenMetrics' TYPE, UNIT and HELP, and the
 * page dpdk-ism-counters(7). So they agree.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stddef.h>
#include <stdint.h>

enum base_metric_kind {
	BASE_METRIC_COUNTER,
	BASE_METRIC_GAUGE,
	BASE_METRIC_PEAK,
};

enum base_metric_unit {
	BASE_UNIT_COUNT,
	BASE_UNIT_PLAIN,
	BASE_UNIT_BYTES,
	BASE_UNIT_NS,
	BASE_UNIT_US,
	BASE_UNIT_MS,
	BASE_UNIT_S,
	BASE_UNIT_FLAG,
};

struct base_metric {
	const char *name, *family, *label, *help;
	enum base_metric_kind kind;
	enum base_metric_unit unit;
};

struct base_metrics {
	const struct base_metric *rows;
	unsigned int count;
};

/* The number in the struct that a caller reads. */
#define BASE_METRIC_FIELD(name, kind, unit, family, label, help) uint64_t name;
/* The counter in the struct that counts (base_counter.h). */
#define BASE_METRIC_LIVE(name, kind, unit, family, label, help) _Atomic uint64_t name;
#define BASE_METRIC_ROW(name, kind, unit, family, label, help)                                     \
	{ #name, family, label, help, BASE_METRIC_##kind, BASE_UNIT_##unit },
/* To initialize a struct base_metrics with, outside of functions. */
#define BASE_METRICS(LIST)                                                                         \
	{                                                                                          \
		(const struct base_metric[]){ LIST(BASE_METRIC_ROW) },                             \
			sizeof((const struct base_metric[]){ LIST(BASE_METRIC_ROW) }) /            \
				sizeof(struct base_metric)                                         \
	}

#endif
