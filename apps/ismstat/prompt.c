/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The prompt: DPDK's line editor (history, keys) and its completion, fed with the bytes that are
 * there, so that worker 0 goes on polling the link between two of them.
 *
 * The library's parser would answer a wrong line with words of its own. So the editor is used with
 * our own function for whole lines, and the library's tokens for completion alone: one list of
 * tokens that is made while it is walked, from what commands_forms() says may come next.
 */
#include "app.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <cmdline.h>
#include <cmdline_parse.h>
#include <cmdline_rdline.h>

#include "out.h"
#include "tty.h"
#include "run.h"

#define PROMPT "ismstat> "
#define CTRL_C 3
#define INPUT_MAX 1024

static struct {
	struct app *app;
	struct cmdline *cl; /* completion */
	struct rdline *line; /* editing */
	bool editing; /* the prompt stands there, maybe with a half-typed line */
	char input[INPUT_MAX]; /* read and not fed yet: what is typed during `wait` */
	size_t len;
	bool end; /* standard input has ended */
	/* Words before the one that is completed, as far as the walk has come. */
	struct form_words words;
} prompt;

/* --- completion: tokens of the library --- */

static int
token_parse(cmdline_parse_token_hdr_t *token, const char *buf, void *res, unsigned int size)
{
	size_t len = 0;

	while (!cmdline_isendoftoken(buf[len]))
		len++;
	if (form_add(&prompt.words, buf, len) != 0 ||
	    form_fits(commands_forms(), prompt.words.argc, prompt.words.argv) < prompt.words.argc)
		return -1;
	return (int)len;
}

static int
token_count(cmdline_parse_token_hdr_t *token)
{
	char choice[FORM_CHOICE_MAX];
	int n = 0;

	while (form_next(commands_forms(), &prompt.words, (unsigned int)n, false, choice))
		n++;
	return n;
}

static int
token_choice(cmdline_parse_token_hdr_t *token, int n, char *dst, unsigned int size)
{
	char choice[FORM_CHOICE_MAX];

	if (!form_next(commands_forms(), &prompt.words, (unsigned int)n, false, choice) ||
	    strlen(choice) >= size)
		return -1;
	memcpy(dst, choice, strlen(choice) + 1);
	return 0;
}

/* Of a value: what to type, and what the command does. */
static int token_help(cmdline_parse_token_hdr_t *token, char *dst, unsigned int size);

static struct cmdline_token_ops word_ops = {
	.parse = token_parse,
	.complete_get_nb = token_count,
	.complete_get_elt = token_choice,
};
static struct cmdline_token_ops value_ops = {
	.parse = token_parse,
	.get_help = token_help,
};
static cmdline_parse_token_hdr_t word_token = { .ops = &word_ops };
static cmdline_parse_token_hdr_t value_token = { .ops = &value_ops };

/* The library asks for token after token, from the first on at each walk. */
static void next_token(void *result, struct cmdline *cl, void *slot);

/* Without tokens of its own: next_token() makes them. */
static cmdline_parse_inst_t walk = { .f = next_token, .tokens = { NULL, NULL } };
static cmdline_parse_ctx_t walks[] = { &walk, NULL };

static int
token_help(cmdline_parse_token_hdr_t *token, char *dst, unsigned int size)
{
	char choice[FORM_CHOICE_MAX];

	if (!form_next(commands_forms(), &prompt.words, 0, true, choice))
		return -1;
	walk.help_str = commands_help(prompt.words.argc, prompt.words.argv);
	snprintf(dst, size, "%s", choice);
	return 0;
}

static void
next_token(void *result, struct cmdline *cl, void *slot)
{
	cmdline_parse_token_hdr_t **next = result;
	char choice[FORM_CHOICE_MAX];

	if (slot == (void *)&walk.tokens[0])
		prompt.words.argc = 0;
	if (form_next(commands_forms(), &prompt.words, 0, false, choice))
		*next = &word_token;
	else if (form_next(commands_forms(), &prompt.words, 0, true, choice))
		*next = &value_token;
	else
		*next = NULL;
}

static int
complete(struct rdline *rdl, const char *buf, char *dst, unsigned int size, int *state)
{
	return cmdline_complete(prompt.cl, buf, state, dst, size);
}

/* --- lines --- */

static int
write_char(struct rdline *rdl, char c)
{
	return putchar(c) == EOF ? -1 : 0;
}

static void
do_line(struct rdline *rdl, const char *buf, unsigned int size)
{
	char err[APP_ERR_MAX];

	prompt.editing = false;
	fflush(stdout);
	if (commands_run(prompt.app, buf, err, sizeof(err)) != 0)
		printf("%s\n", err);
}

static void
new_line(void)
{
	rdline_newline(prompt.line, PROMPT);
	prompt.editing = true;
	fflush(stdout);
}

/* The library keeps history, but leaves it to its caller to put lines in. */
static void
remember(void)
{
	const char *typed = rdline_get_buffer(prompt.line);
	const char *last = rdline_get_history_item(prompt.line, 0);
	size_t len = strcspn(typed, "\n");

	if (len > 0 && (last == NULL || strlen(last) != len || memcmp(last, typed, len) != 0))
		rdline_add_history(prompt.line, typed);
}

static void
feed(char c)
{
	int ret = rdline_char_in(prompt.line, c);

	if (ret == RDLINE_RES_EOF) {
		putchar('\n');
		prompt.editing = false;
		prompt.app->quit = true;
	} else if (ret == RDLINE_RES_VALIDATED) {
		remember();
		if (!prompt.app->quit && prompt.app->wait == APP_WAIT_NONE)
			new_line();
	}
	fflush(stdout);
}

static unsigned int
read_input(void)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	if (!prompt_hears() || out_busy() || poll(&pfd, 1, 0) <= 0)
		return 0;
	n = read(STDIN_FILENO, prompt.input + prompt.len, sizeof(prompt.input) - prompt.len);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		prompt.end = true;
		return 1;
	}
	prompt.len += (size_t)n;
	return 1;
}

/* A key while `wait` runs: Ctrl-C ends it, with all that was typed before. */
static void
look_for_cancel(void)
{
	char *c = memrchr(prompt.input, CTRL_C, prompt.len);

	if (c == NULL)
		return;
	prompt.len -= (size_t)(c + 1 - prompt.input);
	memmove(prompt.input, c + 1, prompt.len);
	watch_cancel(prompt.app);
	puts("^C");
}

unsigned int
prompt_poll(struct app *app)
{
	unsigned int work = read_input();
	size_t i;

	work += notes_print();
	if (tty_continued())
		say_end();
	if (app->wait != APP_WAIT_NONE)
		look_for_cancel();
	if (app->wait != APP_WAIT_NONE)
		return work;
	if (!prompt.editing)
		new_line();
	for (i = 0; i < prompt.len && !app->quit && app->wait == APP_WAIT_NONE; i++)
		feed(prompt.input[i]);
	prompt.len -= i;
	memmove(prompt.input, prompt.input + i, prompt.len);
	if (prompt.end && prompt.len == 0 && !app->quit && app->wait == APP_WAIT_NONE) {
		putchar('\n');
		app->quit = true;
		fflush(stdout);
	}
	return work + (unsigned int)i;
}

bool
prompt_hears(void)
{
	return !prompt.end && prompt.len < sizeof(prompt.input);
}

static void
hide(void)
{
	if (prompt.editing)
		fputs("\r\033[K", stdout);
}

static void
show(void)
{
	if (prompt.editing)
		rdline_redisplay(prompt.line);
	fflush(stdout);
}

int
prompt_open(struct app *app)
{
	memset(&prompt, 0, sizeof(prompt));
	prompt.app = app;
	prompt.cl = cmdline_new(walks, "", -1, -1);
	prompt.line = rdline_new(write_char, do_line, complete, NULL);
	if (prompt.cl == NULL || prompt.line == NULL) {
		prompt_close();
		return -ENOMEM;
	}
	say_editor(hide, show);
	tty_take();
	return 0;
}

void
prompt_close(void)
{
	/* A signal leaves a half-typed line. */
	if (prompt.editing) {
		putchar('\n');
		fflush(stdout);
	}
	prompt.editing = false;
	notes_release();
	say_editor(NULL, NULL);
	tty_restore();
	if (prompt.cl != NULL)
		cmdline_free(prompt.cl);
	rdline_free(prompt.line);
	prompt.cl = NULL;
	prompt.line = NULL;
}
