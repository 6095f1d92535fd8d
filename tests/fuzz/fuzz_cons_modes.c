/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output, as bytes: what undoes its modes does so, what does them again needs the same undoing,
 * and neither is longer than it may be.
 */
#include <stdlib.h>
#include <string.h>

#include "cons_modes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char redo[CONS_MODES_TEXT_MAX], text[CONS_MODES_TEXT_MAX];
	struct cons_modes m = { 0 }, again = { 0 };
	size_t len, redone;

	if (size < 1)
		return 0;
	m.eight_bits = again.eight_bits = data[0] & 1;
	cons_modes_feed(&m, data + 1, size - 1);
	redone = cons_modes_redo(&m, redo);
	CHECK(redone < sizeof(redo) - 100);
	cons_modes_feed(&again, (uint8_t *)redo, redone);
	len = cons_modes_redo(&again, text);
	CHECK(len == redone && memcmp(text, redo, len) == 0);
	/* A VT52 does not know the rest of what is read. */
	len = cons_modes_undo(&m, text);
	CHECK(len < sizeof(text) - 100);
	cons_modes_feed(&m, (uint8_t *)text, len);
	CHECK(cons_modes_undo(&m, text) == 0);
	return 0;
}
