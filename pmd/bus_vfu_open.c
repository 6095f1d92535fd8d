/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connecting to a vfio-user server and making sure that an ISM function is behind it, in this
 * order: socket, VERSION, device, regions, config space.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <jansson.h>

#include "bus_vfu.h"

#define OPEN_TIMEOUT_MS 1000 /* of each wait while connecting */
#define CALL_TIMEOUT_S 2 /* of each wait later */
#define VERSION_TEXT_MAX 2048

/* A region's use, by its number and what is needed of it. */
struct region_need {
	uint32_t index;
	uint64_t size;
};
static const struct region_need region_needs[] = {
	{ ISM_BAR_DATA, ISM_BAR_DATA_SIZE },
	{ ISM_BAR_CMD, sizeof(struct ism_query_info_rsp) },
	{ VFU_REGION_CONFIG, 64 },
};
#define REGION_RW 3u /* VFIO_REGION_INFO_FLAG_READ, _WRITE */

/* The fabric writes the SBA's, IEQ's and DMBs' files, wherever we say they are. */
#define IOVA_FIRST (UINT64_C(1) << 32)
#define IOVA_LAST ((UINT64_C(1) << 40) - 1)

/* PCI config space: little-endian. */
#define PCI_ID_OFF 0
#define PCI_COMMAND_OFF 4
#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u

static int
connect_socket(struct vfu_bus *bus)
{
	int sock;

	sock = vfu_sock_connect(bus->path, OPEN_TIMEOUT_MS);
	if (sock < 0) {
		if (!bus->told)
			ISM_LOG(ERR, "%s: no fabric there: %s", bus->path, strerror(-sock));
		bus->told = true;
		return -ENODEV;
	}
	pthread_mutex_lock(&bus->lock);
	bus->sock = sock;
	pthread_mutex_unlock(&bus->lock);
	return 0;
}

/* What the server can do, out of its JSON. @return 0, or -EPROTO it is none. */
static int
parse_capabilities(const char *text, size_t len, struct ism_bus_info *info)
{
	json_t *caps, *size, *root = json_loadb(text, len, 0, NULL);

	if (!json_is_object(root)) {
		json_decref(root);
		return -EPROTO;
	}
	caps = json_object_get(root, "capabilities");
	info->direct = info->direct && json_is_true(json_object_get(caps, VFU_CAP_ISM_DIRECT));
	size = json_object_get(caps, "max_data_xfer_size");
	if (json_is_integer(size) && json_integer_value(size) < info->maxstbl)
		info->maxstbl = (uint32_t)RTE_MAX(json_integer_value(size), 0);
	json_decref(root);
	return 0;
}

/* ism_direct is named in any case: it tells the fabric that we are not QEMU. */
#define CAPABILITIES(direct)                                                                       \
	"{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576,"                     \
	"\"" VFU_CAP_ISM_DIRECT "\":" direct "}}"

/* VERSION: 0.0, and what both can do. */
static int
agree_version(struct vfu_bus *bus, struct ism_bus_info *info)
{
	static const char on[] = CAPABILITIES("true"), off[] = CAPABILITIES("false");
	const char *text = info->direct ? on : off;
	struct vfu_version version = { .major = 0, .minor = 0 };
	struct {
		struct vfu_version version;
		char text[VERSION_TEXT_MAX];
	} reply;
	struct iovec body[2] = {
		{ .iov_base = &version, .iov_len = sizeof(version) },
		{ .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) + 1 },
	};
	struct vfu_request req = {
		.command = VFU_VERSION,
		.body = body,
		.body_count = 2,
		.reply = &reply,
		.reply_min = sizeof(version),
		.reply_size = sizeof(reply),
	};
	size_t len;
	int ret;

	ret = vfu_bus_call(bus, &req);
	if (ret < 0)
		return ret;
	if (reply.version.major != 0)
		return vfu_bus_broken(bus, "VERSION is not 0.x");
	len = strnlen(reply.text, (size_t)ret - sizeof(version));
	if (len == 0) {
		info->direct = false; /* it says nothing of itself: the defaults */
		return 0;
	}
	if (parse_capabilities(reply.text, len, info) < 0)
		return vfu_bus_broken(bus, "VERSION comes without a JSON object");
	return 0;
}

static int
check_device(struct vfu_bus *bus)
{
	struct vfu_device_info dev = { .argsz = sizeof(dev) };
	struct vfu_device_info reply;
	int ret;

	ret = vfu_bus_ask(bus, VFU_DEVICE_GET_INFO, &dev, sizeof(dev), &reply, sizeof(reply),
			  sizeof(reply));
	if (ret < 0)
		return ret;
	if (reply.num_regions <= VFU_REGION_CONFIG)
		return vfu_bus_broken(bus, "a device without a config region");
	return 0;
}

static int
check_region(struct vfu_bus *bus, const struct region_need *need, struct ism_bus_info *out)
{
	struct vfu_region_info region = { .argsz = sizeof(region), .index = need->index };
	union {
		struct vfu_region_info info;
		uint8_t with_capabilities[512];
	} reply;
	int ret;

	ret = vfu_bus_ask(bus, VFU_DEVICE_GET_REGION_INFO, &region, sizeof(region), &reply,
			  sizeof(reply.info), sizeof(reply));
	if (ret < 0)
		return ret;
	if (reply.info.index != need->index || reply.info.size < need->size ||
	    (reply.info.flags & REGION_RW) != REGION_RW) {
		ISM_LOG(ERR, "%s: region %u has %llu bytes, flags 0x%x; expected %llu, 0x%x",
			bus->path, need->index, (unsigned long long)reply.info.size,
			reply.info.flags, (unsigned long long)need->size, REGION_RW);
		return vfu_bus_broken(bus, "not an ISM function's region");
	}
	if (need->index < ISM_BARS)
		out->bar_size[need->index] = reply.info.size;
	return 0;
}

/* Vendor and device, and the right to write our memory. */
static int
start_config(struct vfu_bus *bus)
{
	rte_le32_t id;
	rte_le16_t command;
	int ret;

	ret = vfu_bus_read(bus, VFU_REGION_CONFIG, PCI_ID_OFF, &id, sizeof(id));
	if (ret < 0)
		return ret;
	if (rte_le_to_cpu_32(id) != ((uint32_t)ISM_PCI_DEVICE << 16 | ISM_PCI_VENDOR)) {
		ISM_LOG(ERR, "%s: PCI device %04x:%04x, expected %04x:%04x", bus->path,
			rte_le_to_cpu_32(id) & 0xffff, rte_le_to_cpu_32(id) >> 16, ISM_PCI_VENDOR,
			ISM_PCI_DEVICE);
		return vfu_bus_broken(bus, "not an ISM function");
	}
	ret = vfu_bus_read(bus, VFU_REGION_CONFIG, PCI_COMMAND_OFF, &command, sizeof(command));
	if (ret < 0)
		return ret;
	command |= rte_cpu_to_le_16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return vfu_bus_write(bus, VFU_REGION_CONFIG, PCI_COMMAND_OFF, &command, sizeof(command));
}

int
vfu_bus_look(struct vfu_bus *bus, struct ism_bus_info *info)
{
	unsigned int i;
	int ret;

	ret = agree_version(bus, info);
	if (ret == 0)
		ret = check_device(bus);
	for (i = 0; i < RTE_DIM(region_needs) && ret == 0; i++)
		ret = check_region(bus, &region_needs[i], info);
	if (ret == 0)
		ret = start_config(bus);
	return ret;
}

int
vfu_bus_open(void *arg, struct ism_bus_info *info)
{
	const struct timeval tv = { .tv_sec = CALL_TIMEOUT_S };
	struct vfu_bus *bus = arg;
	int ret;

	*info = (struct ism_bus_info){
		.maxstbl = bus->maxstbl,
		.iova_first = IOVA_FIRST,
		.iova_last = IOVA_LAST,
		.direct = bus->want_direct,
	};
	ret = connect_socket(bus);
	if (ret < 0)
		return ret;
	ret = vfu_bus_look(bus, info);
	if (ret == 0 && (setsockopt(bus->sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
			 setsockopt(bus->sock, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0))
		ret = -errno;
	if (ret < 0) {
		if (!bus->told)
			ISM_LOG(ERR, "%s: %s", bus->path,
				ret == -EBUSY ? "in use by another program" : strerror(-ret));
		bus->told = true;
		vfu_bus_hang_up(bus);
		return ret;
	}
	bus->told = false;
	return 0;
}
