/* SPDX-License-Identifier: BSD-3-Clause */
/* What /fwd/stats tells of the answering end: in telemetry's thread, counters that may change. */
#include "base_dpdk.h"
#include "base_tel.h"
#include "base_time.h"
#include "probe_server_priv.h"

static const struct base_metrics answer_metrics = BASE_METRICS(PROBE_ANSWER_SHOWN);

static void
add_stats(void *end, struct rte_tel_data *d)
{
	struct rte_tel_data *sub = base_tel_new();
	const struct probe_mode *mode;
	struct probe_server_stats st;
	struct {
		PROBE_ANSWER_SHOWN(BASE_METRIC_FIELD)
	} shown;

	if (sub == NULL)
		return;
	probe_server_stats(end, &st);
#define GET(name, ...) shown.name = st.name;
	PROBE_ANSWER_METRICS(GET)
#undef GET
	shown.calls_refused = st.calls_refused;
	shown.size = st.size;
	shown.run_ms = st.newest_ns > st.begin_ns ? (st.newest_ns - st.begin_ns) / BASE_NS_PER_MS
						  : 0;
	mode = probe_mode_by_id((uint16_t)st.mode);
	rte_tel_data_add_dict_string(sub, "mode", mode != NULL ? mode->name : "");
	base_tel_metrics(sub, &answer_metrics, &shown);
	base_tel_put(d, "received", sub);
}

void
probe_server_telemetry(struct probe_server *srv)
{
	srv->telemetry.end = srv;
	srv->telemetry.stats = add_stats;
	probe_telemetry_add(&srv->telemetry);
}
