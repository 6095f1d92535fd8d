/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is counted, from the lists themselves: the page dpdk-ism-counters(7), which
 * tests/docs/counters.sh compares; or with --tsv a line for each number.
 */
#include <stdio.h>
#include <string.h>

#include "fabric_metrics.h"
#include "lists.h"

static const char *
kind(const struct base_metric *row)
{
	static const char *const names[] = {
		[BASE_METRIC_COUNTER] = "counter",
		[BASE_METRIC_GAUGE] = "gauge",
		[BASE_METRIC_PEAK] = "peak",
	};

	return names[row->kind];
}

static const char *
unit(const struct base_metric *row)
{
	static const char *const names[] = {
		[BASE_UNIT_COUNT] = "", [BASE_UNIT_PLAIN] = "",	     [BASE_UNIT_BYTES] = "bytes",
		[BASE_UNIT_NS] = "ns",	[BASE_UNIT_US] = "us",	     [BASE_UNIT_MS] = "ms",
		[BASE_UNIT_S] = "s",	[BASE_UNIT_FLAG] = "0 or 1",
	};

	return names[row->unit];
}

/* @return "": it has none. */
static const char *
sample(const struct stat_list *list, const struct base_metric *row, char family[STAT_FAMILY_MAX])
{
	if (!stat_family(list, row, family))
		return "";
	if (row->kind == BASE_METRIC_COUNTER)
		strncat(family, "_total", STAT_FAMILY_MAX - strlen(family) - 1);
	return family;
}

static void
print_row(const struct stat_list *list, const struct base_metric *row)
{
	char family[STAT_FAMILY_MAX];
	const char *name = sample(list, row, family);

	printf(".TP\n.BR %s \" (%s%s%s)\"\n%s\n", row->name, kind(row),
	       unit(row)[0] != '\0' ? ", " : "", unit(row), row->help);
	if (name[0] != '\0')
		printf(".br\n.I %s\n", name);
}

static void
print_list(const struct stat_list *list)
{
	printf(".SS %s\n", list->where);
	for (unsigned int i = 0; i < list->metrics.count; i++)
		print_row(list, &list->metrics.rows[i]);
}

static const struct stat_list fabric = { NULL, "ism-fabric, SIGUSR1: a function of it", false,
					 BASE_METRICS(FABRIC_METRICS) };

static void
print_page(void)
{
	puts(".\\\" SPDX-License-Identifier: BSD-3-Clause\n"
	     ".\\\" Written by build/tests/docs_counters: change the lists (base_metric.h) "
	     "instead.\n"
	     ".TH DPDK-ISM-COUNTERS 7 \"\" \"dpdk-ism\" \"dpdk-ism\"\n"
	     ".SH NAME\n"
	     "dpdk-ism-counters \\- what the programs of dpdk-ism count\n"
	     ".SH DESCRIPTION\n"
	     "Each program tells its numbers through DPDK's telemetry;\n"
	     ".BR dpdk-ismstat (8)\n"
	     "shows them.\n"
	     "Below, by the telemetry command that tells them: the key, what it is, what it "
	     "means,\n"
	     "and its name in OpenMetrics where it has one.\n"
	     ".PP\n"
	     "A counter only grows;\n"
	     ".B clear\n"
	     "of dpdk-ismstat counts from there, and what grew in a second is shown as a rate.\n"
	     "A gauge is as it is now, a peak the largest so far: nothing clears them.\n"
	     "Latencies are histograms in OpenMetrics:\n"
	     ".IR blk_export_latency_seconds ,\n"
	     ".I blk_disk_latency_seconds\n"
	     "and\n"
	     ".IR fwd_latency_seconds .\n"
	     ".SH NUMBERS");
	for (size_t i = 0; stat_lists[i] != NULL; i++)
		print_list(stat_lists[i]);
	print_list(&fabric);
	puts(".SH SEE ALSO\n"
	     ".BR dpdk-ismstat (8),\n"
	     ".BR dpdk-ismd (8),\n"
	     ".BR dpdk-ismblk (1),\n"
	     ".BR dpdk-ismcons (1)");
}

static void
print_tsv(void)
{
	char family[STAT_FAMILY_MAX];

	for (size_t i = 0; stat_lists[i] != NULL; i++) {
		const struct base_metrics *all = &stat_lists[i]->metrics;

		for (unsigned int k = 0; k < all->count; k++)
			printf("%s\t%s\t%s\t%s\t%s\n", stat_lists[i]->where, all->rows[k].name,
			       kind(&all->rows[k]), unit(&all->rows[k]),
			       sample(stat_lists[i], &all->rows[k], family));
	}
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--tsv") == 0)
		print_tsv();
	else
		print_page();
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
