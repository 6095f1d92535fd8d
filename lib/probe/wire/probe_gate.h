/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate of the TEST service (SPEC-test section 5): everything that a peer says is checked here.
 * Each function answers NULL, or what is wrong: a static text; the session ends then. Any thread.
 */
#ifndef PROBE_GATE_H
#define PROBE_GATE_H

#include "link.h"
#include "probe_modes.h"

/* --- testee --- */

/*
 * A request.
 * @param begin  the run that is on; NULL: none is.
 * @param seq  number of the next message.
 */
const char *probe_gate_req(const struct link_req *req, const struct probe_begin *begin,
			   uint64_t seq);
/*
 * BEGIN's record, a copy. begin is filled in any case; of a mode that we do not know, which is not
 * wrong, nothing but mode counts.
 */
const char *probe_gate_begin(const struct probe_wire_begin *wire, uint32_t slot_size,
			     struct probe_begin *begin);
/*
 * Headers of the messages of one request, where they landed: of messages of `size` bytes each, the
 * first of them with number seq. Both have passed probe_gate_req().
 */
const char *probe_gate_messages(const void *payload, uint32_t size, uint32_t count, uint64_t seq);

/* --- tester --- */

/* An answer to what was asked. */
const char *probe_gate_cqe(const struct link_cqe *cqe, const struct probe_asked *asked);

/* What was sent in a run, all of it answered. */
struct probe_sent {
	uint64_t requests, messages, bytes;
};
const char *probe_gate_report(const struct probe_wire_report *wire, const struct probe_sent *sent);

#endif
