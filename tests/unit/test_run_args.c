/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line's EAL part: defaults, and the lines that bad input gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "run.h"
#include "run_priv.h"

#define ARGS_MAX 16

struct row {
	const char *line; /* words separated by blanks */
	const char *vdev_env;
	bool hugepages;
	int ret;
	const char *eal; /* what EAL would get, after argv[0]; or the complaint if ret is not 0 */
	const char *app; /* what the program would get, after argv[0] */
};

#define QUIET " --log-level=lib.eal:error"
#define OWN " --iova-mode=va --file-prefix=ismx-77" QUIET
#define FLOAT " --lcores=0@(0,1)"
#define SMALL " --no-huge -m 64"

static const struct row rows[] = {
	{ "", NULL, false, 0, "--lcores=0@(0,1) --no-huge -m 64" OWN, "" },
	{ "--peer 1", NULL, false, 0, "--lcores=0@(0,1)" SMALL OWN, "--peer 1" },
	{ "-- --peer 1", NULL, false, 0, "--lcores=0@(0,1)" SMALL OWN, "--peer 1" },
	{ "-l 0 --", NULL, false, 0, "-l 0" SMALL OWN, "" },
	{ "-l 0-1 -- a -- b", NULL, false, 0, "-l 0-1" SMALL OWN, "a -- b" },
	{ "-c 3 --", NULL, false, 0, "-c 3" SMALL OWN, "" },
	{ "-c0x2 --", NULL, false, 0, "-c0x2" SMALL OWN, "" },
	{ "--lcores 0@(0-1),5@1 --", NULL, false, 0, "--lcores 0@(0-1),5@1" SMALL OWN, "" },
	{ "--lcores=(0,7)@0 --", NULL, false, 0, "--lcores=(0,7)@0" SMALL OWN, "" },
	{ "-m 512 --", NULL, false, 0, "-m 512" FLOAT " --no-huge" OWN, "" },
	{ "--no-huge --", NULL, false, 0, "--no-huge" FLOAT OWN, "" },
	{ "", NULL, true, 0, "--lcores=0@(0,1) --huge-unlink" OWN, "" },
	{ "--file-prefix p --", NULL, true, 0, "--file-prefix p" FLOAT " --iova-mode=va" QUIET,
	  "" },
	{ "--log-level ism:8 --", NULL, false, 0,
	  "--log-level ism:8" FLOAT SMALL " --iova-mode=va --file-prefix=ismx-77", "" },
	{ "--vdev raw_ism0,socket=/s --", NULL, false, 0,
	  "--vdev raw_ism0,socket=/s --no-pci" FLOAT SMALL OWN, "" },
	{ "--vdev raw_ism0 -a 0:1:2.3 --", NULL, false, 0,
	  "--vdev raw_ism0 -a 0:1:2.3" FLOAT SMALL OWN, "" },
	{ "", "/run/a", false, 0, "--vdev=raw_ism0,socket=/run/a --no-pci" FLOAT SMALL OWN, "" },
	{ "--vdev raw_ism0,socket=/s --", "/run/a", false, 0,
	  "--vdev raw_ism0,socket=/s --no-pci" FLOAT SMALL OWN, "" },
	{ "-a 0:1:2.3 --", "/run/a", false, 0, "-a 0:1:2.3" FLOAT SMALL OWN, "" },

	/* Those that are there are used. */
	{ "-l 0-3 --", NULL, false, 0, "-l 0-1" SMALL OWN, "" },
	{ "-l0-3 --", NULL, false, 0, "-l0-1" SMALL OWN, "" },
	{ "-l 3,1,5 --", NULL, false, 0, "-l 1" SMALL OWN, "" },
	{ "-l 1-9999 --", NULL, false, 0, "-l 1" SMALL OWN, "" },
	{ "--corelist=1-7 --", NULL, false, 0, "--corelist=1" SMALL OWN, "" },
	{ "-c ff --", NULL, false, 0, "-c 3" SMALL OWN, "" },
	{ "--coremask=0xfe --", NULL, false, 0, "--coremask=2" SMALL OWN, "" },
	{ "--lcores=0-3 --", NULL, false, 0, "--lcores=0-1" SMALL OWN, "" },
	{ "--lcores=(0-3) --", NULL, false, 0, "--lcores=(0-1)" SMALL OWN, "" },
	{ "--lcores 0@0,1@3,2@(1,3) --", NULL, false, 0, "--lcores 0@(0),2@(1)" SMALL OWN, "" },
	{ "--lcores=(0,7)@(1-5),3@1 --", NULL, false, 0, "--lcores=(0,7)@(1),3@(1)" SMALL OWN, "" },

	{ "-l 2-3 --", NULL, false, 2, "-l 2-3: there is no CPU 2-3; this machine has CPU 0-1", 0 },
	{ "-l 3,7,5 --", NULL, false, 2, "there is no CPU 3,5,7; this machine has CPU 0-1", 0 },
	{ "-l 9999 --", NULL, false, 2, "there is no CPU 9999; this machine has CPU 0-1", 0 },
	{ "-l 2-9999 --", NULL, false, 2, "there is no CPU 2-1023", 0 },
	{ "-l abc --", NULL, false, 2, "-l abc: expected a list of CPUs", 0 },
	{ "-l 0, --", NULL, false, 2, "-l 0,: expected a list of CPUs", 0 },
	{ "-l 1- --", NULL, false, 2, "-l 1-: expected a list of CPUs", 0 },
	{ "-l 99999999999999999999 --", NULL, false, 2, "expected a list of CPUs", 0 },
	{ "-c 4 --", NULL, false, 2, "-c 4: there is no CPU 2; this machine has CPU 0-1", 0 },
	{ "-c xyz --", NULL, false, 2, "-c xyz: expected a hex mask", 0 },
	{ "-c 0x --", NULL, false, 2, "expected a hex mask", 0 },
	{ "--lcores 0@2 --", NULL, false, 2, "--lcores 0@2: there is no CPU 2", 0 },
	{ "--lcores (2-3),5@7 --", NULL, false, 2, "there is no CPU 2-3,7;", 0 },
	{ "--lcores 0@(0 --", NULL, false, 2, "expected lcores[@cpus]", 0 },
	{ "--lcores 0@0@0 --", NULL, false, 2, "expected lcores[@cpus]", 0 },
	{ "-m abc --", NULL, false, 2, "-m abc: expected a number from 1 to", 0 },
	{ "-m 64MiB --", NULL, false, 2, "-m 64MiB: expected a number", 0 },
	{ "--memory-size=-1 --", NULL, false, 2, "-m -1: expected a number", 0 },
	{ "-n0 --", NULL, false, 2, "-n 0: expected a number", 0 },
	{ "--bogus --", NULL, false, 2, "unknown or ambiguous EAL option '--bogus'", 0 },
	{ "-z --", NULL, false, 2, "unknown or ambiguous EAL option '-z'", 0 },
	{ "-l --", NULL, false, 2, "no value for EAL option '-l'", 0 },
	{ "word --", NULL, false, 2, "'word' before -- is not an EAL option", 0 },
};

/* Run run_args_on() with stderr in a file, and give back what it wrote. */
static int
call(const struct run_host *host, int argc, char **argv, int *app_argc, char ***app_argv,
     char *said, size_t size)
{
	FILE *f = tmpfile();
	int ret, saved = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(f);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	ret = run_args_on(host, argc, argv, "dpdk-ismx", app_argc, app_argv);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	n = fread(said, 1, size - 1, f);
	said[n] = '\0';
	fclose(f);
	return ret;
}

static void
join(char *buf, size_t size, int argc, char **argv)
{
	size_t len = 0;
	int i;

	buf[0] = '\0';
	for (i = 1; i < argc && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i > 1 ? " " : "", argv[i]);
}

static void
check_row(const struct row *row)
{
	struct run_host host = { .vdev_socket = row->vdev_env,
				 .hugepages = row->hugepages,
				 .pid = 77 };
	char words[256], said[1024], got[1024], *argv[ARGS_MAX], *save = NULL, *w;
	char prog[] = "prog", **app_argv, **eal_argv;
	int argc = 0, app_argc, eal_argc, ret;

	CPU_SET(0, &host.online);
	CPU_SET(1, &host.online);
	host.affinity = host.online;
	snprintf(words, sizeof(words), "%s", row->line);
	argv[argc++] = prog;
	for (w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	ret = call(&host, argc, argv, &app_argc, &app_argv, said, sizeof(said));
	if (ret != row->ret)
		fail_msg("'%s': returned %d, not %d: %s", row->line, ret, row->ret, said);
	if (ret != 0) {
		if (strstr(said, row->eal) == NULL || strncmp(said, "dpdk-ismx: ", 11) != 0)
			fail_msg("'%s': said '%s', not '%s'", row->line, said, row->eal);
		assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); /* one line */
		return;
	}
	assert_string_equal(said, "");
	eal_argv = run_eal_argv(&eal_argc);
	join(got, sizeof(got), eal_argc, eal_argv);
	assert_string_equal(got, row->eal);
	assert_null(eal_argv[eal_argc]);
	join(got, sizeof(got), app_argc, app_argv);
	assert_string_equal(got, row->app);
}

static void
test_rows(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

static void
test_program_name_is_argv0(void **state)
{
	char prog[] = "prog", l[] = "-l", zero[] = "0", dashes[] = "--", x[] = "x";
	char *argv[] = { prog, l, zero, dashes, x, NULL }, **app;
	struct run_host host = { .pid = 1 };
	int n;

	CPU_SET(0, &host.online);
	host.affinity = host.online;
	assert_int_equal(run_args_on(&host, 5, argv, "dpdk-ismx", &n, &app), 0);
	assert_int_equal(n, 2);
	assert_string_equal(app[0], "dpdk-ismx");
	assert_string_equal(app[1], "x");
	assert_null(app[2]);
}

static void
test_facts(void **state)
{
	char prog[] = "prog", vdev[] = "--vdev=raw_ism3,vlan=1,socket=/a/b,x=y", dashes[] = "--";
	char *argv[] = { prog, vdev, dashes, NULL }, **app;
	struct run_host host = { .pid = 1 };
	int n;

	CPU_SET(0, &host.online);
	host.affinity = host.online;
	assert_int_equal(run_args_on(&host, 3, argv, "dpdk-ismx", &n, &app), 0);
	assert_string_equal(run_eal_facts()->socket, "/a/b");
	assert_string_equal(run_eal_facts()->prefix, "ismx-");
	assert_true(run_eal_facts()->device);
	assert_true(run_eal_facts()->own_prefix);
	assert_false(run_eal_facts()->logs);
}

static void
test_too_many(void **state)
{
	static char word[] = "--no-hpet", dashes[] = "--", prog[] = "prog";
	char *argv[200], **app, said[256];
	struct run_host host = { .pid = 1 };
	int i, n;

	argv[0] = prog;
	for (i = 1; i < 198; i++)
		argv[i] = word;
	argv[198] = dashes;
	argv[199] = NULL;
	assert_int_equal(call(&host, 199, argv, &n, &app, said, sizeof(said)), 2);
	assert_non_null(strstr(said, "EAL options"));
}

static void
test_cpus_str(void **state)
{
	cpu_set_t set;
	char buf[64];

	CPU_ZERO(&set);
	assert_string_equal(run_cpus_str(&set, buf, sizeof(buf)), "");
	CPU_SET(0, &set);
	CPU_SET(2, &set);
	CPU_SET(3, &set);
	CPU_SET(CPU_SETSIZE - 1, &set);
	assert_string_equal(run_cpus_str(&set, buf, sizeof(buf)), "0,2-3,1023");
	run_cpus_str(&set, buf, 4); /* cut, not overrun */
	assert_int_equal(strlen(buf), 3);
}

/* The probe must leave the process where it was. */
static void
test_probe(void **state)
{
	struct run_host host;
	cpu_set_t before, after;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	run_host_probe(&host);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
	assert_true(CPU_EQUAL(&before, &host.affinity));
	assert_true(CPU_COUNT(&host.online) >= CPU_COUNT(&host.affinity));
	assert_int_equal(host.pid, getpid());
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	 cmocka_unit_test(test_program_name_is_argv0),
		cmocka_unit_test(test_facts),	 cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_cpus_str), cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
