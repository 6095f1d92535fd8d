/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients of the fabric that take all they can get, and one that asks for little and measures how
 * long it waits.
 *
 *	client_greedy victim   SOCKET SECONDS SOCKET2   4 KiB stores of one function into the other
 *	client_greedy commands SOCKET SECONDS           200 commands a message, message behind
 *	                                                message
 *	client_greedy maps     SOCKET SECONDS           maps that split
 *	client_greedy events   SOCKET SECONDS GID       signals to that function
 *	client_greedy dmbs     SOCKET SECONDS GID       all DMBs for that function, then a reset
 *	client_greedy huge     SOCKET SECONDS GID       much of everything, then it goes,
 *	                                                and comes again
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base_time.h"
#include "ism_addr.h"
#include "ism_cmd.h"
#include "ism_ieq.h"
#include "ism_sba.h"
#include "vfu_sock.h"

#define TIMEOUT_MS 20000
#define IOVA UINT64_C(0x100000000)
#define PAGE UINT64_C(4096)
#define BAR_DATA 0
#define BAR_CMD 2
#define HUGE_MEM (UINT64_C(1) << 30)
#define HUGE_MAPS 200000u
#define SAMPLES 1000000u

static uint64_t end_ns;

static bool
time_left(void)
{
	return base_now_ns() < end_ns;
}

static void
die(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

/* --- messages --- */

static int
call(int sock, uint16_t command, const void *body, size_t len, void *reply, size_t reply_size,
     int fd)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)body, .iov_len = len };
	struct vfu_call c = {
		.id = 1,
		.command = command,
		.body = &iov,
		.body_count = 1,
		.fds = &fd,
		.fd_count = fd >= 0,
		.reply = reply,
		.reply_size = reply_size,
	};

	return vfu_sock_call(sock, &c);
}

/* Without a reply: as fast as the socket takes it. */
static int
shoot(int sock, uint16_t command, const void *body, size_t len)
{
	struct vfu_header hdr = {
		.id = 2,
		.command = command,
		.size = (uint32_t)(sizeof(hdr) + len),
		.flags = VFU_NO_REPLY,
	};
	struct iovec iov[2] = {
		{ .iov_base = &hdr, .iov_len = sizeof(hdr) },
		{ .iov_base = (void *)(uintptr_t)body, .iov_len = len },
	};

	return vfu_sock_send(sock, iov, 2, NULL, 0);
}

static int
attach(const char *path)
{
	static const char version[] = "\0\0\0\0{\"capabilities\":{\"ism_direct\":true}}";
	uint8_t reply[4096];
	unsigned int tries;
	int sock, ret = 0;

	/* What an earlier client left may still be on its way out. */
	for (tries = 0; tries < 2000; tries++) {
		sock = vfu_sock_connect(path, TIMEOUT_MS);
		if (sock < 0)
			die(path, sock);
		ret = call(sock, VFU_VERSION, version, sizeof(version), reply, sizeof(reply), -1);
		if (ret == 0)
			return sock;
		close(sock);
		usleep(5000);
	}
	die("VERSION", ret);
	return -1;
}

static int
map(int sock, uint64_t addr, uint64_t size, int fd, uint64_t off)
{
	struct vfu_dma_map req = {
		.argsz = sizeof(req),
		.flags = VFU_DMA_READABLE | VFU_DMA_WRITEABLE,
		.offset = off,
		.addr = addr,
		.size = size,
	};

	return call(sock, VFU_DMA_MAP, &req, sizeof(req), NULL, 0, fd);
}

static int
memory(int sock, uint64_t size, uint8_t **mem)
{
	int fd = memfd_create("greedy", MFD_CLOEXEC), ret;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		die("memfd", errno);
	*mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ret = map(sock, IOVA, size, fd, 0);
	if (*mem == MAP_FAILED || ret != 0)
		die("DMA_MAP", ret);
	return fd;
}

static int
bar_store(int sock, uint32_t region, uint64_t off, const void *data, uint32_t len)
{
	uint8_t msg[sizeof(struct vfu_region_access) + 4096];
	struct vfu_region_access acc = { off, region, len }, reply;

	memcpy(msg, &acc, sizeof(acc));
	memcpy(msg + sizeof(acc), data, len);
	return call(sock, VFU_REGION_WRITE, msg, sizeof(acc) + len, &reply, sizeof(reply), -1);
}

/* A command by the book. @return 0: it was answered with success. */
static int
command(int sock, uint32_t cmd, void *req, uint16_t len, void *rsp, uint32_t rsp_len)
{
	struct vfu_region_access acc = { 0, BAR_CMD, rsp_len };
	uint8_t reply[sizeof(acc) + sizeof(struct ism_query_info_rsp)];
	struct ism_rsp_hdr hdr;

	ism_req_hdr_set(req, cmd, len);
	if (len > 8 && bar_store(sock, BAR_CMD, 8, (uint8_t *)req + 8, len - 8u) != 0)
		return -EIO;
	if (bar_store(sock, BAR_CMD, 0, req, 8) != 0 ||
	    call(sock, VFU_REGION_READ, &acc, sizeof(acc), reply, sizeof(acc) + rsp_len, -1) != 0)
		return -EIO;
	memcpy(&hdr, reply + sizeof(acc), sizeof(hdr));
	memcpy(rsp, reply + sizeof(acc), rsp_len);
	return hdr.ret == 0 ? 0 : -EINVAL;
}

static uint64_t
gid_of(int sock)
{
	struct ism_simple_req req = { .hdr = { 0 } };
	struct ism_read_gid_rsp rsp;

	if (command(sock, ISM_CMD_READ_GID, &req, sizeof(req), &rsp, sizeof(rsp)) != 0)
		die("READ_GID", EIO);
	return rte_be_to_cpu_64(rsp.gid);
}

static uint64_t
reg_dmb(int sock, uint32_t idx, uint64_t off, uint32_t len, uint64_t rgid)
{
	struct ism_reg_dmb_req req = {
		.dmb = rte_cpu_to_be_64(IOVA + off),
		.len = rte_cpu_to_be_32(len),
		.sba_idx = rte_cpu_to_be_32(idx),
		.rgid = rte_cpu_to_be_64(rgid),
	};
	struct ism_reg_dmb_rsp rsp;

	if (command(sock, ISM_CMD_REG_DMB, &req, sizeof(req), &rsp, sizeof(rsp)) != 0)
		return 0;
	return rte_be_to_cpu_64(rsp.token);
}

static void
reg_ieq(int sock)
{
	struct ism_reg_ieq_req req = {
		.ieq = rte_cpu_to_be_64(IOVA),
		.len = rte_cpu_to_be_64(sizeof(struct ism_ieq)),
	};
	struct ism_simple_rsp rsp;

	if (command(sock, ISM_CMD_REG_IEQ, &req, sizeof(req), &rsp, sizeof(rsp)) != 0)
		die("REG_IEQ", EIO);
}

/* --- the victim --- */

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
victim(int owner, int user)
{
	static uint64_t took[SAMPLES];
	static uint8_t data[4096];
	uint64_t token, from;
	uint8_t *mem;
	size_t n = 0, half, most;

	memory(owner, 1 << 20, &mem);
	reg_ieq(owner);
	token = reg_dmb(owner, 32, PAGE, PAGE, gid_of(user));
	if (token == 0)
		die("REG_DMB", EIO);
	while (n < SAMPLES && time_left()) {
		from = base_now_ns();
		if (bar_store(user, BAR_DATA, ism_addr_encode(token, 0, false, 0), data, 4096) != 0)
			die("store", EIO);
		took[n++] = base_now_ns() - from;
		usleep(200);
	}
	qsort(took, n, sizeof(took[0]), compare);
	half = n / 2;
	most = n - 1 - n / 100;
	printf("stores=%zu p50_us=%.1f p99_us=%.1f max_us=%.1f\n", n, (double)took[half] / 1e3,
	       (double)took[most] / 1e3, (double)took[n - 1] / 1e3);
}

/* --- the greedy --- */

/* Headers of commands without a body, 200 in one message. */
static size_t
multi_commands(uint8_t *body)
{
	static const uint32_t cmds[] = { ISM_CMD_QUERY_INFO, ISM_CMD_SET_VLAN, ISM_CMD_QUERY_INFO,
					 ISM_CMD_RESET_VLAN };
	struct vfu_write_multi multi = { .count = VFU_WRITE_MULTI_MAX };
	struct vfu_write_one one = { .region = BAR_CMD, .count = 8 };
	struct ism_req_hdr hdr;
	unsigned int i;

	memcpy(body, &multi, sizeof(multi));
	for (i = 0; i < VFU_WRITE_MULTI_MAX; i++) {
		ism_req_hdr_set(&hdr, cmds[i % 4], sizeof(hdr));
		memcpy(one.data, &hdr, 8);
		memcpy(body + sizeof(multi) + i * sizeof(one), &one, sizeof(one));
	}
	return sizeof(multi) + VFU_WRITE_MULTI_MAX * sizeof(one);
}

static uint64_t
commands(int sock)
{
	uint8_t body[8192];
	size_t len = multi_commands(body);
	uint64_t n = 0;

	while (time_left() && shoot(sock, VFU_REGION_WRITE_MULTI, body, len) == 0)
		n++;
	return n * VFU_WRITE_MULTI_MAX;
}

/* 128 maps, all but one of which go again: a chunk of maps for one. */
static uint64_t
maps(int sock)
{
	struct vfu_dma_map req = {
		.argsz = sizeof(req),
		.flags = VFU_DMA_READABLE,
		.size = PAGE,
	};
	struct vfu_dma_unmap unmap = { .argsz = sizeof(unmap), .size = 127 * 2 * PAGE };
	uint64_t n = 0, at = IOVA;
	unsigned int i;

	while (time_left()) {
		for (i = 0; i < 128; i++) {
			req.addr = at + i * 2 * PAGE;
			if (shoot(sock, VFU_DMA_MAP, &req, sizeof(req)) != 0)
				return n;
		}
		unmap.addr = at;
		if (shoot(sock, VFU_DMA_UNMAP, &unmap, sizeof(unmap)) != 0)
			return n;
		at += 128 * 2 * PAGE;
		n++;
	}
	return n;
}

static uint64_t
events(int sock, uint64_t rgid)
{
	struct ism_signal_ieq_req req = {
		.rgid = rte_cpu_to_be_64(rgid),
		.event_code = rte_cpu_to_be_32(1),
	};
	uint8_t msg[sizeof(struct vfu_region_access) + sizeof(req)];
	struct vfu_region_access acc = { 8, BAR_CMD, sizeof(req) - 8 };
	uint64_t n = 0;
	int ret = 0;

	ism_req_hdr_set(&req.hdr, ISM_CMD_SIGNAL_IEQ, sizeof(req));
	while (ret == 0 && time_left()) {
		acc.offset = 8;
		acc.count = sizeof(req) - 8;
		memcpy(msg, &acc, sizeof(acc));
		memcpy(msg + sizeof(acc), (uint8_t *)&req + 8, acc.count);
		ret = shoot(sock, VFU_REGION_WRITE, msg, sizeof(acc) + acc.count);
		acc.offset = 0;
		acc.count = 8;
		memcpy(msg, &acc, sizeof(acc));
		memcpy(msg + sizeof(acc), &req, 8);
		if (ret == 0)
			ret = shoot(sock, VFU_REGION_WRITE, msg, sizeof(acc) + acc.count);
		n += ret == 0;
	}
	return n;
}

static void
all_dmbs(int sock, uint64_t size, uint64_t rgid)
{
	uint32_t idx;

	for (idx = ISM_DMB_IDX_MIN; idx < ISM_NR_DMBS && time_left(); idx++)
		if (reg_dmb(sock, idx, (uint64_t)idx * (1 << 20) % size, 1 << 20, rgid) == 0)
			break;
}

static uint64_t
dmbs(int sock, uint64_t rgid)
{
	uint64_t n = 0;
	uint8_t *mem;

	memory(sock, 64 << 20, &mem);
	while (time_left()) {
		all_dmbs(sock, 64 << 20, rgid);
		if (call(sock, VFU_DEVICE_RESET, NULL, 0, NULL, 0, -1) != 0)
			break;
		n++;
	}
	return n;
}

static uint64_t
huge(const char *path, uint64_t rgid)
{
	struct vfu_dma_map req = {
		.argsz = sizeof(req),
		.flags = VFU_DMA_READABLE,
		.size = PAGE,
	};
	uint64_t n = 0, i;
	uint8_t *mem;
	int sock, fd;

	while (time_left()) {
		sock = attach(path);
		fd = memory(sock, HUGE_MEM, &mem);
		memset(mem, 1, HUGE_MEM);
		for (i = 0; i < HUGE_MAPS && time_left(); i++) {
			req.addr = IOVA + HUGE_MEM + i * 2 * PAGE;
			if (shoot(sock, VFU_DMA_MAP, &req, sizeof(req)) != 0)
				break;
		}
		all_dmbs(sock, HUGE_MEM, rgid);
		munmap(mem, HUGE_MEM);
		close(fd);
		/* Now the fabric alone has that memory. */
		close(sock);
		n++;
	}
	return n;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	uint64_t n = 0, rgid;

	if (argc < 4)
		return 2;
	rgid = argc > 4 ? strtoull(argv[4], NULL, 16) : 0;
	end_ns = base_now_ns() + strtoull(argv[3], NULL, 10) * BASE_NS_PER_S;
	if (strcmp(mode, "victim") == 0 && argc > 4) {
		victim(attach(argv[2]), attach(argv[4]));
		return 0;
	}
	if (strcmp(mode, "commands") == 0)
		n = commands(attach(argv[2]));
	else if (strcmp(mode, "maps") == 0)
		n = maps(attach(argv[2]));
	else if (strcmp(mode, "events") == 0)
		n = events(attach(argv[2]), rgid);
	else if (strcmp(mode, "dmbs") == 0)
		n = dmbs(attach(argv[2]), rgid);
	else if (strcmp(mode, "huge") == 0)
		n = huge(argv[2], rgid);
	else
		return 2;
	printf("%s=%llu\n", mode, (unsigned long long)n);
	return 0;
}
