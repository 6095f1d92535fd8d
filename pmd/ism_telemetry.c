/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Telemetry under /ism/. The callbacks run in the telemetry thread: they touch only what fn->lock
 * guards and counters. A rawdev must not be removed while a client asks (as with every rawdev).
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_dpdk.h"
#include "base_tel.h"
#include "base_text.h"
#include "base_time.h"
#include "ism_fn.h"

#define DMBS_PER_ANSWER 64u /* telemetry's answers are limited to 16 KiB */

struct ism_fn *
ism_telemetry_parse(const char *params, unsigned long *n)
{
	unsigned long id;
	char *end;

	*n = 0;
	if (params == NULL || !isdigit((unsigned char)*params))
		return NULL;
	id = strtoul(params, &end, 10);
	if (*end == ',' && isdigit((unsigned char)end[1]))
		*n = strtoul(end + 1, &end, 10);
	return *end == '\0' && id < RTE_RAWDEV_MAX_DEVS ? ism_fn_get((uint16_t)id) : NULL;
}

static int
tel_list(const char *cmd, const char *params, struct rte_tel_data *d)
{
	uint16_t ids[RTE_RAWDEV_MAX_DEVS];
	unsigned int i, n;

	RTE_SET_USED(cmd);
	RTE_SET_USED(params);
	n = rte_pmd_ism_list(ids, RTE_DIM(ids));
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (i = 0; i < n; i++)
		rte_tel_data_add_array_int(d, ids[i]);
	return 0;
}

void
ism_telemetry_hex(struct rte_tel_data *d, const char *name, uint64_t value)
{
	char text[BASE_GID_STRLEN];

	rte_tel_data_add_dict_string(d, name, base_gid_str(value, text));
}

/* BARs that the way in knows, in bytes; how long the function is open. */
static void
add_record(struct rte_tel_data *d, struct ism_fn *fn)
{
	uint64_t size[ISM_BARS], opened_ns;
	char name[32];
	unsigned int i;

	pthread_mutex_lock(&fn->lock);
	memcpy(size, fn->record.bar_size, sizeof(size));
	opened_ns = fn->record.opened_ns;
	pthread_mutex_unlock(&fn->lock);
	for (i = 0; i < ISM_BARS; i++) {
		snprintf(name, sizeof(name), "bar%u_size", i);
		if (size[i] != 0)
			base_tel_dict_u64(d, name, size[i]);
	}
	base_tel_dict_u64(d, "open_ms", (base_now_ns() - opened_ns) / BASE_NS_PER_MS);
}

static int
tel_info(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_pmd_ism_info info = { .gid = 0 };
	unsigned long unused;
	struct ism_fn *fn = ism_telemetry_parse(params, &unused);
	int open;

	RTE_SET_USED(cmd);
	if (fn == NULL)
		return -EINVAL;
	open = rte_pmd_ism_info_get(fn->dev_id, &info) == 0;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "name", fn->rawdev->name);
	rte_tel_data_add_dict_string(d, "bus", fn->ops->name);
	rte_tel_data_add_dict_string(d, "path", fn->path);
	rte_tel_data_add_dict_string(d, "state",
				     !open	       ? "closed"
				     : ism_is_lost(fn) ? "lost"
						       : "open");
	if (!open)
		return 0;
	ism_telemetry_hex(d, "gid", info.gid);
	base_tel_dict_u64(d, "maxstbl", info.maxstbl);
	base_tel_dict_u64(d, "dmb_max", info.dmb_max);
	base_tel_dict_u64(d, "dmb_count_max", info.dmb_count_max);
	base_tel_dict_u64(d, "direct", info.direct);
	base_tel_dict_u64(d, "vlan_required", info.vlan_required);
	add_record(d, fn);
	return 0;
}

static int
tel_xstats(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_pmd_ism_stats stats;
	unsigned long unused;
	struct ism_fn *fn = ism_telemetry_parse(params, &unused);

	RTE_SET_USED(cmd);
	if (fn == NULL)
		return -EINVAL;
	ism_stats_sum(fn, &stats);
	rte_tel_data_start_dict(d);
	base_tel_metrics(d, &ism_metrics, &stats);
	return 0;
}

/* One DMB, named by its index. @return 0 or -errno. */
static int
add_dmb(struct rte_tel_data *list, const struct ism_dmb *dmb)
{
	struct rte_tel_data *d = rte_tel_data_alloc();
	char idx[16];

	if (d == NULL)
		return -ENOMEM;
	snprintf(idx, sizeof(idx), "%" PRIu32, dmb->pub.idx);
	rte_tel_data_start_dict(d);
	base_tel_dict_u64(d, "len", dmb->pub.len);
	ism_telemetry_hex(d, "token", dmb->pub.token);
	ism_telemetry_hex(d, "rgid", dmb->pub.rgid);
	if (rte_tel_data_add_dict_container(list, idx, d, 0) == 0)
		return 0;
	rte_tel_data_free(d);
	return -ENOSPC;
}

/* DMBs from the one at place `from` of the list on. */
static int
add_dmbs(struct rte_tel_data *list, struct ism_fn *fn, unsigned long from)
{
	const struct ism_dmb *dmb;
	unsigned long place = 0;
	int ret = 0;

	pthread_mutex_lock(&fn->lock);
	TAILQ_FOREACH(dmb, &fn->dmbs, next) {
		if (ret == 0 && place >= from && place - from < DMBS_PER_ANSWER)
			ret = add_dmb(list, dmb);
		place++;
	}
	pthread_mutex_unlock(&fn->lock);
	return ret;
}

static int
tel_dmbs(const char *cmd, const char *params, struct rte_tel_data *d)
{
	unsigned long from;
	struct ism_fn *fn = ism_telemetry_parse(params, &from);

	RTE_SET_USED(cmd);
	if (fn == NULL)
		return -EINVAL;
	rte_tel_data_start_dict(d);
	return add_dmbs(d, fn, from);
}

void
ism_telemetry_init(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	ism_telemetry_device_init();
	rte_telemetry_register_cmd("/ism/list", tel_list, "Rawdev ids of ISM functions");
	rte_telemetry_register_cmd("/ism/info", tel_info,
				   "State and limits of a function. Parameters: rawdev id");
	rte_telemetry_register_cmd("/ism/xstats", tel_xstats,
				   "Counters of a function. Parameters: rawdev id");
	rte_telemetry_register_cmd("/ism/dmbs", tel_dmbs,
				   "64 of the DMBs. Parameters: rawdev id[,number of the first]");
}
