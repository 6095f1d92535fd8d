/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vdev's way to a function: a vfio-user client. Whatever the server says is checked here or
 * in vfu_sock.c; a server that talks nonsense is hung up on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_kvargs.h>
#include <bus_vdev_driver.h>

#include "base_text.h"
#include "bus_vfu.h"
#include "ism_buses.h"

#define VFU_HEALTH_MS 5 /* one recv() that does not wait */
#define VFU_STORE_SYSCALLS 2 /* sendmsg, recvmsg */

/* Under lock. */
static void
hang_up(struct vfu_bus *bus)
{
	if (bus->sock >= 0)
		close(bus->sock);
	bus->sock = -1;
}

void
vfu_bus_hang_up(struct vfu_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	hang_up(bus);
	pthread_mutex_unlock(&bus->lock);
}

int
vfu_bus_broken(struct vfu_bus *bus, const char *what)
{
	ISM_LOG(ERR, "%s: the server breaks the protocol: %s", bus->path, what);
	vfu_bus_hang_up(bus);
	return -EPROTO;
}

/* What a dead connection means to the driver. */
static int
call_error(int ret)
{
	switch (ret) {
	case -ETIMEDOUT:
		return ret;
	case -EPROTO:
	case -EMSGSIZE:
	case -EMFILE:
		return -EPROTO;
	default:
		return -ENODEV;
	}
}

/* Under lock. @return bytes of the reply's body, or as vfu_bus_call(). */
static int
call_locked(struct vfu_bus *bus, const struct vfu_request *req)
{
	struct vfu_call call = {
		.id = ++bus->id,
		.command = req->command,
		.body = req->body,
		.body_count = req->body_count,
		.fds = req->fds,
		.fd_count = req->fd_count,
		.reply = req->reply,
		.reply_size = req->reply_size,
	};
	int ret;

	if (bus->sock < 0)
		return -ENODEV;
	ret = vfu_sock_call(bus->sock, &call);
	if (ret > 0)
		return -ret;
	if (ret == 0 && call.reply_len < req->reply_min)
		ret = -EPROTO;
	if (ret < 0) {
		vfu_fds_close(&call.reply_fds);
		hang_up(bus);
		ISM_LOG(WARNING, "%s: request %u failed: %s", bus->path, req->command,
			strerror(-ret));
		return call_error(ret);
	}
	if (req->reply_fds != NULL)
		*req->reply_fds = call.reply_fds;
	else
		vfu_fds_close(&call.reply_fds);
	return (int)call.reply_len;
}

int
vfu_bus_call(struct vfu_bus *bus, const struct vfu_request *req)
{
	int ret;

	pthread_mutex_lock(&bus->lock);
	ret = call_locked(bus, req);
	pthread_mutex_unlock(&bus->lock);
	return ret;
}

int
vfu_bus_ask(struct vfu_bus *bus, uint16_t command, const void *body, size_t len, void *reply,
	    size_t reply_min, size_t reply_size)
{
	/* An iovec has no const, but sending only reads. */
	struct iovec iov = { .iov_base = (void *)(uintptr_t)body, .iov_len = len };
	struct vfu_request req = {
		.command = command,
		.body = &iov,
		.body_count = 1,
		.reply = reply,
		.reply_min = reply_min,
		.reply_size = reply_size,
	};

	return vfu_bus_call(bus, &req);
}

int
vfu_bus_read(struct vfu_bus *bus, uint32_t region, uint64_t off, void *buf, uint32_t len)
{
	struct vfu_region_access access = { .offset = off, .region = region, .count = len };
	struct {
		struct vfu_region_access access;
		uint8_t data[sizeof(uint64_t)];
	} reply;
	int ret;

	if (len > sizeof(reply.data))
		return -EINVAL;
	ret = vfu_bus_ask(bus, VFU_REGION_READ, &access, sizeof(access), &reply,
			  sizeof(access) + len, sizeof(access) + len);
	if (ret < 0)
		return ret;
	if (reply.access.count != len)
		return vfu_bus_broken(bus, "a read of another length than asked for");
	memcpy(buf, reply.data, len);
	return 0;
}

int
vfu_bus_write(struct vfu_bus *bus, uint32_t region, uint64_t off, const void *buf, uint32_t len)
{
	struct vfu_region_access reply, access = { .offset = off, .region = region, .count = len };
	/* An iovec has no const, but sending only reads. */
	struct iovec body[2] = {
		{ .iov_base = &access, .iov_len = sizeof(access) },
		{ .iov_base = (void *)(uintptr_t)buf, .iov_len = len },
	};
	struct vfu_request req = {
		.command = VFU_REGION_WRITE,
		.body = body,
		.body_count = 2,
		.reply = &reply,
		.reply_min = sizeof(reply),
		.reply_size = sizeof(reply),
	};
	int ret;

	ret = vfu_bus_call(bus, &req);
	if (ret < 0)
		return ret;
	if (reply.count != len)
		return vfu_bus_broken(bus, "a write of another length than asked for");
	return 0;
}

static void
vfu_close(void *arg)
{
	vfu_bus_hang_up(arg);
}

static int
vfu_reset(void *arg)
{
	struct vfu_request req = { .command = VFU_DEVICE_RESET };

	return vfu_bus_call(arg, &req);
}

/*
 * Nothing is on its way while no request is outstanding: what can be read now is the end of the
 * connection, or nonsense. A lock that is taken says that somebody is finding out already.
 */
static int
vfu_health(void *arg)
{
	struct vfu_bus *bus = arg;
	ssize_t n = -1;
	char byte;
	int err = 0;

	if (pthread_mutex_trylock(&bus->lock) != 0)
		return 0;
	if (bus->sock < 0)
		err = ENODEV;
	else
		n = recv(bus->sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && err == 0)
		err = errno;
	if (err != EAGAIN && err != EINTR)
		hang_up(bus);
	pthread_mutex_unlock(&bus->lock);
	if (n > 0)
		return -EPROTO;
	return err == EAGAIN || err == EINTR ? 0 : -ENODEV;
}

static int
vfu_load(void *arg, uint64_t off, uint64_t *word)
{
	return vfu_bus_read(arg, ISM_BAR_CMD, off, word, sizeof(*word));
}

static int
vfu_store(void *arg, unsigned int bar, uint64_t off, const void *src, uint32_t len)
{
	int ret;

	ret = vfu_bus_write(arg, bar, off, src, len);
	return ret < 0 ? ret : VFU_STORE_SYSCALLS;
}

static int
vfu_storev(void *arg, uint64_t off, const struct iovec *iov, unsigned int n)
{
	unsigned int i;
	int ret;

	for (i = 0; i < n; off += iov[i].iov_len, i++) {
		ret = vfu_bus_write(arg, ISM_BAR_DATA, off, iov[i].iov_base,
				    (uint32_t)iov[i].iov_len);
		if (ret < 0)
			return ret;
	}
	return (int)n * VFU_STORE_SYSCALLS;
}

static int
vfu_dma_map(void *arg, uint64_t iova, void *addr, uint64_t len, int fd)
{
	struct vfu_bus *bus = arg;
	struct vfu_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFU_DMA_READABLE | VFU_DMA_WRITEABLE,
		.addr = iova,
		.size = len,
	};
	struct iovec body = { .iov_base = &map, .iov_len = sizeof(map) };
	struct vfu_request req = {
		.command = VFU_DMA_MAP,
		.body = &body,
		.body_count = 1,
		.fds = &fd,
		.fd_count = 1,
	};

	int ret;

	RTE_SET_USED(addr); /* the server maps the file by itself */
	ret = vfu_bus_call(bus, &req);
	if (ret < 0 && !ism_is_fatal(ret))
		ISM_LOG(ERR, "%s: DMA map of %llu bytes: %s", bus->path, (unsigned long long)len,
			strerror(-ret));
	return ret;
}

static int
vfu_dma_unmap(void *arg, uint64_t iova, uint64_t len)
{
	struct vfu_dma_unmap unmap = { .argsz = sizeof(unmap), .addr = iova, .size = len };
	struct vfu_dma_unmap echo;
	int ret;

	ret = vfu_bus_ask(arg, VFU_DMA_UNMAP, &unmap, sizeof(unmap), &echo, 0, sizeof(echo));
	return ret < 0 ? ret : 0;
}

static int
vfu_direct(void *arg, uint64_t token, struct ism_direct *direct)
{
	struct vfu_ism_direct_req ask = { .argsz = sizeof(ask), .token = token };
	struct vfu_ism_direct_rsp rsp;
	struct vfu_fds fds = { .count = 0 };
	struct iovec body = { .iov_base = &ask, .iov_len = sizeof(ask) };
	struct vfu_request req = {
		.command = VFU_ISM_DIRECT,
		.body = &body,
		.body_count = 1,
		.reply = &rsp,
		.reply_min = sizeof(rsp),
		.reply_size = sizeof(rsp),
		.reply_fds = &fds,
	};
	int ret;

	ret = vfu_bus_call(arg, &req);
	if (ret < 0)
		return ret;
	if (fds.count != 2) {
		vfu_fds_close(&fds);
		return vfu_bus_broken(arg, "a direct window without its two descriptors");
	}
	*direct = (struct ism_direct){
		.mem_fd = vfu_fds_take(&fds, 0),
		.mem_off = rsp.mem_off,
		.len = rsp.len,
		.grant_fd = vfu_fds_take(&fds, 1),
		.grant_off = rsp.grant_off,
		.generation = rsp.generation,
	};
	return 0;
}

static void
vfu_free(void *arg)
{
	struct vfu_bus *bus = arg;

	pthread_mutex_destroy(&bus->lock);
	free(bus);
}

const struct ism_ops ism_vfu_ops = {
	.name = "vfio-user",
	.health_ms = VFU_HEALTH_MS,
	.open = vfu_bus_open,
	.close = vfu_close,
	.reset = vfu_reset,
	.health = vfu_health,
	.load = vfu_load,
	.store = vfu_store,
	.storev = vfu_storev,
	.dma_map = vfu_dma_map,
	.dma_unmap = vfu_dma_unmap,
	.direct = vfu_direct,
	.free = vfu_free,
};

/* --- devargs and probing --- */

static int
arg_socket(const char *key, const char *value, void *opaque)
{
	struct vfu_bus *bus = opaque;

	if (value == NULL || *value == '\0' || strlen(value) >= sizeof(bus->path)) {
		ISM_LOG(ERR, "%s=%s: expected a path of 1 to %zu bytes", key,
			value == NULL ? "" : value, sizeof(bus->path) - 1);
		return -EINVAL;
	}
	memcpy(bus->path, value, strlen(value) + 1);
	return 0;
}

static int
arg_direct(const char *key, const char *value, void *opaque)
{
	struct vfu_bus *bus = opaque;
	uint64_t n;

	if (value == NULL || base_num_parse(value, 0, 0, 1, &n) < 0) {
		ISM_LOG(ERR, "%s=%s: expected 0 or 1", key, value == NULL ? "" : value);
		return -EINVAL;
	}
	bus->want_direct = n != 0;
	return 0;
}

static int
arg_maxstbl(const char *key, const char *value, void *opaque)
{
	struct vfu_bus *bus = opaque;
	uint64_t n;

	if (value == NULL || base_num_parse(value, 0, ISM_MAXSTBL_MIN, ISM_MAXSTBL_MAX, &n) < 0) {
		ISM_LOG(ERR, "%s=%s: expected %u to %u", key, value == NULL ? "" : value,
			ISM_MAXSTBL_MIN, ISM_MAXSTBL_MAX);
		return -EINVAL;
	}
	bus->maxstbl = (uint32_t)n;
	return 0;
}

/* @return 0, or -EINVAL with a line about what is wrong. */
static int
parse_args(struct vfu_bus *bus, const char *name, const char *args)
{
	static const char *const keys[] = { "socket", "direct", "maxstbl", NULL };
	struct rte_kvargs *kv = rte_kvargs_parse(args, keys);
	int ret = -EINVAL;

	if (kv == NULL) {
		ISM_LOG(ERR, "%s: \"%s\": expected socket=PATH[,direct=0|1][,maxstbl=BYTES]", name,
			args);
		return ret;
	}
	if (rte_kvargs_count(kv, "socket") != 1)
		ISM_LOG(ERR, "%s: expected socket=PATH, once", name);
	else if (rte_kvargs_process(kv, "socket", arg_socket, bus) == 0 &&
		 rte_kvargs_process(kv, "direct", arg_direct, bus) == 0 &&
		 rte_kvargs_process(kv, "maxstbl", arg_maxstbl, bus) == 0)
		ret = 0;
	rte_kvargs_free(kv);
	return ret;
}

/* Probing touches no socket: rte_pmd_ism_open() does. */
static int
vfu_probe(struct rte_vdev_device *vdev)
{
	const char *name = rte_vdev_device_name(vdev);
	struct vfu_bus *bus = calloc(1, sizeof(*bus));
	int ret;

	if (bus == NULL)
		return -ENOMEM;
	bus->sock = -1;
	bus->want_direct = true;
	bus->maxstbl = ISM_MAXSTBL_MAX;
	ret = parse_args(bus, name, rte_vdev_device_args(vdev));
	if (ret < 0) {
		free(bus);
		return ret;
	}
	pthread_mutex_init(&bus->lock, NULL);
	return ism_rawdev_create(name, bus->path, &ism_vfu_ops, bus, &vdev->device,
				 vdev->device.numa_node);
}

static int
vfu_remove(struct rte_vdev_device *vdev)
{
	return ism_rawdev_destroy(rte_vdev_device_name(vdev));
}

static struct rte_vdev_driver vfu_driver = {
	.probe = vfu_probe,
	.remove = vfu_remove,
};

RTE_PMD_REGISTER_VDEV(raw_ism, vfu_driver);
RTE_PMD_REGISTER_PARAM_STRING(raw_ism, "socket=<path> direct=<0|1> maxstbl=<32..4096>");
