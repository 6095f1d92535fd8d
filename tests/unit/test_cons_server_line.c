/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines that are longer than a terminal in canonical mode holds: all of what is typed arrives, and
 * a byte is changed or added nowhere.
 */
#include <termios.h>

#include "cons_rig.h"

#define BIG 300000

static char bytes[BIG + 1];
static char got[BIG + 64];

static struct cons_instance *
now(struct rig *r)
{
	assert_non_null(r->srv->consoles[0]->now);
	return r->srv->consoles[0]->now;
}

struct place {
	char dir[32], path[64], command[256];
};

/* A console whose program is `format` with the path of a file for its output. */
static void
start(struct rig *r, struct place *at, const char *format)
{
	snprintf(at->dir, sizeof(at->dir), "/tmp/cons-XXXXXX");
	assert_non_null(mkdtemp(at->dir));
	snprintf(at->path, sizeof(at->path), "%s/out", at->dir);
	snprintf(at->command, sizeof(at->command), format, at->path);
	rig_setup(r, 1, 0);
	rig_console_conf(r, &(struct cons_console_conf){ .name = "c",
							 .kind = CONS_CONSOLE_EXEC,
							 .what = at->command,
							 .allow.any = true });
	rig_connect(r, 0);
	rig_attach(r, 0, "c", 1, 0);
	rig_expect(r, 0, "go");
}

static void
finish(struct rig *r, struct place *at)
{
	rig_teardown(r);
	unlink(at->path);
	rmdir(at->dir);
}

/* Type all of it, in requests of that size. */
static void
type_all(struct rig *r, uint64_t off, const char *what, size_t len, size_t piece)
{
	for (size_t i = 0; i < len; i += piece) {
		struct link_req req = rig_op(r, 0, CONS_WRITE);

		req.off = off + i;
		req.len = req.payload = (uint32_t)RTE_MIN(piece, len - i);
		assert_int_equal(rig_status(r, 0, req, what + i), CONS_OK);
	}
}

static void
end_input(struct rig *r, uint64_t off)
{
	struct link_req req = rig_op(r, 0, CONS_EOF);

	req.off = off;
	assert_int_equal(rig_status(r, 0, req, NULL), CONS_OK);
}

/* @return how many bytes the program has written. */
static size_t
output(const struct place *at)
{
	FILE *f = fopen(at->path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(got, 1, sizeof(got), f);
	fclose(f);
	return n;
}

/* One line without its end, made of text that tells where it was. */
static void
fill(size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('a' + (i * 7 + i / 26) % 26);
}

static void
assert_arrives(const char *program, size_t len, size_t piece)
{
	struct place at;
	struct rig r;

	fill(len);
	bytes[len] = '\n';
	start(&r, &at, program);
	type_all(&r, 0, bytes, len + 1, piece);
	end_input(&r, len + 1);
	assert_int_equal(rig_ended(&r, 0), 0);
	assert_int_equal(output(&at), len + 1);
	assert_memory_equal(got, bytes, len + 1);
	assert_int_equal(r.srv->stats.long_lines, (len - 1) / CONS_LINE_MAX);
	assert_int_equal(r.srv->consoles[0]->stats.long_lines, r.srv->stats.long_lines);
	finish(&r, &at);
}

#define CAT "stty -echo; echo go; exec cat >%s"

static void
test_lengths(void **state)
{
	static const size_t len[] = { 4094, 4095, 4096, 4097, 6000, 8190, 8191, 20000 };

	for (size_t i = 0; i < RTE_DIM(len); i++)
		assert_arrives(CAT, len[i], RIG_SLOT);
}

static void
test_pieces(void **state)
{
	assert_arrives(CAT, 4099, 1);
	assert_arrives(CAT, 10000, 1000);
}

static void
test_very_long(void **state)
{
	assert_arrives(CAT, BIG - 1, RIG_SLOT);
}

/* With echo, and readers that read byte by byte, by lines, or just what a line has. */
static void
test_readers(void **state)
{
	assert_arrives("echo go; exec cat >%s", 6000, RIG_SLOT);
	assert_arrives("stty -echo; echo go; exec dd bs=1 status=none of=%s", 9000, RIG_SLOT);
	assert_arrives("stty -echo; echo go; exec dd bs=4095 status=none of=%s", 9000, RIG_SLOT);
	assert_arrives("stty -echo; echo go; read -r x; echo $x >%s", 9000, RIG_SLOT);
	assert_arrives("stty -echo; echo go; exec sed -n -e 'w %s'", 9000, RIG_SLOT);
}

/* Who does not read is waited for. */
static void
test_late_reader(void **state)
{
	assert_arrives("stty -echo; echo go; sleep 1; exec cat >%s", 100000, RIG_SLOT);
}

/* Settings that change what a line is. */
static void
test_settings(void **state)
{
	struct place at;
	struct rig r;

	/* CR is a byte as any here. */
	fill(6000);
	for (size_t i = 50; i < 6000; i += 100)
		bytes[i] = '\r';
	bytes[6000] = '\n';
	start(&r, &at, "stty -echo -icrnl; echo go; exec cat >%s");
	type_all(&r, 0, bytes, 6001, RIG_SLOT);
	end_input(&r, 6001);
	assert_int_equal(rig_ended(&r, 0), 0);
	assert_int_equal(output(&at), 6001);
	assert_memory_equal(got, bytes, 6001);
	finish(&r, &at);
	/* It ends each line here: none is long, none is cut into pieces. */
	start(&r, &at, "stty -echo; echo go; exec cat >%s");
	type_all(&r, 0, bytes, 6001, RIG_SLOT);
	end_input(&r, 6001);
	assert_int_equal(rig_ended(&r, 0), 0);
	assert_int_equal(output(&at), 6001);
	assert_int_equal(r.srv->stats.long_lines, 0);
	finish(&r, &at);
	/* No line at all. */
	start(&r, &at, "stty raw -echo; echo go; exec head -c 20000 >%s");
	fill(20000);
	type_all(&r, 0, bytes, 20000, RIG_SLOT);
	assert_int_equal(rig_ended(&r, 0), 0);
	assert_int_equal(output(&at), 20000);
	assert_memory_equal(got, bytes, 20000);
	assert_int_equal(r.srv->stats.long_lines, 0);
	finish(&r, &at);
}

/*
 * What was typed and erased is no part of a line: nothing is given to its reader before its time.
 */
static void
test_erased(void **state)
{
	struct place at;
	struct rig r;
	size_t n = 0;

	memset(bytes, 'x', 3000);
	memset(bytes + 3000, '\177', 2990); /* ten are left */
	memset(bytes + 5990, 'y', 3000);
	bytes[8990] = '\025'; /* Ctrl-U */
	memset(bytes + 8991, 'z', 4000);
	strcpy(bytes + 12991, " w\027end\n"); /* Ctrl-W takes the w */
	n = strlen(bytes);
	start(&r, &at, "stty -echo; echo go; exec cat >%s");
	type_all(&r, 0, bytes, n, RIG_SLOT);
	end_input(&r, n);
	assert_int_equal(rig_ended(&r, 0), 0);
	assert_int_equal(output(&at), 4000 + 5);
	assert_memory_equal(got + 3999, "z end\n", 6);
	assert_int_equal(r.srv->stats.long_lines, 0);
	finish(&r, &at);
}

/* A program that makes its terminal raw while a long line is being typed ahead. */
static void
test_raw_in_the_middle(void **state)
{
	struct place at;
	struct rig r;

	fill(20000);
	start(&r, &at, "stty -echo; echo go; sleep 0.5; stty raw; exec head -c 20000 >%s");
	type_all(&r, 0, bytes, 4000, 1000);
	rig_pass(&r, 700);
	type_all(&r, 4000, bytes + 4000, 16000, RIG_SLOT);
	assert_int_equal(rig_ended(&r, 0), 0);
	assert_int_equal(output(&at), 20000);
	assert_memory_equal(got, bytes, 20000);
	finish(&r, &at);
}

/* No character to give it with: the rest waits, and is not said to have been taken. */
static void
test_no_eof_character(void **state)
{
	struct link_req req;
	struct place at;
	struct rig r;
	uint16_t id;

	fill(6000);
	bytes[5999] = '\n';
	start(&r, &at, "stty -echo eof undef; echo go; exec head -c 6000 >%s");
	type_all(&r, 0, bytes, 4000, 1000);
	req = rig_op(&r, 0, CONS_WRITE);
	req.off = 4000;
	req.len = req.payload = 2000;
	id = rig_send(&r, 0, req, bytes + 4000);
	rig_pass(&r, 300);
	assert_false(r.peer[0].answered[id]);
	assert_int_equal(now(&r)->writer->input->pos, CONS_LINE_MAX);
	/* Somebody mends it. */
	{
		struct termios tio;

		assert_int_equal(tcgetattr(now(&r)->term.slave, &tio), 0);
		tio.c_cc[VEOF] = 4;
		assert_int_equal(tcsetattr(now(&r)->term.slave, TCSANOW, &tio), 0);
	}
	assert_int_equal(rig_take(&r, 0, id).status, CONS_OK);
	assert_int_equal(rig_ended(&r, 0), 0);
	assert_int_equal(output(&at), 6000);
	assert_memory_equal(got, bytes, 6000);
	finish(&r, &at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),		 cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_very_long),	 cmocka_unit_test(test_readers),
		cmocka_unit_test(test_late_reader),	 cmocka_unit_test(test_settings),
		cmocka_unit_test(test_erased),		 cmocka_unit_test(test_raw_in_the_middle),
		cmocka_unit_test(test_no_eof_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
