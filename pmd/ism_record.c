/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control thread has seen of the device, kept where telemetry can read it: only the
 * control thread may give commands and take events.
 */
#include <string.h>
#include <time.h>

#include "base_time.h"
#include "ism_fn.h"

#define REFRESH_NS BASE_NS_PER_S /* QUERY_INFO for telemetry not more often */

void
ism_record_open(struct ism_fn *fn)
{
	pthread_mutex_lock(&fn->lock);
	fn->record.opened_ns = base_now_ns();
	fn->record.events = 0;
	pthread_mutex_unlock(&fn->lock);
}

void
ism_record_query(struct ism_fn *fn, const struct ism_query_info_rsp *rsp)
{
	pthread_mutex_lock(&fn->lock);
	fn->record.query = *rsp;
	fn->record.query_ns = base_now_ns();
	pthread_mutex_unlock(&fn->lock);
}

void
ism_record_events(struct ism_fn *fn, const struct rte_pmd_ism_event *ev, unsigned int n)
{
	struct ism_record *rec = &fn->record;
	struct timespec now;
	unsigned int i;

	clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&fn->lock);
	for (i = 0; i < n; i++, rec->events++) {
		rec->event[rec->events % ISM_EVENTS_KEPT].ev = ev[i];
		rec->event[rec->events % ISM_EVENTS_KEPT].wall_ms =
			(uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / BASE_NS_PER_MS;
	}
	pthread_mutex_unlock(&fn->lock);
}

int
ism_record_refresh(struct ism_fn *fn)
{
	struct ism_query_info_rsp rsp;
	int ret;

	atomic_store_explicit(&fn->record.query_wanted, false, memory_order_relaxed);
	/* Only this thread writes query_ns. */
	if (base_now_ns() - fn->record.query_ns < REFRESH_NS)
		return 0;
	ret = ism_cmd_query_info(fn, &rsp);
	if (ret == 0)
		ism_record_query(fn, &rsp);
	return ism_is_fatal(ret) ? ret : 0;
}
