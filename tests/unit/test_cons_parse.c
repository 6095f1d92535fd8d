/* SPDX-License-Identifier: BSD-3-Clause */
/* What a person may type for a console, and what of it can be offered. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "cons_server_priv.h"

static char err[256];

static char *
good(const char *arg, struct cons_console_conf *conf)
{
	char *text;

	if (cons_console_parse(arg, conf, &text, err, sizeof(err)) != 0)
		fail_msg("%s: %s", arg, err);
	return text;
}

static void
bad(const char *arg, const char *word)
{
	struct cons_console_conf conf;
	char *text = (char *)1;

	err[0] = '\0';
	assert_int_equal(cons_console_parse(arg, &conf, &text, err, sizeof(err)), -EINVAL);
	assert_null(text);
	if (strstr(err, word) == NULL || strchr(err, '\n') != NULL)
		fail_msg("%s: '%s', expected one line with '%s'", arg, err, word);
}

static void
test_plain(void **state)
{
	struct cons_console_conf conf;
	char *text = good("sh=exec:/bin/bash -i", &conf);

	assert_string_equal(conf.name, "sh");
	assert_int_equal(conf.kind, CONS_CONSOLE_EXEC);
	assert_string_equal(conf.what, "/bin/bash -i");
	assert_null(conf.desc);
	assert_false(conf.allow.any || conf.observe.any);
	assert_int_equal(conf.allow.count + conf.observe.count, 0);
	free(text);
	text = good("s=tty:/dev/ttyS0", &conf);
	assert_int_equal(conf.kind, CONS_CONSOLE_TTY);
	assert_string_equal(conf.what, "/dev/ttyS0");
	free(text);
	text = good("l=exec:", &conf);
	assert_string_equal(conf.what, "/bin/login");
	free(text);
}

static void
test_options(void **state)
{
	struct cons_console_conf conf;
	char *text = good("c=exec:echo a,,b=1,allow=1:0x2:ff,observe=any,desc=This,, and that",
			  &conf);

	assert_string_equal(conf.what, "echo a,b=1");
	assert_string_equal(conf.desc, "This, and that");
	assert_int_equal(conf.allow.count, 3);
	assert_int_equal(conf.allow.gid[2], 0xff);
	assert_true(conf.observe.any);
	assert_false(conf.allow.any);
	free(text);
	text = good("c=exec:x,observe=7,allow=any,observe=8", &conf);
	assert_true(conf.allow.any);
	assert_int_equal(conf.observe.count, 2);
	assert_int_equal(conf.observe.gid[1], 8);
	free(text);
}

static void
test_bad(void **state)
{
	char many[64 + BASE_ALLOW_MAX * 3] = "c=exec:x,observe=1";

	bad("", "NAME=exec:COMMAND");
	bad("c", "NAME=exec:COMMAND");
	bad("=exec:x", "NAME=exec:COMMAND");
	bad("c=", "NAME=exec:COMMAND");
	bad("c=/bin/sh", "NAME=exec:COMMAND");
	bad("c=tty:", "NAME=tty:PATH");
	bad("c=tty:,allow=any", "NAME=tty:PATH");
	bad("c=exec:x,ro", "unknown option 'ro'");
	bad("c=exec:x,", "unknown option ''");
	bad("c=exec:x,allow=", "allow=");
	bad("c=exec:x,allow=0", "allow=0");
	bad("c=exec:x,observe=xyz", "observe=xyz");
	bad("c=exec:x,observe=1:any", "observe=any");
	for (unsigned int i = 0; i < BASE_ALLOW_MAX; i++)
		strcat(many, ":2");
	bad(many, "more than 64");
}

/* --- what the server makes of it --- */

static struct cons_server srv;

static int
offer(const char *arg)
{
	struct cons_console_conf conf;
	char *text = good(arg, &conf);
	int ret = cons_server_console(&srv, &conf, err, sizeof(err));

	free(text);
	return ret;
}

static void
refused(const char *arg, int want, const char *word)
{
	unsigned int was = srv.count;

	assert_int_equal(offer(arg), want);
	assert_int_equal(srv.count, was);
	if (strstr(err, word) == NULL || strchr(err, '\n') != NULL)
		fail_msg("%s: '%s', expected one line with '%s'", arg, err, word);
}

static void
test_offers(void **state)
{
	char name[32];

	pthread_mutex_init(&srv.lock, NULL);
	refused("a b=exec:x", -EINVAL, "console 'a b'");
	refused("..=exec:x", -EINVAL, "console '..'");
	refused("c=exec: \t", -EINVAL, "empty");
	refused("c=tty:/no/such/thing", -ENOENT, "/no/such/thing: No such file");
	refused("c=tty:/etc/passwd", -ENOTTY, "/etc/passwd is not a terminal");
	refused("c=tty:/", -ENOTTY, "/ is not a terminal");
	refused("c=tty:/dev/null", -ENOTTY, "/dev/null is not a terminal");
	assert_int_equal(offer("c=exec:x,desc=line\nbreak"), 0);
	assert_string_equal(srv.consoles[0]->desc, "line?break");
	refused("c=exec:y", -EEXIST, "'c': this name is given twice");
	while (srv.count < CONS_CONSOLES_MAX) {
		snprintf(name, sizeof(name), "c%u=exec:x", srv.count);
		assert_int_equal(offer(name), 0);
	}
	refused("d=exec:x", -ENOSPC, "at most 64");
	while (srv.count > 0)
		cons_console_free(srv.consoles[--srv.count]);
	pthread_mutex_destroy(&srv.lock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_offers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
