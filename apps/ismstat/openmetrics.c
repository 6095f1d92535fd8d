/* SPDX-License-Identifier: BSD-3-Clause */
/* --openmetrics: every view that the source has, as OpenMetrics text. */
#include "openmetrics.h"

#include <errno.h>
#include <string.h>

#include "answers.h"
#include "run.h"

int
openmetrics_print(struct source *src, FILE *out)
{
	char err[512] = "no memory";
	struct metrics *m = NULL;
	json_t *all;
	int ret = -ENOMEM;

	all = answers_collect(src, err, sizeof(err));
	if (all == NULL)
		goto complain;
	m = metrics_new();
	if (m != NULL) {
		metrics_fill(m, all);
		ret = metrics_write(m, out);
	}
	if (ret == -ENOMEM)
		snprintf(err, sizeof(err), "no memory");
	else if (ret == -EIO)
		snprintf(err, sizeof(err), "standard output: %s", strerror(errno));
	metrics_free(m);
	json_decref(all);
	if (ret == 0)
		return RUN_EXIT_OK;
complain:
	run_error("%s", err);
	return RUN_EXIT_FAIL;
}
