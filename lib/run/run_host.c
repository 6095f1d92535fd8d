/* SPDX-License-Identifier: BSD-3-Clause */
/* What the machine offers: CPUs, hugepages, folders that dead processes left. */
#include "run_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * CPUs that a thread may be pinned to: the kernel cuts a request for all of them
 * down to those that are online and in our cgroup's cpuset.
 */
static void
probe_cpus(struct run_host *host)
{
	cpu_set_t all;

	CPU_ZERO(&host->affinity);
	if (sched_getaffinity(0, sizeof(host->affinity), &host->affinity) < 0)
		CPU_SET(0, &host->affinity);
	memset(&all, 0xff, sizeof(all));
	host->online = host->affinity;
	if (sched_setaffinity(0, sizeof(all), &all) < 0)
		return;
	sched_getaffinity(0, sizeof(host->online), &host->online);
	sched_setaffinity(0, sizeof(host->affinity), &host->affinity);
}

/* Free pages of any size? */
static bool
free_hugepages(void)
{
	static const char dir[] = "/sys/kernel/mm/hugepages";
	char path[sizeof(dir) + 300];
	unsigned long n, sum = 0;
	struct dirent *de;
	FILE *f;
	DIR *d;

	d = opendir(dir);
	if (d == NULL)
		return false;
	while ((de = readdir(d)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", dir, de->d_name);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &n) == 1)
			sum += n;
		fclose(f);
	}
	closedir(d);
	return sum > 0;
}

/* Is a hugetlbfs mounted where we may write? */
static bool
writable_hugetlbfs(void)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = false;

	if (f == NULL)
		return false;
	while (!found && (m = getmntent(f)) != NULL)
		found = strcmp(m->mnt_type, "hugetlbfs") == 0 && access(m->mnt_dir, W_OK) == 0;
	endmntent(f);
	return found;
}

void
run_host_probe(struct run_host *host)
{
	probe_cpus(host);
	host->hugepages = free_hugepages() && writable_hugetlbfs();
	host->vdev_socket = getenv("ISM_VDEV_SOCKET");
	if (host->vdev_socket != NULL && host->vdev_socket[0] == '\0')
		host->vdev_socket = NULL;
	host->pid = (long)getpid();
}

/* Does some process hold EAL's lock on this folder's configuration? */
static bool
folder_in_use(const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char config[600];
	bool used;
	int fd;

	snprintf(config, sizeof(config), "%s/config", path);
	fd = open(config, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno != ENOENT;
	used = fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
	close(fd);
	return used;
}

static void
remove_folder(const char *path)
{
	char file[800];
	struct dirent *de;
	DIR *d = opendir(path);

	if (d == NULL)
		return;
	while ((de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, de->d_name);
		unlink(file);
	}
	closedir(d);
	rmdir(path);
}

/*
 * A folder is dead when it is named PREFIX + PID, that process is gone and, in case
 * the PID belongs to another PID namespace, nobody holds its lock.
 */
void
run_sweep_runtime(const char *dir, const char *prefix)
{
	size_t len = strlen(prefix);
	char path[512], *end;
	struct dirent *de;
	DIR *d = opendir(dir);

	if (d == NULL)
		return;
	while ((de = readdir(d)) != NULL) {
		long pid;

		if (strncmp(de->d_name, prefix, len) != 0)
			continue;
		pid = strtol(de->d_name + len, &end, 10);
		if (*end != '\0' || pid <= 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, de->d_name);
		if (pid == (long)getpid() ||
		    (kill((pid_t)pid, 0) < 0 && errno == ESRCH && !folder_in_use(path)))
			remove_folder(path);
	}
	closedir(d);
}
