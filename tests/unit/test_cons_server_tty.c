/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A console that is a terminal device. The device is a pseudo-terminal of the test's own, whose
 * master is the far end of the line.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "cons_rig.h"
#include "emulated.h"

struct line {
	int far; /* the other end */
	int held; /* keeps the settings while the server has it closed */
	char dir[32], path[64]; /* a link to the device, which only this test has */
};

static void
line_open(struct line *l)
{
	char device[64];

	l->far = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(l->far >= 0);
	assert_int_equal(grantpt(l->far), 0);
	assert_int_equal(unlockpt(l->far), 0);
	assert_int_equal(ptsname_r(l->far, device, sizeof(device)), 0);
	l->held = open(device, O_RDWR | O_NOCTTY);
	assert_true(l->held >= 0);
	snprintf(l->dir, sizeof(l->dir), "/tmp/cons-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	snprintf(l->path, sizeof(l->path), "%s/line", l->dir);
	assert_int_equal(symlink(device, l->path), 0);
}

static void
line_close(struct line *l)
{
	unlink(l->path);
	rmdir(l->dir);
	close(l->held);
	close(l->far);
}

static void
start(struct rig *r, struct line *l)
{
	char arg[128];

	line_open(l);
	rig_setup(r, 1, 0);
	snprintf(arg, sizeof(arg), "t=tty:%s,allow=any", l->path);
	rig_console(r, arg);
	rig_connect(r, 0);
}

static struct termios
settings(const struct line *l)
{
	struct termios tio;

	assert_int_equal(tcgetattr(l->far, &tio), 0);
	return tio;
}

/* Read what arrives at the far end, until it is `len` bytes. */
static void
far_read(struct rig *r, const struct line *l, char *buf, size_t len)
{
	struct pollfd pfd = { .fd = l->far, .events = POLLIN };
	size_t n = 0;

	while (n < len) {
		ssize_t got;

		rig_until(r, poll(&pfd, 1, 0) == 1);
		got = read(l->far, buf + n, len - n);
		assert_true(got > 0);
		n += (size_t)got;
	}
}

static void
test_both_ways(void **state)
{
	static const char all[] = "\001\003\004\021\023\177\377 \r\n";
	struct cons_wire_attach rec = rig_attach_record("t", 1, 0);
	struct winsize ws;
	struct termios was;
	struct line l;
	struct rig r;
	char buf[16];

	start(&r, &l);
	was = settings(&l);
	assert_true((was.c_lflag & ICANON) != 0);
	rec.size = (struct cons_wire_size){ .rows = rte_cpu_to_be_16(50),
					    .cols = rte_cpu_to_be_16(132) };
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_OK);
	assert_int_equal(rte_be_to_cpu_32(r.peer[0].attached.flags),
			 CONS_ATTACHED_DEVICE | CONS_ATTACHED_WRITER);
	assert_int_equal(ioctl(l.far, TIOCGWINSZ, &ws), 0);
	assert_int_equal(ws.ws_row, 50);
	assert_int_equal(ws.ws_col, 132);
	/* Raw: every byte passes as it is, and none comes back. */
	assert_int_equal(settings(&l).c_lflag & (ICANON | ECHO | ISIG), 0);
	assert_int_equal(rig_type_at(&r, 0, 0, all), CONS_OK);
	far_read(&r, &l, buf, sizeof(all) - 1);
	assert_memory_equal(buf, all, sizeof(all) - 1);
	assert_int_equal(write(l.far, all, sizeof(all) - 1), sizeof(all) - 1);
	rig_until(&r, r.peer[0].bytes == sizeof(all) - 1);
	assert_memory_equal(r.peer[0].seen, all, sizeof(all) - 1);
	rig_audited(&r, "device opened");
	/* It is given back as it was. */
	rig_teardown(&r);
	assert_int_equal(settings(&l).c_lflag, was.c_lflag);
	assert_int_equal(settings(&l).c_iflag, was.c_iflag);
	assert_int_equal(settings(&l).c_cflag, was.c_cflag);
	line_close(&l);
}

static void
test_hang_up(void **state)
{
	struct cons_wire_attach rec = rig_attach_record("t", 1, 0);
	struct line l;
	struct rig r;

	start(&r, &l);
	rig_attach(&r, 0, "t", 1, 0);
	assert_int_equal(write(l.far, "bye", 3), 3);
	rig_expect(&r, 0, "bye");
	line_close(&l);
	assert_int_equal(rig_ended(&r, 0), CONS_ENDED_HANGUP);
	rig_audited(&r, "hung up");
	/* It is gone for good, which the next one is told. */
	assert_int_equal(rig_attach_as(&r, 0, &rec), CONS_EIO);
	if (strstr(r.peer[0].attached.text, l.path) == NULL)
		fail_msg("'%s', expected the path", r.peer[0].attached.text);
	rig_teardown(&r);
}

/* A device is sent a break, and it ends; what is typed goes on. */
static void
test_break(void **state)
{
	struct line l;
	struct rig r;
	char c;

	if (emulated()) {
		print_message("skipped: qemu-user has no TIOCSBRK\n");
		skip();
	}
	start(&r, &l);
	rig_attach(&r, 0, "t", 1, 0);
	assert_int_equal(rig_status(&r, 0, rig_op(&r, 0, CONS_BREAK), NULL), CONS_OK);
	assert_true(r.srv->consoles[0]->now->term.break_until_ns != 0);
	assert_int_equal(rig_type_at(&r, 0, 0, "x"), CONS_OK);
	far_read(&r, &l, &c, 1);
	assert_int_equal(c, 'x');
	rig_until(&r, r.srv->consoles[0]->now->term.break_until_ns == 0);
	rig_teardown(&r);
	line_close(&l);
}

/* One end of file, no more: nobody sees from here what the far end reads. */
static void
test_eof_once(void **state)
{
	struct pollfd pfd = { .events = POLLIN };
	struct link_req req;
	struct line l;
	struct rig r;
	char buf[3];

	start(&r, &l);
	rig_attach(&r, 0, "t", 1, 0);
	assert_int_equal(rig_type_at(&r, 0, 0, "ls"), CONS_OK);
	req = rig_op(&r, 0, CONS_EOF);
	req.off = 2;
	assert_int_equal(rig_status(&r, 0, req, NULL), CONS_OK);
	far_read(&r, &l, buf, 3);
	assert_memory_equal(buf, "ls\004", 3);
	rig_pass(&r, 600);
	pfd.fd = l.far;
	assert_int_equal(poll(&pfd, 1, 0), 0);
	rig_teardown(&r);
	line_close(&l);
}

/* --- one reader alone --- */

static uint16_t
try_attach(struct rig *r)
{
	struct cons_wire_attach rec = rig_attach_record("t", 1, 0);

	return rig_attach_as(r, 0, &rec);
}

static void
assert_in_use(struct rig *r, const struct line *l, const char *why)
{
	assert_int_equal(try_attach(r), CONS_EIO);
	if (strstr(r->peer[0].attached.text, l->path) == NULL ||
	    strstr(r->peer[0].attached.text, why) == NULL)
		fail_msg("%s", r->peer[0].attached.text);
}

static bool
is_exclusive(const struct line *l)
{
	int exclusive = 0;

	assert_int_equal(ioctl(l->held, TIOCGEXCL, &exclusive), 0);
	return exclusive != 0;
}

/* What others have taken. */
static void
test_respects_locks(void **state)
{
	struct line l;
	struct rig r;

	start(&r, &l);
	assert_int_equal(flock(l.held, LOCK_SH), 0);
	assert_in_use(&r, &l, "locked");
	assert_int_equal(flock(l.held, LOCK_UN), 0);
	if (!emulated()) { /* qemu-user has no TIOCEXCL */
		assert_int_equal(ioctl(l.held, TIOCEXCL), 0);
		assert_in_use(&r, &l, "in use");
		assert_int_equal(ioctl(l.held, TIOCNXCL), 0);
	}
	assert_int_equal(try_attach(&r), CONS_OK);
	rig_teardown(&r);
	line_close(&l);
}

/* What we have taken, and give back. */
static void
test_takes_locks(void **state)
{
	struct line l;
	struct rig r;

	start(&r, &l);
	assert_int_equal(try_attach(&r), CONS_OK);
	assert_int_equal(flock(l.held, LOCK_SH | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_true(emulated() || is_exclusive(&l)); /* qemu-user has no TIOCGEXCL */
	rig_teardown(&r);
	assert_int_equal(flock(l.held, LOCK_SH | LOCK_NB), 0);
	assert_true(emulated() || !is_exclusive(&l));
	line_close(&l);
}

/* The same device under another name: in one server, and in another one. */
static void
test_two_names(void **state)
{
	struct cons_console_conf conf = { .name = "u", .kind = CONS_CONSOLE_TTY };
	char device[64], err[256];
	struct cons_term t = { .fd = -1 };
	struct cons_size size = { 24, 80, 0, 0 };
	struct line l;
	struct rig r;

	start(&r, &l);
	assert_int_equal(ptsname_r(l.far, device, sizeof(device)), 0);
	conf.what = device;
	assert_int_equal(cons_server_console(r.srv, &conf, err, sizeof(err)), -EEXIST);
	if (strstr(err, device) == NULL || strstr(err, "'t'") == NULL)
		fail_msg("%s", err);
	assert_int_equal(cons_tty_ops.open(&t, device, "dumb", &size, err, sizeof(err)), 0);
	assert_in_use(&r, &l, "in use");
	cons_tty_ops.close(&t);
	assert_int_equal(try_attach(&r), CONS_OK);
	rig_teardown(&r);
	line_close(&l);
}

/* Files of UUCP stand for devices in /dev: this one nobody sits at. */
static void
test_lock_file(void **state)
{
	const char *lock = "/var/lock/LCK..tty63", *node = "/dev/tty63";
	int fd = open(node, O_RDWR | O_NOCTTY | O_NONBLOCK);
	struct line l = { .path = "/dev/tty63" };
	char text[32];
	struct rig r;
	FILE *f;

	if (fd < 0 || !isatty(fd) || access("/var/lock", W_OK) != 0 || access(lock, F_OK) == 0)
		skip();
	close(fd);
	rig_setup(&r, 1, 0);
	rig_console(&r, "t=tty:/dev/tty63,allow=any");
	rig_connect(&r, 0);
	f = fopen(lock, "w");
	assert_non_null(f);
	fprintf(f, "%10d\n", (int)getppid());
	fclose(f);
	assert_in_use(&r, &l, "lock file");
	/* One that is stale is taken over. */
	f = fopen(lock, "w");
	fprintf(f, "%10d\n", 0x3fffffff);
	fclose(f);
	assert_int_equal(try_attach(&r), CONS_OK);
	f = fopen(lock, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_int_equal(atoi(text), getpid());
	rig_teardown(&r);
	assert_int_equal(access(lock, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),      cmocka_unit_test(test_hang_up),
		cmocka_unit_test(test_break),	       cmocka_unit_test(test_eof_once),
		cmocka_unit_test(test_respects_locks), cmocka_unit_test(test_takes_locks),
		cmocka_unit_test(test_two_names),      cmocka_unit_test(test_lock_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
