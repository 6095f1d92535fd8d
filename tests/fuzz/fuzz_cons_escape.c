/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is typed, as bytes, cut into pieces: what reaches the console is what was typed with some
 * left out, the same however it is cut, and all of it where there is no prefix.
 */
#include <stdlib.h>
#include <string.h>

#include "cons_escape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

#define TYPED_MAX 1024

static size_t
run(int prefix, unsigned int keys, const uint8_t *in, size_t len, size_t piece, uint8_t *result)
{
	struct cons_escape e = { .prefix = prefix, .keys = keys };
	size_t done = 0, total = 0, n;

	while (done < len) {
		size_t part = piece < len - done ? piece : len - done;
		enum cons_escape_action action;
		size_t used = cons_escape_feed(&e, in + done, part, result + total, &n, &action);

		CHECK(used > 0 && used <= part && n <= part + CONS_KEY_MAX);
		CHECK(used == part || action != CONS_ESCAPE_NONE);
		CHECK((cons_escape_wait_ms(&e) != 0) == (e.held_len != 0));
		done += used;
		total += n;
	}
	total += cons_escape_flush(&e, result + total);
	CHECK(cons_escape_wait_ms(&e) == 0);
	return total;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t one[TYPED_MAX + CONS_KEY_MAX], other[TYPED_MAX + CONS_KEY_MAX];
	size_t len, at = 0;
	unsigned int keys;

	if (size < 2 || size > TYPED_MAX)
		return 0;
	keys = data[0] & 3;
	len = run(0x1f, keys, data + 1, size - 1, 1, one);
	CHECK(run(0x1f, keys, data + 1, size - 1, 1 + (data[0] >> 2), other) == len);
	CHECK(memcmp(one, other, len) == 0);
	/* A part of it, in its order. */
	for (size_t i = 1; i < size && at < len; i++)
		at += data[i] == one[at];
	CHECK(at == len);
	len = run(-1, keys, data + 1, size - 1, 1 + (data[0] >> 2), one);
	CHECK(len == size - 1 && memcmp(one, data + 1, len) == 0);
	return 0;
}
