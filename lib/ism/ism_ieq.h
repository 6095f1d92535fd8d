/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IEQ, the ISM event queue: one page of the owner's memory (SPEC-ism section 5).
 * Big-endian. Events: SPEC-ism section 6.
 *
 *	header.idx   0 at registration; the device writes entry k and then sets idx to
 *	             k + 1, so it runs 1..15 and wraps from 15 to 1.
 *	consumer     starts at ISM_IEQ_START and has seen everything when its own
 *	             position + 1 equals header.idx.
 *
 * The device does not know how far the consumer is: who falls behind by more than 15
 * loses the oldest, by exactly a multiple of 15 all of them. An event is a hint.
 *
 * The device's release store of header.idx pairs with the consumer's acquire load; it
 * covers the entry. An entry that the device writes anew while it is read is
 * torn; a consumer that must not believe such an entry reads idx again afterwards.
 */
#ifndef ISM_IEQ_H
#define ISM_IEQ_H

#include <errno.h>
#include <stdint.h>

#include "base_shared.h"
#include "ism_cmd.h"

#define ISM_IEQ_ENTRIES 15u
#define ISM_IEQ_START (-1) /* position of a consumer that has seen nothing */

enum ism_event_type {
	ISM_EVENT_BUFFER = 0, /* tok = token of the DMB */
	ISM_EVENT_DEVICE = 1, /* tok = GID of the peer */
	ISM_EVENT_SOFTWARE = 2, /* tok = GID of the sender, put there by the fabric */
};

/* Codes of buffer and device events; those of software events are free. */
enum ism_event_code {
	ISM_EVENT_OWNER_ERROR = 0x01, /* device event: the peer is in error state */
	ISM_EVENT_DMB_OWNER_ERROR = 0x02,
	ISM_EVENT_DMB_USER_ERROR = 0x03,
	ISM_EVENT_DMB_UNREG = 0x04,
	ISM_EVENT_DMB_OWNER_VLAN = 0x05,
	ISM_EVENT_DMB_USER_VLAN = 0x06,
	ISM_EVENT_GID_DISABLED = 0x07, /* device event: the peer is gone */
	ISM_EVENT_DMB_USER_DISABLED = 0x08,
};

struct ism_event {
	rte_be32_t type;
	rte_be32_t code;
	rte_be64_t tok;
	rte_be64_t time;
	rte_be64_t info;
};
ISM_WIRE_SIZE(ism_event, 32);

struct ism_ieq_hdr {
	rte_be64_t idx;
	rte_be64_t ieq_len;
	rte_be64_t entry_len;
	rte_be64_t reserved;
};
ISM_WIRE_SIZE(ism_ieq_hdr, 32);

struct ism_ieq {
	struct ism_ieq_hdr hdr;
	struct ism_event entry[ISM_IEQ_ENTRIES];
};
ISM_WIRE_SIZE(ism_ieq, 512);

/*
 * Device: append one event.
 * @param prev  index that was set last (0..15), kept by the device in memory of
 *              its own: the page belongs to the owner, who may write anything there.
 * @return the index that is set now, 1..15.
 */
static inline uint32_t
ism_ieq_put(struct ism_ieq *ieq, uint32_t prev, const struct ism_event *ev)
{
	uint32_t k = prev % ISM_IEQ_ENTRIES;
	struct ism_event *slot = &ieq->entry[k];

	atomic_store_explicit(base_shared(&slot->type), ev->type, memory_order_relaxed);
	atomic_store_explicit(base_shared(&slot->code), ev->code, memory_order_relaxed);
	atomic_store_explicit(base_shared(&slot->tok), ev->tok, memory_order_relaxed);
	atomic_store_explicit(base_shared(&slot->time), ev->time, memory_order_relaxed);
	atomic_store_explicit(base_shared(&slot->info), ev->info, memory_order_relaxed);
	atomic_store_explicit(base_shared(&ieq->hdr.idx), rte_cpu_to_be_64((uint64_t)k + 1),
			      memory_order_release);
	return k + 1;
}

/*
 * Owner: take the next event.
 * @param pos  position of the consumer, ISM_IEQ_START at first.
 * @param ev   a copy of the entry, still big-endian.
 * @return 1 an event was taken; 0 nothing new; -EPROTO the device's index is not
 *         0..15 (nothing was taken).
 */
static inline int
ism_ieq_take(const struct ism_ieq *ieq, int *pos, struct ism_event *ev)
{
	uint64_t idx = rte_be_to_cpu_64(
		atomic_load_explicit(base_shared(&ieq->hdr.idx), memory_order_acquire));
	const struct ism_event *slot;

	if (idx > ISM_IEQ_ENTRIES)
		return -EPROTO;
	if (idx == (uint64_t)(*pos + 1) || idx == 0)
		return 0;
	*pos = (*pos + 1) % (int)ISM_IEQ_ENTRIES;
	slot = &ieq->entry[*pos];
	ev->type = atomic_load_explicit(base_shared(&slot->type), memory_order_relaxed);
	ev->code = atomic_load_explicit(base_shared(&slot->code), memory_order_relaxed);
	ev->tok = atomic_load_explicit(base_shared(&slot->tok), memory_order_relaxed);
	ev->time = atomic_load_explicit(base_shared(&slot->time), memory_order_relaxed);
	ev->info = atomic_load_explicit(base_shared(&slot->info), memory_order_relaxed);
	return 1;
}

#endif
