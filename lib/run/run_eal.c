/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_eal_init() and rte_eal_cleanup(), with one line instead of a screen of text when
 * something is wrong.
 *
 * While EAL starts, its log goes into a buffer, and what it writes past its log goes
 * nowhere; from the buffer the line that explains a failure is taken. With --log-level
 * on the command line everything is shown as it comes.
 */
#include "run.h"
#include "run_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "base_line.h"
#include "base_log.h"

static struct {
	int saved_out, saved_err; /* the real stdout and stderr while EAL starts */
	FILE *stream;
	char eal_line[256]; /* EAL's first error */
	char driver_line[256]; /* the first error of anybody else, a driver's */
} capture = { .saved_out = -1, .saved_err = -1 };

static bool eal_up;
static FILE *log_stream; /* where log lines go after the start */
static bool log_held; /* errors wait in log_reason */
static char log_reason[256];

const char *
run_eal_reason(void)
{
	return capture.driver_line;
}

/* Keep the first line of an error; log lines are written one at a time. */
static void
keep_line(char *dst, size_t size, const char *text, size_t len)
{
	if (dst[0] != '\0')
		return;
	while (len > 0 && text[len - 1] == '\n')
		len--;
	snprintf(dst, size, "%.*s", (int)len, text);
	dst[strcspn(dst, "\n")] = '\0';
}

static ssize_t
capture_write(void *cookie, const char *buf, size_t size)
{
	int level = rte_log_cur_msg_loglevel();
	bool eal = size > 5 && memcmp(buf, "EAL: ", 5) == 0;

	/* Worse than an error: the process is about to end. */
	if (level > 0 && level <= (int)RTE_LOG_CRIT && capture.saved_err >= 0)
		return write(capture.saved_err, buf, size);
	if (level > (int)RTE_LOG_ERR)
		return (ssize_t)size;
	if (eal)
		keep_line(capture.eal_line, sizeof(capture.eal_line), buf + 5, size - 5);
	else if (size > 11 && memcmp(buf, "TELEMETRY: ", 11) != 0)
		keep_line(capture.driver_line, sizeof(capture.driver_line), buf, size);
	return (ssize_t)size;
}

const char *
run_log_hold(bool hold)
{
	if (hold)
		log_reason[0] = '\0';
	log_held = hold;
	return log_reason;
}

/* A line of one of our libraries, without a stream between. Any thread. */
static void
log_sink(uint32_t level, const char *line)
{
	if (log_held && level <= RTE_LOG_ERR)
		keep_line(log_reason, sizeof(log_reason), line, strlen(line));
	else
		run_error("%s", line);
}

/* DPDK's own lines look like the program's; syslog gets none of them twice. */
static ssize_t
log_write(void *cookie, const char *buf, size_t size)
{
	const char *p = buf, *end = buf + size;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl != NULL ? nl : end) - p);

		if (log_held && rte_log_cur_msg_loglevel() <= (int)RTE_LOG_ERR)
			keep_line(log_reason, sizeof(log_reason), p, len);
		else if (len != 0)
			run_error("%.*s", (int)len, p);
		p += len + 1;
	}
	return (ssize_t)size;
}

static void
log_open(void)
{
	static const cookie_io_functions_t io = { .write = log_write };

	log_stream = fopencookie(NULL, "w", io);
	if (log_stream == NULL)
		return;
	setvbuf(log_stream, NULL, _IOLBF, 4096);
	rte_openlog_stream(log_stream);
	base_log_sink(log_sink);
}

static void
log_close(void)
{
	base_log_sink(NULL);
	rte_openlog_stream(NULL);
	if (log_stream != NULL)
		fclose(log_stream);
	log_stream = NULL;
}

static void
capture_start(void)
{
	static const cookie_io_functions_t io = { .write = capture_write };
	int null;

	capture.stream = fopencookie(NULL, "w", io);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (capture.stream == NULL || null < 0)
		goto close_null;
	setvbuf(capture.stream, NULL, _IOLBF, 4096);
	fflush(stdout);
	capture.saved_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	capture.saved_err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (capture.saved_out >= 0)
		dup2(null, STDOUT_FILENO);
	if (capture.saved_err >= 0)
		dup2(null, STDERR_FILENO);
	rte_openlog_stream(capture.stream);
close_null:
	if (null >= 0)
		close(null);
}

static void
restore_fd(int *saved, int fd)
{
	if (*saved < 0)
		return;
	dup2(*saved, fd);
	close(*saved);
	*saved = -1;
}

static void
capture_stop(void)
{
	fflush(stdout);
	rte_openlog_stream(NULL);
	restore_fd(&capture.saved_out, STDOUT_FILENO);
	restore_fd(&capture.saved_err, STDERR_FILENO);
	if (capture.stream != NULL)
		fclose(capture.stream);
	capture.stream = NULL;
}

static void
sweep(void)
{
	if (run_eal_facts()->own_prefix)
		run_runtime_sweep(run_eal_facts()->prefix);
}

/* The exit code for a rte_errno of rte_eal_init(). */
static int
eal_exit(int err)
{
	switch (err) {
	case EINVAL:
		return RUN_EXIT_USAGE;
	case ENODEV:
		return RUN_EXIT_DEVICE;
	default:
		return RUN_EXIT_FAIL;
	}
}

/* EAL does not always set rte_errno: then there is no reason to add to its line. */
static void
complain_eal(int err)
{
	const char *line = capture.eal_line, *reason = rte_strerror(err);

	if (err == 0 && line[0] == '\0')
		run_error("cannot start DPDK; --log-level=lib.eal:debug tells more");
	else if (err == 0 || line[0] == '\0' || strstr(line, reason) != NULL)
		run_error("cannot start DPDK: %s; --log-level=lib.eal:debug tells more",
			  line[0] != '\0' ? line : reason);
	else
		run_error("cannot start DPDK: %s (%s); --log-level=lib.eal:debug tells more", line,
			  reason);
}

/* The writer of lines works from here on: nobody who serves waits for who reads them. */
static void
lines_start(void)
{
	int ret = base_line_start(run_program_name());

	if (ret < 0 && ret != -EALREADY)
		run_note("no thread for lines: %s", strerror(-ret));
	log_open();
}

int
run_eal_init(void)
{
	const struct run_eal_facts *facts = run_eal_facts();
	bool quiet = !facts->logs && !facts->help;
	int argc, ret;
	char **argv = run_eal_argv(&argc);

	if (facts->cpus_note[0] != '\0')
		run_note("%s", facts->cpus_note);
	ret = run_runtime_choose();
	if (ret != RUN_EXIT_OK)
		return ret;
	sweep();
	capture.eal_line[0] = capture.driver_line[0] = '\0';
	if (quiet)
		capture_start();
	rte_errno = 0;
	run_runtime_for_eal(true);
	ret = rte_eal_init(argc, argv);
	run_runtime_for_eal(false);
	if (quiet)
		capture_stop();
	if (ret < 0) {
		complain_eal(rte_errno);
		sweep();
		return eal_exit(rte_errno);
	}
	eal_up = true;
	lines_start();
	if (run_is_quiet() && !facts->logs)
		rte_log_set_global_level(RTE_LOG_WARNING);
	run_signals();
	run_telemetry_start();
	return RUN_EXIT_OK;
}

void
run_fini(void)
{
	if (!eal_up)
		return;
	eal_up = false;
	log_close();
	rte_eal_cleanup();
	sweep();
}
