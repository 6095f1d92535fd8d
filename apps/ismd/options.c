/* SPDX-License-Identifier: BSD-3-Clause */
#include "ismd.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base_text.h"
#include "run.h"
#include "run_options.h"

static const char help[] =
	"usage: dpdk-ismd [EAL options --] [--export NAME=PATH[,OPTION]...]...\n"
	"                 [--console NAME=exec:CMD[,OPTION]...]... [options]\n"
	"\n"
	"Serves disk images and consoles to other systems over ISM.\n"
	"\n"
	"  --export NAME=PATH[,ro][,allow=GID[:GID...]|allow=any][,desc=TEXT]\n"
	"                           serve this regular file or block device under that name;\n"
	"                           ro: read-only; allow: who may use it, GIDs in hex\n"
	"                           (nobody); desc: a text for lists; ',,' stands for a comma\n"
	"                           in PATH or TEXT; several may be given\n"
	"  --console NAME=exec:CMD[,allow=GID[:GID...]|allow=any]\n"
	"        [,observe=GID[:GID...]|observe=any][,desc=TEXT]\n"
	"                           offer a console: CMD, run by /bin/sh (/bin/login), on a\n"
	"                           terminal of its own; allow: who may use it; observe: who\n"
	"                           may look on; several may be given\n"
	"  --console NAME=tty:PATH[,OPTION]...\n"
	"                           offer this terminal device\n"
	"  --scrollback BYTES       output kept for each console, 4K to 64M (256K)\n"
	"  --queues N               queues that a client may have (16)\n"
	"  --depth N                requests in flight per queue, a power of two (128)\n"
	"  --slot-size BYTES        largest request on the link, a multiple of 4K (64K)\n"
	"  --keepalive-ms MS        a sign of life is sent this often (1000)\n"
	"  --hot-us US              poll without sleeping for so long after work (200)\n"
	"  --idle-max-us US         longest sleep when idle (4000)\n"
	"  --device NAME            the function to use, when there are several\n"
	"  --quiet                  say only what goes wrong\n"
	"  --help, --version        print this, or the version, and end\n"
	"\n"
	"--queues, --depth and --slot-size are for exports. EAL options are DPDK's: -l 0-1,\n"
	"--vdev=raw_ism0,socket=PATH and so on. The variable ISM_VDEV_SOCKET stands for the\n"
	"latter. See dpdk-ismd(8).\n";

static int
take_export(void *options, const char *name, const char *arg)
{
	struct options *opt = options;
	struct export_option *e;
	char err[256];

	e = realloc(opt->exports, (opt->export_count + 1) * sizeof(*e));
	if (e == NULL) {
		run_error("no memory");
		return RUN_EXIT_FAIL;
	}
	opt->exports = e;
	e += opt->export_count;
	if (blk_export_parse(arg, &e->conf, &e->text, err, sizeof(err)) != 0) {
		run_error("%s", err);
		return RUN_EXIT_USAGE;
	}
	opt->export_count++;
	return -1;
}

static int
take_console(void *options, const char *name, const char *arg)
{
	struct options *opt = options;
	struct console_option *c;
	char err[256];

	c = realloc(opt->consoles, (opt->console_count + 1) * sizeof(*c));
	if (c == NULL) {
		run_error("no memory");
		return RUN_EXIT_FAIL;
	}
	opt->consoles = c;
	c += opt->console_count;
	if (cons_console_parse(arg, &c->conf, &c->text, err, sizeof(err)) != 0) {
		run_error("%s", err);
		return RUN_EXIT_USAGE;
	}
	opt->console_count++;
	return -1;
}

#define AT(field) .at = offsetof(struct options, field)

static const struct run_option table[] = {
	{ "export", RUN_OPTION_TAKE, .take = take_export },
	{ "console", RUN_OPTION_TAKE, .take = take_console },
	{ "scrollback", RUN_OPTION_NUMBER, AT(scrollback), CONS_SCROLLBACK_MIN, CONS_SCROLLBACK_MAX,
	  CONS_SCROLLBACK_DEFAULT, .suffix = true },
	{ "device", RUN_OPTION_TEXT, AT(device) },
	{ "quiet", RUN_OPTION_FLAG, AT(quiet) },
	{ "queues", RUN_OPTION_NUMBER, AT(queues), 1, LINK_QUEUES_MAX, 16 },
	{ "depth", RUN_OPTION_NUMBER, AT(depth), 2, LINK_DEPTH_MAX, 128, .power_of_two = true },
	{ "slot-size", RUN_OPTION_NUMBER, AT(slot_size), 4096, LINK_SLOT_MAX, 65536,
	  .multiple = 4096, .suffix = true },
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

int
options_parse(int argc, char **argv, struct options *opt)
{
	int ret;

	memset(opt, 0, sizeof(*opt));
	ret = run_options_parse(&command_line, argc, argv, opt);
	if (ret >= 0 || opt->export_count > 0 || opt->console_count > 0)
		return ret;
	run_error("--export NAME=PATH or --console NAME=exec:CMD is missing: what is to be "
		  "served?");
	return RUN_EXIT_USAGE;
}

void
options_free(struct options *opt)
{
	for (unsigned int i = 0; i < opt->export_count; i++)
		free(opt->exports[i].text);
	free(opt->exports);
	for (unsigned int i = 0; i < opt->console_count; i++)
		free(opt->consoles[i].text);
	free(opt->consoles);
}
