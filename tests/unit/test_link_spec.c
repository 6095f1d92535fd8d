/* SPDX-License-Identifier: BSD-3-Clause */
/* docs/SPEC-link.md and the code say the same: layouts of messages, and numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "link_priv.h"

static char spec[65536];

static int
group_setup(void **state)
{
	const char *top = getenv("ISM_SOURCE_DIR");
	char path[512];
	FILE *f;

	if (top == NULL)
		return 0;
	snprintf(path, sizeof(path), "%s/docs/SPEC-link.md", top);
	f = fopen(path, "r");
	if (f == NULL)
		return -1;
	if (fread(spec, 1, sizeof(spec) - 1, f) == 0)
		spec[0] = '\0';
	fclose(f);
	return spec[0] != '\0' ? 0 : -1;
}

/* The heading that starts so, behind its number; NULL: none. */
static const char *
heading_at(const char *heading)
{
	const char *title = spec;

	while ((title = strstr(title, "\n#")) != NULL) {
		title += 1 + strspn(title + 1, "#0123456789. ");
		if (strncmp(title, heading, strlen(heading)) == 0)
			return title;
	}
	return NULL;
}

/* The text under a heading that starts so, up to the next one. Skips without the source tree. */
static const char *
section(const char *heading)
{
	static char text[8192];
	const char *from, *to;

	if (spec[0] == '\0')
		skip();
	from = heading_at(heading);
	assert_non_null(from);
	to = strstr(from, "\n#");
	if (to == NULL)
		to = from + strlen(from);
	assert_true((size_t)(to - from) < sizeof(text));
	memcpy(text, from, (size_t)(to - from));
	text[to - from] = '\0';
	return text;
}

static unsigned int
rows(const char *text)
{
	unsigned int n = 0;

	for (; (text = strstr(text, "\n| ")) != NULL; text++)
		n++;
	return n - 1; /* its heading */
}

struct field {
	const char *name;
	size_t off, size; /* size 0: an array of 8-byte entries */
};

#define FIELD(type, name)                                                                          \
	{                                                                                          \
#name, offsetof(struct type, name), sizeof(((struct type *)0)->name)               \
	}
#define TOKENS(type)                                                                               \
	{                                                                                          \
		"token", offsetof(struct type, token), 0                                           \
	}

static void
layout(const char *heading, const struct field *field, unsigned int n)
{
	const char *text = section(heading);
	char row[128];

	for (unsigned int i = 0; i < n; i++) {
		if (field[i].size != 0)
			snprintf(row, sizeof(row), "\n| %zu | %zu | `%s` |", field[i].off,
				 field[i].size, field[i].name);
		else
			snprintf(row, sizeof(row), "\n| %zu | 8 each | `%s` |", field[i].off,
				 field[i].name);
		if (strstr(text, row) == NULL)
			fail_msg("%s: no row \"%s\"", heading, row + 1);
	}
	assert_int_equal(rows(text), n);
}

#define LAYOUT(heading, fields) layout(heading, fields, RTE_DIM(fields))

static void
layouts(void **state)
{
	static const struct field block[] = {
		FIELD(link_wire_block, type),  FIELD(link_wire_block, reserved),
		FIELD(link_wire_block, len),   FIELD(link_wire_block, crc),
		FIELD(link_wire_block, nonce),
	};
	static const struct field hello[] = {
		FIELD(link_wire_hello, version_min), FIELD(link_wire_hello, version_max),
		FIELD(link_wire_hello, status),	     FIELD(link_wire_hello, service),
		FIELD(link_wire_hello, features),    FIELD(link_wire_hello, keepalive_ms),
		FIELD(link_wire_hello, boot),	     FIELD(link_wire_hello, process),
		FIELD(link_wire_hello, ctrl_token),  FIELD(link_wire_hello, queues_max),
		FIELD(link_wire_hello, depth_max),   FIELD(link_wire_hello, slot_max),
		FIELD(link_wire_hello, reason),
	};
	static const struct field connects[] = {
		FIELD(link_wire_connect, version),   FIELD(link_wire_connect, service),
		FIELD(link_wire_connect, features),  FIELD(link_wire_connect, keepalive_ms),
		FIELD(link_wire_connect, slot_size), FIELD(link_wire_connect, queues),
		FIELD(link_wire_connect, depth),     FIELD(link_wire_connect, reserved),
		FIELD(link_wire_connect, boot),	     FIELD(link_wire_connect, process),
		FIELD(link_wire_connect, mem),	     TOKENS(link_wire_connect),
	};
	static const struct field accepts[] = {
		FIELD(link_wire_accept, status),    FIELD(link_wire_accept, reserved),
		FIELD(link_wire_accept, reserved2), FIELD(link_wire_accept, reason),
		FIELD(link_wire_accept, mem),	    TOKENS(link_wire_accept),
	};
	static const struct field mem[] = {
		FIELD(link_wire_mem, ring_token), FIELD(link_wire_mem, ring_len),
		FIELD(link_wire_mem, dmb_len),	  FIELD(link_wire_mem, dmb_count),
		FIELD(link_wire_mem, reserved),
	};
	static const struct field closes[] = {
		FIELD(link_wire_close, status),
		FIELD(link_wire_close, reserved),
		FIELD(link_wire_close, reserved2),
		FIELD(link_wire_close, reason),
	};
	static const struct field beat[] = {
		FIELD(link_wire_beat, count),
		FIELD(link_wire_beat, notice),
	};

	LAYOUT("Blocks", block);
	LAYOUT("HELLO,", hello);
	LAYOUT("CONNECT,", connects);
	LAYOUT("ACCEPT,", accepts);
	LAYOUT("Memory record", mem);
	LAYOUT("CLOSE,", closes);
	LAYOUT("Keepalive", beat);
}

static void
has(const char *heading, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (strstr(section(heading), text) == NULL)
		fail_msg("%s: no \"%s\"", heading, text);
}

static void
places(void **state)
{
	has("Memory of a session", "| control | %u |", LINK_CTRL_SIZE);
	has("Control DMB", "| %u | %zu | keepalive", LINK_CTRL_BEAT, sizeof(struct link_wire_beat));
	has("Control DMB", "| %u | %u | CLOSE", LINK_CTRL_CLOSE, LINK_CTRL_HELLO - LINK_CTRL_CLOSE);
	has("Control DMB", "| %u | %u | HELLO", LINK_CTRL_HELLO, LINK_CTRL_HELLO_SIZE);
	has("Control DMB", "| %u | %u | CONNECT", LINK_CTRL_SETUP, LINK_CTRL_SETUP_SIZE);
	has("Ring DMB", "`depth * %u` rounded up to %u", LINK_DESC_SIZE, LINK_RING_ALIGN);
	has("Data DMBs", "at most %u", LINK_TOKENS_MAX);
	has("Rendezvous", "magic 0x%04x  | version %u|   op %u", LINK_EVENT_MAGIC,
	    LINK_EVENT_VERSION, LINK_EVENT_OP_CALL);
	has("Rings", "`n %% %u + 1`", LINK_TAG_COUNT);
}

static void
numbers(void **state)
{
	const unsigned long long ms = BASE_NS_PER_MS;

	has("Numbers", "event repeated | %llu ms .. %llu ms", LINK_SIGNAL_NS / ms,
	    LINK_SIGNAL_MAX_NS / ms);
	has("Numbers", "half-open session forgotten | %llu ms", LINK_HALF_OPEN_NS / ms);
	has("Numbers", "refusals to one GID, apart | %llu ms", LINK_REFUSAL_NS / ms);
	has("Numbers", "attempt given up | %u ms .. %u ms", LINK_ATTEMPT_DEFAULT_MS,
	    LINK_ATTEMPT_MAX_MS);
	has("Numbers", "back-off between attempts | %u ms .. %u ms", LINK_RETRY_MIN_DEFAULT_MS,
	    LINK_RETRY_MAX_DEFAULT_MS);
	has("Numbers", "keepalive interval | %u ms", LINK_KEEPALIVE_DEFAULT_MS);
	has("Numbers", "keepalive limit | %u ms", LINK_DEAD_DEFAULT * LINK_KEEPALIVE_DEFAULT_MS);
	has("Numbers", "sessions of all listeners | %u", LINK_SESSIONS_DEFAULT);
	has("Numbers", "reopened | %llu ms .. %llu ms", LINK_REOPEN_MIN_NS / ms,
	    LINK_REOPEN_MAX_NS / ms);
	has("Numbers", "depth, slot size | %u, %u, %u", LINK_QUEUES_MAX, LINK_DEPTH_MAX,
	    LINK_SLOT_MAX);
	has("Numbers", "data DMBs of one side | %u", LINK_TOKENS_MAX);
}

static void
statuses(void **state)
{
	has("Status", "| %d | OK |", LINK_STATUS_OK);
	has("Status", "| %d | REFUSED |", LINK_STATUS_REFUSED);
	has("Status", "| %d | NO_SERVICE |", LINK_STATUS_NO_SERVICE);
	has("Status", "| %d | VERSION |", LINK_STATUS_VERSION);
	has("Status", "| %d | BUSY |", LINK_STATUS_BUSY);
	has("Status", "| %d | MALFORMED |", LINK_STATUS_MALFORMED);
	has("Status", "| %d | MEMORY |", LINK_STATUS_MEMORY);
	has("Status", "| %d | CLOSED |", LINK_STATUS_CLOSED);
	has("Status", "| %d | SILENT |", LINK_STATUS_SILENT);
	has("Status", "| %d | PROTOCOL |", LINK_STATUS_PROTOCOL);
	has("Status", "| %d | REPLACED |", LINK_STATUS_REPLACED);
	has("Status", "| %d | BROKEN |", LINK_STATUS_BROKEN);
	has("Services", "| %d | block", LINK_SERVICE_BLK);
	has("Services", "| %d | console", LINK_SERVICE_CONS);
	has("Services", "| %d | test", LINK_SERVICE_TEST);
	has("Services", "| %d .. %d | private |", LINK_SERVICE_PRIVATE_MIN,
	    LINK_SERVICE_PRIVATE_MAX);
	has("Features", "| 0 | DIGEST |");
	assert_int_equal(LINK_FEATURE_DIGEST, 1u << 0);
	has("Blocks", "%d HELLO, %d CONNECT, %d ACCEPT, %d CLOSE", LINK_BLOCK_HELLO,
	    LINK_BLOCK_CONNECT, LINK_BLOCK_ACCEPT, LINK_BLOCK_CLOSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts),
		cmocka_unit_test(places),
		cmocka_unit_test(numbers),
		cmocka_unit_test(statuses),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
