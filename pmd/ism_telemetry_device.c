/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Telemetry of what the device says and writes: QUERY_INFO, SBA, IEQ, events. As in
 * ism_telemetry.c the callbacks run in the telemetry thread. SBA and IEQ are the live pages,
 * read word by word: what the device writes meanwhile may be there by half, which is good enough
 * to look at and is used for nothing else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base_dpdk.h"
#include "base_shared.h"
#include "base_tel.h"
#include "base_time.h"
#include "ism_fn.h"

#define SHOWN 128u /* DMBs with a bit, or a mask, in one answer */

static const char *const buffer_codes[] = {
	[ISM_EVENT_DMB_OWNER_ERROR] = "owner in error state",
	[ISM_EVENT_DMB_USER_ERROR] = "user in error state",
	[ISM_EVENT_DMB_UNREG] = "DMB unregistered",
	[ISM_EVENT_DMB_OWNER_VLAN] = "VLAN mismatch with owner",
	[ISM_EVENT_DMB_USER_VLAN] = "VLAN mismatch with user",
	[ISM_EVENT_DMB_USER_DISABLED] = "user disabled",
};

static const char *const device_codes[] = {
	[ISM_EVENT_OWNER_ERROR] = "peer in error state",
	[ISM_EVENT_GID_DISABLED] = "GID disabled",
};

static const char *
type_name(uint32_t type)
{
	static const char *const names[] = {
		[ISM_EVENT_BUFFER] = "buffer",
		[ISM_EVENT_DEVICE] = "device",
		[ISM_EVENT_SOFTWARE] = "software",
	};

	return type < RTE_DIM(names) ? names[type] : "unknown";
}

/* "" for codes of software events, which are free, and for those that nobody knows. */
static const char *
code_name(uint32_t type, uint32_t code)
{
	const char *name = NULL;

	if (type == ISM_EVENT_BUFFER && code < RTE_DIM(buffer_codes))
		name = buffer_codes[code];
	if (type == ISM_EVENT_DEVICE && code < RTE_DIM(device_codes))
		name = device_codes[code];
	return name != NULL ? name : "";
}

static void
add_event(struct rte_tel_data *d, const struct rte_pmd_ism_event *ev)
{
	rte_tel_data_add_dict_string(d, "type", type_name(ev->type));
	base_tel_dict_u64(d, "code", ev->code);
	rte_tel_data_add_dict_string(d, "meaning", code_name(ev->type, ev->code));
	ism_telemetry_hex(d, "token", ev->tok);
	base_tel_dict_u64(d, "time", ev->time);
	ism_telemetry_hex(d, "info", ev->info);
}

/* --- /ism/query --- */

static struct rte_tel_data *
vlan_array(const struct ism_query_info_rsp *rsp)
{
	struct rte_tel_data *d = rte_tel_data_alloc();
	uint32_t i, n = RTE_MIN(rte_be_to_cpu_32(rsp->vlan_nr_ids), (uint32_t)ISM_VLAN_MAX);

	if (d == NULL)
		return NULL;
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (i = 0; i < n; i++)
		rte_tel_data_add_array_int(d, rte_be_to_cpu_16(rsp->vlan_id[i]));
	return d;
}

static int
tel_query(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct ism_query_info_rsp rsp;
	uint64_t query_ns, now;
	unsigned long unused;
	struct ism_fn *fn = ism_telemetry_parse(params, &unused);
	bool open;

	RTE_SET_USED(cmd);
	if (fn == NULL)
		return -EINVAL;
	pthread_mutex_lock(&fn->lock);
	open = fn->open;
	rsp = fn->record.query;
	query_ns = fn->record.query_ns;
	now = base_now_ns();
	pthread_mutex_unlock(&fn->lock);
	if (!open)
		return -ENODEV;
	atomic_store_explicit(&fn->record.query_wanted, true, memory_order_relaxed);
	rte_tel_data_start_dict(d);
	base_tel_dict_u64(d, "age_ms", (now - query_ns) / BASE_NS_PER_MS);
	base_tel_dict_u64(d, "version", rte_be_to_cpu_32(rsp.version));
	base_tel_dict_u64(d, "max_len", rte_be_to_cpu_32(rsp.max_len));
	ism_telemetry_hex(d, "ism_state", rte_be_to_cpu_64(rsp.ism_state));
	ism_telemetry_hex(d, "gid", rte_be_to_cpu_64(rsp.my_gid));
	ism_telemetry_hex(d, "sba", rte_be_to_cpu_64(rsp.sba));
	ism_telemetry_hex(d, "ieq", rte_be_to_cpu_64(rsp.ieq));
	base_tel_dict_u64(d, "ieq_len", rte_be_to_cpu_32(rsp.ieq_len));
	base_tel_dict_u64(d, "dmbs_owned", rte_be_to_cpu_32(rsp.dmbs_owned));
	base_tel_dict_u64(d, "dmbs_used", rte_be_to_cpu_32(rsp.dmbs_used));
	base_tel_dict_u64(d, "vlan_required", rte_be_to_cpu_32(rsp.vlan_required));
	base_tel_dict_u64(d, "vlan_nr_ids", rte_be_to_cpu_32(rsp.vlan_nr_ids));
	base_tel_put(d, "vlans", vlan_array(&rsp));
	return 0;
}

/* --- /ism/sba --- */

/* Indexes of DMBs whose bit is set. @return how many there are. */
static uint64_t
add_dmb_bits(struct rte_tel_data *d, const struct ism_sba *sba)
{
	struct rte_tel_data *list = rte_tel_data_alloc();
	uint32_t idx, count = 0, word = 0;

	if (list == NULL)
		return 0;
	rte_tel_data_start_array(list, RTE_TEL_INT_VAL);
	for (idx = 0; idx < ISM_NR_DMBS; idx++) {
		if (idx % 32 == 0)
			word = atomic_load_explicit(base_shared(&sba->dmb_bits[idx / 32]),
						    memory_order_relaxed);
		if ((word & ism_sba_dmb_bit(idx)) != 0 && count++ < SHOWN)
			rte_tel_data_add_array_int(list, (int)idx);
	}
	base_tel_put(d, "dmbs", list);
	return count;
}

/* Masks that are not 0, by their DMB's index. @return how many there are. */
static uint64_t
add_masks(struct rte_tel_data *d, const struct ism_sba *sba)
{
	struct rte_tel_data *list = base_tel_new();
	char name[16], text[16];
	uint32_t idx, count = 0;
	uint16_t mask;

	if (list == NULL)
		return 0;
	for (idx = 0; idx < ISM_NR_DMBS; idx++) {
		mask = rte_be_to_cpu_16(atomic_load_explicit(base_shared(&sba->dmbe_mask[idx]),
							     memory_order_relaxed));
		if (mask == 0 || count++ >= SHOWN)
			continue;
		snprintf(name, sizeof(name), "%" PRIu32, idx);
		snprintf(text, sizeof(text), "0x%04x", mask);
		rte_tel_data_add_dict_string(list, name, text);
	}
	base_tel_put(d, "masks", list);
	return count;
}

static void
add_sba(struct rte_tel_data *d, const struct ism_sba *sba)
{
	uint32_t flags = rte_be_to_cpu_32(
		atomic_load_explicit(base_shared(&sba->flags), memory_order_relaxed));

	base_tel_dict_u64(d, "summary", (flags & ISM_SBA_SUMMARY) != 0);
	base_tel_dict_u64(d, "event", (flags & ISM_SBA_EVENT) != 0);
	base_tel_dict_u64(d, "dmbs_set", add_dmb_bits(d, sba));
	base_tel_dict_u64(d, "masks_set", add_masks(d, sba));
}

/* --- /ism/ieq --- */

static void
add_entry(struct rte_tel_data *list, unsigned int k, const struct rte_pmd_ism_event *ev)
{
	struct rte_tel_data *d = base_tel_new();
	char name[16];

	if (d == NULL)
		return;
	snprintf(name, sizeof(name), "%u", k);
	base_tel_dict_u64(d, "taken", ev->tok == 0);
	add_event(d, ev);
	base_tel_put(list, name, d);
}

/* An entry that we took has token 0 (ism_event.c); one that was never written is all zeros. */
static void
add_ieq(struct rte_tel_data *d, const struct ism_ieq *ieq)
{
	struct rte_tel_data *list = base_tel_new();
	struct rte_pmd_ism_event ev;
	unsigned int k, pending = 0;

	base_tel_dict_u64(d, "index",
			  rte_be_to_cpu_64(atomic_load_explicit(base_shared(&ieq->hdr.idx),
								memory_order_relaxed)));
	base_tel_dict_u64(d, "ieq_len", rte_be_to_cpu_64(ieq->hdr.ieq_len));
	base_tel_dict_u64(d, "entry_len", rte_be_to_cpu_64(ieq->hdr.entry_len));
	for (k = 0; k < ISM_IEQ_ENTRIES && list != NULL; k++) {
		const struct ism_event *from = &ieq->entry[k];

		ev = (struct rte_pmd_ism_event){
			.type = rte_be_to_cpu_32(atomic_load_explicit(base_shared(&from->type),
								      memory_order_relaxed)),
			.code = rte_be_to_cpu_32(atomic_load_explicit(base_shared(&from->code),
								      memory_order_relaxed)),
			.tok = rte_be_to_cpu_64(atomic_load_explicit(base_shared(&from->tok),
								     memory_order_relaxed)),
			.time = rte_be_to_cpu_64(atomic_load_explicit(base_shared(&from->time),
								      memory_order_relaxed)),
			.info = rte_be_to_cpu_64(atomic_load_explicit(base_shared(&from->info),
								      memory_order_relaxed)),
		};
		pending += ev.tok != 0;
		if (ev.tok != 0 || ev.time != 0 || ev.info != 0 || ev.type != 0)
			add_entry(list, k, &ev);
	}
	base_tel_dict_u64(d, "pending", pending);
	base_tel_put(d, "entries", list);
}

/* Both pages of the device, under the lock that keeps them there. */
static int
tel_page(const char *cmd, const char *params, struct rte_tel_data *d)
{
	unsigned long unused;
	struct ism_fn *fn = ism_telemetry_parse(params, &unused);
	int ret = -ENODEV;

	if (fn == NULL)
		return -EINVAL;
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&fn->lock);
	if (fn->ctl != NULL) {
		if (strcmp(cmd, "/ism/sba") == 0)
			add_sba(d, &fn->ctl->sba);
		else
			add_ieq(d, &fn->ctl->ieq);
		ret = 0;
	}
	pthread_mutex_unlock(&fn->lock);
	if (ret == 0 && strcmp(cmd, "/ism/ieq") == 0)
		base_tel_dict_u64(d, "overflow", base_count_get(&fn->stats.events_lost));
	return ret;
}

/* --- /ism/events --- */

static void
add_kept(struct rte_tel_data *list, const struct ism_record *rec, uint64_t number)
{
	time_t sec = (time_t)(rec->event[number % ISM_EVENTS_KEPT].wall_ms / 1000);
	struct rte_tel_data *d = base_tel_new();
	char name[24], day[32] = "", when[48];
	struct tm tm;

	if (d == NULL)
		return;
	if (gmtime_r(&sec, &tm) != NULL)
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when, sizeof(when), "%s.%03uZ", day,
		 (unsigned int)(rec->event[number % ISM_EVENTS_KEPT].wall_ms % 1000));
	snprintf(name, sizeof(name), "%" PRIu64, number);
	rte_tel_data_add_dict_string(d, "when", when);
	add_event(d, &rec->event[number % ISM_EVENTS_KEPT].ev);
	base_tel_put(list, name, d);
}

static int
tel_events(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_tel_data *list = base_tel_new();
	unsigned long unused;
	struct ism_fn *fn = ism_telemetry_parse(params, &unused);
	uint64_t i, count;

	RTE_SET_USED(cmd);
	if (fn == NULL || list == NULL) {
		rte_tel_data_free(list);
		return fn == NULL ? -EINVAL : -ENOMEM;
	}
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&fn->lock);
	count = fn->record.events;
	for (i = count - RTE_MIN(count, (uint64_t)ISM_EVENTS_KEPT); i < count; i++)
		add_kept(list, &fn->record, i);
	pthread_mutex_unlock(&fn->lock);
	base_tel_dict_u64(d, "count", count);
	base_tel_put(d, "events", list);
	return 0;
}

void
ism_telemetry_device_init(void)
{
	rte_telemetry_register_cmd("/ism/query", tel_query,
				   "Newest answer to QUERY_INFO; asks for the next. "
				   "Parameters: rawdev id");
	rte_telemetry_register_cmd("/ism/sba", tel_page,
				   "Bits and masks that the device has set. Parameters: rawdev id");
	rte_telemetry_register_cmd("/ism/ieq", tel_page,
				   "The event queue's page. Parameters: rawdev id");
	rte_telemetry_register_cmd("/ism/events", tel_events,
				   "The last 64 events taken. Parameters: rawdev id");
}
