/* SPDX-License-Identifier: BSD-3-Clause */
/* Private: the log topic of the block service's server. */
#ifndef BLK_LOG_H
#define BLK_LOG_H

#include "base_log.h"

extern int blk_server_logtype;
#define BLK_LOG(level, ...) BASE_LOG(level, blk_server_logtype, "blk", __VA_ARGS__)

#endif
