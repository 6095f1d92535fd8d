/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of telemetry answers that several components give. */
#ifndef BASE_TEL_H
#define BASE_TEL_H

#include "base_dpdk.h"
#include "base_hist.h"

/* They fit into 16 KiB. Should more be in use, the lowest ones are told as one. */
#define BASE_TEL_BUCKETS 512

/*
 * A histogram as an answer, so that whoever asks twice can tell what came in between:
 *
 *	"sum_ns", "min_ns", "max_ns"	of all values so far
 *	"first"		number of the first bucket that is told (base_hist.h)
 *	"buckets"	how many values each holds, from there to the last that holds one; at most
 *			BASE_TEL_BUCKETS
 *
 * @param d  an answer that was not begun yet.
 */
void base_tel_hist(struct rte_tel_data *d, const struct base_hist *h);

#endif
