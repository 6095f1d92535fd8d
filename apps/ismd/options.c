/* SPDX-License-Identifier: BSD-3-Clause */
#include "ismd.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "run_options.h"

static const char help[] =
	"usage: dpdk-ismd [EAL options --] [--export NAME=PATH[,OPTION]...]...\n"
	"                 [--console NAME=exec:CMD[,OPTION]...]... [--probe allow=...]\n"
	"                 [options]\n"
	"\n"
	"Serves disk images and consoles to other systems over ISM, and answers link tests.\n"
	"\n"
	"  --export NAME=PATH[,ro][,force][,allow=GID[:GID...]|allow=any][,desc=TEXT]\n"
	"                           serve this regular file or block device under that name;\n"
	"                           ro: read-only; force: though others have it in use;\n"
	"                           allow: who may use it, GIDs in hex (nobody); desc: a\n"
	"                           text for lists; ',,' stands for a comma in PATH or\n"
	"                           TEXT; several may be given\n"
	"  --console NAME=exec:CMD[,allow=GID[:GID...]|allow=any]\n"
	"        [,observe=GID[:GID...]|observe=any][,share]\n"
	"        [,keep=SECONDS|keep=forever][,desc=TEXT]\n"
	"                           offer a console: CMD, run by /bin/sh (/bin/login), on a\n"
	"                           terminal of its own; allow: who may use it; observe: who\n"
	"                           may look on; share: another GID may go on with what one\n"
	"                           has left; keep: hang up so long after the writer has left;\n"
	"                           several may be given\n"
	"  --console NAME=tty:PATH[,OPTION]...\n"
	"                           offer this terminal device\n"
	"  --probe allow=GID[:GID...][,allow=...]|allow=any\n"
	"                           answer link tests of these systems (nobody)\n"
	"  --scrollback BYTES       output kept for each console, 4K to 64M (256K)\n"
	"  --queues N               queues that a client may have (16)\n"
	"  --depth N                requests in flight per queue, a power of two (128)\n"
	"  --slot-size BYTES        largest request on the link, a multiple of 4K (64K)\n"
	"  --sessions N             clients at once, of all services (1024)\n"
	"  --memory BYTES           memory that their sessions may have (a quarter of what\n"
	"                           this machine has)\n"
	"  --client-memory BYTES    the same of one client (256M)\n"
	"  --client-dmbs N          buffers of the device that one client may have (512)\n"
	"  --keepalive-ms MS        a sign of life is sent this often (1000)\n"
	"  --hot-us US              poll without sleeping for so long after work (200)\n"
	"  --idle-max-us US         longest sleep when idle, doubled where waking is dear (4000)\n"
	"  --user NAME              serve as this user: root opens what is served, then is\n"
	"                           given up\n"
	"  --device NAME            the function to use, when there are several\n"
	"  --name NAME              of this runtime, for dpdk-ismctl (default)\n"
	"  --config FILE            jobs to do, one a line; SIGHUP reads it again\n"
	"  --peers FILE             names of GIDs (/etc/dpdk-ism/peers)\n"
	"  --quiet                  say only what goes wrong\n"
	"  --help, --version        print this, or the version, and end\n"
	"\n"
	"--queues is for exports, --depth and --slot-size for exports and link tests. EAL\n"
	"options are DPDK's: -l 0-1, --vdev=raw_ism0,socket=PATH and so on. The variable\n"
	"ISM_VDEV_SOCKET stands for the latter. See dpdk-ismd(8).\n";

static const struct run_jobs *job_table; /* knows the kinds of jobs while options are parsed */

/* Keep "TYPE SPEC" if its form is right. */
static int
take_job(struct ismd_options *opt, const char *type, const char *spec)
{
	char **jobs = realloc(opt->jobs, (opt->job_count + 1) * sizeof(*jobs)), *text;
	char err[RUN_JOB_ERR];

	if (jobs == NULL || asprintf(&text, "%s %s", type, spec) < 0) {
		run_error("no memory");
		opt->jobs = jobs != NULL ? jobs : opt->jobs;
		return RUN_EXIT_FAIL;
	}
	opt->jobs = jobs;
	opt->jobs[opt->job_count++] = text;
	if (run_job_check(job_table, text, err) == 0)
		return -1;
	run_error("%s", err);
	return RUN_EXIT_USAGE;
}

static int
take_export(void *options, const char *name, const char *arg)
{
	struct ismd_options *opt = options;

	if (opt->export_count++ < BLK_EXPORTS_MAX)
		return take_job(opt, "export", arg);
	run_error("more than %d exports", BLK_EXPORTS_MAX);
	return RUN_EXIT_USAGE;
}

static int
take_console(void *options, const char *name, const char *arg)
{
	struct ismd_options *opt = options;

	if (opt->console_count++ < CONS_CONSOLES_MAX)
		return take_job(opt, "console", arg);
	run_error("more than %d consoles", CONS_CONSOLES_MAX);
	return RUN_EXIT_USAGE;
}

static int
take_first_probe(struct ismd_options *opt, const char *arg)
{
	int ret = take_job(opt, "probe", arg);

	opt->probe = opt->job_count;
	return ret;
}

/* Each adds to who may: it is one job. */
static int
take_probe(void *options, const char *name, const char *arg)
{
	struct ismd_options *opt = options;
	char err[RUN_JOB_ERR], *text;

	if (opt->probe == 0)
		return take_first_probe(opt, arg);
	if (asprintf(&text, "%s,%s", opt->jobs[opt->probe - 1], arg) < 0) {
		run_error("no memory");
		return RUN_EXIT_FAIL;
	}
	free(opt->jobs[opt->probe - 1]);
	opt->jobs[opt->probe - 1] = text;
	if (run_job_check(job_table, text, err) == 0)
		return -1;
	run_error("%s", err);
	return RUN_EXIT_USAGE;
}

static int
take_user(void *options, const char *name, const char *arg)
{
	struct ismd_options *opt = options;
	int ret = run_user_find(arg, &opt->user);

	return ret == RUN_EXIT_OK ? -1 : ret;
}

#define AT(field) .at = offsetof(struct ismd_options, field)

static const struct run_option table[] = {
	{ "export", RUN_OPTION_TAKE, .take = take_export },
	{ "console", RUN_OPTION_TAKE, .take = take_console },
	{ "probe", RUN_OPTION_TAKE, .take = take_probe },
	{ "scrollback", RUN_OPTION_NUMBER, AT(scrollback), CONS_SCROLLBACK_MIN, CONS_SCROLLBACK_MAX,
	  CONS_SCROLLBACK_DEFAULT, .suffix = true },
	{ "device", RUN_OPTION_TEXT, AT(device) },
	{ "name", RUN_OPTION_TEXT, AT(name) },
	{ "config", RUN_OPTION_TEXT, AT(config) },
	{ "peers", RUN_OPTION_TEXT, AT(peers) },
	{ "user", RUN_OPTION_TAKE, .take = take_user },
	{ "quiet", RUN_OPTION_FLAG, AT(quiet) },
	{ "queues", RUN_OPTION_NUMBER, AT(queues), 1, LINK_QUEUES_MAX, 16 },
	{ "depth", RUN_OPTION_NUMBER, AT(depth), 2, LINK_DEPTH_MAX, 128, .power_of_two = true },
	{ "slot-size", RUN_OPTION_NUMBER, AT(slot_size), 4096, LINK_SLOT_MAX, 65536,
	  .multiple = 4096, .suffix = true },
	{ "sessions", RUN_OPTION_NUMBER, AT(sessions), 1, 1024, 1024 },
	{ "memory", RUN_OPTION_NUMBER, AT(memory), 16 << 20, UINT64_C(1) << 50, 0, .suffix = true },
	{ "client-memory", RUN_OPTION_NUMBER, AT(client_memory), 1 << 20, UINT64_C(1) << 50,
	  256 << 20, .suffix = true },
	{ "client-dmbs", RUN_OPTION_NUMBER, AT(client_dmbs), 4, 1888, 512 },
	{ "keepalive-ms", RUN_OPTION_NUMBER, AT(keepalive_ms), 10, 60000, 1000 },
	{ "hot-us", RUN_OPTION_NUMBER, AT(hot_us), 0, 1000000, 200 },
	{ "idle-max-us", RUN_OPTION_NUMBER, AT(idle_max_us), 20, 100000, 4000 },
};

static const struct run_options command_line = {
	.program = "dpdk-ismd",
	.help = help,
	.table = table,
	.count = sizeof(table) / sizeof(table[0]),
};

/* Without a word of what to do there may be the system's own configuration. */
static int
find_config(struct ismd_options *opt)
{
	if (opt->job_count > 0 || opt->config != NULL || opt->name != NULL)
		return -1;
	if (access(ISMD_CONFIG_FILE, F_OK) == 0) {
		opt->config = ISMD_CONFIG_FILE;
		return -1;
	}
	run_error(
		"--export NAME=PATH, --console NAME=exec:CMD or --probe allow=GID is missing: "
		"what is to be served? (--name NAME: jobs come later; --config FILE: they are in a "
		"file)");
	return RUN_EXIT_USAGE;
}

int
ismd_options_parse(int argc, char **argv, const struct run_jobs *jobs, struct ismd_options *opt)
{
	int ret;

	memset(opt, 0, sizeof(*opt));
	job_table = jobs;
	ret = run_options_parse(&command_line, argc, argv, opt);
	return ret >= 0 ? ret : find_config(opt);
}

void
ismd_options_free(struct ismd_options *opt)
{
	for (unsigned int i = 0; i < opt->job_count; i++)
		free(opt->jobs[i]);
	free(opt->jobs);
}
