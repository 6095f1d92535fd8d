/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The person's terminal: ours while there is a prompt, and theirs again on every way out. Its open
 * file is shared with the shell, so it is never made non-blocking.
 */
#include "tty.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "run.h"

static struct termios theirs, ours;
/* Flags between this thread and signal handlers on it: nothing behind them, any order will do. */
static atomic_int taken, continued, endings;
static const char *_Atomic farewell;

void
tty_farewell(const char *text)
{
	farewell = text;
}

/*
 * A terminal that was stopped takes nothing: it gets nothing, or we would stand until it goes on.
 */
static void
tell(const char *text)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	/* If it cannot be written, nobody is left to be told. */
	if (poll(&pfd, 1, 0) == 1 && write(STDOUT_FILENO, text, strlen(text)) < 0)
		return;
}

void
tty_restore(void)
{
	const char *text = farewell;

	farewell = NULL;
	if (text != NULL)
		tell(text);
	if (!taken)
		return;
	taken = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &theirs);
}

/* End as the signal would have, with the terminal in order. */
static void
on_fatal(int sig)
{
	if (taken)
		tell("\n");
	tty_restore();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
on_end(int sig)
{
	run_stop();
	if (endings != 0)
		on_fatal(sig);
	endings = 1;
}

bool
tty_told_to_end(void)
{
	return endings != 0;
}

static void
on_continue(int sig)
{
	continued = 1;
}

static void
handle(int sig, void (*handler)(int))
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = handler;
	sigaction(sig, &sa, NULL);
}

void
tty_signals(void)
{
	struct sigaction was;

	handle(SIGINT, on_end);
	handle(SIGTERM, on_end);
	/* nohup(1) had it ignored. */
	if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		handle(SIGHUP, on_end);
	handle(SIGPIPE, SIG_IGN);
}

void
tty_take(void)
{
	static const int fatal[] = { SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };

	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		handle(fatal[i], on_fatal);
	handle(SIGCONT, on_continue);
	atexit(tty_restore);
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &theirs) != 0)
		return;
	ours = theirs;
	/*
	 * No signals by keys: Ctrl-C clears the line, and a stopped process would lose its
	 * sessions. No Ctrl-S either: a terminal that does not take our output would stop us.
	 */
	ours.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	ours.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
	ours.c_cc[VMIN] = 1;
	ours.c_cc[VTIME] = 0;
	taken = 1;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &ours);
}

bool
tty_continued(void)
{
	if (!continued)
		return false;
	continued = 0;
	if (taken)
		tcsetattr(STDIN_FILENO, TCSANOW, &ours);
	return true;
}
