/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The person's terminal: raw mode that ends on every way out, and so does what output has switched
 * on there; stop and continue; the window's size.
 *
 * What a signal handler touches is static, written before the handler is installed, or a
 * sig_atomic_t.
 */
#include "ismcons.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base_time.h"
#include "cons_modes.h"
#include "run.h"

#define UNDO_NS (1 * BASE_NS_PER_S) /* for a terminal that takes nothing just now */

static struct {
	bool interactive;
	bool shows; /* stdout is a terminal */
	bool utf8;
	int size_fd; /* -1: no terminal anywhere */
	bool wanted; /* raw mode, whenever we are in the foreground */
	struct termios found, raw;
} term = { .size_fd = -1 };

static volatile sig_atomic_t is_raw;
static volatile sig_atomic_t saw_winch, saw_cont, saw_stop, end_signal;

/*
 * What the terminal is to be sent at the end. A signal can come at any time: one of the two is
 * complete, the next one is made in the other.
 */
static struct cons_modes modes;
static bool modes_put_off; /* until we are continued in the foreground */
static struct chan screen; /* stdout, if that is a terminal */
static struct {
	char text[CONS_MODES_TEXT_MAX];
	size_t len;
} undo[2];
static volatile sig_atomic_t undo_at;

/* The kernel knows it of many terminals, the locale of those that a person has set up. */
static bool
takes_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	struct termios tio;
	bool utf8;

	if (tcgetattr(STDOUT_FILENO, &tio) == 0 && (tio.c_iflag & IUTF8) != 0)
		return true;
	if (locale == (locale_t)0)
		return false;
	utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
	freelocale(locale);
	return utf8;
}

void
term_init(void)
{
	static const int fds[] = { STDOUT_FILENO, STDIN_FILENO, STDERR_FILENO };

	term.interactive = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &term.found) == 0;
	term.raw = term.found;
	cfmakeraw(&term.raw);
	term.shows = isatty(STDOUT_FILENO);
	term.utf8 = takes_utf8();
	modes.eight_bits = !term.utf8;
	if (term.shows)
		chan_open(&screen, STDOUT_FILENO, true);
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
term_shows(void)
{
	return term.shows;
}

bool
term_utf8(void)
{
	return term.utf8;
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
	/* Nor is waited for a terminal that is stopped. */
	if (term.wanted && foreground() && tcsetattr(STDIN_FILENO, TCSANOW, &term.raw) == 0)
		is_raw = 1;
}

void
term_raw(void)
{
	term.wanted = term.interactive;
	enter_raw();
}

/* --- what output has switched on --- */

static void
make_undo(void)
{
	int other = !undo_at;

	undo[other].len = cons_modes_undo(&modes, undo[other].text);
	/* The handler runs on this thread, or on one that this one waits for: order is enough. */
	atomic_signal_fence(memory_order_release);
	undo_at = other;
}

void
term_modes_seen(const uint8_t *data, size_t len)
{
	/* What goes to a pipe may reach the terminal that keys come from. */
	if (term.shows || term.interactive)
		cons_modes_feed(&modes, data, len);
	if (term.shows)
		make_undo();
}

unsigned int
term_keys(void)
{
	return cons_modes_keys(&modes);
}

/* A terminal that is full gets its time, one that is stopped does not keep us. Signal safe. */
static void
write_terminal(const char *text, size_t len)
{
	uint64_t end_ns = base_now_ns() + UNDO_NS;

	while (len > 0) {
		ssize_t n = chan_write(&screen, text, len);
		uint64_t now_ns = base_now_ns();

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else if (n != -EAGAIN || now_ns >= end_ns) {
			return;
		} else {
			chan_wait(&screen, end_ns - now_ns);
		}
	}
}

void
term_sequence_ends(void)
{
	static const char st[] = "\033\\";

	if (modes.state == 0 || !term.shows)
		return;
	write_terminal(st, sizeof(st) - 1);
	term_modes_seen((const uint8_t *)st, sizeof(st) - 1);
}

static void
modes_forget(void)
{
	memset(&modes, 0, sizeof(modes));
	modes.eight_bits = !term.utf8;
}

void
term_modes_undo(void)
{
	size_t len = undo[undo_at].len;
	int err = errno;

	undo[undo_at].len = 0;
	if (len > 0 && foreground())
		write_terminal(undo[undo_at].text, len);
	modes_forget();
	errno = err;
}

/* --- and back --- */

void
term_restore(void)
{
	int err = errno;
	sigset_t ttou, before;

	term_modes_undo();
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

/* nohup(1), or a shell without job control, wants us deaf to it. */
static bool
is_ignored(int sig)
{
	struct sigaction sa;

	return sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

static void
handle(const int *signals, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigemptyset(&sa.sa_mask);
	for (; *signals != 0; signals++) {
		if (!is_ignored(*signals))
			sigaction(*signals, &sa, NULL);
	}
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

/* What the console's program still believes to be switched on. */
static void
modes_again(void)
{
	char text[CONS_MODES_TEXT_MAX];

	if (!modes_put_off || !foreground())
		return;
	modes_put_off = false;
	write_terminal(text, cons_modes_redo(&modes, text));
	make_undo();
}

/* As without a handler. In a process group that no shell looks after this does nothing. */
static void
stop(void)
{
	static const int tstp[] = { SIGTSTP, 0 };
	struct cons_modes were = modes;

	term_restore();
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	handle(tstp, on_event, SA_RESTART);
	saw_cont = 1;
	modes = were;
	modes_put_off = true;
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
		modes_again();
	}
	/* The size has the console's program draw anew. */
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
