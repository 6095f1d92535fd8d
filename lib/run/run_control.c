/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base_bucket.h"
#include "base_counter.h"
#include "base_helper.h"
#include "base_tel.h"
#include "base_thread.h"
#include "base_time.h"
#include "run.h"
#include "run_name.h"
#include "run_priv.h"
#include "run_socket.h"

#define CONNS_MAX 64 /* connections */
#define CONNS_OF_USER 8 /* of one user; root and our own user have all but these many for others */
#define STOP_MS 2000
#define STUCK_MS 5000 /* a method that takes so long waits for something that hangs */

/* Connections of all. */
static const struct base_rate accept_rate = { .per_s = 500, .burst = 100 };
/*
 * Time, in us, that requests of all who are not the owner may take together: a list is made on a
 * data lcore, in part.
 */
static const struct base_rate work_rate = { .per_s = 50000, .burst = 50000 };

struct conn;

/* A request that may wait: with the helper, or on its way there. */
struct work {
	struct base_job job; /* first: its work() casts back */
	TAILQ_ENTRY(work) entry;
	struct run_control *control;
	struct conn *conn; /* NULL: it is gone, or nobody asked (SIGHUP) */
	struct run_request r;
	atomic_bool told; /* our thread was told that it has ended */
};

struct conn {
	int fd; /* -1: free */
	struct run_caller caller;
	char *in; /* RUN_RPC_LINE_MAX bytes */
	size_t in_len;
	bool put_off; /* requests of it have come for which there was no time */
	int fds[RUN_RPC_FDS_MAX];
	unsigned int fd_count;
	char *out; /* the answer, until all of it is sent; then NULL */
	size_t out_len, out_at;
	struct work *work; /* its request is under way */
};

struct run_control {
	struct run_control_conf conf;
	struct run_method hangup;
	struct run_socket socket;
	int event;
	bool begun;
	pthread_t thread;
	atomic_bool stop;
	struct base_bucket accepts, work;
	unsigned int first; /* connection that is served first */
	struct conn conns[CONNS_MAX];
	/* The first one is the helper's, if `running`. */
	TAILQ_HEAD(, work) works;
	bool running;
	uint64_t running_ns; /* since when */
	struct {
		RUN_CONTROL_METRICS(BASE_METRIC_LIVE)
	} stats;
};

/* --- the end of a connection --- */

/* close() of what a client gave us may wait. */
static void
close_fds(int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (fds[i] >= 0 && base_helper_close(fds[i]) != 0)
			close(fds[i]);
}

static void
work_free(struct work *w)
{
	close_fds(w->r.fds, w->r.fd_count);
	run_rpc_free(&w->r);
	free(w);
}

/* What has not begun is not done for somebody who is gone. */
static void
forget_work(struct run_control *c, struct work *w)
{
	w->conn = NULL;
	if (c->running && w == TAILQ_FIRST(&c->works))
		return;
	TAILQ_REMOVE(&c->works, w, entry);
	work_free(w);
}

static void
hang_up(struct run_control *c, struct conn *conn)
{
	if (conn->work != NULL)
		forget_work(c, conn->work);
	close_fds(conn->fds, conn->fd_count);
	if (base_helper_close(conn->fd) != 0)
		close(conn->fd);
	free(conn->in);
	free(conn->out);
	memset(conn, 0, sizeof(*conn));
	conn->fd = -1;
}

/* --- answers --- */

static void
send_more(struct run_control *c, struct conn *conn)
{
	ssize_t n = send(conn->fd, conn->out + conn->out_at, conn->out_len - conn->out_at,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			hang_up(c, conn);
		return;
	}
	conn->out_at += (size_t)n;
	if (conn->out_at < conn->out_len)
		return;
	free(conn->out);
	conn->out = NULL;
}

static void
end_request(struct run_control *c, struct conn *conn, struct run_request *r)
{
	base_count_shared(&c->stats.requests, 1);
	if (r->code == RUN_RPC_FAILED)
		base_count_shared(&c->stats.failed, 1);
	else if (r->code != 0)
		base_count_shared(&c->stats.refused, 1);
	if (c->conf.audit != NULL && r->method != NULL && r->method->owner_only)
		c->conf.audit(c->conf.arg, r);
	if (conn == NULL)
		return;
	conn->out_at = 0;
	conn->out = run_rpc_answer(r, &conn->out_len);
	if (conn->out != NULL)
		send_more(c, conn);
}

/* --- methods that may wait --- */

static void
do_work(struct base_job *job)
{
	struct work *w = (struct work *)job;
	struct run_control *c = w->control;
	uint64_t one = 1;

	w->r.method->call(c->conf.arg, &w->r);
	atomic_store(&w->told, true);
	(void)!write(c->event, &one, sizeof(one));
}

static void
end_work(struct run_control *c, struct work *w)
{
	TAILQ_REMOVE(&c->works, w, entry);
	if (w->conn != NULL)
		w->conn->work = NULL;
	end_request(c, w->conn, &w->r);
	work_free(w);
}

/* @return whether to look again soon: the helper has told us, and is about to let go of the job. */
static bool
works_poll(struct run_control *c)
{
	struct work *w = TAILQ_FIRST(&c->works);
	int ret;

	if (c->running) {
		if (!base_job_done(&w->job))
			return atomic_load(&w->told);
		c->running = false;
		end_work(c, w);
		w = TAILQ_FIRST(&c->works);
	}
	while (w != NULL && !c->running) {
		w->job.work = do_work;
		ret = base_helper_submit(&w->job);
		c->running = ret == 0;
		c->running_ns = base_now_ns();
		if (c->running)
			break;
		run_rpc_fail(&w->r, RUN_RPC_BUSY, -ret, "no thread for the request");
		end_work(c, w);
		w = TAILQ_FIRST(&c->works);
	}
	return false;
}

/* @return 0, or -ENOMEM. The request moves. */
static int
put_off(struct run_control *c, struct conn *conn, const struct run_request *r)
{
	struct work *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->control = c;
	w->conn = conn;
	w->r = *r;
	if (conn != NULL)
		conn->work = w;
	TAILQ_INSERT_TAIL(&c->works, w, entry);
	return 0;
}

/* --- requests --- */

static void
take_fds(struct conn *conn, struct run_request *r)
{
	memcpy(r->fds, conn->fds, sizeof(r->fds));
	r->fd_count = conn->fd_count;
	conn->fd_count = 0;
}

static bool
is_stuck(const struct run_control *c)
{
	return c->running && base_now_ns() - c->running_ns > STUCK_MS * BASE_NS_PER_MS;
}

static void
take_line(struct run_control *c, struct conn *conn, size_t len)
{
	struct run_request r = { .caller = conn->caller };
	int ret = run_rpc_read(conn->in, len, c->conf.methods, c->conf.count, &r);

	take_fds(conn, &r);
	if (ret == 0 && r.method->waits && is_stuck(c)) {
		run_rpc_fail(&r, RUN_RPC_BUSY, 0,
			     "'%s' of another client has not ended for seconds: its storage may "
			     "hang",
			     TAILQ_FIRST(&c->works)->r.method->name);
	} else if (ret == 0 && r.method->waits) {
		if (put_off(c, conn, &r) == 0)
			return;
		run_rpc_fail(&r, RUN_RPC_FAILED, ENOMEM, "no memory");
	} else if (ret == 0) {
		r.method->call(c->conf.arg, &r);
	}
	close_fds(r.fds, r.fd_count);
	end_request(c, conn, &r);
	run_rpc_free(&r);
}

/* One line of what has come, if one is whole. @return whether there was one. */
static bool
take_lines(struct run_control *c, struct conn *conn)
{
	char *end = conn->in_len > 0 ? memchr(conn->in, '\n', conn->in_len) : NULL;
	struct run_request r = { .id = NULL };
	size_t len;

	if (end == NULL && conn->in_len < RUN_RPC_LINE_MAX)
		return false;
	if (end == NULL) {
		/* Where its next request begins cannot be known. */
		r.id = json_null();
		run_rpc_fail(&r, RUN_RPC_REQUEST, 0, "a request of more than %d bytes",
			     RUN_RPC_LINE_MAX);
		end_request(c, conn, &r);
		if (conn->fd >= 0)
			hang_up(c, conn);
		return false;
	}
	len = (size_t)(end - conn->in);
	take_line(c, conn, len);
	if (conn->fd < 0)
		return false;
	conn->in_len -= len + 1;
	memmove(conn->in, end + 1, conn->in_len);
	return true;
}

/* More descriptors than one request may bring are not kept. */
static void
keep_fds(struct conn *conn, const struct cmsghdr *cmsg)
{
	size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return;
	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
		if (conn->fd_count < RUN_RPC_FDS_MAX)
			conn->fds[conn->fd_count++] = fd;
		else
			close_fds(&fd, 1);
	}
}

static void
receive(struct run_control *c, struct conn *conn)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(RUN_RPC_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { conn->in + conn->in_len, RUN_RPC_LINE_MAX - conn->in_len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	ssize_t n = recvmsg(conn->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			hang_up(c, conn);
		return;
	}
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(&msg, cmsg))
		keep_fds(conn, cmsg);
	conn->in_len += (size_t)n;
}

/* May a request of it be taken now? */
static bool
is_idle(const struct conn *conn)
{
	return conn->fd >= 0 && conn->out == NULL && conn->work == NULL;
}

/* What it takes beyond what is there has to come back before the next one is served. */
static void
charge(struct run_control *c, uint64_t since)
{
	uint64_t now = base_now_ns(), us = (now - since) / BASE_NS_PER_US + 1;

	c->work.full_ns = (c->work.full_ns > now ? c->work.full_ns : now) +
			  base_rate_ns(&work_rate, us);
}

/* Requests that have come, as long as there is time for them. */
static void
serve(struct run_control *c, struct conn *conn)
{
	bool owner = conn->caller.owner;
	uint64_t now = base_now_ns();

	conn->put_off = false;
	while (is_idle(conn) && conn->in_len > 0 &&
	       (owner || base_bucket_wait(&c->work, &work_rate, now, 1) == 0)) {
		if (!take_lines(c, conn))
			return;
		if (!owner)
			charge(c, now);
		now = base_now_ns();
	}
	conn->put_off = is_idle(conn) && conn->in_len > 0;
}

/* --- connections --- */

static void
refuse_conn(int fd, const char *why)
{
	struct run_request r = { .id = json_null() };
	size_t len;
	char *line;

	run_rpc_fail(&r, RUN_RPC_BUSY, 0, "%s", why);
	line = run_rpc_answer(&r, &len);
	if (line != NULL)
		(void)!send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	free(line);
	close(fd);
}

/* @return a free place, or NULL and *why. */
static struct conn *
find_place(struct run_control *c, const struct run_caller *caller, const char **why)
{
	struct conn *place = NULL;
	unsigned int of_user = 0, used = 0;

	for (struct conn *conn = c->conns; conn < c->conns + CONNS_MAX; conn++) {
		if (conn->fd < 0)
			place = conn;
		else
			used++;
		of_user += conn->fd >= 0 && conn->caller.uid == caller->uid;
	}
	*why = "too many connections";
	if (caller->owner)
		return place;
	if (of_user >= CONNS_OF_USER) {
		*why = "too many connections of this user";
		return NULL;
	}
	return used + CONNS_OF_USER <= CONNS_MAX ? place : NULL;
}

static void
accept_one(struct run_control *c)
{
	int fd = accept4(c->socket.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct run_caller caller = { 0 };
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct conn *conn;
	const char *why;

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) {
		close(fd);
		return;
	}
	base_count_shared(&c->stats.connections, 1);
	caller.uid = cred.uid;
	caller.gid = cred.gid;
	caller.pid = cred.pid;
	caller.owner = cred.uid == 0 || cred.uid == geteuid();
	conn = find_place(c, &caller, &why);
	if (conn == NULL) {
		base_count_shared(&c->stats.refused, 1);
		refuse_conn(fd, why);
		return;
	}
	conn->in = malloc(RUN_RPC_LINE_MAX);
	if (conn->in == NULL) {
		refuse_conn(fd, "no memory");
		return;
	}
	conn->fd = fd;
	conn->caller = caller;
}

/* --- the thread --- */

#define POLL_EVENT 0
#define POLL_LISTENER 1
#define POLL_CONNS 2

/*
 * The time until the first of those may go on who have to wait, in ms; -1: nobody has.
 */
static int
poll_timeout(const struct run_control *c, uint64_t now, bool soon)
{
	uint64_t wait = base_bucket_wait(&c->accepts, &accept_rate, now, 1), least = wait;

	for (const struct conn *conn = c->conns; conn < c->conns + CONNS_MAX; conn++) {
		if (!is_idle(conn) || conn->caller.owner)
			continue;
		wait = base_bucket_wait(&c->work, &work_rate, now, 1);
		if (conn->put_off && wait == 0)
			wait = 1; /* its turn has come since */
		if (wait > 0 && (least == 0 || wait < least))
			least = wait;
	}
	if (soon)
		return 1;
	return least > 0 ? (int)(least / BASE_NS_PER_MS + 1) : -1;
}

/* A client is asked for more only when it has taken its answer, and there is time for it. */
static short
events_of(const struct run_control *c, const struct conn *conn, uint64_t now)
{
	if (conn->out != NULL)
		return POLLOUT;
	if (!is_idle(conn) || conn->in_len == RUN_RPC_LINE_MAX)
		return 0;
	if (!conn->caller.owner && base_bucket_wait(&c->work, &work_rate, now, 1) > 0)
		return 0;
	return POLLIN;
}

static void
fill_poll(struct run_control *c, struct pollfd *pfd, uint64_t now)
{
	bool accepts = base_bucket_wait(&c->accepts, &accept_rate, now, 1) == 0;

	pfd[POLL_EVENT] = (struct pollfd){ .fd = c->event, .events = POLLIN };
	pfd[POLL_LISTENER] = (struct pollfd){ .fd = accepts ? c->socket.listener : -1,
					      .events = POLLIN };
	for (unsigned int i = 0; i < CONNS_MAX; i++)
		pfd[POLL_CONNS + i] = (struct pollfd){ .fd = c->conns[i].fd,
						       .events = events_of(c, &c->conns[i], now) };
}

static void
serve_conn(struct run_control *c, struct conn *conn, const struct pollfd *pfd)
{
	if (conn->fd < 0 || conn->fd != pfd->fd)
		return;
	if (pfd->revents & POLLOUT)
		send_more(c, conn);
	else if (pfd->revents & POLLIN)
		receive(c, conn);
	else if (pfd->revents & (POLLERR | POLLHUP))
		hang_up(c, conn);
	if (conn->fd >= 0)
		serve(c, conn);
}

/* Each time another one is the first to use what time there is. */
static void
serve_conns(struct run_control *c, const struct pollfd *pfd)
{
	unsigned int n;

	c->first = (c->first + 1) % CONNS_MAX;
	for (unsigned int i = 0; i < CONNS_MAX; i++) {
		n = (c->first + i) % CONNS_MAX;
		serve_conn(c, &c->conns[n], &pfd[n]);
	}
}

static atomic_bool hung_up; /* SIGHUP has come */
static atomic_int hangup_event = -1;

/* In a signal's handler. */
static void
on_hangup(void)
{
	uint64_t one = 1;

	atomic_store(&hung_up, true);
	(void)!write(atomic_load(&hangup_event), &one, sizeof(one));
}

static void
take_hangup(struct run_control *c)
{
	struct run_request r = { .method = &c->hangup,
				 .caller = { .uid = geteuid(), .pid = getpid(), .owner = true } };

	if (atomic_exchange(&hung_up, false) && put_off(c, NULL, &r) != 0)
		run_error("SIGHUP: no memory");
}

static void *
control_thread(void *arg)
{
	struct run_control *c = arg;
	struct pollfd pfd[POLL_CONNS + CONNS_MAX];
	bool soon = false;
	uint64_t now, n;

	while (!atomic_load(&c->stop)) {
		now = base_now_ns();
		fill_poll(c, pfd, now);
		if (poll(pfd, POLL_CONNS + CONNS_MAX, poll_timeout(c, now, soon)) < 0)
			continue;
		now = base_now_ns();
		if (pfd[POLL_EVENT].revents & POLLIN)
			(void)!read(c->event, &n, sizeof(n));
		take_hangup(c);
		if (pfd[POLL_LISTENER].revents & POLLIN &&
		    base_bucket_take(&c->accepts, &accept_rate, now, 1))
			accept_one(c);
		/* First those that have ended: their clients may have said more already. */
		works_poll(c);
		serve_conns(c, pfd + POLL_CONNS);
		soon = works_poll(c);
	}
	return NULL;
}

/* --- life --- */

static void
release(struct run_control *c)
{
	run_socket_close(&c->socket);
	if (c->event >= 0)
		close(c->event);
	free(c);
}

static int
begin(struct run_control *c, char *err, size_t err_size)
{
	int ret;

	c->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = c->event < 0 ? -errno
			   : base_thread_start(&c->thread, "ism-control", control_thread, c);
	if (ret != 0) {
		snprintf(err, err_size, "no thread for the control socket: %s", strerror(-ret));
		return ret;
	}
	if (c->conf.hangup != NULL) {
		atomic_store(&hangup_event, c->event);
		run_hangup_to(on_hangup);
	}
	return 0;
}

int
run_control_create(const struct run_control_conf *conf, struct run_control **out, char *err,
		   size_t err_size)
{
	struct run_control *c;
	char dir[PATH_MAX];
	int ret = 0;

	*out = NULL;
	if (conf->name != NULL && !run_name_ok(conf->name)) {
		snprintf(err, err_size,
			 "name '%.64s': expected 1 to %d letters, digits, '.', '_', '-'",
			 conf->name, RUN_NAME_MAX - 1);
		return -EINVAL;
	}
	if (run_name_dir(dir) != 0) {
		snprintf(err, err_size,
			 "no folder for a control socket: XDG_RUNTIME_DIR or "
			 "ISM_RUNTIME_DIR names one");
		return conf->name != NULL ? -ENOENT : 0;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		snprintf(err, err_size, "no memory");
		return -ENOMEM;
	}
	c->conf = *conf;
	c->hangup = (struct run_method){ "SIGHUP", true, true, conf->hangup };
	c->event = -1;
	TAILQ_INIT(&c->works);
	for (unsigned int i = 0; i < CONNS_MAX; i++)
		c->conns[i].fd = -1;
	ret = run_socket_open(&c->socket, dir, conf->name, err, err_size);
	if (ret != 0) {
		release(c);
		return ret;
	}
	run_telemetry_control(c);
	*out = c;
	return 0;
}

int
run_control_begin(struct run_control *c, char *err, size_t err_size)
{
	int ret = run_socket_listen(&c->socket, err, err_size);

	if (ret == 0)
		ret = begin(c, err, err_size);
	c->begun = ret == 0;
	return ret;
}

int
run_control_start(const struct run_control_conf *conf, struct run_control **out, char *err,
		  size_t err_size)
{
	int ret = run_control_create(conf, out, err, err_size);

	if (ret != 0 || *out == NULL)
		return ret;
	ret = run_control_begin(*out, err, err_size);
	if (ret == 0)
		return 0;
	(void)run_control_stop(*out);
	*out = NULL;
	return ret;
}

const char *
run_control_name(const struct run_control *c)
{
	return c->socket.name;
}

/* @return whether the helper has let go of everything. */
static bool
settle(struct run_control *c)
{
	const struct timespec nap = { .tv_nsec = BASE_NS_PER_MS };
	struct work *w = c->running ? TAILQ_FIRST(&c->works) : NULL;

	for (unsigned int i = 0; w != NULL && i < STOP_MS && !base_job_done(&w->job); i++)
		nanosleep(&nap, NULL);
	return w == NULL || base_job_done(&w->job);
}

bool
run_control_stop(struct run_control *c)
{
	uint64_t one = 1;
	struct work *w;

	if (c == NULL)
		return true;
	if (!c->begun) {
		run_socket_shut(&c->socket);
		release(c);
		return true;
	}
	run_hangup_to(NULL);
	run_telemetry_control(NULL);
	atomic_store(&c->stop, true);
	(void)!write(c->event, &one, sizeof(one));
	pthread_join(c->thread, NULL);
	run_socket_shut(&c->socket);
	if (!settle(c)) {
		run_socket_close(&c->socket);
		return false;
	}
	c->running = false;
	for (unsigned int i = 0; i < CONNS_MAX; i++)
		if (c->conns[i].fd >= 0)
			hang_up(c, &c->conns[i]);
	while ((w = TAILQ_FIRST(&c->works)) != NULL) {
		TAILQ_REMOVE(&c->works, w, entry);
		work_free(w);
	}
	release(c);
	return true;
}

void
run_control_stats(const struct run_control *c, struct run_control_stats *stats)
{
	base_counters_read(&c->stats, stats, sizeof(*stats));
}
