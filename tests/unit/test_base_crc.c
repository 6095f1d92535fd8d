/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC32C against the published vectors (RFC 3720 B.4) and against the definition, bit by bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_crc.h"

static uint32_t
crc_by_definition(const uint8_t *data, uint32_t len)
{
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void
test_vectors(void **state)
{
	uint8_t buf[32];

	assert_int_equal(base_crc32c(0, "123456789", 9), 0xe3069283);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(base_crc32c(0, buf, sizeof(buf)), 0x8a9136aa);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(base_crc32c(0, buf, sizeof(buf)), 0x62a8ab43);
	for (uint8_t i = 0; i < sizeof(buf); i++)
		buf[i] = i;
	assert_int_equal(base_crc32c(0, buf, sizeof(buf)), 0x46dd794e);
	assert_int_equal(base_crc32c(0, NULL, 0), 0);
}

/* Every length and alignment around the 8-byte words. */
static void
test_lengths(void **state)
{
	uint8_t buf[96];

	for (uint32_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 37 + 11);
	for (uint32_t off = 0; off < 8; off++)
		for (uint32_t len = 0; len <= sizeof(buf) - 8; len++)
			assert_int_equal(base_crc32c(0, buf + off, len),
					 crc_by_definition(buf + off, len));
}

static void
test_in_pieces(void **state)
{
	uint8_t buf[64];
	uint32_t whole, crc;

	for (uint32_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i ^ 0x5a);
	whole = base_crc32c(0, buf, sizeof(buf));
	for (uint32_t cut = 0; cut <= sizeof(buf); cut++) {
		crc = base_crc32c(0, buf, cut);
		crc = base_crc32c(crc, buf + cut, sizeof(buf) - cut);
		assert_int_equal(crc, whole);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
