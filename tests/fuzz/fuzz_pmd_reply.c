/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a vfio-user server may answer the driver. The input is a list of replies, each one byte of
 * choices, one of length, and that many bytes. A choice decides whether the header is made
 * right, so that the bodies are reached too. A socket that keeps packets apart stands for the
 * stream: the driver never has more than one request outstanding.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_log.h>

#include "bus_vfu.h"
#include "ism_buses.h"

#define REPLIES_MAX 24
#define BODY_MAX 255

#define CHOICE_RAW 0x01u /* the bytes are the whole message */
#define CHOICE_ERROR 0x02u
#define CHOICE_FDS 0x0cu /* how many descriptors, 0 to 3 */
#define CHOICE_FDS_SHIFT 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The order in which the requests below come. */
static const uint16_t commands[REPLIES_MAX] = {
	VFU_VERSION,
	VFU_DEVICE_GET_INFO,
	VFU_DEVICE_GET_REGION_INFO,
	VFU_DEVICE_GET_REGION_INFO,
	VFU_DEVICE_GET_REGION_INFO,
	VFU_REGION_READ,
	VFU_REGION_READ,
	VFU_REGION_WRITE,
	VFU_DMA_MAP,
	VFU_REGION_READ,
	VFU_REGION_WRITE,
	VFU_ISM_DIRECT,
	VFU_DMA_UNMAP,
	VFU_DEVICE_RESET,
	/* What comes behind is never asked for. */
};

static void
reply_send(int sock, void *msg, size_t len, unsigned int fds)
{
	int fd[3], mem = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(fd))];
	} ctrl = { .space = { 0 } };
	struct iovec iov = { .iov_base = msg, .iov_len = len };
	struct msghdr out = { .msg_iov = &iov, .msg_iovlen = 1 };

	(void)!ftruncate(mem, 8192);
	fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK);
	fd[0] = fd[1] = fd[2] = mem;
	if (fds > 0) {
		out.msg_control = ctrl.space;
		out.msg_controllen = CMSG_SPACE(sizeof(int) * fds);
		ctrl.align.cmsg_level = SOL_SOCKET;
		ctrl.align.cmsg_type = SCM_RIGHTS;
		ctrl.align.cmsg_len = CMSG_LEN(sizeof(int) * fds);
		memcpy(CMSG_DATA(&ctrl.align), fd, sizeof(int) * fds);
	}
	(void)!sendmsg(sock, &out, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(mem);
}

/* One reply, number n. @return bytes of the input used. */
static size_t
reply_make(int sock, unsigned int n, const uint8_t *data, size_t size)
{
	uint8_t msg[sizeof(struct vfu_header) + BODY_MAX];
	struct vfu_header hdr = { .id = (uint16_t)(n + 1), .command = commands[n] };
	size_t body = size < 2 + (size_t)data[1] ? size - 2 : data[1];
	uint8_t choice = data[0];

	if (choice & CHOICE_RAW) {
		memcpy(msg, data + 2, body);
		reply_send(sock, msg, body, (choice & CHOICE_FDS) >> CHOICE_FDS_SHIFT);
		return 2 + body;
	}
	hdr.flags = VFU_TYPE_REPLY | (choice & CHOICE_ERROR ? VFU_ERROR : 0);
	hdr.error = choice & CHOICE_ERROR ? choice >> 4 : 0;
	hdr.size = (uint32_t)(sizeof(hdr) + body);
	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), data + 2, body);
	reply_send(sock, msg, hdr.size, (choice & CHOICE_FDS) >> CHOICE_FDS_SHIFT);
	return 2 + body;
}

static void
requests(struct vfu_bus *bus)
{
	struct ism_bus_info info = { .maxstbl = ISM_MAXSTBL_MAX, .direct = true };
	struct ism_fn fn = { .path = "fuzz" };
	struct rte_pmd_ism_win win = { .fn = &fn };
	struct ism_direct direct;
	uint64_t word;

	vfu_bus_look(bus, &info);
	ism_vfu_ops.dma_map(bus, 1 << 20, NULL, 4096, bus->sock);
	ism_vfu_ops.load(bus, 0, &word);
	ism_vfu_ops.store(bus, ISM_BAR_DATA, 0, &win, 16);
	if (ism_vfu_ops.direct(bus, 0, &direct) == 0 && ism_direct_map(&win, &direct) == 0) {
		memset(win.mem, 1, win.mem_len);
		(void)__atomic_load_n(win.grant, __ATOMIC_ACQUIRE);
		ism_direct_unmap(&win);
	}
	ism_vfu_ops.dma_unmap(bus, 1 << 20, 4096);
	ism_vfu_ops.reset(bus);
	ism_vfu_ops.health(bus);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vfu_bus bus = { .path = "fuzz", .lock = PTHREAD_MUTEX_INITIALIZER };
	unsigned int n;
	size_t used;
	int sock[2];

	rte_log_set_global_level(RTE_LOG_EMERG);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		return 0;
	bus.sock = sock[0];
	for (n = 0; n < REPLIES_MAX && size >= 2; n++, data += used, size -= used)
		used = reply_make(sock[1], n, data, size);
	shutdown(sock[1], SHUT_WR);
	requests(&bus);
	ism_vfu_ops.close(&bus);
	close(sock[1]);
	return 0;
}
