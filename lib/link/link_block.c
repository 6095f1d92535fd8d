/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control's words to and from a peer: blocks, CLOSE, keepalive (SPEC-link sections 4,
 * 4.5 and 6).
 */
#include <errno.h>
#include <string.h>

#include "base_crc.h"
#include "link_priv.h"

int
link_block_store(struct rte_pmd_ism_win *win, uint32_t off, enum link_block_type type,
		 uint32_t nonce, const void *body, size_t len)
{
	struct link_wire_block hdr = {
		.type = (uint8_t)type,
		.len = rte_cpu_to_be_16((uint16_t)len),
		.nonce = rte_cpu_to_be_64(nonce),
	};
	uint32_t crc = base_crc32c(0, &hdr, sizeof(hdr));
	int ret;

	hdr.crc = rte_cpu_to_be_32(base_crc32c(crc, body, len));
	ret = rte_pmd_ism_store(win, off + sizeof(hdr), body, (uint32_t)len);
	if (ret == 0)
		ret = rte_pmd_ism_store(win, off, &hdr, sizeof(hdr));
	return ret;
}

void
link_tell_close(struct link_session *s, enum link_status status, const char *reason)
{
	struct link_wire_close wire = { .status = rte_cpu_to_be_16(status) };
	size_t len = reason != NULL ? strnlen(reason, sizeof(wire.reason) - 1) : 0;

	if (s->ctrl_win == NULL || s->link->lost)
		return;
	if (len != 0)
		memcpy(wire.reason, reason, len);
	/* A peer that is gone cannot be told, and need not be. */
	(void)link_block_store(s->ctrl_win, LINK_CTRL_CLOSE, LINK_BLOCK_CLOSE, s->nonce, &wire,
			       sizeof(wire));
}

bool
link_took_close(struct link_session *s)
{
	const uint8_t *area = (const uint8_t *)s->ctrl->addr + LINK_CTRL_CLOSE;
	struct link_close cl;
	int len;

	if (likely(link_dmb_load(area) == 0))
		return false;
	len = link_gate_block(area, LINK_CTRL_HELLO - LINK_CTRL_CLOSE, LINK_BLOCK_CLOSE, s->nonce,
			      s->link->scratch);
	if (len <= 0 || link_gate_close(s->link->scratch, (size_t)len, &cl) != 0)
		return false;
	link_session_set_reason(s, LINK_WHY_CLOSED, cl.reason);
	s->goodbye = cl.status == LINK_STATUS_CLOSED;
	return true;
}

int
link_beat_send(struct link_session *s, uint64_t now_ns)
{
	struct link_wire_beat beat = {
		.count = rte_cpu_to_be_64(++s->beat_sent),
		.notice = rte_cpu_to_be_64((uint64_t)s->notice_tx_count << 32 | s->notice_tx),
	};

	s->notice_due = false;
	s->beat_due_ns = now_ns + s->beat_ms * BASE_NS_PER_MS;
	base_count(&s->keepalives_sent, 1);
	base_count(&s->link->stats.keepalives_sent, 1);
	return rte_pmd_ism_store(s->ctrl_win, LINK_CTRL_BEAT, &beat, sizeof(beat));
}

bool
link_beat_look(struct link_session *s, uint64_t now_ns)
{
	const struct link_wire_beat *beat =
		(const void *)((const uint8_t *)s->ctrl->addr + LINK_CTRL_BEAT);
	uint64_t count = link_dmb_load(&beat->count);
	uint64_t notice = link_dmb_load(&beat->notice);

	if (count != s->beat_seen) {
		s->beat_seen = count;
		s->heard_ns = now_ns;
		base_count(&s->keepalives_seen, 1);
	}
	if (notice == s->notice_seen)
		return false;
	s->notice_seen = notice;
	if (s->ops->on_notice != NULL && !s->closing)
		s->ops->on_notice(s->arg, s, (uint32_t)notice);
	return true;
}
