/* SPDX-License-Identifier: BSD-3-Clause */
/* What /fwd/stats tells of the answering end: in telemetry's thread, counters that may change. */
#include "base_dpdk.h"
#include "base_time.h"
#include "probe_server_priv.h"

static void
add_stats(void *end, struct rte_tel_data *d)
{
	struct rte_tel_data *sub = rte_tel_data_alloc();
	const struct probe_mode *mode;
	struct probe_server_stats st;

	if (sub == NULL)
		return;
	probe_server_stats(end, &st);
	mode = probe_mode_by_id((uint16_t)st.mode);
	rte_tel_data_start_dict(sub);
	base_tel_dict_u64(sub, "sessions", st.sessions);
	base_tel_dict_u64(sub, "runs", st.runs);
	rte_tel_data_add_dict_string(sub, "mode", mode != NULL ? mode->name : "");
	base_tel_dict_u64(sub, "size", st.size);
	base_tel_dict_u64(sub, "requests", st.requests);
	base_tel_dict_u64(sub, "messages", st.messages);
	base_tel_dict_u64(sub, "bytes", st.bytes);
	base_tel_dict_u64(sub, "run_ms",
			  st.newest_ns > st.begin_ns ? (st.newest_ns - st.begin_ns) / BASE_NS_PER_MS
						     : 0);
	base_tel_dict_u64(sub, "polls", st.polls);
	base_tel_dict_u64(sub, "polls_empty", st.polls_empty);
	base_tel_dict_u64(sub, "mismatches", st.mismatches);
	base_tel_dict_u64(sub, "refused", st.refused);
	base_tel_dict_u64(sub, "errors_protocol", st.lies);
	base_tel_dict_u64(sub, "shares_used", st.shares_used);
	base_tel_dict_u64(sub, "calls_refused", st.calls_refused);
	if (rte_tel_data_add_dict_container(d, "received", sub, 0) != 0)
		rte_tel_data_free(sub);
}

void
probe_server_telemetry(struct probe_server *srv)
{
	srv->telemetry.end = srv;
	srv->telemetry.stats = add_stats;
	probe_telemetry_add(&srv->telemetry);
}
