/* SPDX-License-Identifier: BSD-3-Clause */
/* The server over a link, with real programs on real terminals: what they do and how they end. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#include "cons_rig.h"
#include "emulated.h"

/* One peer, connected, and one console "c". */
static void
start(struct rig *r, const char *command)
{
	rig_setup(r, 1, 0);
	rig_console_conf(r, &(struct cons_console_conf){ .name = "c",
							 .kind = CONS_CONSOLE_EXEC,
							 .what = command,
							 .allow.any = true });
	rig_connect(r, 0);
}

static void
test_echo(void **state)
{
	struct rig r;

	start(&r, "stty -echo; echo ready; exec cat");
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_equal(rte_be_to_cpu_32(r.peer[0].attached.flags), CONS_ATTACHED_WRITER);
	assert_string_equal(r.peer[0].attached.name, "c");
	rig_expect(&r, 0, "ready\r\n");
	assert_int_equal(rig_type_at(&r, 0, 0, "hello\n"), CONS_OK);
	rig_expect(&r, 0, "hello\r\n");
	assert_int_equal(rig_type_at(&r, 0, 6, "again\n"), CONS_OK);
	rig_expect(&r, 0, "again\r\n");
	rig_teardown(&r);
	rig_audited(&r, "attached to write");
}

static void
test_exit_status(void **state)
{
	struct rig r;

	start(&r, "echo last words; exit 7");
	rig_attach(&r, 0, "", 1, 0);
	assert_int_equal(rig_ended(&r, 0), 7);
	assert_string_equal(r.peer[0].seen, "last words\r\n");
	assert_true(r.peer[0].gone >= 1);
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_BREAK), NULL), CONS_EGONE);
	rig_audited(&r, "program ended with status 7");
	rig_teardown(&r);
}

/* Whoever started us may have ignored the ends of children; it is inherited. */
static void
test_inherited_sigchld(void **state)
{
	struct rig r;

	signal(SIGCHLD, SIG_IGN);
	start(&r, "exit 7");
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_equal(rig_ended(&r, 0), 7);
	rig_teardown(&r);
	signal(SIGCHLD, SIG_DFL);
}

static void
test_killed(void **state)
{
	struct rig r;

	start(&r, "kill -9 $$");
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_equal(rig_ended(&r, 0), CONS_ENDED_SIGNAL + SIGKILL);
	rig_audited(&r, "killed by signal 9");
	rig_teardown(&r);
}

/* The next one who attaches gets a new program. */
static void
test_again(void **state)
{
	uint64_t first;
	struct rig r;

	start(&r, "echo life; exit 3");
	rig_attach(&r, 0, "c", 1, 0);
	first = r.peer[0].attached.instance;
	assert_int_equal(rig_ended(&r, 0), 3);
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_not_equal(r.peer[0].attached.instance, first);
	assert_int_equal(r.peer[0].attached.out_pos, 0);
	assert_int_equal(rig_ended(&r, 0), 3);
	assert_string_equal(r.peer[0].seen, "life\r\n");
	assert_int_equal(r.srv->stats.started, 2);
	assert_int_equal(r.srv->stats.ended, 2);
	rig_teardown(&r);
}

static const char *const surroundings[] = {
	"three terminals\r\n",
	"controlling\r\n",
	"leader\r\n",
	"in / with 0022\r\n",
	("env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
	 "TERM=vt220"),
	"SigBlk:\t0000000000000000\r\n",
	"SigIgn:\t0000000000000000\r\n",
};

/* What the program finds: its terminal, a clean environment, no descriptor of ours. */
static void
test_surroundings(void **state)
{
	struct rig r;

	setenv("SECRET", "of the daemon", 1);
	signal(SIGQUIT, SIG_IGN);
	umask(0);
	assert_int_equal(chdir("/tmp"), 0);
	start(&r, "test -t 0 && test -t 1 && test -t 2 && echo three terminals; "
		  "test \"$(ps -o tty= -p $$)\" != '?' && echo controlling; "
		  "ps -o sid=,pid= -p $$ | { read -r s p; [ $s = $p ] && echo leader; }; "
		  "echo in $PWD with $(umask); "
		  "echo env $(env | grep -vE '^(PWD|SHLVL|_)=' | sort | tr '\\n' ' '); "
		  "for i in $(seq 3 99); do test -e /proc/$$/fd/$i && echo leaks $i; done; "
		  /* Not the shell's own: it blocks some while it waits. */
		  "exec grep -E '^Sig(Blk|Ign)' /proc/self/status");
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_equal(rig_ended(&r, 0), 0);
	signal(SIGQUIT, SIG_DFL);
	for (size_t i = 0; i < RTE_DIM(surroundings); i++)
		rig_expect(&r, 0, surroundings[i]);
	assert_null(strstr(r.peer[0].seen, "SECRET"));
	if (strstr(r.peer[0].seen, "leaks") != NULL)
		fail_msg("%s", r.peer[0].seen);
	rig_teardown(&r);
}

/* The thread that polls may be bound to one CPU; the program is not. */
static void
test_not_bound(void **state)
{
	cpu_set_t was, one;
	struct rig r;
	char want[32];

	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	snprintf(want, sizeof(want), "cpus %d\r\n", CPU_COUNT(&was));
	start(&r, "echo cpus $(nproc)");
	CPU_ZERO(&one);
	for (int i = 0; CPU_COUNT(&one) == 0; i++) {
		if (CPU_ISSET(i, &was))
			CPU_SET(i, &one);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_equal(rig_ended(&r, 0), 0);
	rig_expect(&r, 0, want);
	/* And our own thread is back where it was. */
	assert_int_equal(sched_getaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(CPU_COUNT(&one), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(was), &was), 0);
	rig_teardown(&r);
}

/* A program that takes Ctrl-C as a command decides itself how it ends: no shell ends before it. */
static void
test_plain_program(void **state)
{
	char path[] = "/tmp/cons-XXXXXX", command[64];
	int fd = mkstemp(path);
	struct rig r;

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "#!/bin/sh\ntrap 'echo int' INT\nstty -echo; echo \"$@\"\n"
				"until read x; do :; done\nexit 4\n") > 0);
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	snprintf(command, sizeof(command), "%s up --now=1", path);
	start(&r, command);
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "up --now=1\r\n");
	assert_int_equal(rig_type_at(&r, 0, 0, "\003\n"), CONS_OK);
	assert_int_equal(rig_ended(&r, 0), 4);
	rig_expect(&r, 0, "int\r\n");
	rig_teardown(&r);
	unlink(path);
}

/* --- sizes --- */

static struct cons_wire_size
size(uint16_t rows, uint16_t cols)
{
	return (struct cons_wire_size){ .rows = rte_cpu_to_be_16(rows),
					.cols = rte_cpu_to_be_16(cols) };
}

static uint16_t
resize(struct rig *r, uint16_t rows, uint16_t cols)
{
	struct cons_wire_size rec = size(rows, cols);
	struct link_req req = rig_op(r, 0, CONS_RESIZE);

	req.payload = sizeof(rec);
	return rig_status(r, 0, req, &rec);
}

static void
test_default_size(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	struct rig r;

	start(&r, "stty size; echo TERM=$TERM");
	rec.term[0] = '\0';
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(rig_ended(&r, 0), 0);
	assert_string_equal(r.peer[0].seen, "24 80\r\nTERM=dumb\r\n");
	rig_teardown(&r);
}

/* The shell runs a trap between two commands. */
#define WATCH_SIZE "trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done"

static void
test_resize(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("c", 1, 0);
	struct rig r;

	start(&r, WATCH_SIZE);
	rec.size = size(30, 100);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	rig_expect(&r, 0, "30 100\r\n");
	assert_int_equal(resize(&r, 31, 101), CONS_OK);
	rig_expect(&r, 0, "31 101\r\n");
	/* Said again, a program draws again. */
	assert_int_equal(resize(&r, 31, 101), CONS_OK);
	rig_expect(&r, 0, "31 101\r\n31 101\r\n");
	assert_int_equal(resize(&r, 0, 101), CONS_EINVAL);
	assert_int_equal(resize(&r, 31, 1001), CONS_EINVAL);
	assert_int_equal(resize(&r, 1000, 1000), CONS_OK);
	rig_expect(&r, 0, "1000 1000\r\n");

	/* Attaching anew signals, even with the size that it has, and none at all. */
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_DETACH), NULL), CONS_OK);
	rec.history = 0;
	rec.size = size(1000, 1000);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	rig_expect(&r, 0, "1000 1000\r\n");
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_DETACH), NULL), CONS_OK);
	rec.size = size(0, 0);
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	rig_expect(&r, 0, "1000 1000\r\n");
	rig_teardown(&r);
}

/* --- the end of input --- */

static uint16_t
end_input(struct rig *r, uint64_t off)
{
	struct link_req req = rig_op(r, 0, CONS_EOF);

	req.off = off;
	return rig_status(r, 0, req, NULL);
}

/* Type it all at once, end the input; @return the status. */
static uint32_t
script(const char *command, const char *input)
{
	uint64_t len = strlen(input);
	uint32_t code;
	struct rig r;

	start(&r, command);
	rig_attach(&r, 0, "c", 1, 0);
	if (len > 0)
		assert_int_equal(rig_type_at(&r, 0, 0, input), CONS_OK);
	/* It may have ended already. */
	if (r.peer[0].event_count == 0) {
		uint16_t status = end_input(&r, len);

		assert_true(status == CONS_OK || status == CONS_EGONE);
	}
	code = rig_ended(&r, 0);
	rig_teardown(&r);
	return code;
}

static void
test_eof_sh(void **state)
{
	assert_int_equal(script("/bin/sh", "exit 3\n"), 3);
	assert_int_equal(script("/bin/sh", "false\n"), 1);
	assert_int_equal(script("/bin/sh", "true\n(exit 9)"), 9); /* no newline at the end */
	assert_int_equal(script("/bin/sh", ""), 0);
}

static void
test_eof_bash(void **state)
{
	assert_int_equal(script("exec bash", "exit 3\n"), 3);
	assert_int_equal(script("exec bash --norc", "false\n"), 1);
	assert_int_equal(script("bash --norc; exit 5", "true\n"), 5);
}

/* Each program that reads sees the end, not only the first one. */
static void
test_eof_sticky(void **state)
{
	assert_int_equal(script("cat; cat; sleep 0.5; cat; exit 4", "text\n"), 4);
	/* One that reads later, after a change of the terminal's mode. */
	assert_int_equal(script("stty -icanon; sleep 0.3; stty icanon; cat; exit 6", ""), 6);
	/* One whose end of file is another character. */
	assert_int_equal(script("stty eof '^X'; cat; exit 8", ""), 8);
}

/* It is not given to who does not read: then more input would come too late. */
static void
test_eof_taken_back(void **state)
{
	struct rig r;

	start(&r, "stty -echo; sleep 1; cat; echo over; exit 2");
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_equal(end_input(&r, 1), CONS_EINVAL);
	assert_int_equal(end_input(&r, 0), CONS_OK);
	rig_expect(&r, 0, "over");
	assert_int_equal(rig_ended(&r, 0), 2);

	/* A WRITE ends the end. */
	rig_console(&r, "d=exec:stty -echo; exec cat,allow=any");
	rig_attach(&r, 0, "d", 1, 0);
	assert_int_equal(end_input(&r, 0), CONS_OK);
	assert_int_equal(rig_type_at(&r, 0, 0, "more\n"), CONS_OK);
	rig_until(&r, strstr(r.peer[0].seen, "more") != NULL || r.peer[0].event_count > 0);
	rig_teardown(&r);
}

/* The terminal is hung up and opened again, as some login(1) do. */
static void
test_eof_after_vhangup(void **state)
{
	struct rig r;

	if (geteuid() != 0)
		skip();
	start(&r, "exec python3 -c \"import os,signal,ctypes; t=os.ttyname(0); "
		  "signal.signal(signal.SIGHUP,signal.SIG_IGN); [os.close(i) for i in range(3)]; "
		  "ctypes.CDLL(None).vhangup(); [os.open(t,os.O_RDWR) for i in range(3)]; "
		  "print('new',flush=True); os._exit(21 if os.read(0,9)==b'' else 22)\"");
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "new\r\n");
	assert_int_equal(end_input(&r, 0), CONS_OK);
	assert_int_equal(rig_ended(&r, 0), 21);
	rig_teardown(&r);
}

/* --- break --- */

static void
test_break(void **state)
{
	struct rig r;

	if (emulated()) {
		print_message("skipped: qemu-user has no TIOCSIG\n");
		skip();
	}
	start(&r, "trap 'echo int' INT; stty -echo brkint; echo one; read x; stty ignbrk; echo two;"
		  " read x; stty -ignbrk -brkint -icanon min 1; echo three; "
		  "dd bs=1 count=1 2>/dev/null | od -An -tx1; exit 0");
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "one\r\n");
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_BREAK), NULL), CONS_OK);
	rig_expect(&r, 0, "int\r\n");
	rig_expect(&r, 0, "two\r\n");
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_BREAK), NULL), CONS_OK);
	assert_int_equal(rig_type_at(&r, 0, 0, "\n"), CONS_OK);
	rig_expect(&r, 0, "three\r\n");
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_BREAK), NULL), CONS_OK);
	assert_int_equal(rig_ended(&r, 0), 0);
	rig_expect(&r, 0, " 00\r\n");
	rig_teardown(&r);
}

/* Each takes effect where it stands in the input. */
static void
test_break_in_order(void **state)
{
	struct link_req req;
	struct rig r;

	start(&r, "stty raw -echo -brkint; echo up; exec od -An -tx1 -N3");
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "up\n");
	req = rig_op(&r, 0, CONS_WRITE);
	req.len = req.payload = 1;
	rig_send(&r, 0, req, "c");
	rig_send(&r, 0, rig_op(&r, 0, CONS_BREAK), NULL);
	req.off = 1;
	rig_send(&r, 0, req, "x");
	assert_int_equal(rig_ended(&r, 0), 0);
	rig_expect(&r, 0, " 63 00 78\n");
	rig_teardown(&r);
}

/* --- ends --- */

/* A grandchild that keeps the terminal open, quiet or not, does not keep the console. */
static void
test_grandchild(void **state)
{
	pid_t pid;
	struct rig r;

	start(&r, "trap '' HUP; sleep 60 & echo $!; exit 11");
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_equal(rig_ended(&r, 0), 11);
	pid = (pid_t)strtol(r.peer[0].seen, NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	rig_console(&r, "d=exec:trap '' HUP; yes & exit 12,allow=any");
	rig_attach(&r, 0, "d", 1, 0);
	assert_int_equal(rig_ended(&r, 0), 12);
	assert_true(r.peer[0].bytes < 1u << 20);
	rig_teardown(&r);
}

/* All that was written before the end comes before ENDED, however much and however slowly. */
static void
test_all_output(void **state)
{
	struct rig r;

	start(&r, "seq 100000; exit 1");
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_equal(rig_ended(&r, 0), 1);
	/* 588895 bytes, and a carriage return for each line. */
	assert_int_equal(r.peer[0].bytes, 688895);
	assert_non_null(strstr(r.peer[0].seen, "\r\n100000\r\n"));
	rig_teardown(&r);
}

static void
test_not_startable(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("d", 1, 0);
	struct rig r;

	start(&r, "/no/such/program");
	/* The shell starts; it says what is wrong. */
	rig_attach(&r, 0, "c", 1, 0);
	assert_int_equal(rig_ended(&r, 0), 127);
	rig_expect(&r, 0, "/no/such/program");
	/* A device that has gone since the start. */
	rig_console(&r, "d=exec:x,allow=any");
	r.srv->consoles[1]->kind = CONS_CONSOLE_TTY;
	strcpy(r.srv->consoles[1]->what, "y");
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_EIO);
	assert_string_equal(r.peer[0].attached.text, "y: No such file or directory");
	assert_string_equal(r.peer[0].attached.name, "d");
	rig_audited(&r, "refused: y: No such file");
	/* Nothing is left of it. */
	rig_attach(&r, 0, "c", 1, 0);
	rig_teardown(&r);
}

/* The server goes: programs are hung up, and killed if they do not go. */
/* What was typed ahead of DETACH goes to the terminal, when both are found at once as well. */
static void
test_typed_before_detach(void **state)
{
	uint16_t typed, left;
	struct link_req req;
	struct rig r;

	start(&r, "stty -echo; echo on; read x; echo got $x; exec sleep 60");
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "on\r\n");
	req = rig_op(&r, 0, CONS_WRITE);
	req.len = req.payload = 3;
	typed = rig_send(&r, 0, req, "hi\n");
	left = rig_send(&r, 0, rig_op(&r, 0, CONS_DETACH), NULL);
	assert_int_equal(rig_take(&r, 0, typed).status, CONS_OK);
	assert_int_equal(rig_take(&r, 0, left).status, CONS_OK);
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "got hi\r\n");
	rig_teardown(&r);
}

static void
test_server_ends(void **state)
{
	char path[] = "/tmp/cons-XXXXXX", text[16] = "", arg[256];
	int fd = mkstemp(path);
	struct rig r;

	assert_true(fd >= 0);
	rig_setup(&r, 1, 0);
	snprintf(arg, sizeof(arg),
		 "c=exec:trap 'echo hup >%s; exit' HUP; echo on; "
		 "while :; do sleep 0.1; done,allow=any",
		 path);
	rig_console(&r, arg);
	rig_console(&r, "d=exec:trap '' HUP TERM; echo on; while :; do sleep 1; done,allow=any");
	rig_connect(&r, 0);
	rig_attach(&r, 0, "c", 1, 0);
	rig_expect(&r, 0, "on\r\n");
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_DETACH), NULL), CONS_OK);
	rig_attach(&r, 0, "d", 1, 0);
	rig_expect(&r, 0, "on\r\n");
	rig_teardown(&r);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 4);
	assert_string_equal(text, "hup\n");
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_inherited_sigchld),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_surroundings),
		cmocka_unit_test(test_not_bound),
		cmocka_unit_test(test_plain_program),
		cmocka_unit_test(test_default_size),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_eof_sh),
		cmocka_unit_test(test_eof_bash),
		cmocka_unit_test(test_eof_sticky),
		cmocka_unit_test(test_eof_taken_back),
		cmocka_unit_test(test_eof_after_vhangup),
		cmocka_unit_test(test_break),
		cmocka_unit_test(test_break_in_order),
		cmocka_unit_test(test_grandchild),
		cmocka_unit_test(test_all_output),
		cmocka_unit_test(test_not_startable),
		cmocka_unit_test(test_typed_before_detach),
		cmocka_unit_test(test_server_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
