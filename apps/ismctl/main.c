/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-ismctl: ask a runtime what it does, and tell it what to do. It needs no EAL: each command is
 * one request over the runtime's socket.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_process.h"
#include "ismctl.h"
#include "run.h"
#include "run_client.h"
#include "run_priv.h"
#include "run_rpc.h"

#define FILE_MAX (RUN_RPC_LINE_MAX / 2) /* bytes of a file that is checked */

static const char help[] =
	"usage: dpdk-ismctl [--runtime NAME] [--json] COMMAND [ARGUMENT]...\n"
	"\n"
	"Asks a running dpdk-ismd what it does, and tells it what to do.\n"
	"\n"
	"  list                     the jobs, and who may use them\n"
	"  add TYPE SPEC            begin a job, as on dpdk-ismd's command line:\n"
	"                           add export disk=/srv/disk.img,allow=lpar2\n"
	"  remove TYPE NAME         end one\n"
	"  allow TYPE NAME GID...   let these systems use it, or 'any'\n"
	"  deny TYPE NAME GID...    no longer; who may use nothing more loses the session\n"
	"  sessions                 the systems that are connected\n"
	"  drop GID                 end all sessions with that system; it may come back\n"
	"  peers                    names of GIDs\n"
	"  reload                   read the configuration file again\n"
	"  check FILE               would this be in order as the configuration file?\n"
	"  info                     the runtime and its function\n"
	"  stop                     end the runtime in good order\n"
	"\n"
	"  --runtime NAME           which runtime (the only one)\n"
	"  --json                   print the answer as it comes\n"
	"  --help, --version        print this, or the version, and end\n"
	"\n"
	"See dpdk-ismctl(8).\n";

/* The words from argv[0] on, with this between them; malloc()ed, NULL: no memory. */
static char *
join(char **argv, int argc, const char *between)
{
	size_t size = 1, at = 0;
	char *text;

	for (int i = 0; i < argc; i++)
		size += strlen(argv[i]) + strlen(between);
	text = calloc(1, size);
	for (int i = 0; text != NULL && i < argc; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i > 0 ? between : "", argv[i]);
	return text;
}

/* A whole file, malloc()ed; NULL: errno says why. EFBIG: no request can carry it. */
static char *
read_text(const char *path)
{
	char *text = calloc(1, FILE_MAX + 1);
	FILE *f = fopen(path, "re");
	size_t n = text != NULL && f != NULL ? fread(text, 1, FILE_MAX, f) : 0;
	int err = text == NULL || f == NULL || ferror(f) ? errno : 0;

	if (err == 0 && n == FILE_MAX)
		err = EFBIG;
	if (f != NULL)
		fclose(f);
	if (err == 0)
		return text;
	free(text);
	errno = err;
	return NULL;
}

/* --- parameters --- */

static json_t *
no_params(int argc, char **argv)
{
	return json_object();
}

static json_t *
job_params(int argc, char **argv)
{
	char *job = join(argv, argc, " ");
	json_t *params = job != NULL ? json_pack("{s:s}", "job", job) : NULL;

	free(job);
	return params;
}

static json_t *
allow_params(int argc, char **argv)
{
	char *job = join(argv, 2, " "), *gids = join(argv + 2, argc - 2, ":");
	json_t *params = NULL;

	if (job != NULL && gids != NULL)
		params = json_pack("{s:s,s:s}", "job", job, "gids", gids);
	free(job);
	free(gids);
	return params;
}

static json_t *
peer_params(int argc, char **argv)
{
	return json_pack("{s:s}", "peer", argv[0]);
}

/* The file's content: it is we who may read it, not the runtime. */
static json_t *
file_params(int argc, char **argv)
{
	char *text = read_text(argv[0]);
	json_t *params = text != NULL ? json_pack("{s:s,s:s}", "name", argv[0], "text", text)
				      : NULL;

	free(text);
	return params;
}

/* --- commands --- */

static const struct {
	const char *name;
	int args_min, args_max; /* words after it */
	json_t *(*params)(int argc, char **argv);
	void (*print)(const json_t *result); /* NULL: nothing */
} commands[] = {
	{ "list", 0, 0, no_params, print_jobs },    { "add", 2, 64, job_params, NULL },
	{ "remove", 2, 2, job_params, NULL },	    { "allow", 3, 66, allow_params, NULL },
	{ "deny", 3, 66, allow_params, NULL },	    { "sessions", 0, 0, no_params, print_sessions },
	{ "drop", 1, 1, peer_params, print_pairs }, { "peers", 0, 0, no_params, print_peers },
	{ "reload", 0, 0, no_params, print_pairs }, { "check", 1, 1, file_params, NULL },
	{ "info", 0, 0, no_params, print_pairs },   { "stop", 0, 0, no_params, NULL },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

struct words {
	const char *runtime;
	bool json;
	unsigned int command;
	int argc;
	char **argv; /* after the command */
};

static int
wrong(const char *what, const char *word)
{
	run_error("%s%s; --help lists what there is", what, word);
	return RUN_EXIT_USAGE;
}

/* @return -1 go on; else the exit code. */
static int
take_option(struct words *w, int argc, char **argv, int *i)
{
	const char *arg = argv[*i];

	if (strcmp(arg, "--json") == 0) {
		w->json = true;
	} else if (strncmp(arg, "--runtime=", strlen("--runtime=")) == 0) {
		w->runtime = arg + strlen("--runtime=");
	} else if (strcmp(arg, "--runtime") == 0) {
		if (++*i == argc)
			return wrong("--runtime: expected a name", "");
		w->runtime = argv[*i];
	} else if (strcmp(arg, "--help") == 0) {
		fputs(help, stdout);
		return RUN_EXIT_OK;
	} else if (strcmp(arg, "--version") == 0) {
		puts("dpdk-ismctl " ISM_VERSION);
		return RUN_EXIT_OK;
	} else {
		return wrong("no option ", arg);
	}
	return -1;
}

static int
parse(struct words *w, int argc, char **argv)
{
	int i = 1, ret = -1;

	for (; i < argc && argv[i][0] == '-' && ret < 0; i++)
		ret = take_option(w, argc, argv, &i);
	if (ret >= 0)
		return ret;
	if (i >= argc)
		return wrong("a command is missing", "");
	while (w->command < COMMANDS && strcmp(commands[w->command].name, argv[i]) != 0)
		w->command++;
	if (w->command == COMMANDS)
		return wrong("no command ", argv[i]);
	w->argc = argc - i - 1;
	w->argv = argv + i + 1;
	if (w->argc < commands[w->command].args_min || w->argc > commands[w->command].args_max)
		return wrong("wrong number of words after ", argv[i]);
	return -1;
}

static void
print(const struct words *w, const json_t *result)
{
	if (w->json) {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (commands[w->command].print != NULL) {
		commands[w->command].print(result);
	}
}

static int
ask(const struct words *w)
{
	char err[RUN_CLIENT_ERR];
	struct run_client client;
	json_t *result, *params;
	int ret = run_client_open(&client, w->runtime, err);

	if (ret != 0) {
		run_error("%s", err);
		return ret == -EINVAL ? RUN_EXIT_USAGE : RUN_EXIT_DEVICE;
	}
	errno = EILSEQ; /* words that are no UTF-8 */
	params = commands[w->command].params(w->argc, w->argv);
	if (params == NULL)
		snprintf(err, sizeof(err), "%s: %s", w->argv[0], strerror(errno));
	ret = params != NULL ? run_client_call(&client, commands[w->command].name, params, NULL, 0,
					       &result, err)
			     : -EINVAL;
	run_client_close(&client);
	if (ret != 0)
		run_error("%s", err);
	else
		print(w, result);
	if (ret != 0)
		return RUN_EXIT_FAIL;
	json_decref(result);
	return RUN_EXIT_OK;
}

int
main(int argc, char **argv)
{
	struct words w = { .runtime = NULL };
	int ret;

	run_set_program("dpdk-ismctl");
	if (base_process_prepare() != 0)
		return RUN_EXIT_FAIL;
	ret = parse(&w, argc, argv);
	if (ret < 0)
		ret = ask(&w);
	if (base_process_flush() != 0 && ret == RUN_EXIT_OK) {
		run_error("standard output takes nothing");
		ret = RUN_EXIT_FAIL;
	}
	return ret;
}
