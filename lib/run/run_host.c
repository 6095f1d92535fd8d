/* SPDX-License-Identifier: BSD-3-Clause */
/* What the machine offers: CPUs, hugepages. */
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
	host->pid = run_known_pid();
}
