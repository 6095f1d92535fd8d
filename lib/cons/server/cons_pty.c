/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program on a pseudo-terminal.
 *
 * It is started by posix_spawn(), which never copies the page tables of this process (shared
 * memory, perhaps gigabytes of hugepages) and runs no code of ours between fork and exec. The new
 * session gets its controlling terminal by opening it: the first terminal that a session leader
 * without one opens becomes it.
 *
 * We keep an end of the slave's side open too. So the master has no end of file while programs
 * close and open their terminal, and we can see whether input waits there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cons.h"
#include "cons_term.h"

#define SHELL "/bin/sh"
#define PATH_ENV "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CTRL_D 4
#define TIMERSLACK_NS 50000 /* the system's own */

static int
check(const char *what, char *err, size_t err_size)
{
	int ret = 0;

	if (what[strspn(what, " \t")] == '\0') {
		snprintf(err, err_size, "the command is empty, expected exec:COMMAND");
		return -EINVAL;
	}
	if (access(SHELL, X_OK) != 0) {
		ret = -errno;
		snprintf(err, err_size, SHELL " cannot be run: %s", strerror(errno));
	}
	return ret;
}

/* --- start --- */

static int
open_slave(const struct cons_term *t)
{
	return ioctl(t->fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* @return 0, -errno; what is open then is cons_term's to close. */
static int
open_pty(struct cons_term *t, char *path, size_t path_size)
{
	int ret;

	t->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0 || grantpt(t->fd) != 0 || unlockpt(t->fd) != 0)
		return -errno;
	ret = ptsname_r(t->fd, path, path_size);
	if (ret != 0)
		return -ret;
	t->slave = open_slave(t);
	return t->slave >= 0 ? 0 : -errno;
}

/* stdin, stdout, stderr: the terminal, in the root folder. Nothing else is inherited. */
static int
spawn_files(posix_spawn_file_actions_t *files, const char *path)
{
	int ret = posix_spawn_file_actions_addchdir_np(files, "/");

	if (ret == 0)
		ret = posix_spawn_file_actions_addopen(files, STDIN_FILENO, path, O_RDWR, 0);
	if (ret == 0)
		ret = posix_spawn_file_actions_adddup2(files, STDIN_FILENO, STDOUT_FILENO);
	if (ret == 0)
		ret = posix_spawn_file_actions_adddup2(files, STDIN_FILENO, STDERR_FILENO);
	if (ret == 0)
		ret = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
	return ret;
}

/* A session of its own, every signal as at boot. */
static int
spawn_attr(posix_spawnattr_t *attr)
{
	short flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	sigset_t all, none;
	int ret;

	/* A real-time priority is for polling. Policy and parameter start as SCHED_OTHER, 0. */
	if (sched_getscheduler(0) > SCHED_OTHER)
		flags |= POSIX_SPAWN_SETSCHEDULER;
	/* sigfillset() leaves out two of the C library's own; they would stay ignored. */
	memset(&all, 0xff, sizeof(all));
	sigemptyset(&none);
	ret = posix_spawnattr_setsigdefault(attr, &all);
	if (ret == 0)
		ret = posix_spawnattr_setsigmask(attr, &none);
	if (ret == 0)
		ret = posix_spawnattr_setflags(attr, flags);
	return ret;
}

/*
 * The program inherits what the calling thread has, and that is bound to the CPU that it polls
 * on: start it from a thread that may run anywhere and wakes up as others do.
 */
static int
spawn_unbound(pid_t *pid, const posix_spawn_file_actions_t *files, const posix_spawnattr_t *attr,
	      char *const argv[], char *const envp[])
{
	cpu_set_t mine, any;
	int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	bool bound = sched_getaffinity(0, sizeof(mine), &mine) == 0;
	int ret;

	memset(&any, 0xff, sizeof(any));
	if (bound)
		(void)sched_setaffinity(0, sizeof(any), &any);
	prctl(PR_SET_TIMERSLACK, TIMERSLACK_NS, 0, 0, 0);
	ret = posix_spawn(pid, SHELL, files, attr, argv, envp);
	prctl(PR_SET_TIMERSLACK, slack, 0, 0, 0);
	if (bound)
		(void)sched_setaffinity(0, sizeof(mine), &mine);
	return ret;
}

/* What a shell does itself, whether or not there is a program of that name as well. */
static bool
is_builtin(const char *word, size_t len)
{
	static const char words[] =
		" . alias bg break case cd command continue do done echo elif else esac eval exec "
		"exit export false fc fg fi for function getopts hash help history if in jobs kill "
		"let local logout printf pwd read readonly return select set shift source test "
		"then time times trap true type typeset ulimit umask unalias unset until wait "
		"while ";
	const char *at = words;

	while ((at = memmem(at, strlen(at), word, len)) != NULL) {
		if (at[-1] == ' ' && at[len] == ' ')
			return true;
		at++;
	}
	return false;
}

/*
 * What the shell is told. A shell that only waits for a program stands in the same foreground
 * group: a Ctrl-C that the program takes for a command would end the shell, and with it the
 * console. So a plain program takes its place. The shell looks for the program, not we: a file
 * system that hangs holds up the console's own process then, and nobody else.
 *
 * The daemon's umask may be anything; the console's is the usual one.
 */
static char *
shell_command(const char *command)
{
	static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   "_./+-";
	size_t len = strspn(command, word), plain = len;
	bool program;
	char *text;

	for (; command[plain] != '\0'; plain++) {
		if (strchr(word, command[plain]) == NULL &&
		    strchr(" :,@%=", command[plain]) == NULL)
			break;
	}
	program = len > 0 && command[plain] == '\0' &&
		  (command[len] == ' ' || command[len] == '\0') && !is_builtin(command, len);
	if (asprintf(&text, "umask 022; %s%s", program ? "exec " : "", command) < 0)
		return NULL;
	return text;
}

static int
spawn(struct cons_term *t, const char *path, const char *command, const char *term)
{
	char *argv[] = { strdup("sh"), strdup("-c"), shell_command(command), NULL };
	char term_env[sizeof("TERM=") + CONS_TERM_MAX];
	char path_env[] = PATH_ENV;
	char *envp[] = { term_env, path_env, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int ret = ENOMEM;

	snprintf(term_env, sizeof(term_env), "TERM=%s", term);
	if (argv[0] == NULL || argv[1] == NULL || argv[2] == NULL)
		goto free_argv;
	ret = posix_spawn_file_actions_init(&files);
	if (ret != 0)
		goto free_argv;
	ret = posix_spawnattr_init(&attr);
	if (ret != 0)
		goto destroy_files;
	ret = spawn_files(&files, path);
	if (ret == 0)
		ret = spawn_attr(&attr);
	if (ret == 0)
		ret = spawn_unbound(&t->pid, &files, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
destroy_files:
	posix_spawn_file_actions_destroy(&files);
free_argv:
	for (int i = 0; i < 3; i++)
		free(argv[i]);
	if (ret != 0)
		t->pid = 0;
	return -ret;
}

/* A process that ignores SIGCHLD, which is inherited, is never told how its children ended. */
static void
heed_children(void)
{
	struct sigaction sa;

	if (sigaction(SIGCHLD, NULL, &sa) == 0 &&
	    (sa.sa_handler == SIG_IGN || (sa.sa_flags & SA_NOCLDWAIT) != 0))
		signal(SIGCHLD, SIG_DFL);
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
pty_close(struct cons_term *t)
{
	close_fd(&t->slave);
	close_fd(&t->fd);
	if (t->pid == 0)
		close_fd(&t->pidfd);
}

static int
pty_open(struct cons_term *t, const char *what, const char *term, const struct cons_size *size,
	 char *err, size_t err_size)
{
	const char *step = "no pseudo-terminal";
	char path[64];
	int ret;

	ret = open_pty(t, path, sizeof(path));
	if (ret == 0) {
		cons_term_set_size(t, size);
		heed_children();
		step = "the program does not start";
		ret = spawn(t, path, what, term);
	}
	if (ret != 0) {
		snprintf(err, err_size, "%s: %s", step, strerror(-ret));
		pty_close(t);
		return ret;
	}
	t->pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
	return 0;
}

/* --- the end --- */

static uint32_t
end_code(int status)
{
	if (WIFSIGNALED(status))
		return CONS_ENDED_SIGNAL + (uint32_t)WTERMSIG(status);
	return (uint32_t)WEXITSTATUS(status);
}

static bool
pty_ended(struct cons_term *t, uint32_t *code)
{
	int status = 0;
	pid_t pid;

	if (t->pid == 0)
		return false;
	pid = waitpid(t->pid, &status, WNOHANG);
	if (pid == 0 || (pid < 0 && errno == EINTR))
		return false;
	t->pid = 0;
	close_fd(&t->pidfd);
	/* From here on the master tells when the last one has closed the slave. */
	close_fd(&t->slave);
	*code = end_code(status);
	return true;
}

bool
cons_pty_reap(struct cons_term *t, bool kill_it)
{
	uint32_t code;

	if (t->pid == 0)
		return true;
	/* Not reaped, so pid and the group that it leads are still ours. */
	if (kill_it) {
		kill(-t->pid, SIGKILL);
		kill(t->pid, SIGKILL);
	}
	return pty_ended(t, &code);
}

/* --- use --- */

static void
pty_resize(struct cons_term *t, const struct cons_size *size)
{
	struct cons_size other = *size;
	struct winsize ws;
	pid_t group;

	if (ioctl(t->fd, TIOCGWINSZ, &ws) != 0)
		return;
	if (ws.ws_row != size->rows || ws.ws_col != size->cols || ws.ws_xpixel != size->xpixel ||
	    ws.ws_ypixel != size->ypixel) {
		cons_term_set_size(t, size); /* signals */
		return;
	}
	group = tcgetpgrp(t->fd);
	/* Where we may not signal it (a program of another user), a change of size does. */
	if (group > 1 && kill(-group, SIGWINCH) != 0 && errno == EPERM) {
		other.xpixel ^= 1;
		cons_term_set_size(t, &other);
		cons_term_set_size(t, size);
	}
}

static bool
pty_break(struct cons_term *t, uint64_t now_ns)
{
	struct termios tio;

	if (tcgetattr(t->fd, &tio) != 0 || (tio.c_iflag & IGNBRK) != 0)
		return false;
	if ((tio.c_iflag & BRKINT) == 0)
		return true;
	(void)ioctl(t->fd, TIOCSIG, SIGINT);
	return false;
}

/*
 * After vhangup() of the program (login does it) our own slave is dead: open it anew.
 * @return what poll() tells of it then, POLLHUP: there is none.
 */
static short
look_at_slave(struct cons_term *t)
{
	struct pollfd pfd = { .fd = t->slave, .events = POLLIN };

	if (t->slave >= 0 && poll(&pfd, 1, 0) >= 0 && (pfd.revents & (POLLHUP | POLLERR)) == 0)
		return pfd.revents;
	close_fd(&t->slave);
	t->slave = open_slave(t);
	return POLLHUP;
}

/* Does input wait in the terminal, an end of file that nobody has read yet included? */
static bool
input_waits(struct cons_term *t)
{
	return (look_at_slave(t) & (POLLIN | POLLHUP)) != 0;
}

/* A master cannot restart its slave's output: our own look at the slave can. */
static void
pty_release(struct cons_term *t)
{
	(void)look_at_slave(t);
	if (t->slave >= 0)
		cons_term_restart(t->slave);
}

static int
pty_eof_char(struct cons_term *t)
{
	struct termios tio;

	if (tcgetattr(t->fd, &tio) != 0 || input_waits(t))
		return -1;
	/* Line editors read the character themselves. */
	if ((tio.c_lflag & ICANON) == 0)
		return CTRL_D | CONS_EOF_RAW;
	return tio.c_cc[VEOF] != _POSIX_VDISABLE ? tio.c_cc[VEOF] : -1;
}

static bool
pty_settings(const struct cons_term *t, struct termios *tio)
{
	return tcgetattr(t->fd, tio) == 0;
}

static void
pty_tick(struct cons_term *t, uint64_t now_ns)
{
}

/* What a console with a program does. */
const struct cons_term_ops cons_pty_ops = {
	.check = check,
	.open = pty_open,
	.ended = pty_ended,
	.resize = pty_resize,
	.line_break = pty_break,
	.eof_char = pty_eof_char,
	.settings = pty_settings,
	.release = pty_release,
	.tick = pty_tick,
	.close = pty_close,
};
