/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mounts: a program (dpdk-ismblk) holds one, we serve it. It asks with one end of a socket, over
 * which it is a holder as in run_holder.h; after the death of a runtime before us, with the mount
 * as well: /dev/fuse and the record.
 *
 * Each has a thread, which does all that may wait: until peers are there, for the holder, for the
 * kernel's first word, for the end. Workers serve the mount, and the thread changes what is theirs
 * by run_call().
 *
 *	asked --peers are there--> MOUNT to the holder --/dev/fuse--> READY --> served
 *	  taken over: asked --> served
 *	the end, from anywhere: the holder is gone, or says so; the mount is over; "remove"
 *	the runtime ends: all stays as it is, for the next one
 *
 * The holder is hostile: nothing that it can change is looked at after it was checked.
 */
#include "ismd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <rte_common.h>

#include "base_helper.h"
#include "base_peers.h"
#include "base_text.h"
#include "base_thread.h"
#include "base_time.h"
#include "ismblk.h"
#include "run.h"
#include "run_holder_wire.h"
#include "run_rpc.h"

#define MOUNTS_MAX 64
#define MOUNTS_OF_USER 8 /* who is not root nor ourselves */
#define LOOK_MS 10 /* between two looks at a peer that is awaited */
#define MOUNT_MS 30000 /* a holder may take so long to mount */
#define INIT_MS 2000
#define DRAIN_MS 2000
#define FUSE_MAJOR 10
#define FUSE_MINOR 229

struct mount;

/* A worker's part while no request is served yet: sessions have to come up. */
struct lane {
	struct mount *m;
	unsigned int worker;
	bool polled;
};

struct mount {
	struct ismblk app; /* first: say() and over() cast back */
	SLIST_ENTRY(mount) entry;
	struct ismd *d;
	char name[RUN_JOB_NAME_MAX];
	char dir[PATH_MAX]; /* for people: cleaned */
	struct run_caller caller;
	json_t *params; /* texts of options */
	int record_fd; /* that of a holder; -1 */
	int event; /* somebody wants the thread to look */
	pthread_t thread;
	bool has_thread;
	atomic_bool removed, over, left; /* why: by hand, by the kernel, the runtime ends */
	bool cleaned; /* nothing of it is in use; the thread's, until it has ended */
	bool controlled; /* control_poll() is called */
	struct lane lanes[LINK_QUEUES_MAX];
	char line[512]; /* what was said last; "" */
};

/* All that there are, and those whose threads could not clean up any more. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static SLIST_HEAD(, mount) mounts = SLIST_HEAD_INITIALIZER(mounts);
static struct shares shares = { SLIST_HEAD_INITIALIZER(shares.all) };

static struct mount *
mount_of(struct ismblk *app)
{
	return (struct mount *)app;
}

static void
wake(struct mount *m)
{
	uint64_t one = 1;

	(void)!write(m->event, &one, sizeof(one));
}

/* --- who makes /dev/fuse block --- */

#define GUARD_NS (20 * BASE_NS_PER_MS)

static pthread_once_t guard_once = PTHREAD_ONCE_INIT;
static pthread_cond_t guarded = PTHREAD_COND_INITIALIZER; /* there is one to be guarded */

/* It does what it is for by being there: a system call that it interrupts ends with EINTR. */
static void
on_urg(int sig)
{
}

/* With the lock. @return whether there are any. */
static bool
guard_all(uint64_t now)
{
	struct mount *m;
	bool any = false;

	SLIST_FOREACH(m, &mounts, entry) {
		if (!m->app.guarded)
			continue;
		any = true;
		device_guard(&m->app, now);
	}
	return any;
}

static void *
guard_thread(void *arg)
{
	const struct timespec nap = { .tv_nsec = GUARD_NS };

	for (;;) {
		pthread_mutex_lock(&lock);
		while (!guard_all(base_now_ns()))
			pthread_cond_wait(&guarded, &lock);
		pthread_mutex_unlock(&lock);
		nanosleep(&nap, NULL);
	}
	return NULL;
}

static void
guard_start(void)
{
	const struct sigaction sa = { .sa_handler = on_urg };
	pthread_t thread;

	sigaction(SIGURG, &sa, NULL);
	if (base_thread_start(&thread, "ism-guard", guard_thread, NULL) == 0)
		pthread_detach(thread);
}

/* Root and who we are can do worse. */
static void
set_guarded(struct mount *m, bool yes)
{
	sigset_t urg;

	sigemptyset(&urg);
	sigaddset(&urg, SIGURG);
	if (m->caller.owner)
		return;
	pthread_once(&guard_once, guard_start);
	pthread_sigmask(SIG_UNBLOCK, &urg, NULL);
	pthread_mutex_lock(&lock);
	m->app.guarded = yes;
	pthread_cond_signal(&guarded);
	pthread_mutex_unlock(&lock);
}

/* --- what the library calls --- */

static void
say(struct ismblk *app, const char *line)
{
	snprintf(mount_of(app)->line, sizeof(mount_of(app)->line), "%s", line);
}

static void
over(struct ismblk *app)
{
	atomic_store(&mount_of(app)->over, true);
	wake(mount_of(app));
}

static struct blk_kept *
find_kept(struct ismblk *app, uint64_t gid, uint64_t *home)
{
	return state_find(mount_of(app)->d, gid, home);
}

static void
drop_kept(struct ismblk *app, uint64_t gid)
{
	if (!atomic_load(&mount_of(app)->left))
		state_drop(mount_of(app)->d, gid);
}

/* --- what is asked for --- */

struct number {
	const char *name;
	uint64_t min, max, standard;
	size_t at;
	bool power_of_two;
	uint64_t multiple;
};

#define AT(field) offsetof(struct options, field)
/* As the options of dpdk-ismblk. */
static const struct number numbers[] = {
	{ "depth", 2, LINK_DEPTH_MAX, 64, AT(depth), true, 0 },
	{ "slot_size", 4096, LINK_SLOT_MAX, 65536, AT(slot_size), false, 4096 },
	{ "connect_timeout_ms", 1, 3600000, 5000, AT(connect_timeout_ms), false, 0 },
	{ "fast_io_fail_ms", 0, 86400000, 0, AT(fast_io_fail_ms), false, 0 },
	{ "io_timeout_ms", 0, 86400000, 0, AT(io_timeout_ms), false, 0 },
};

static const struct {
	const char *name;
	size_t at;
} flags[] = {
	{ "read_only", AT(read_only) }, { "allow_other", AT(allow_other) },
	{ "digest", AT(digest) },	{ "no_restart", AT(no_restart) },
	{ "list", AT(list) },		{ "json", AT(json) },
};

static int
take_numbers(struct run_request *r, struct options *opt)
{
	for (size_t i = 0; i < RTE_DIM(numbers); i++) {
		const struct number *n = &numbers[i];
		const json_t *given = json_object_get(r->params, n->name);
		uint64_t value = json_is_integer(given) && json_integer_value(given) >= 0
					 ? (uint64_t)json_integer_value(given)
				 : given == NULL ? n->standard
						 : UINT64_MAX;

		if (value < n->min || value > n->max ||
		    (n->power_of_two && (value & (value - 1)) != 0) ||
		    (n->multiple != 0 && value % n->multiple != 0))
			return run_rpc_fail(r, RUN_RPC_PARAMS, 0,
					    "params.%s: expected a number as dpdk-ismblk takes it",
					    n->name);
		*(uint64_t *)((char *)opt + n->at) = value;
	}
	for (size_t i = 0; i < RTE_DIM(flags); i++)
		*(bool *)((char *)opt + flags[i].at) =
			json_is_true(json_object_get(r->params, flags[i].name));
	return 0;
}

static int
take_peers(struct run_request *r, struct options *opt)
{
	const json_t *list = json_object_get(r->params, "peers");
	size_t n = json_array_size(list);

	if (n == 0 || n > PEERS_MAX)
		return run_rpc_fail(r, RUN_RPC_PARAMS, 0, "params.peers: expected 1 to %d GIDs",
				    PEERS_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL || base_peer_parse(text, &opt->peers[i]) != 0)
			return run_rpc_fail(r, RUN_RPC_PARAMS, 0, "params.peers: expected %s",
					    base_peer_expected());
		for (size_t k = 0; k < i; k++) {
			if (opt->peers[k] == opt->peers[i])
				return run_rpc_fail(r, RUN_RPC_PARAMS, 0,
						    "params.peers: %.32s is there twice", text);
		}
	}
	opt->peer_count = (unsigned int)n;
	return 0;
}

static int
take_exports(struct run_request *r, struct options *opt)
{
	const json_t *list = json_object_get(r->params, "exports");
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n && n <= EXPORT_NAMES_MAX; i++) {
		opt->exports[i] = json_string_value(json_array_get(list, i));
		if (opt->exports[i] == NULL)
			n = SIZE_MAX;
	}
	if (n > EXPORT_NAMES_MAX)
		return run_rpc_fail(r, RUN_RPC_PARAMS, 0,
				    "params.exports: expected %d names at most", EXPORT_NAMES_MAX);
	opt->export_count = (unsigned int)n;
	return 0;
}

/* @return 0; the request has failed. */
static int
take_params(struct mount *m, struct run_request *r)
{
	const char *cache = run_rpc_text(r, "cache", false);
	const char *dir = run_rpc_text(r, "mount", true);
	struct options *opt = &m->app.opt;

	if (r->code != 0)
		return r->code;
	if (strlen(dir) >= sizeof(m->dir))
		return run_rpc_fail(r, RUN_RPC_PARAMS, 0, "params.mount: a path of %zu bytes",
				    strlen(dir));
	base_text_clean(m->dir, sizeof(m->dir), dir, strlen(dir));
	opt->mount = m->dir;
	opt->cache = cache != NULL && strcmp(cache, "none") == 0 ? CACHE_NONE : CACHE_AUTO;
	if (take_peers(r, opt) != 0 || take_exports(r, opt) != 0)
		return r->code;
	return take_numbers(r, opt);
}

static bool
is_line(int fd)
{
	int type = 0, domain = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

/* What is mounted there, and whether anything is, the first read will tell. */
static bool
is_fuse(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(FUSE_MAJOR, FUSE_MINOR) &&
	       (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

/* One end of a socket; or that, /dev/fuse and the record. */
static int
take_fds(struct mount *m, struct run_request *r)
{
	bool taken = r->fd_count == 3;

	if ((r->fd_count != 1 && !taken) || !is_line(r->fds[0]) || (taken && !is_fuse(r->fds[1])))
		return run_rpc_fail(r, RUN_RPC_PARAMS, 0,
				    "descriptors: expected a SOCK_SEQPACKET socket, or that, a "
				    "mounted /dev/fuse and a record");
	m->app.held.sock = r->fds[0];
	r->fds[0] = -1;
	if (!taken)
		return 0;
	m->app.taken = true;
	m->app.fuse_fd = r->fds[1];
	m->record_fd = r->fds[2];
	r->fds[1] = r->fds[2] = -1;
	return 0;
}

/* --- steps of the thread; the runtime may end in each of them --- */

struct step {
	struct mount *m;
	uint64_t deadline;
	int ret;
};

#define LEFT (-2) /* the loop has ended */

/* On worker 0. */
static int
control(struct mount *m, void (*fn)(void *arg), uint64_t deadline)
{
	struct step s = { .m = m, .deadline = deadline };

	return run_call(0, fn, &s) == 0 ? s.ret : LEFT;
}

static void
open_peers(void *arg)
{
	struct step *s = arg;

	s->ret = peers_open(&s->m->app);
}

static void
look_at_peers(void *arg)
{
	struct step *s = arg;

	s->ret = peers_there(&s->m->app, s->deadline);
	if (s->ret == RUN_EXIT_OK)
		s->ret = peers_check_exports(&s->m->app);
}

static void
close_peers(void *arg)
{
	struct step *s = arg;

	peers_close(&s->m->app);
}

static unsigned int
control_poll(void *arg, uint64_t now_ns)
{
	struct ismblk *app = arg;

	return peers_control(app, now_ns);
}

static void
begin_control(void *arg)
{
	struct step *s = arg;

	s->ret = run_add_poller(0, control_poll, &s->m->app);
	s->m->controlled = s->ret == 0;
}

static unsigned int
lane_poll(void *arg, uint64_t now_ns)
{
	struct lane *lane = arg;

	return peers_poll_queues(&lane->m->app, lane->worker, now_ns);
}

/* On its worker, as the next one. */
static void
begin_lane(void *arg)
{
	struct lane *lane = arg;

	lane->polled = run_add_poller(lane->worker, lane_poll, lane) == 0;
}

static void
end_lane(void *arg)
{
	struct lane *lane = arg;

	if (lane->polled)
		run_remove_poller(lane->worker, lane_poll, lane);
	lane->polled = false;
}

static void
each_lane(struct mount *m, void (*fn)(void *arg))
{
	for (unsigned int i = 0; i < m->app.queues; i++) {
		m->lanes[i].m = m;
		m->lanes[i].worker = i;
		(void)run_call(i, fn, &m->lanes[i]);
	}
}

static void
end_control(void *arg)
{
	struct step *s = arg;

	if (s->m->controlled)
		run_remove_poller(0, control_poll, &s->m->app);
	s->m->controlled = false;
}

/* Somebody wants the end. */
static bool
has_to_end(const struct mount *m)
{
	return atomic_load(&m->removed) || atomic_load(&m->over) || atomic_load(&m->left);
}

/*
 * Wait for the holder or for anybody who wakes us.
 * @param input  a message, too.
 * @return false: the end.
 */
static bool
wait_for_line(struct mount *m, int ms, bool input)
{
	struct pollfd pfd[] = { { .fd = m->app.held.sock,
				  .events = (short)(POLLRDHUP | (input ? POLLIN : 0)) },
				{ .fd = m->event, .events = POLLIN } };
	uint64_t n;

	if (poll(pfd, RTE_DIM(pfd), ms) < 0)
		return errno == EINTR;
	if ((pfd[1].revents & POLLIN) != 0)
		(void)!read(m->event, &n, sizeof(n));
	return (pfd[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0 && !has_to_end(m);
}

#define ENDED (-1) /* in good order */

static int
find_peers(struct mount *m)
{
	uint64_t deadline = base_now_ns() + m->app.opt.connect_timeout_ms * BASE_NS_PER_MS;
	int ret = control(m, open_peers, 0);

	if (ret != RUN_EXIT_OK)
		return ret;
	each_lane(m, begin_lane);
	ret = control(m, begin_control, 0);
	if (ret != 0) {
		say(&m->app, "the lcores have too much to do");
		return ret == LEFT ? LEFT : RUN_EXIT_FAIL;
	}
	/* Disks that the kernel knows already may come when they come. */
	if (m->app.taken)
		return RUN_EXIT_OK;
	while ((ret = control(m, look_at_peers, deadline)) == -1) {
		if (!wait_for_line(m, LOOK_MS, false))
			return ENDED;
	}
	return ret;
}

static int
say_packet(struct mount *m, uint32_t kind, uint32_t id, const void *bytes, size_t len)
{
	struct run_holder_packet packet = { .kind = kind, .id = id };

	if (len > 0)
		memcpy(packet.bytes, bytes, len);
	return run_holder_send(m->app.held.sock, &packet, RUN_HOLDER_HEAD + len, NULL, 0);
}

/* --list. */
static int
send_list(struct mount *m)
{
	char *text = NULL;
	size_t size = 0, at = 0, n;
	FILE *stream = open_memstream(&text, &size);
	bool ok = stream != NULL && list_write(&m->app, stream);
	int ret = 0;

	if (stream != NULL && fclose(stream) != 0)
		ok = false;
	for (; ok && at < size && ret != -EPIPE; at += ret == 0 ? n : 0) {
		n = RTE_MIN(size - at, (size_t)RUN_HOLDER_BYTES);
		ret = say_packet(m, RUN_HOLDER_TEXT, 0, text + at, n);
		/* It reads when it can. */
		if (ret == -EAGAIN && !wait_for_line(m, LOOK_MS, false))
			break;
	}
	free(text);
	return ENDED;
}

static void
choose_request_max(struct ismblk *app)
{
	app->request_max = REQUEST_MAX;
	for (unsigned int i = 0; i < app->peer_count; i++)
		app->request_max = RTE_MIN(app->request_max,
					   blk_client_io_max(app->peers[i].client));
}

/* The holder mounts, as who it is, and gives us /dev/fuse. */
static int
get_device(struct mount *m)
{
	uint64_t end = base_now_ns() + MOUNT_MS * BASE_NS_PER_MS;
	struct run_holder_packet packet;
	int fds[RUN_HOLDER_FDS];
	unsigned int count;
	ssize_t n;

	if (say_packet(m, RUN_HOLDER_MOUNT, m->app.request_max, NULL, 0) != 0)
		return ENDED;
	do {
		if (!wait_for_line(m, MOUNT_MS, true))
			return ENDED;
		n = run_holder_receive(m->app.held.sock, &packet, fds, &count);
	} while (n == -EAGAIN && base_now_ns() < end);
	if (n == (ssize_t)RUN_HOLDER_HEAD && packet.kind == RUN_HOLDER_GIVE && count == 1 &&
	    is_fuse(fds[0])) {
		m->app.fuse_fd = fds[0];
		return RUN_EXIT_OK;
	}
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
	say(&m->app, "expected a mounted /dev/fuse from the program that asked for a mount");
	return RUN_EXIT_FAIL;
}

static int
get_mount(struct mount *m)
{
	struct ismblk *app = &m->app;
	int ret;

	if (app->taken) {
		ret = record_copy(app, m->record_fd);
		if (ret == RUN_EXIT_OK)
			ret = find_peers(m);
		return ret;
	}
	ret = find_peers(m);
	if (ret != RUN_EXIT_OK)
		return ret;
	if (app->opt.list)
		return send_list(m);
	choose_request_max(app);
	ret = record_make_sealed(app);
	return ret == RUN_EXIT_OK ? get_device(m) : ret;
}

/* The holder keeps the record, for the runtime after us. */
static int
begin(struct mount *m)
{
	struct ismblk *app = &m->app;
	int ret = device_init(app);

	if (ret == RUN_EXIT_OK)
		set_guarded(m, true);
	if (ret == RUN_EXIT_OK && run_held_give(&app->held, &app->record_fd, 1) != 0)
		ret = ENDED;
	if (ret == RUN_EXIT_OK)
		ret = device_start(app);
	if (ret == RUN_EXIT_OK && run_held_ready(&app->held) != 0)
		ret = ENDED;
	if (ret != RUN_EXIT_OK)
		return ret;
	each_lane(m, end_lane); /* device_poll() does it */
	telemetry_start(app);
	app->announced = true;
	run_note("mount %s: %s for uid %u, %s %s", m->name, m->dir, (unsigned int)m->caller.uid,
		 app->taken ? "taken over, peer" : "peer", app->peers[0].name);
	return RUN_EXIT_OK;
}

static int
serve(struct mount *m)
{
	while (wait_for_line(m, -1, false))
		;
	return atomic_load(&m->app.status) == RUN_EXIT_OK ? ENDED : RUN_EXIT_FAIL;
}

/* Give back what workers use, and all else. The runtime goes on, or it has ended. */
static void
clean_up(struct mount *m, unsigned int ms)
{
	struct ismblk *app = &m->app;

	app->announced = false;
	(void)control(m, end_control, 0);
	telemetry_stop(app);
	device_stop(app, ms);
	each_lane(m, end_lane);
	set_guarded(m, false);
	device_close(app);
	(void)control(m, close_peers, 0);
	record_close(app);
	if (m->record_fd >= 0)
		close(m->record_fd);
	close(app->held.sock);
	m->record_fd = app->held.sock = -1;
	m->cleaned = true;
}

/* What became of it, for the holder: it ends with that. */
static void
tell_end(struct mount *m, int ret)
{
	if (ret == ENDED) {
		run_held_bye(&m->app.held);
		return;
	}
	run_note("mount %s for uid %u: %s", m->name, (unsigned int)m->caller.uid, m->line);
	if (m->app.taken)
		run_held_refuse(&m->app.held);
	(void)say_packet(m, RUN_HOLDER_FAIL, (uint32_t)ret, m->line, strlen(m->line));
}

struct reaper {
	struct base_job job; /* first: work() casts back */
	struct run_jobs *jobs;
	char text[RUN_JOB_NAME_MAX + 8];
};

static void
reap(struct base_job *job)
{
	struct reaper *r = (struct reaper *)job;
	char err[RUN_JOB_ERR];

	(void)run_job_remove(r->jobs, r->text, err);
}

/* A helper takes the job away: it waits for our end. */
static void
end_job(struct mount *m)
{
	const struct timespec nap = { .tv_nsec = 100 * BASE_NS_PER_MS };
	struct reaper *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return;
	r->job.work = reap;
	r->job.release = true;
	r->jobs = m->d->jobs;
	snprintf(r->text, sizeof(r->text), "mount %s", m->name);
	while (base_helper_submit(&r->job) != 0) {
		if (has_to_end(m) && atomic_load(&m->left)) {
			free(r);
			return;
		}
		nanosleep(&nap, NULL);
	}
}

static void *
mount_thread(void *arg)
{
	struct mount *m = arg;
	int ret = get_mount(m);

	if (ret == RUN_EXIT_OK)
		ret = begin(m);
	if (ret == RUN_EXIT_OK)
		ret = serve(m);
	/* Then all stays as it is, and the main thread puts it away. */
	if (ret == LEFT || atomic_load(&m->left))
		return NULL;
	tell_end(m, ret);
	clean_up(m, ret == ENDED && !atomic_load(&m->over) ? DRAIN_MS : 0);
	run_note("mount %s has ended", m->name);
	if (!atomic_load(&m->removed))
		end_job(m);
	return NULL;
}

/* --- the job --- */

static void
mount_free(struct mount *m)
{
	pthread_mutex_lock(&lock);
	SLIST_REMOVE(&mounts, m, mount, entry);
	pthread_mutex_unlock(&lock);
	if (m->app.held.sock >= 0)
		close(m->app.held.sock);
	if (m->app.fuse_fd >= 0)
		close(m->app.fuse_fd);
	if (m->record_fd >= 0)
		close(m->record_fd);
	if (m->event >= 0)
		close(m->event);
	json_decref(m->params);
	free(m);
}

static int
parse(struct run_job *job, char *err)
{
	snprintf(err, RUN_JOB_ERR,
		 "a mount is asked for by dpdk-ismblk: it needs a program that holds it");
	return -EINVAL;
}

static int
start(void *ctx, struct run_job *job, char *err)
{
	struct mount *m = job->conf;
	int ret = base_thread_start(&m->thread, "ism-mount", mount_thread, m);

	if (ret != 0)
		snprintf(err, RUN_JOB_ERR, "no thread for the mount: %s", strerror(-ret));
	m->has_thread = ret == 0;
	return ret;
}

static void
stop(void *ctx, struct run_job *job)
{
	struct mount *m = job->conf;
	const struct ismd *d = ctx;

	if (d->leaving)
		atomic_store(&m->left, true);
	else
		atomic_store(&m->removed, true);
	wake(m);
	pthread_join(m->thread, NULL);
	m->has_thread = false;
}

static void
forget(void *conf)
{
	struct mount *m = conf;

	if (m == NULL)
		return;
	if (m->cleaned || m->app.peer_count == 0)
		mount_free(m);
}

static void
show(void *ctx, const struct run_job *job, json_t *object)
{
	const struct mount *m = job->conf;

	json_object_set_new(object, "path", json_string(m->dir));
	json_object_set_new(object, "uid", json_integer(m->caller.uid));
	json_object_set_new(object, "pid", json_integer(m->caller.pid));
	json_object_set_new(object, "served", json_boolean(m->app.announced));
}

const struct run_job_type job_mount = {
	.word = "mount",
	.parse = parse,
	.start = start,
	.stop = stop,
	.show = show,
	.forget = forget,
};

/* --- asking for one --- */

/* @return why not, or NULL. */
static const char *
is_too_much(const struct run_caller *caller)
{
	unsigned int all = 0, of_user = 0;
	const struct mount *m;

	pthread_mutex_lock(&lock);
	SLIST_FOREACH(m, &mounts, entry) {
		all++;
		of_user += m->caller.uid == caller->uid;
	}
	pthread_mutex_unlock(&lock);
	if (all >= MOUNTS_MAX)
		return "too many mounts";
	if (!caller->owner && (of_user >= MOUNTS_OF_USER || all + MOUNTS_OF_USER > MOUNTS_MAX))
		return "too many mounts of this user";
	return NULL;
}

static void
fill(struct mount *m, struct ismd *d, struct run_request *r)
{
	struct ismblk *app = &m->app;

	m->d = d;
	m->caller = r->caller;
	m->params = json_incref(r->params);
	m->record_fd = m->event = -1;
	app->fuse_fd = app->session_fd = app->record_fd = app->held.sock = -1;
	app->link = d->link;
	app->shares = &shares;
	app->uid = r->caller.uid;
	app->gid = r->caller.gid;
	app->say = say;
	app->over = over;
	app->find_kept = find_kept;
	app->drop_kept = drop_kept;
	app->init_ms = INIT_MS;
	app->queues = RTE_MIN(run_workers(), (unsigned int)LINK_QUEUES_MAX);
	clock_gettime(CLOCK_REALTIME, &app->start);
	pthread_mutex_lock(&lock);
	SLIST_INSERT_HEAD(&mounts, m, entry);
	pthread_mutex_unlock(&lock);
}

void
mount_ask(struct ismd *d, struct run_request *r)
{
	const char *why = is_too_much(&r->caller);
	char err[RUN_JOB_ERR], spec[RUN_JOB_SPEC_MAX];
	struct mount *m;
	int ret;

	if (why != NULL) {
		run_rpc_fail(r, RUN_RPC_BUSY, 0, "%s", why);
		return;
	}
	m = calloc(1, sizeof(*m));
	if (m == NULL) {
		run_rpc_fail(r, RUN_RPC_FAILED, ENOMEM, "no memory");
		return;
	}
	fill(m, d, r);
	if (take_params(m, r) != 0 || take_fds(m, r) != 0) {
		mount_free(m);
		return;
	}
	if (!state_outlives(d))
		m->app.opt.no_restart = true;
	m->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(m->name, sizeof(m->name), "%ld", (long)r->caller.pid);
	snprintf(spec, sizeof(spec), "%s", m->dir);
	ret = m->event >= 0 ? run_job_enter(d->jobs, &job_mount, m->name, spec, m, err) : -errno;
	if (ret == 0) {
		r->result = json_pack("{s:s}", "job", m->name);
		return;
	}
	if (m->event < 0) {
		mount_free(m);
		snprintf(err, sizeof(err), "%s", strerror(-ret));
	}
	run_rpc_fail(r, RUN_RPC_FAILED, -ret, "%s", err);
}

/* --- the runtime ends: nothing is answered any more, so that the next one can go on --- */

static void
leave(struct mount *m)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	atomic_store(&m->left, true);
	record_leave(&m->app);
	if (m->app.session_fd >= 0 && (null < 0 || dup3(null, m->app.session_fd, O_CLOEXEC) < 0))
		abort(); /* or the kernel would hear of errors that are none */
	if (null >= 0)
		close(null);
	clean_up(m, 0);
	mount_free(m);
}

bool
mount_service_stop(struct ismd *d)
{
	struct mount *m;
	bool any;

	d->leaving = true;
	run_jobs_end(d->jobs, &job_mount);
	any = !SLIST_EMPTY(&mounts);
	if (any)
		state_leave(d);
	while ((m = SLIST_FIRST(&mounts)) != NULL)
		leave(m);
	return any;
}
