/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The person's terminal: raw mode that ends on every way out, stop and continue, the window's size.
 *
 * What a signal handler touches is static, written before the handler is installed, or a
 * sig_atomic_t.
 */
#include "ismcons.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "run.h"

static struct {
	bool interactive;
	int size_fd; /* -1: no terminal anywhere */
	bool wanted; /* raw mode, whenever we are in the foreground */
	struct termios found, raw;
} term = { .size_fd = -1 };

static volatile sig_atomic_t is_raw;
static volatile sig_atomic_t saw_winch, saw_cont, saw_stop, end_signal;

void
term_init(void)
{
	static const int fds[] = { STDOUT_FILENO, STDIN_FILENO, STDERR_FILENO };

	term.interactive = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &term.found) == 0;
	term.raw = term.found;
	cfmakeraw(&term.raw);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]) && term.size_fd < 0; i++) {
		if (isatty(fds[i]))
			term.size_fd = fds[i];
	}
}

bool
term_interactive(void)
{
	return term.interactive;
}

bool
term_is_raw(void)
{
	return is_raw != 0;
}

/*
 * The shell's settings are none of our business. A terminal that is not ours to control has
 * none.
 */
static bool
foreground(void)
{
	pid_t pgrp = tcgetpgrp(STDIN_FILENO);

	return pgrp < 0 || pgrp == getpgrp();
}

static void
enter_raw(void)
{
	if (term.wanted && foreground() && tcsetattr(STDIN_FILENO, TCSADRAIN, &term.raw) == 0)
		is_raw = 1;
}

void
term_raw(void)
{
	term.wanted = term.interactive;
	enter_raw();
}

void
term_restore(void)
{
	int err = errno;
	sigset_t ttou, before;

	if (is_raw && foreground()) {
		sigemptyset(&ttou);
		sigaddset(&ttou, SIGTTOU);
		sigprocmask(SIG_BLOCK, &ttou, &before);
		tcsetattr(STDIN_FILENO, TCSANOW, &term.found);
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	is_raw = 0;
	errno = err;
}

bool
term_size(struct cons_size *size)
{
	struct winsize ws;

	if (term.size_fd < 0 || ioctl(term.size_fd, TIOCGWINSZ, &ws) != 0)
		return false;
	size->rows = ws.ws_row;
	size->cols = ws.ws_col;
	size->xpixel = ws.ws_xpixel;
	size->ypixel = ws.ws_ypixel;
	return ws.ws_row > 0 && ws.ws_col > 0 && ws.ws_row <= CONS_SIZE_MAX &&
	       ws.ws_col <= CONS_SIZE_MAX;
}

/* --- signals --- */

static void
die(int sig)
{
	sigset_t set;

	term_restore();
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
}

/* The first one ends us in good order, the second at once. */
static void
on_end(int sig)
{
	if (end_signal != 0)
		die(sig);
	end_signal = sig;
	run_stop();
}

static void
on_event(int sig)
{
	switch (sig) {
	case SIGWINCH:
		saw_winch = 1;
		break;
	case SIGCONT:
		saw_cont = 1;
		break;
	default:
		saw_stop = 1;
		break;
	}
}

static void
handle(const int *signals, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigemptyset(&sa.sa_mask);
	for (; *signals != 0; signals++)
		sigaction(*signals, &sa, NULL);
}

void
term_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0 };
	static const int events[] = { SIGWINCH, SIGCONT, SIGTSTP, 0 };
	static const int deaths[] = { SIGSEGV, SIGBUS,	SIGABRT,   SIGFPE,  SIGILL,
				      SIGSYS,  SIGTRAP, SIGXCPU,   SIGALRM, SIGUSR1,
				      SIGUSR2, SIGPROF, SIGVTALRM, 0 };
	/* What these tell, write(2) tells too. */
	static const int ignored[] = { SIGPIPE, SIGXFSZ, 0 };

	handle(ends, on_end, 0);
	handle(events, on_event, SA_RESTART);
	handle(deaths, die, (int)SA_RESETHAND);
	handle(ignored, SIG_IGN, 0);
}

/* As without a handler. In a process group that no shell looks after this does nothing. */
static void
stop(void)
{
	static const int tstp[] = { SIGTSTP, 0 };

	term_restore();
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	handle(tstp, on_event, SA_RESTART);
	saw_cont = 1;
}

bool
term_events(void)
{
	bool size = saw_winch != 0 || saw_cont != 0 || saw_stop != 0;

	if (!size)
		return false;
	saw_winch = 0;
	if (saw_stop) {
		saw_stop = 0;
		stop();
	}
	if (saw_cont) {
		saw_cont = 0;
		/* Who continued us may have changed the terminal. */
		enter_raw();
	}
	return true;
}

int
term_end_signal(void)
{
	return end_signal;
}

void
term_ended_by(int sig)
{
	if (end_signal == 0)
		end_signal = sig;
	run_stop();
}
