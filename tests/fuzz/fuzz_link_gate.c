/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of a peer: whatever passes the gate is in range, and no byte behind the input is
 * read.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base_crc.h"
#include "link_gate.h"
#include "link_ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check_text(const char *text)
{
	size_t len = strnlen(text, LINK_REASON_MAX);

	must(len < LINK_REASON_MAX);
	for (size_t i = 0; i < len; i++)
		must(text[i] >= 0x20 && text[i] < 0x7f);
}

static void
check_geo(const struct link_geo *geo)
{
	must(geo->queues >= 1 && geo->queues <= LINK_QUEUES_MAX);
	must(geo->depth >= 2 && geo->depth <= LINK_DEPTH_MAX);
	must((geo->depth & (geo->depth - 1)) == 0);
	must(geo->slot_size >= 4096 && geo->slot_size <= LINK_SLOT_MAX);
	must(geo->slot_size % 4096 == 0);
}

static void
check_mem(const struct link_geo *geo, const struct link_mem_desc *mem)
{
	uint64_t slots = 0;

	must(link_token_ok(mem->ring_token));
	must(mem->ring_len == geo->queues * link_ring_stride(geo->depth));
	must(mem->dmb_count >= 1 && mem->dmb_count <= LINK_TOKENS_MAX);
	must(mem->dmb_count == mem->dmbs_per_queue * geo->queues);
	for (uint32_t i = 0; i < mem->dmbs_per_queue; i++) {
		uint32_t len = link_mem_dmb_len(geo, mem, i);

		must(len >= geo->slot_size && len <= mem->dmb_len && len <= 8u << 20);
		slots += len / geo->slot_size;
	}
	must(slots == geo->depth);
	for (uint32_t i = 0; i < mem->dmb_count; i++)
		must(link_token_ok(mem->token[i]));
}

static void
hello(const void *body, size_t len)
{
	struct link_hello out;
	const char *what = NULL;

	if (link_gate_hello(body, len, LINK_SERVICE_BLK, &out, &what) != 0) {
		must(what != NULL);
		return;
	}
	check_text(out.reason);
	if (out.status != LINK_STATUS_OK)
		return;
	check_geo(&out.max);
	must(link_token_ok(out.ctrl_token));
	must(out.version_min >= 1 && out.version_min <= out.version_max);
	must(out.keepalive_ms >= 10 && out.keepalive_ms <= 60000);
}

static void
connect_in(const void *body, size_t len)
{
	static const struct link_geo max = { .queues = 16, .depth = 256, .slot_size = 262144 };
	static struct link_connect out;
	const char *what = NULL;

	if (link_gate_connect(body, len, LINK_SERVICE_BLK, &max, 1, &out, &what) != LINK_STATUS_OK)
		return;
	check_geo(&out.geo);
	check_mem(&out.geo, &out.mem);
	must(out.version == 1 && (out.features & ~1u) == 0);
}

static void
accept_in(const void *body, size_t len)
{
	static const struct link_geo geo = { .queues = 3, .depth = 64, .slot_size = 12288 };
	static struct link_accept out;
	const char *what = NULL;

	if (link_gate_accept(body, len, &geo, &out, &what) != 0)
		return;
	check_text(out.reason);
	if (out.status == LINK_STATUS_OK)
		check_mem(&geo, &out.mem);
}

static void
close_in(const void *body, size_t len)
{
	struct link_close out;

	if (link_gate_close(body, len, &out) == 0)
		check_text(out.reason);
}

/* As it stands in a DMB: the header as given, then with the right checksum. */
static void
block(void *area, size_t size)
{
	static uint64_t body[LINK_CTRL_SETUP_SIZE / 8];
	struct link_wire_block *hdr = area;
	size_t len;
	int ret;

	if (size < sizeof(*hdr) + 16 || size > sizeof(body))
		return;
	(void)link_gate_block(area, size, (enum link_block_type)hdr->type,
			      rte_be_to_cpu_64(hdr->nonce), body);
	len = rte_be_to_cpu_16(hdr->len);
	if (len > size - sizeof(*hdr))
		return;
	hdr->crc = 0;
	hdr->crc = rte_cpu_to_be_32(base_crc32c(base_crc32c(0, hdr, sizeof(*hdr)), hdr + 1, len));
	ret = link_gate_block(area, size, (enum link_block_type)hdr->type,
			      rte_be_to_cpu_64(hdr->nonce), body);
	must(ret <= 0 || ((size_t)ret == len && len >= 16 && len % 8 == 0));
}

static void
event(const uint64_t *words, size_t len)
{
	struct link_call call;

	if (len < 16 || link_gate_call((uint32_t)words[0], words[1], &call) != 0)
		return;
	must(link_token_ok(call.token) && call.nonce != 0 && call.service != 0);
}

static void
descriptor(const uint64_t *words, size_t len)
{
	uint64_t w[LINK_DESC_WORDS];
	struct link_req req;
	struct link_cqe cqe;

	if (len < sizeof(w))
		return;
	for (unsigned int i = 0; i < LINK_DESC_WORDS; i++)
		w[i] = words[i] & LINK_WORD_MASK;
	if (link_gate_req(w, 32, 8192, &req) == NULL)
		must(req.id < 32 && req.op != 0 && req.payload <= 8192 &&
		     req.off <= LINK_WORD_MASK);
	if (link_gate_cqe(w, 32, 8192, &cqe) == NULL)
		must(cqe.id < 32 && cqe.payload <= 8192);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *body;

	if (size < 1)
		return 0;
	/* As long as the input rounded down to words: the sanitizer sees what is read behind. */
	body = malloc((size - 1) / 8 * 8 + 1);
	if (body == NULL)
		return 0;
	size = (size - 1) / 8 * 8;
	memcpy(body, data + 1, size);
	switch (data[0] % 7) {
	case 0:
		hello(body, size);
		break;
	case 1:
		connect_in(body, size);
		break;
	case 2:
		accept_in(body, size);
		break;
	case 3:
		close_in(body, size);
		break;
	case 4:
		block(body, size);
		break;
	case 5:
		event(body, size);
		break;
	default:
		descriptor(body, size);
	}
	free(body);
	return 0;
}
