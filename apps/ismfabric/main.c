/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ism-fabric: the software ISM as a program. One thread, no EAL: it waits in ppoll() for clients
 * and signals, and costs nothing while nobody stores through it.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <rte_log.h>

#include "conf.h"
#include "fabric_guard.h"
#include "fabric_server.h"
#include "vfu_sock.h"

static volatile sig_atomic_t stop_wanted;
static volatile sig_atomic_t stats_wanted;

static void
on_signal(int sig)
{
	if (sig == SIGUSR1)
		stats_wanted = 1;
	else
		stop_wanted = 1;
}

/* Signals come only while the server waits. @return 0 or -errno; *waiting is its mask. */
static int
signals_setup(sigset_t *waiting)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t blocked;
	unsigned int i;

	sigemptyset(&sa.sa_mask);
	sigemptyset(&blocked);
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		if (sigaction(caught[i], &sa, NULL) < 0)
			return -errno;
		sigaddset(&blocked, caught[i]);
	}
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &blocked, waiting) < 0)
		return -errno;
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigdelset(waiting, caught[i]);
	return 0;
}

/* Every DMB of every client is a file: take as many descriptors as the user may have. */
static void
limits_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* A line of the fabric's log, "fabric: text": the program has that name already. */
static ssize_t
log_write(void *cookie, const char *buf, size_t size)
{
	static const char topic[] = "fabric: ";
	size_t skip = 0, len = size;

	if (len > 0 && buf[len - 1] == '\n')
		len--;
	if (len >= sizeof(topic) - 1 && memcmp(buf, topic, sizeof(topic) - 1) == 0)
		skip = sizeof(topic) - 1;
	if (len > skip)
		conf_error("%.*s", (int)(len - skip), buf + skip);
	return (ssize_t)size;
}

static void
log_setup(void)
{
	static const cookie_io_functions_t io = { .write = log_write };
	FILE *stream = fopencookie(NULL, "w", io);

	if (stream == NULL)
		return;
	setvbuf(stream, NULL, _IOLBF, 1024);
	rte_openlog_stream(stream);
}

static int
dir_make(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0700) == 0)
		return CONF_RUN;
	if (errno != EEXIST) {
		conf_error("--dir %s: cannot make it: %s", dir, strerror(errno));
		return CONF_EXIT_FAIL;
	}
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		conf_error("--dir %s: is there and no directory", dir);
		return CONF_EXIT_FAIL;
	}
	return CONF_RUN;
}

static int
function_add(struct fabric *fab, const struct fabric_fn_conf *conf, struct fabric_fn **fn)
{
	switch (fabric_fn_add(fab, conf, fn)) {
	case 0:
		return CONF_RUN;
	case -EINVAL:
		conf_error("--function \"%s\": a name is 1 to 31 of a-z, A-Z, 0-9, _ and -",
			   conf->name);
		return CONF_EXIT_USAGE;
	case -EEXIST:
		conf_error("--function %s: another function has this name or GID", conf->name);
		return CONF_EXIT_USAGE;
	default:
		conf_error("--function %s: no memory", conf->name);
		return CONF_EXIT_FAIL;
	}
}

static int
socket_error(const char *path, int err)
{
	switch (err) {
	case -EADDRINUSE:
		conf_error("%s: another fabric listens there", path);
		break;
	case -EEXIST:
		conf_error("%s: is there and no socket", path);
		break;
	default:
		conf_error("%s: cannot listen: %s", path, strerror(-err));
		break;
	}
	return CONF_EXIT_FAIL;
}

static int
functions_add(const struct conf *conf, struct fabric *fab)
{
	struct fabric_fn *fn;
	unsigned int i;
	int ret;

	for (i = 0; i < conf->function_count; i++) {
		ret = function_add(fab, &conf->function[i], &fn);
		if (ret != CONF_RUN)
			return ret;
	}
	return CONF_RUN;
}

/* Make the socket of every function, and tell. */
static int
sockets_start(const struct conf *conf, struct fabric *fab, struct fabric_server *server)
{
	char path[VFU_PATH_MAX];
	struct fabric_fn *fn;
	unsigned int i;
	int ret;

	for (i = 0; i < conf->function_count; i++) {
		fn = fabric_fn_by_name(fab, conf->function[i].name);
		if (snprintf(path, sizeof(path), "%s/%s.sock", conf->dir, fabric_fn_name(fn)) >=
		    (int)sizeof(path)) {
			conf_error("--dir %s: socket paths would be longer than %d bytes",
				   conf->dir, VFU_PATH_MAX - 1);
			return CONF_EXIT_USAGE;
		}
		ret = fabric_server_add(server, fn, path, conf->quirk_qemu_pcistb);
		if (ret < 0)
			return socket_error(path, ret);
		printf("%s gid=0x%016" PRIx64 " socket=%s\n", fabric_fn_name(fn), fabric_fn_gid(fn),
		       path);
	}
	return CONF_RUN;
}

static int
faults_arm(const struct conf *conf, struct fabric *fab)
{
	char err[256];
	unsigned int i;

	for (i = 0; i < conf->fault_count; i++)
		if (fabric_fault(fab, conf->fault[i], err, sizeof(err)) < 0) {
			conf_error("--fault %s: %s", conf->fault[i], err);
			return CONF_EXIT_USAGE;
		}
	return CONF_RUN;
}

static void
stats_print(const struct conf *conf, struct fabric *fab)
{
	struct fabric_fn_stats st;
	unsigned int i;

	for (i = 0; i < conf->function_count; i++) {
		fabric_fn_stats(fabric_fn_by_name(fab, conf->function[i].name), &st);
		printf("%s stores=%" PRIu64 " store_bytes=%" PRIu64 " store_errors=%" PRIu64
		       " commands=%" PRIu64 " command_errors=%" PRIu64 " events=%" PRIu64
		       " events_lost=%" PRIu64 " dmbs_owned=%" PRIu64 " dmbs_used=%" PRIu64
		       " directs=%" PRIu64 " attaches=%" PRIu64 " resets=%" PRIu64 "\n",
		       conf->function[i].name, st.stores, st.store_bytes, st.store_errors,
		       st.commands, st.command_errors, st.events, st.events_lost, st.dmbs_owned,
		       st.dmbs_used, st.directs, st.attaches, st.resets);
	}
	fflush(stdout);
}

static int
serve(const struct conf *conf, struct fabric *fab, struct fabric_server *server,
      const sigset_t *waiting)
{
	int ret;

	while (!stop_wanted) {
		ret = fabric_server_poll(server, -1, waiting);
		if (ret < 0) {
			conf_error("cannot wait for clients: %s", strerror(-ret));
			return CONF_EXIT_FAIL;
		}
		if (stats_wanted) {
			stats_wanted = 0;
			stats_print(conf, fab);
		}
	}
	return CONF_EXIT_OK;
}

static int
run(const struct conf *conf, struct fabric *fab, struct fabric_server *server)
{
	sigset_t waiting;
	int ret;

	ret = signals_setup(&waiting);
	if (ret == 0)
		ret = fabric_guard_install();
	if (ret < 0) {
		conf_error("cannot set up signals: %s", strerror(-ret));
		return CONF_EXIT_FAIL;
	}
	limits_raise();
	fabric_allow_direct(fab, !conf->no_direct);
	fabric_server_allow_direct(server, !conf->no_direct);
	/* What the command line says is checked before anything is made. */
	ret = functions_add(conf, fab);
	if (ret == CONF_RUN)
		ret = faults_arm(conf, fab);
	if (ret == CONF_RUN)
		ret = dir_make(conf->dir);
	if (ret == CONF_RUN)
		ret = sockets_start(conf, fab, server);
	if (ret != CONF_RUN)
		return ret;
	puts("ready");
	if (fflush(stdout) != 0) {
		conf_error("cannot write to standard output: %s", strerror(errno));
		return CONF_EXIT_FAIL;
	}
	return serve(conf, fab, server, &waiting);
}

int
main(int argc, char **argv)
{
	static struct conf conf;
	struct fabric_server *server = NULL;
	struct fabric *fab;
	int ret;

	ret = conf_read(&conf, argc, argv);
	if (ret != CONF_RUN)
		return ret;
	log_setup();
	fab = fabric_create();
	if (fab != NULL)
		server = fabric_server_create(fab);
	if (server == NULL) {
		conf_error("no memory");
		ret = CONF_EXIT_FAIL;
	} else {
		ret = run(&conf, fab, server);
	}
	fabric_server_destroy(server);
	fabric_destroy(fab);
	return ret;
}
