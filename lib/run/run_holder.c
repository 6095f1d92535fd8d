/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The holder: starts the process that works, keeps its descriptors, passes signals on (see
 * run_holder.h). It waits for nothing but poll(2), and that for a bounded time while something is
 * due.
 *
 *	first ---READY---> up ---dies---> down ---start---> taking over ---READY---> up
 *	  |                 |                ^                    |
 *	  ends: its status  BYE: its status  +------- dies -------+   60 s, 5 deaths: FAIL
 */
#include "run_holder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_helper.h"
#include "base_line.h"
#include "base_time.h"
#include "run.h"
#include "run_holder_wire.h"
#include "run_priv.h"

#define TAKE_NS (60 * BASE_NS_PER_S) /* what is held waits so long for somebody to serve it */
#define LEAVE_NS (10 * BASE_NS_PER_S) /* a process that is to be replaced may take so long */
#define KILL_NS (2 * BASE_NS_PER_S) /* and one that was killed, to be gone */
#define DEATHS 5 /* so many, */
#define DEATHS_NS (30 * BASE_NS_PER_S) /* within so long: it would go on for ever */
#define YOUNG_NS BASE_NS_PER_S /* a crash that soon after READY counts as one before it */
#define PAUSE_MIN_NS (50 * BASE_NS_PER_MS) /* between two tries */
#define PAUSE_MAX_NS BASE_NS_PER_S
#define LOOK_NS (5 * BASE_NS_PER_S) /* is it a zombie that cannot go? */
#define NONE (-1)

extern char **environ;

struct holder {
	const struct run_holder_conf *conf;
	char path[PATH_MAX];
	sigset_t signals, mask_before;
	int signal_fd;
	pid_t pid; /* 0: none runs */
	int sock; /* to it; -1 */
	int fds[RUN_HOLDER_FDS];
	unsigned int count;
	bool next_allowed, refused, bye; /* said by the process */
	bool ready; /* the process that runs now */
	bool announced; /* some process was ready */
	bool leaving; /* it was asked to make room for the next */
	bool stuck; /* it was killed and cannot die */
	int stop_signal; /* the first signal that is to end the program, or 0 */
	int die_signal; /* end as that signal would have ended us */
	uint64_t ready_ns, down_ns, start_ns, leave_ns, zombie_ns, pause_ns;
	uint64_t deaths[DEATHS];
	unsigned int death_count;
	int result; /* NONE: go on */
};

/* --- starting a process --- */

/* "path" as it was when we started: what is put there later is what is started then. */
static void
find_path(struct holder *h)
{
	ssize_t n = readlink("/proc/self/exe", h->path, sizeof(h->path) - 1);

	h->path[n > 0 ? n : 0] = '\0';
}

static char **
make_environment(const struct holder *h, int sock, char *text, size_t size)
{
	char **env;
	size_t n = 0, len;

	while (environ[n] != NULL)
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (env == NULL)
		return NULL;
	len = (size_t)snprintf(text, size, RUN_HOLDER_ENV "=%d %d", (int)getpid(), sock);
	for (unsigned int i = 0; i < h->count; i++)
		len += (size_t)snprintf(text + len, size - len, " %d", h->fds[i]);
	env[0] = text;
	memcpy(&env[1], environ, n * sizeof(*env));
	return env;
}

static void
keep_across_exec(int fd)
{
	fcntl(fd, F_SETFD, fcntl(fd, F_GETFD) & ~FD_CLOEXEC);
}

/*
 * In the child, where only what is safe in a signal handler may be called. A group of its own: the
 * terminal's Ctrl-C is for the holder, which passes it on. Lines of a background group would stop
 * it at a terminal that says so (stty tostop), but for the ignored SIGTTOU.
 */
static void
become(const struct holder *h, pid_t holder, int sock, char **env)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != holder)
		_exit(RUN_EXIT_FAIL);
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	keep_across_exec(sock);
	for (unsigned int i = 0; i < h->count; i++)
		keep_across_exec(h->fds[i]);
	sigprocmask(SIG_SETMASK, &h->mask_before, NULL);
	execve(h->path, h->conf->argv, env);
	execve("/proc/self/exe", h->conf->argv, env);
	_exit(RUN_EXIT_FAIL);
}

/* @return 0; -errno. */
static int
start_process(struct holder *h)
{
	char text[128];
	pid_t self = getpid();
	int pair[2];
	char **env;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	env = make_environment(h, pair[1], text, sizeof(text));
	h->pid = env != NULL ? fork() : -1;
	if (h->pid == 0)
		become(h, self, pair[1], env);
	free(env);
	close(pair[1]);
	if (h->pid < 0) {
		h->pid = 0;
		close(pair[0]);
		return -EAGAIN;
	}
	h->sock = pair[0];
	h->ready = h->leaving = h->bye = false;
	h->zombie_ns = 0;
	return 0;
}

static void
start_next(struct holder *h, uint64_t now)
{
	int ret = start_process(h);

	if (ret == 0)
		return;
	if (!h->announced) {
		run_error("cannot start a process: %s", strerror(-ret));
		h->result = RUN_EXIT_FAIL;
	}
	h->start_ns = now + PAUSE_MAX_NS;
}

/* --- what it says --- */

/* Once. */
static void
take_fds(struct holder *h, const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (h->count == i)
			h->fds[h->count++] = fds[i];
		else
			close(fds[i]);
	}
}

static void
set_ready(struct holder *h)
{
	h->ready = true;
	h->ready_ns = base_now_ns();
	h->pause_ns = 0;
	if (!h->announced)
		run_ready();
	h->announced = true;
	/* It came before there was a handler for it. */
	if (h->stop_signal != 0)
		kill(h->pid, h->stop_signal);
}

/* A write that may wait, and whoever wants to know of its end. */
struct write_job {
	struct base_job job; /* first: work() casts back */
	int fd, sock; /* fd is the holder's, sock ours */
	struct run_holder_packet packet;
	size_t len;
};

/* Written by the helper too; a count alone: relaxed. */
static atomic_uint writes_under_way;

/* The process may be dead, and its socket is larger than what it can ask for at once. */
static void
answer_write(int sock, enum run_holder_message kind, uint32_t id)
{
	const struct run_holder_packet packet = { .kind = kind, .id = id };

	(void)send(sock, &packet, RUN_HOLDER_HEAD, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
do_write(struct base_job *job)
{
	struct write_job *w = (struct write_job *)job;

	/* Whether it succeeds is nothing to us; that it has ended is what it was about. */
	if (write(w->fd, w->packet.bytes, w->len) < 0)
		errno = 0;
	answer_write(w->sock, RUN_HOLDER_WROTE, w->packet.id);
	close(w->sock);
	atomic_fetch_sub_explicit(&writes_under_way, 1, memory_order_relaxed);
}

/* @return false: not now. */
static bool
start_write(int fd, int sock, const struct run_holder_packet *packet, size_t len)
{
	struct write_job *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return false;
	w->job.work = do_write;
	w->job.release = true;
	w->fd = fd;
	w->sock = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	w->packet = *packet;
	w->len = len;
	atomic_fetch_add_explicit(&writes_under_way, 1, memory_order_relaxed);
	if (w->sock >= 0 && base_helper_submit(&w->job) == 0)
		return true;
	atomic_fetch_sub_explicit(&writes_under_way, 1, memory_order_relaxed);
	if (w->sock >= 0)
		close(w->sock);
	free(w);
	return false;
}

void
run_holder_write(int fd, int sock, const struct run_holder_packet *packet, size_t len)
{
	if (fd < 0 || len > RUN_HOLDER_WRITE_MAX || !start_write(fd, sock, packet, len))
		answer_write(sock, RUN_HOLDER_NOT_WROTE, packet->id);
}

bool
run_holder_writing(void)
{
	return atomic_load_explicit(&writes_under_way, memory_order_relaxed) != 0;
}

static void
take_packet(struct holder *h, const struct run_holder_packet *packet, size_t len)
{
	switch (packet->kind) {
	case RUN_HOLDER_ALLOW_NEXT:
		h->next_allowed = true;
		break;
	case RUN_HOLDER_REFUSE:
		h->refused = true;
		break;
	case RUN_HOLDER_BYE:
		h->bye = true;
		break;
	case RUN_HOLDER_READY:
		set_ready(h);
		break;
	case RUN_HOLDER_WRITE:
		run_holder_write(h->count > 0 ? h->fds[0] : -1, h->sock, packet,
				 len - RUN_HOLDER_HEAD);
		break;
	default:
		break;
	}
}

/* @return false: there is none just now. */
static bool
take_message(struct holder *h)
{
	struct run_holder_packet packet;
	int fds[RUN_HOLDER_FDS];
	unsigned int count;
	ssize_t n = run_holder_receive(h->sock, &packet, fds, &count);

	if (n == -EAGAIN)
		return false;
	/* It died with answers of ours unread; what it said before comes after that, once. */
	if (n == -ECONNRESET || n == -EPROTO)
		return true;
	if (n < 0) {
		close(h->sock);
		h->sock = -1;
		return false;
	}
	take_fds(h, fds, packet.kind == RUN_HOLDER_GIVE ? count : 0);
	if (packet.kind != RUN_HOLDER_GIVE)
		take_packet(h, &packet, (size_t)n);
	return true;
}

static void
take_messages(struct holder *h)
{
	while (h->sock >= 0 && take_message(h))
		continue;
}

/* --- how it ended --- */

static const char *
how_ended(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "was ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "has ended with status %d", WEXITSTATUS(status));
	return text;
}

/*
 * Will the next one die the same way? Not if this one made room or somebody killed it while it
 * worked, nor if it found no device and said so: that may come back.
 */
static bool
is_ominous(const struct holder *h, int status, uint64_t now)
{
	if (h->leaving)
		return false;
	if (h->ready)
		return now < h->ready_ns + YOUNG_NS &&
		       !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return WIFSIGNALED(status) || WEXITSTATUS(status) != RUN_EXIT_DEVICE;
}

static bool
dies_again_and_again(struct holder *h, int status, uint64_t now)
{
	if (!is_ominous(h, status, now))
		return false;
	h->deaths[h->death_count++ % DEATHS] = now;
	return h->death_count >= DEATHS && now < h->deaths[h->death_count % DEATHS] + DEATHS_NS;
}

/* Why what is held cannot go on; NULL: it can. */
static const char *
why_not(struct holder *h, int status, uint64_t now)
{
	if (!h->conf->restart)
		return "--no-restart";
	if (h->refused)
		return "the next process cannot go on with it";
	if (!h->next_allowed)
		return "this kernel cannot ask again for requests (Linux 6.9 can)";
	if (dies_again_and_again(h, status, now))
		return "it has died too often";
	return NULL;
}

/* What was up is down: another process, or the end. */
static void
replace(struct holder *h, int status, uint64_t now)
{
	const char *why = why_not(h, status, now);
	char text[96];

	if (why != NULL) {
		run_error("the process that serves %s %s: it ends here: %s", h->conf->what,
			  how_ended(status, text, sizeof(text)), why);
		h->result = RUN_EXIT_FAIL;
		return;
	}
	if (h->ready && !h->leaving)
		run_error("the process that serves %s %s; the next one goes on", h->conf->what,
			  how_ended(status, text, sizeof(text)));
	h->start_ns = now + h->pause_ns;
	if (h->ready) {
		h->down_ns = now;
		return;
	}
	h->pause_ns = h->pause_ns == 0 ? PAUSE_MIN_NS : h->pause_ns * 2;
	if (h->pause_ns > PAUSE_MAX_NS)
		h->pause_ns = PAUSE_MAX_NS;
}

/* The first process has ended before anything was up. */
static void
give_up(struct holder *h, int status)
{
	char text[96];

	if (WIFEXITED(status)) {
		h->result = WEXITSTATUS(status);
		return;
	}
	h->result = RUN_EXIT_FAIL;
	if (h->stop_signal != 0)
		h->die_signal = WTERMSIG(status);
	else
		run_error("the process that was to serve %s %s", h->conf->what,
			  how_ended(status, text, sizeof(text)));
}

static void
has_ended(struct holder *h, int status, uint64_t now)
{
	take_messages(h);
	if (h->sock >= 0)
		close(h->sock);
	h->sock = -1;
	h->pid = 0;
	if (h->bye && WIFEXITED(status))
		h->result = WEXITSTATUS(status);
	else if (!h->announced)
		give_up(h, status);
	else if (h->stop_signal != 0)
		h->result = RUN_EXIT_OK;
	else
		replace(h, status, now);
	h->ready = false;
}

static bool
is_zombie(pid_t pid)
{
	char path[32], line[512];
	const char *state;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = '\0';
	state = strrchr(line, ')');
	return state != NULL && state[1] == ' ' && state[2] == 'Z';
}

/*
 * A thread that waits inside the kernel for what only the next process could give: it keeps all
 * descriptors, so there will be none.
 */
static void
look_for_zombie(struct holder *h, uint64_t now)
{
	if (!is_zombie(h->pid)) {
		h->zombie_ns = 0;
	} else if (h->zombie_ns == 0) {
		h->zombie_ns = now;
	} else if (now > h->zombie_ns + KILL_NS) {
		run_error("the process that serves %s cannot die: it ends here", h->conf->what);
		h->stuck = true;
		h->result = RUN_EXIT_FAIL;
	}
}

static void
reap(struct holder *h, uint64_t now)
{
	int status;

	if (h->pid == 0)
		return;
	if (waitpid(h->pid, &status, WNOHANG) == h->pid)
		has_ended(h, status, now);
	else
		look_for_zombie(h, now);
}

/* --- signals --- */

static void
stop_by(struct holder *h, int sig)
{
	if (h->stop_signal != 0) {
		h->die_signal = sig;
		h->result = RUN_EXIT_FAIL;
		return;
	}
	h->stop_signal = sig;
	/* Nobody serves just now: there is nothing to end in good order. */
	if (h->announced && !h->ready)
		h->result = RUN_EXIT_OK;
	else if (h->pid > 0)
		kill(h->pid, sig);
}

static void
replace_by_hand(struct holder *h, uint64_t now)
{
	if (!h->ready || !h->conf->restart || !h->next_allowed || h->stop_signal != 0) {
		run_note("SIGUSR2: the process that serves %s cannot be replaced now",
			 h->conf->what);
		return;
	}
	h->leaving = true;
	h->leave_ns = now + LEAVE_NS;
	kill(h->pid, SIGUSR2);
}

static void
take_signals(struct holder *h, uint64_t now)
{
	struct signalfd_siginfo info;

	while (read(h->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGUSR2)
			replace_by_hand(h, now);
		else if (info.ssi_signo != SIGCHLD)
			stop_by(h, (int)info.ssi_signo);
	}
}

/* --- rounds --- */

static void
check_times(struct holder *h, uint64_t now)
{
	if (h->announced && !h->ready && h->stop_signal == 0 && now > h->down_ns + TAKE_NS) {
		run_error("nobody could go on with %s within %llu s: it ends here", h->conf->what,
			  (unsigned long long)(TAKE_NS / BASE_NS_PER_S));
		h->result = RUN_EXIT_FAIL;
	} else if (h->pid == 0 && now >= h->start_ns) {
		start_next(h, now);
	} else if (h->leaving && now > h->leave_ns) {
		kill(h->pid, SIGKILL);
	}
}

/* @return milliseconds until something is due. */
static int
patience(const struct holder *h, uint64_t now)
{
	uint64_t until = now + LOOK_NS;

	if (h->zombie_ns != 0)
		until = now + BASE_NS_PER_S;
	if (h->pid == 0)
		until = h->start_ns;
	if (h->leaving && h->leave_ns < until)
		until = h->leave_ns;
	return until > now ? (int)((until - now) / BASE_NS_PER_MS) + 1 : 0;
}

/*
 * What is held is looked at only while nobody serves it: a process that does notices by itself, and
 * to poll it here would cost a wake-up for each request.
 */
static void
step(struct holder *h)
{
	bool look = h->announced && !h->ready && h->count > 0;
	struct pollfd pfd[] = { { .fd = h->signal_fd, .events = POLLIN },
				{ .fd = h->sock, .events = POLLIN },
				{ .fd = look ? h->fds[0] : -1 } };
	uint64_t now;

	poll(pfd, sizeof(pfd) / sizeof(pfd[0]), patience(h, base_now_ns()));
	now = base_now_ns();
	/* Before the look at the process: the SIGCHLD that is read here is about it. */
	take_signals(h, now);
	take_messages(h);
	if (h->result == NONE)
		reap(h, now);
	if (h->result == NONE && look && !h->ready && h->conf->is_over(h->fds[0]))
		h->result = RUN_EXIT_OK;
	if (h->result == NONE)
		check_times(h, now);
}

/* --- life --- */

static int
prepare(struct holder *h)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGUSR2, SIGCHLD };
	struct sigaction was;

	find_path(h);
	sigemptyset(&h->signals);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&h->signals, signals[i]);
	/* nohup(1) had it ignored. */
	if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		sigaddset(&h->signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &h->signals, &h->mask_before);
	signal(SIGPIPE, SIG_IGN);
	h->signal_fd = signalfd(-1, &h->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (h->signal_fd < 0) {
		run_error("cannot wait for signals: %s", strerror(errno));
		return RUN_EXIT_FAIL;
	}
	(void)base_line_start(run_program_name());
	return RUN_EXIT_OK;
}

/* Kill what still runs. */
static void
kill_process(struct holder *h)
{
	const struct timespec moment = { .tv_nsec = BASE_NS_PER_MS };
	uint64_t end = base_now_ns() + KILL_NS;

	if (h->pid == 0)
		return;
	kill(h->pid, SIGKILL);
	while (waitpid(h->pid, NULL, WNOHANG) == 0) {
		if (base_now_ns() > end) {
			h->stuck = true;
			return;
		}
		nanosleep(&moment, NULL);
	}
}

/* As the signal would have ended us. */
static void
die(const struct holder *h)
{
	base_line_stop();
	signal(h->die_signal, SIG_DFL);
	raise(h->die_signal);
	sigprocmask(SIG_UNBLOCK, &h->signals, NULL);
}

int
run_holder(const struct run_holder_conf *conf)
{
	struct holder h = { .conf = conf, .sock = -1, .signal_fd = -1, .result = NONE };

	if (prepare(&h) != RUN_EXIT_OK)
		return RUN_EXIT_FAIL;
	while (h.result == NONE)
		step(&h);
	kill_process(&h);
	/* A second signal ends all at once, and leaves what is held as it is. */
	if (h.count > 0 && (h.die_signal == 0 || !h.announced))
		conf->end(h.fds, h.count, h.stuck || run_holder_writing());
	if (run_eal_facts()->own_prefix && run_runtime_choose() == RUN_EXIT_OK)
		run_runtime_sweep(run_eal_facts()->prefix);
	if (h.die_signal != 0)
		die(&h);
	return h.result;
}
