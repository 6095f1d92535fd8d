/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The folder in which EAL makes a folder for each process, with the telemetry socket in it.
 *
 *	$RUNTIME_DIRECTORY	the first of the list, as systemd gives it
 *	/var/run		root
 *	$XDG_RUNTIME_DIR	others, if it is theirs
 *	/tmp/dpdk-ism-UID	else; if another user has that name: /tmp/dpdk-ism-UID-XXXXXX
 *
 * /tmp belongs to everybody, so nothing below it is used, and nothing is removed, before it is
 * known to be ours: each step is an openat() that follows no link, and a look at the owner.
 */
#include "run.h"
#include "run_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EAL_VARIABLE "RUNTIME_DIRECTORY"
#define SOCKET_PATH_MAX 107
/* What follows the folder in the longest path of a socket: "/dpdk/PREFIX/dpdk_telemetry.v2:99". */
#define SOCKET_TAIL_MAX (sizeof("/dpdk//dpdk_telemetry.v2:99") - 1)
#define PREFIX_MAX (sizeof("ismblk-4194304") - 1)

static char runtime_dir[PATH_MAX];
static char *eal_variable_was; /* what the user had in RUNTIME_DIRECTORY */

/* A value that is empty is none. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

int
run_open_own(int at, const char *path)
{
	struct stat st;
	int ret, fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) < 0 ? -errno : 0;
	if (ret == 0 && (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))))
		ret = -EPERM;
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

static bool
is_own(const char *path)
{
	int fd = run_open_own(AT_FDCWD, path);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Somebody may have made a folder of our name first, on purpose or not. */
static int
choose_in_tmp(void)
{
	snprintf(runtime_dir, sizeof(runtime_dir), "/tmp/dpdk-ism-%u", (unsigned int)geteuid());
	if (mkdir(runtime_dir, 0700) == 0 || (errno == EEXIST && is_own(runtime_dir)))
		return RUN_EXIT_OK;
	snprintf(runtime_dir, sizeof(runtime_dir), "/tmp/dpdk-ism-%u-XXXXXX",
		 (unsigned int)geteuid());
	if (mkdtemp(runtime_dir) != NULL)
		return RUN_EXIT_OK;
	run_error("cannot make a runtime folder in /tmp: %s (XDG_RUNTIME_DIR names a better one)",
		  strerror(errno));
	return RUN_EXIT_FAIL;
}

/* A folder that a variable names: absolute, and short enough for the sockets in it. */
static int
choose_named(const char *name, const char *value, size_t len)
{
	const size_t most = SOCKET_PATH_MAX - SOCKET_TAIL_MAX - PREFIX_MAX;

	if (value[0] != '/') {
		run_error("%s=%.*s: expected an absolute path", name, (int)len, value);
		return RUN_EXIT_USAGE;
	}
	if (len > most) {
		run_error("%s=%.*s...: is %zu bytes long; the sockets in it leave room for %zu",
			  name, 32, value, len, most);
		return RUN_EXIT_USAGE;
	}
	snprintf(runtime_dir, sizeof(runtime_dir), "%.*s", (int)len, value);
	return RUN_EXIT_OK;
}

/* EAL takes a folder "dpdk" that is there, whoever made it. */
static int
check_eal_folder(const char *name)
{
	char dir[PATH_MAX + 8];
	int fd;

	snprintf(dir, sizeof(dir), "%s/dpdk", runtime_dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		run_error("%s=%s: cannot make %s: %s", name, runtime_dir, dir, strerror(errno));
		return RUN_EXIT_FAIL;
	}
	fd = run_open_own(AT_FDCWD, dir);
	if (fd < 0) {
		run_error("%s=%s: %s is not a folder that only we may write into: %s", name,
			  runtime_dir, dir, strerror(-fd));
		return RUN_EXIT_FAIL;
	}
	close(fd);
	return RUN_EXIT_OK;
}

static int
choose_for_systemd(const char *list)
{
	int ret = choose_named(EAL_VARIABLE, list, strcspn(list, ":"));

	return ret == RUN_EXIT_OK ? check_eal_folder(EAL_VARIABLE) : ret;
}

int
run_runtime_choose(void)
{
	const char *systemd = variable(EAL_VARIABLE), *xdg = variable("XDG_RUNTIME_DIR");

	if (systemd != NULL)
		return choose_for_systemd(systemd);
	if (geteuid() == 0) {
		snprintf(runtime_dir, sizeof(runtime_dir), "/var/run");
		return RUN_EXIT_OK;
	}
	if (xdg != NULL && xdg[0] == '/' && is_own(xdg))
		return choose_named("XDG_RUNTIME_DIR", xdg, strlen(xdg));
	return choose_in_tmp();
}

void
run_runtime_for_eal(bool on)
{
	const char *was = getenv(EAL_VARIABLE);

	if (on) {
		eal_variable_was = was != NULL ? strdup(was) : NULL;
		setenv(EAL_VARIABLE, runtime_dir, 1);
		return;
	}
	if (eal_variable_was != NULL)
		setenv(EAL_VARIABLE, eal_variable_was, 1);
	else
		unsetenv(EAL_VARIABLE);
	free(eal_variable_was);
	eal_variable_was = NULL;
}

/* --- what dead processes left --- */

/* Does some process hold EAL's lock on this folder's configuration? */
static bool
folder_in_use(int folder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = openat(folder, "config", O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool used;

	if (fd < 0)
		return errno != ENOENT;
	used = fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
	close(fd);
	return used;
}

/* Takes the descriptor. */
static void
remove_files(int folder)
{
	struct dirent *de;
	DIR *d = fdopendir(folder);

	if (d == NULL) {
		close(folder);
		return;
	}
	while ((de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			unlinkat(dirfd(d), de->d_name, 0);
	}
	closedir(d);
}

/*
 * A folder is dead when it is named PREFIX + PID, that process is gone and, in case
 * the PID belongs to another PID namespace, nobody holds its lock.
 */
static void
sweep_one(int parent, const char *name, const char *digits)
{
	char *end;
	long pid = strtol(digits, &end, 10);
	int folder;

	if (*end != '\0' || pid <= 0)
		return;
	if (pid != run_known_pid() && (kill((pid_t)pid, 0) == 0 || errno != ESRCH))
		return;
	folder = run_open_own(parent, name);
	if (folder < 0)
		return;
	if (pid != run_known_pid() && folder_in_use(folder)) {
		close(folder);
		return;
	}
	remove_files(folder);
	unlinkat(parent, name, AT_REMOVEDIR);
}

void
run_sweep_runtime(const char *dir, const char *prefix)
{
	size_t len = strlen(prefix);
	int parent = run_open_own(AT_FDCWD, dir);
	struct dirent *de;
	DIR *d;

	if (parent < 0)
		return;
	d = fdopendir(parent);
	if (d == NULL) {
		close(parent);
		return;
	}
	while ((de = readdir(d)) != NULL) {
		if (strncmp(de->d_name, prefix, len) == 0)
			sweep_one(parent, de->d_name, de->d_name + len);
	}
	closedir(d);
}

void
run_runtime_sweep(const char *prefix)
{
	char dir[PATH_MAX + 8];

	snprintf(dir, sizeof(dir), "%s/dpdk", runtime_dir);
	run_sweep_runtime(dir, prefix);
}
