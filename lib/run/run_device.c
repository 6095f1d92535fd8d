/* SPDX-License-Identifier: BSD-3-Clause */
/* Choose and open the function that the program runs on. */
#include "run.h"
#include "run_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_rawdev.h>
#include <rte_rawdev_pmd.h>

#include <rte_pmd_ism.h>

#include "base_text.h"
#include "run_client.h"

#define DEVICES_MAX 64

/* The rawdev's own name, or the name its bus gives it (a PCI address). */
static bool
device_is(uint16_t id, const char *name)
{
	const struct rte_rawdev *dev = &rte_rawdevs[id];

	if (strcmp(dev->name, name) == 0)
		return true;
	return dev->device != NULL && strcmp(rte_dev_name(dev->device), name) == 0;
}

static void
list_names(const uint16_t *ids, unsigned int n, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i < n && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "",
					rte_rawdevs[ids[i]].name);
}

/* @return whether the function is a runtime's, and a line says so. */
static bool
tell_owner(void)
{
	const char *socket = run_eal_facts()->socket;
	char runtime[RUN_NAME_MAX];
	long pid;

	if (socket[0] == '\0' || run_client_owner(socket, runtime, &pid) != 0)
		return false;
	run_error("the ISM function behind socket %s belongs to runtime '%s' (process %ld): "
		  "'dpdk-ismctl --runtime %s list' tells what it does; another function is needed",
		  socket, runtime, pid, runtime);
	return true;
}

/* No function at all: say which of the ways in was tried, and why it failed if a driver said. */
static void
complain_none(void)
{
	const struct run_eal_facts *facts = run_eal_facts();
	const char *reason = run_eal_reason();

	if (tell_owner())
		return;
	if (facts->socket[0] != '\0')
		run_error("no ISM function behind socket %s%s%s (is ism-fabric running?)",
			  facts->socket, reason[0] ? ": " : "", reason);
	else if (facts->device)
		run_error(
			"none of the named devices is an ISM function for programs%s%s; look with "
			"tools/bind status",
			reason[0] ? ": " : "", reason);
	else
		run_error("no ISM function%s%s; bind one with tools/bind bind ADDRESS, or name the "
			  "fabric's socket with --vdev=raw_ism0,socket=PATH before -- or in "
			  "ISM_VDEV_SOCKET",
			  reason[0] ? ": " : "", reason);
}

static int
choose(const char *name, uint16_t *dev_id)
{
	uint16_t ids[DEVICES_MAX];
	unsigned int i, n;
	char names[512];

	n = rte_pmd_ism_list(ids, DEVICES_MAX);
	if (n > DEVICES_MAX)
		n = DEVICES_MAX;
	if (n == 0) {
		complain_none();
		return RUN_EXIT_DEVICE;
	}
	list_names(ids, n, names, sizeof(names));
	if (name == NULL && n > 1) {
		run_error("%u ISM functions (%s): choose one with --device", n, names);
		return RUN_EXIT_DEVICE;
	}
	for (i = 0; i < n; i++) {
		if (name == NULL || device_is(ids[i], name)) {
			*dev_id = ids[i];
			return RUN_EXIT_OK;
		}
	}
	run_error("--device %s: no such ISM function; there is %s", name, names);
	return RUN_EXIT_DEVICE;
}

static const char *
open_error(int err)
{
	switch (err) {
	case -EBUSY:
		return "it is open already";
	case -EIO:
		return "the function refused a start-up command";
	case -EPROTO:
		return "it answered nonsense: is this an ISM function?";
	case -ENODEV:
		return "it does not answer";
	default:
		return strerror(-err);
	}
}

static void
announce(uint16_t id)
{
	struct rte_pmd_ism_info info;
	struct rte_malloc_socket_stats heap;
	char gid[BASE_GID_STRLEN];
	size_t bytes = 0;
	int i;

	if (rte_pmd_ism_info_get(id, &info) != 0)
		return;
	for (i = 0; i < (int)rte_socket_count(); i++) {
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx((unsigned int)i), &heap) == 0)
			bytes += heap.heap_totalsz_bytes;
	}
	run_note("%s: gid %s, %s, maxstbl %u, %s stores, %u lcore%s, %zu MiB", rte_rawdevs[id].name,
		 base_gid_str(info.gid, gid), info.path, info.maxstbl,
		 info.direct ? "direct" : "device", run_workers(), run_workers() == 1 ? "" : "s",
		 bytes >> 20);
}

int
run_device(const char *name, uint16_t *dev_id)
{
	const char *reason;
	int ret;

	ret = choose(name, dev_id);
	if (ret != RUN_EXIT_OK)
		return ret;
	/* The driver's own words say more than its errno; one line has to do. */
	run_log_hold(true);
	ret = rte_pmd_ism_open(*dev_id);
	reason = run_log_hold(false);
	if (ret != 0 && tell_owner())
		return RUN_EXIT_DEVICE;
	if (ret != 0) {
		run_error("cannot open %s: %s", rte_rawdevs[*dev_id].name,
			  reason[0] != '\0' ? reason : open_error(ret));
		return RUN_EXIT_DEVICE;
	}
	if (reason[0] != '\0')
		run_error("%s", reason);
	announce(*dev_id);
	return RUN_EXIT_OK;
}
