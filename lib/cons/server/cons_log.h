/* SPDX-License-Identifier: BSD-3-Clause */
/* Private: the log topic of the console service's server. */
#ifndef CONS_LOG_H
#define CONS_LOG_H

#include "base_log.h"

extern int cons_server_logtype;
#define CONS_LOG(level, ...) BASE_LOG(level, cons_server_logtype, "cons", __VA_ARGS__)

#endif
