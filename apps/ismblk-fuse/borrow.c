/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The holder of a mount that a runtime serves (run_borrow.h). It mounts as whoever runs it, keeps
 * /dev/fuse, passes nothing on but the wish to end, and waits for the next runtime of that name
 * when one dies. No EAL; one thread besides those that may wait for the kernel.
 *
 *	ask --- MOUNT: mount, GIVE --- READY: prints "ready" --- served --- BYE: the end
 *	                                  ^                         |
 *	                                  +--- ask again, with all -+ the runtime is gone
 */
#include "ismblk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base_helper.h"
#include "base_line.h"
#include "base_process.h"
#include "base_time.h"
#include "run.h"
#include "run_holder_wire.h"
#include "run_priv.h"
#include "run_rpc.h"

#define NONE (-1)
#define ANSWER_S 5
#define PAUSE_MIN_NS (50 * BASE_NS_PER_MS) /* between two looks for the next runtime */
#define PAUSE_MAX_NS BASE_NS_PER_S
#define STOP_NS (10 * BASE_NS_PER_S) /* the end in good order may take so long */
#define REFUSALS 20 /* of runtimes that are there: then none will have it */
#define READ_AHEAD_KB 1024

struct borrow {
	const struct options *opt;
	char runtime[RUN_NAME_MAX];
	struct mounted where;
	int sock; /* to the runtime; -1: there is none */
	int fuse_fd, record_fd; /* what is held; -1 */
	int signal_fd;
	bool next_allowed, refused, ready, announced;
	unsigned int refusals;
	bool stopping;
	uint64_t stop_ns, ask_ns, pause_ns;
	int result; /* NONE: go on */
};

/* --- asking --- */

static json_t *
make_params(const struct borrow *b)
{
	const struct options *opt = b->opt;
	json_t *peers = json_array(), *exports = json_array();
	char gid[BASE_GID_STRLEN];

	for (unsigned int i = 0; i < opt->peer_count; i++)
		json_array_append_new(peers, json_string(base_gid_str(opt->peers[i], gid)));
	for (unsigned int i = 0; i < opt->export_count; i++)
		json_array_append_new(exports, json_string(opt->exports[i]));
	return json_pack("{s:o,s:o,s:s,s:s,s:b,s:b,s:b,s:b,s:b,s:b,s:I,s:I,s:I,s:I,s:I}", "peers",
			 peers, "exports", exports, "mount", b->where.dir, "cache",
			 opt->cache == CACHE_NONE ? "none" : "auto", "read_only", opt->read_only,
			 "allow_other", opt->allow_other, "digest", opt->digest, "no_restart",
			 opt->no_restart, "list", opt->list, "json", opt->json, "depth",
			 (json_int_t)opt->depth, "slot_size", (json_int_t)opt->slot_size,
			 "connect_timeout_ms", (json_int_t)opt->connect_timeout_ms,
			 "fast_io_fail_ms", (json_int_t)opt->fast_io_fail_ms, "io_timeout_ms",
			 (json_int_t)opt->io_timeout_ms);
}

/* @return 0: the runtime has our socket, and all that is held. */
static int
ask(struct borrow *b, struct run_client *client, char err[RUN_CLIENT_ERR])
{
	int pair[2], fds[RUN_RPC_FDS_MAX], ret;
	json_t *result = NULL;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		snprintf(err, RUN_CLIENT_ERR, "no socket: %s", strerror(errno));
		return -errno;
	}
	fds[0] = pair[1];
	fds[1] = b->fuse_fd;
	fds[2] = b->record_fd;
	ret = run_client_call(client, "mount", make_params(b), fds, b->announced ? 3 : 1, &result,
			      err);
	json_decref(result);
	close(pair[1]);
	if (ret == 0)
		b->sock = pair[0];
	else
		close(pair[0]);
	return ret;
}

/* One try to find the next runtime of that name. */
static void
ask_next(struct borrow *b, uint64_t now)
{
	struct run_client client;
	char err[RUN_CLIENT_ERR];
	int ret;

	if (now < b->ask_ns)
		return;
	b->pause_ns = b->pause_ns == 0		       ? PAUSE_MIN_NS
		      : b->pause_ns * 2 < PAUSE_MAX_NS ? b->pause_ns * 2
						       : PAUSE_MAX_NS;
	b->ask_ns = now + b->pause_ns;
	if (run_client_open(&client, b->runtime, err) != 0)
		return;
	run_client_wait(&client, ANSWER_S);
	ret = ask(b, &client, err);
	run_client_close(&client);
	if (ret != -EREMOTEIO || ++b->refusals < REFUSALS)
		return;
	run_error("the next runtime does not take the mount %s: %s", b->where.dir, err);
	b->result = RUN_EXIT_FAIL;
}

/* --- the runtime's words --- */

/* The kernel reads ahead 128 KiB unless its sysfs says more; only root may. It may wait. */
struct read_ahead {
	struct base_job job; /* first: its work() casts back */
	const struct mounted *where;
};

static void
set_read_ahead(struct base_job *job)
{
	const struct mounted *where = ((struct read_ahead *)job)->where;
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", where->id.major,
		 where->id.minor);
	f = where->known ? fopen(path, "we") : NULL;
	if (f == NULL)
		return;
	fprintf(f, "%d\n", READ_AHEAD_KB);
	fclose(f);
}

static struct read_ahead read_ahead = { .job.work = set_read_ahead };

static void
make_mount(struct borrow *b, uint32_t request_max)
{
	const struct run_holder_packet give = { .kind = RUN_HOLDER_GIVE };
	char real[PATH_MAX];
	int ret;

	if (b->fuse_fd >= 0 || b->opt->list)
		return;
	/* Once more: connecting took its time. */
	ret = mountpoint_check(b->where.dir, real);
	if (ret == RUN_EXIT_OK) {
		b->fuse_fd = mount_make(b->opt, request_max, &b->where);
		ret = b->fuse_fd >= 0 ? RUN_EXIT_OK : RUN_EXIT_MOUNT;
	}
	if (ret == RUN_EXIT_OK &&
	    run_holder_send(b->sock, &give, RUN_HOLDER_HEAD, &b->fuse_fd, 1) == 0)
		return;
	b->result = ret != RUN_EXIT_OK ? ret : RUN_EXIT_FAIL;
}

static void
set_ready(struct borrow *b)
{
	b->ready = true;
	b->pause_ns = 0;
	b->refusals = 0;
	if (!b->announced) {
		(void)base_helper_submit(&read_ahead.job);
		run_ready();
	} else {
		run_note("the next runtime '%s' serves the mount %s", b->runtime, b->where.dir);
	}
	b->announced = true;
}

static void
take_record(struct borrow *b, const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (i > 0) {
			close(fds[i]);
			continue;
		}
		if (b->record_fd >= 0)
			close(b->record_fd);
		b->record_fd = fds[i];
	}
}

static void
take_packet(struct borrow *b, struct run_holder_packet *packet, size_t len)
{
	switch (packet->kind) {
	case RUN_HOLDER_MOUNT:
		make_mount(b, packet->id);
		break;
	case RUN_HOLDER_ALLOW_NEXT:
		b->next_allowed = true;
		break;
	case RUN_HOLDER_READY:
		set_ready(b);
		break;
	case RUN_HOLDER_TEXT:
		fwrite(packet->bytes, 1, len, stdout);
		break;
	case RUN_HOLDER_FAIL:
		run_error("%.*s", (int)len, (const char *)packet->bytes);
		b->result = packet->id != 0 && packet->id < 128 ? (int)packet->id : RUN_EXIT_FAIL;
		break;
	case RUN_HOLDER_BYE:
		b->result = RUN_EXIT_OK;
		break;
	case RUN_HOLDER_WRITE:
		run_holder_write(b->fuse_fd, b->sock, packet, len);
		break;
	default:
		break;
	}
}

/* What was up is down. */
static void
runtime_gone(struct borrow *b, uint64_t now)
{
	const char *why =
		!b->announced	     ? "before the mount was there"
		: b->opt->no_restart ? "it ends here: --no-restart"
		: !b->next_allowed
			? "it ends here: this kernel cannot ask again for requests (Linux "
			  "6.9 can), or the runtime has no name of its own"
			: NULL;

	close(b->sock);
	b->sock = -1;
	b->ready = false;
	b->ask_ns = now;
	if (b->stopping) {
		b->result = RUN_EXIT_OK;
	} else if (why != NULL) {
		run_error("runtime '%s' has ended: %s", b->runtime, why);
		b->result = RUN_EXIT_FAIL;
	} else {
		run_error("runtime '%s' has ended; the mount %s waits for the next one", b->runtime,
			  b->where.dir);
	}
}

static void
take_messages(struct borrow *b, uint64_t now)
{
	struct run_holder_packet packet;
	int fds[RUN_HOLDER_FDS];
	unsigned int count;
	ssize_t n;

	while (b->sock >= 0 && b->result == NONE) {
		n = run_holder_receive(b->sock, &packet, fds, &count);
		if (n == -EAGAIN)
			return;
		take_record(b, fds, count);
		if (n > 0)
			take_packet(b, &packet, (size_t)n - RUN_HOLDER_HEAD);
		else if (n != -EPROTO && n != -ECONNRESET)
			runtime_gone(b, now);
	}
}

/* --- signals --- */

static void
take_signals(struct borrow *b, uint64_t now)
{
	struct signalfd_siginfo info;

	while (read(b->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		/* A second one ends all at once; so does one while nobody serves. */
		if (b->stopping || b->sock < 0 || !b->ready) {
			b->result = b->announced && !b->stopping ? RUN_EXIT_OK : RUN_EXIT_FAIL;
			return;
		}
		b->stopping = true;
		b->stop_ns = now + STOP_NS;
		shutdown(b->sock, SHUT_WR);
	}
}

/* --- rounds --- */

static int
patience(const struct borrow *b, uint64_t now)
{
	uint64_t until = b->sock < 0 ? b->ask_ns : b->stopping ? b->stop_ns : UINT64_MAX;

	if (until == UINT64_MAX)
		return -1;
	return until > now ? (int)((until - now) / BASE_NS_PER_MS) + 1 : 0;
}

/* While the mount is served, who serves it looks at it. */
static void
step(struct borrow *b)
{
	bool look = b->sock < 0 && b->fuse_fd >= 0;
	struct pollfd pfd[] = { { .fd = b->signal_fd, .events = POLLIN },
				{ .fd = b->sock, .events = POLLIN },
				{ .fd = look ? b->fuse_fd : -1 } };
	uint64_t now;

	poll(pfd, sizeof(pfd) / sizeof(pfd[0]), patience(b, base_now_ns()));
	now = base_now_ns();
	take_messages(b, now);
	if (b->result == NONE)
		take_signals(b, now);
	if (b->result == NONE && b->sock < 0 && b->fuse_fd >= 0 && mount_is_over(b->fuse_fd))
		b->result = RUN_EXIT_OK;
	if (b->result == NONE && b->sock < 0)
		ask_next(b, now);
	if (b->result == NONE && b->stopping && now > b->stop_ns) {
		run_error("runtime '%s' does not end the mount %s: it ends here", b->runtime,
			  b->where.dir);
		b->result = RUN_EXIT_FAIL;
	}
}

/* --- life --- */

static int
prepare(struct borrow *b)
{
	struct sigaction was;
	sigset_t signals;
	int ret = RUN_EXIT_OK;

	if (!b->opt->list)
		ret = mountpoint_check(b->opt->mount, b->where.dir);
	if (ret != RUN_EXIT_OK)
		return ret;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	/* nohup(1) had it ignored. */
	if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	b->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (b->signal_fd < 0) {
		run_error("cannot wait for signals: %s", strerror(errno));
		return RUN_EXIT_FAIL;
	}
	(void)base_line_start(run_program_name());
	return RUN_EXIT_OK;
}

/* What the runtime has chosen for all its mounts. */
static void
tell_ignored(const struct options *opt)
{
	if (opt->queues != 0 || opt->keepalive_ms != KEEPALIVE_MS || opt->hot_us != HOT_US ||
	    opt->idle_max_us != IDLE_MAX_US)
		run_note(
			"--queues, --keepalive-ms, --hot-us and --idle-max-us are the runtime's to "
			"choose: not used");
}

/* Our descriptors close, and with them the mount. */
static void
end(struct borrow *b)
{
	const int fds[] = { b->fuse_fd, b->record_fd };

	if (b->sock >= 0)
		close(b->sock);
	if (b->fuse_fd >= 0)
		mount_end(&b->where, fds, b->record_fd >= 0 ? 2 : 1, run_holder_writing());
	if (b->opt->list && b->result == RUN_EXIT_OK && base_process_flush() != 0) {
		run_error("cannot print the list");
		b->result = RUN_EXIT_FAIL;
	}
	base_line_stop();
}

int
borrow(const struct options *opt, struct run_client *client)
{
	static struct borrow b; /* the helper reads where the mount is */
	char err[RUN_CLIENT_ERR];
	int ret;

	b = (struct borrow){ .opt = opt,
			     .sock = -1,
			     .fuse_fd = -1,
			     .record_fd = -1,
			     .signal_fd = -1,
			     .result = NONE };
	snprintf(b.runtime, sizeof(b.runtime), "%s", client->name);
	ret = prepare(&b);
	if (ret == RUN_EXIT_OK && ask(&b, client, err) != 0) {
		run_error("runtime '%s': %s", b.runtime, err);
		ret = RUN_EXIT_DEVICE;
	}
	run_client_close(client);
	if (ret != RUN_EXIT_OK)
		return ret;
	tell_ignored(opt);
	read_ahead.where = &b.where;
	while (b.result == NONE)
		step(&b);
	end(&b);
	return b.result;
}
