/* SPDX-License-Identifier: BSD-3-Clause */
#include "app.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base_peers.h"
#include "base_text.h"
#include "run.h"
#include "run_options.h"

static const char help[] =
	"usage: dpdk-ismstat [EAL options --] [options] [COMMAND WORDS...]\n"
	"       dpdk-ismstat --attach PREFIX|PID [options] [COMMAND WORDS...]\n"
	"\n"
	"Tests the link between two ISM functions and shows what is counted: of a function of\n"
	"its own, or of another running program.\n"
	"\n"
	"  -i, --interactive        a prompt, after what the options below say\n"
	"  --cmdline-file FILE      do the commands in FILE, one a line ('-': standard input)\n"
	"  --command \"LINE\"         do this command; several may be given\n"
	"  --stats-period SECONDS   print the counters this often, with rates\n"
	"  --json                   print what is shown as one line of JSON each\n"
	"  --top                    a live view, until q\n"
	"  --openmetrics            print all counters as OpenMetrics text, and end\n"
	"  --attach PREFIX|PID      read that program's counters; no function is opened\n"
	"  --peer GID               open a link to this function, GID in hex\n"
	"  --listen any|GID[:GID...]  answer tests of these functions, until a signal or quit\n"
	"  --keepalive-ms MS        a sign of life is sent this often (1000)\n"
	"  --hot-us US              poll without sleeping for so long after work (200)\n"
	"  --idle-max-us US         longest sleep when idle, doubled where waking is dear (4000)\n"
	"  --device NAME            the function to use, when there are several\n"
	"  --quiet                  say only what goes wrong\n"
	"  --help, --version        print this, or the version, and end\n"
	"\n"
	"Without -i, a command or a view commands come from standard input: at a terminal\n"
	"with a prompt. 'help' there lists them. EAL options are DPDK's: -l 0-1,\n"
	"--vdev=raw_ism0,socket=PATH and so on. The variable ISM_VDEV_SOCKET stands for the\n"
	"latter. See dpdk-ismstat(8).\n";

static int
take_command(void *options, const char *name, const char *text)
{
	struct options *opt = options;

	if (strlen(text) >= FORM_LINE_MAX || strchr(text, '\n') != NULL) {
		run_error("--command: expected one line of at most %d characters",
			  FORM_LINE_MAX - 1);
		return RUN_EXIT_USAGE;
	}
	if (opt->line_count == APP_LINES_MAX) {
		run_error("more than %d times --command: expected --cmdline-file", APP_LINES_MAX);
		return RUN_EXIT_USAGE;
	}
	opt->lines[opt->line_count++] = text;
	return -1;
}

static int
take_word(void *options, const char *word)
{
	struct options *opt = options;
	size_t len = strlen(opt->words);
	int n = snprintf(opt->words + len, sizeof(opt->words) - len, "%s%s", len > 0 ? " " : "",
			 word);

	if (n >= 0 && (size_t)n < sizeof(opt->words) - len && strpbrk(word, "\n#") == NULL)
		return -1;
	run_error("'%.32s...' is no command", word);
	return RUN_EXIT_USAGE;
}

static int
take_peer(void *options, const char *name, const char *text)
{
	if (base_peer_parse(text, &((struct options *)options)->peer) == 0)
		return -1;
	return run_option_wrong(name, text, base_peer_expected());
}

/* "any", or GIDs with colons between them. */
static int
take_listen(void *options, const char *name, const char *text)
{
	struct options *opt = options;
	char *list = strdup(text);
	const char *bad;
	int ret = list != NULL ? base_allow_parse(&opt->allow, list, &bad) : -ENOMEM;

	opt->listen = true;
	free(list);
	if (ret == 0)
		return -1;
	return run_option_wrong(name, text, "any, or at most 64 GIDs or names: GID[:GID...]");
}

#define AT(field) .at = offsetof(struct options, field)

static const struct run_option table[] = {
	{ "interactive", RUN_OPTION_FLAG, AT(interactive), .letter = 'i' },
	{ "cmdline-file", RUN_OPTION_TEXT, AT(file) },
	{ "command", RUN_OPTION_TAKE, .take = take_command },
	{ "stats-period", RUN_OPTION_NUMBER, AT(stats_period), 1, 86400, 0 },
	{ "json", RUN_OPTION_FLAG, AT(json) },
	{ "top", RUN_OPTION_FLAG, AT(top) },
	{ "openmetrics", RUN_OPTION_FLAG, AT(openmetrics) },
	{ "attach", RUN_OPTION_TEXT, AT(attach) },
	{ "peer", RUN_OPTION_TAKE, .take = take_peer },
	{ "listen", RUN_OPTION_TAKE, .take = take_listen },
	{ "device", RUN_OPTION_TEXT, AT(device) },
	{ "quiet", RUN_OPTION_FLAG, AT(quiet) },
	{ "keepalive-ms", RUN_OPTION_NUMBER, AT(keepalive_ms), 10, 60000, 1000 },
	{ "hot-us", RUN_OPTION_NUMBER, AT(hot_us), 0, 1000000, 200 },
	{ "idle-max-us", RUN_OPTION_NUMBER, AT(idle_max_us), 20, 100000, 4000 },
};

static const struct run_options command_line = {
	.program = "dpdk-ismstat",
	.help = help,
	.table = table,
	.count = sizeof(table) / sizeof(table[0]),
	.word = take_word,
};

/* What is wrong only when all options are known. */
static int
check(const struct options *opt)
{
	bool lines = opt->line_count > 0 || opt->file != NULL || opt->words[0] != '\0';
	const char *what = NULL;

	if (opt->attach != NULL && opt->attach[0] == '\0')
		what = "--attach '': expected a file prefix or a PID";
	else if (opt->attach != NULL && (opt->listen || opt->peer != 0 || opt->device != NULL))
		what = "--attach only reads: it excludes --listen, --peer and --device";
	else if (opt->top && opt->openmetrics)
		what = "--top and --openmetrics exclude each other";
	else if ((opt->top || opt->openmetrics) && (opt->interactive || opt->json || lines))
		what = "--top and --openmetrics exclude -i, --json and commands";
	else if (opt->openmetrics && opt->stats_period != 0)
		what = "--openmetrics prints once: it excludes --stats-period";
	else if (opt->interactive && opt->stats_period != 0)
		what = "-i and --stats-period exclude each other";
	if (what == NULL)
		return -1;
	run_error("%s", what);
	return RUN_EXIT_USAGE;
}

int
options_parse(int argc, char **argv, struct options *opt)
{
	int ret;

	memset(opt, 0, sizeof(*opt));
	ret = run_options_parse(&command_line, argc, argv, opt);
	return ret >= 0 ? ret : check(opt);
}
