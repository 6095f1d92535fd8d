/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ism-fabric: the software ISM as a program. No EAL: one thread waits in epoll_pwait2() for clients
 * and signals, and costs nothing while nobody stores through it. Two more write lines
 * (base_line.h), and what may have to wait for a client is done in other processes
 * (fabric_closer.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_line.h"
#include "base_log.h"
#include "base_process.h"
#include "conf.h"
#include "fabric_closer.h"
#include "fabric_guard.h"
#include "fabric_server.h"
#include "sandbox.h"
#include "vfu_sock.h"

#define LINES_AT_ONCE 64 /* of standard output */
#define ANNOUNCE_MS 2000 /* for which a slow reader of it is waited for at the start */
#define END_S 5 /* after that SIGALRM ends the program, whatever it is at */

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
static void
log_line(uint32_t level, const char *line)
{
	static const char topic[] = "fabric: ";
	size_t skip = strncmp(line, topic, sizeof(topic) - 1) == 0 ? sizeof(topic) - 1 : 0;

	conf_error("%s", line + skip);
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

static int
socket_path(const struct conf *conf, const struct fabric_fn *fn, char path[VFU_PATH_MAX])
{
	if (snprintf(path, VFU_PATH_MAX, "%s/%s.sock", conf->dir, fabric_fn_name(fn)) <
	    VFU_PATH_MAX)
		return CONF_RUN;
	conf_error("--dir %s: socket paths would be longer than %d bytes", conf->dir,
		   VFU_PATH_MAX - 1);
	return CONF_EXIT_USAGE;
}

static int
sockets_start(const struct conf *conf, struct fabric *fab, struct fabric_server *server)
{
	char path[VFU_PATH_MAX];
	struct fabric_fn *fn;
	unsigned int i;
	int ret;

	for (i = 0; i < conf->function_count; i++) {
		fn = fabric_fn_by_name(fab, conf->function[i].name);
		ret = socket_path(conf, fn, path);
		if (ret != CONF_RUN)
			return ret;
		ret = fabric_server_add(server, fn, path, conf->quirk_qemu_pcistb);
		if (ret < 0)
			return socket_error(path, ret);
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

static void out_put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line of standard output, whoever reads it or not. */
static void
out_put(const char *fmt, ...)
{
	char line[BASE_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	base_line_put(STDOUT_FILENO, line, strlen(line));
}

/* Tell the sockets, and that they are there. */
static int
announce(const struct conf *conf, struct fabric *fab)
{
	char path[VFU_PATH_MAX];
	struct fabric_fn *fn;
	unsigned int i;

	for (i = 0; i < conf->function_count; i++) {
		fn = fabric_fn_by_name(fab, conf->function[i].name);
		socket_path(conf, fn, path);
		out_put("%s gid=0x%016" PRIx64 " socket=%s", fabric_fn_name(fn), fabric_fn_gid(fn),
			path);
		/* There is room for fewer lines than there may be functions. */
		if (i % LINES_AT_ONCE == LINES_AT_ONCE - 1)
			base_line_drain(ANNOUNCE_MS);
	}
	out_put("ready");
	if (base_line_drain(ANNOUNCE_MS) == 0 && base_line_dropped() > 0) {
		conf_error("cannot write to standard output");
		return CONF_EXIT_FAIL;
	}
	return CONF_RUN;
}

static const struct base_metrics metrics = BASE_METRICS(FABRIC_METRICS);

static void
stats_print(const struct conf *conf, struct fabric *fab)
{
	struct fabric_fn_stats st;
	const uint64_t *value = (const uint64_t *)&st;
	char line[1024];
	size_t len;

	for (unsigned int i = 0; i < conf->function_count; i++) {
		fabric_fn_stats(fabric_fn_by_name(fab, conf->function[i].name), &st);
		len = 0;
		for (unsigned int k = 0; k < metrics.count && len < sizeof(line); k++)
			len += (size_t)snprintf(line + len, sizeof(line) - len, " %s=%" PRIu64,
						metrics.rows[k].name, value[k]);
		out_put("%s%s", conf->function[i].name, line);
	}
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

/* What the command line says is checked before anything is made. */
static int
prepare(const struct conf *conf, struct fabric *fab)
{
	int ret;

	fabric_allow_direct(fab, !conf->no_direct);
	fabric_set_limits(fab, &conf->limits);
	ret = functions_add(conf, fab);
	if (ret == CONF_RUN)
		ret = faults_arm(conf, fab);
	if (ret == CONF_RUN && conf->user != NULL)
		ret = sandbox_user(conf->user, conf->dir);
	return ret == CONF_RUN ? dir_make(conf->dir) : ret;
}

/* From here on no reader of our lines is waited for, and no file is opened. */
static int
confine(const struct conf *conf)
{
	int ret;

	if (!conf->no_sandbox)
		sandbox_files(conf->dir);
	ret = base_line_start("ism-fabric");
	if (ret < 0) {
		conf_error("cannot start a thread: %s", strerror(-ret));
		return CONF_EXIT_FAIL;
	}
	if (!conf->no_sandbox)
		sandbox_calls();
	return CONF_RUN;
}

static int
run_server(const struct conf *conf, struct fabric *fab, const sigset_t *waiting,
	   struct fabric_closer *closer)
{
	struct fabric_server *server = fabric_server_create(fab);
	int ret;

	if (server == NULL) {
		conf_error("no memory");
		return CONF_EXIT_FAIL;
	}
	fabric_server_set_closer(server, closer);
	fabric_server_set_budget(server, &conf->budget);
	fabric_server_set_version_ms(server, conf->handshake_s * 1000);
	fabric_server_allow_direct(server, !conf->no_direct);
	ret = sockets_start(conf, fab, server);
	if (ret == CONF_RUN)
		ret = confine(conf);
	if (ret == CONF_RUN)
		ret = announce(conf, fab);
	if (ret == CONF_RUN)
		ret = serve(conf, fab, server, waiting);
	/* Whatever it is that waits now: a file system with the sockets, for example. */
	alarm(END_S);
	fabric_server_destroy(server);
	return ret;
}

static int
run(const struct conf *conf, struct fabric *fab)
{
	struct fabric_closer *closer = NULL;
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
	ret = prepare(conf, fab);
	if (ret != CONF_RUN)
		return ret;
	ret = fabric_closer_start(&closer, conf->no_sandbox ? NULL : sandbox_keeper);
	if (ret < 0) {
		conf_error("cannot start a process: %s", strerror(-ret));
		return CONF_EXIT_FAIL;
	}
	ret = run_server(conf, fab, &waiting, closer);
	fabric_closer_stop(closer);
	return ret;
}

int
main(int argc, char **argv)
{
	static struct conf conf;
	struct fabric *fab;
	int ret;

	if (base_process_prepare() < 0)
		return CONF_EXIT_FAIL;
	ret = conf_read(&conf, argc, argv);
	if (ret != CONF_RUN)
		return ret;
	base_log_sink(log_line);
	fab = fabric_create();
	if (fab == NULL) {
		conf_error("no memory");
		return CONF_EXIT_FAIL;
	}
	ret = run(&conf, fab);
	fabric_destroy(fab);
	return ret;
}
