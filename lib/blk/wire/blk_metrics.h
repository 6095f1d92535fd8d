/* SPDX-License-Identifier: BSD-3-Clause */
/* What both ends count for each operation (base_metric.h); an array by enum blk_op each. */
#ifndef BLK_METRICS_H
#define BLK_METRICS_H

#include "base_metric.h"

/* clang-format off */
#define BLK_OP_METRICS(X) \
	X(ops, COUNTER, COUNT, "operations", "operations", "Operations answered.") \
	X(bytes, COUNTER, BYTES, "data", NULL, "Bytes that operations without error covered.") \
	X(errors, COUNTER, COUNT, NULL, NULL, "Operations that failed.")
/* clang-format on */

#define BLK_OP_FIELD(name, kind, unit, family, label, help) uint64_t name[BLK_OP_COUNT];
#define BLK_OP_LIVE(name, kind, unit, family, label, help) _Atomic uint64_t name[BLK_OP_COUNT];

#endif
