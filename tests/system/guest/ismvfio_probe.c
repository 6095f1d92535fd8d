/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks a function behind ism_vfio_pci everything that a program can ask, and prints each answer:
 * value, length, errno. Two drivers behave alike when the output is the same. What
 * differs from run to run by nature (tokens, handles) is judged here and not printed.
 *
 * Plain VFIO, no DPDK. Runs in a guest, linked statically. Behind QEMU (SPEC-ism section 10).
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <linux/vfio_zdev.h>

#define BAR_DATA 0
#define BAR_CMD 2
#define PAGE 4096u
#define DMB_LEN 65536u
#define DMB_IDX 40u /* bit in the SBA */
#define STORE_MAX 8192u /* longer than any store may be */

struct probe {
	const char *device; /* 0001:00:00.0 */
	int container, group, fd; /* -1 = closed; the container may be an iommufd */
	uint32_t ioas; /* 0: a container of type 1 */
	struct vfio_region_info region[VFIO_PCI_NUM_REGIONS];
	uint64_t iova; /* first one that the function can reach */
	uint64_t gid;
	unsigned int maxstbl; /* as the capability says, in bytes of a store */
};

/* --- answers --- */

static void
die(const char *what)
{
	printf("probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Does what must hold whatever driver it is. */
static void
must(bool ok, const char *what)
{
	printf("%s: %s\n", what, ok ? "yes" : "NO");
	if (!ok)
		exit(1);
}

static void
say(const char *what, long ret)
{
	if (ret < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, ret);
}

static void
say_bytes(const char *what, long ret, const uint8_t *data)
{
	long i;

	if (ret < 0) {
		say(what, ret);
		return;
	}
	printf("%s: %ld", what, ret);
	for (i = 0; i < ret && i < 64; i++)
		printf("%s%02x", i % 8 == 0 ? " " : "", data[i]);
	printf("\n");
}

/* A page that is not there. */
static void *
nowhere(void)
{
	void *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		die("mmap");
	return page;
}

/* --- getting at the device --- */

static void
sysfs_link(const struct probe *p, const char *name, char *out, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", p->device, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		die(path);
	target[n] = '\0';
	snprintf(out, size, "%s", strrchr(target, '/') + 1);
}

static void
open_group(struct probe *p)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char number[32], path[64];

	sysfs_link(p, "iommu_group", number, sizeof(number));
	snprintf(path, sizeof(path), "/dev/vfio/%s", number);
	p->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (p->container < 0)
		die("/dev/vfio/vfio");
	p->group = open(path, O_RDWR | O_CLOEXEC);
	if (p->group < 0)
		die(path);
	say("second open of the group", open(path, O_RDWR | O_CLOEXEC));
	say("group status", ioctl(p->group, VFIO_GROUP_GET_STATUS, &status));
	printf("group flags: 0x%x\n", status.flags);
	say("device before container", ioctl(p->group, VFIO_GROUP_GET_DEVICE_FD, p->device));
	say("set container", ioctl(p->group, VFIO_GROUP_SET_CONTAINER, &p->container));
	say("set iommu", ioctl(p->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	say("wrong device name", ioctl(p->group, VFIO_GROUP_GET_DEVICE_FD, "0000:ff:1f.7"));
	p->fd = ioctl(p->group, VFIO_GROUP_GET_DEVICE_FD, p->device);
	if (p->fd < 0)
		die("VFIO_GROUP_GET_DEVICE_FD");
}

/* The way without groups. @return whether this kernel has it. */
static bool
open_cdev(struct probe *p)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	char path[64];
	unsigned int i;

	p->container = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (p->container < 0)
		return false;
	for (i = 0, p->fd = -1; i < 16 && p->fd < 0; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev/vfio%u", p->device,
			 i);
		if (access(path, F_OK) < 0)
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%u", i);
		p->fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (p->fd < 0)
		die("/dev/vfio/devices");
	bind.iommufd = p->container;
	say("info before bind", ioctl(p->fd, VFIO_DEVICE_GET_INFO, &attach));
	say("bind", ioctl(p->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind));
	say("bind again", ioctl(p->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind));
	say("ioas", ioctl(p->container, IOMMU_IOAS_ALLOC, &alloc));
	attach.pt_id = alloc.out_ioas_id;
	say("attach", ioctl(p->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	p->ioas = alloc.out_ioas_id;
	return true;
}

static void
close_all(struct probe *p)
{
	say("close device", close(p->fd));
	if (p->group >= 0)
		say("close group", close(p->group));
	say("close container", close(p->container));
	p->fd = p->group = p->container = -1;
}

static int
dma_map(struct probe *p, void *addr, uint64_t iova, uint64_t len)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)addr,
		.iova = iova,
		.size = len,
	};
	struct iommu_ioas_map ioas_map = {
		.size = sizeof(ioas_map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = p->ioas,
		.user_va = (uintptr_t)addr,
		.length = len,
		.iova = iova,
	};

	if (p->ioas != 0)
		return ioctl(p->container, IOMMU_IOAS_MAP, &ioas_map);
	return ioctl(p->container, VFIO_IOMMU_MAP_DMA, &map);
}

/* --- what it is --- */

static void
show_zpci_base(struct probe *p, const struct vfio_device_info_cap_zpci_base *cap)
{
	printf("  dma 0x%llx..0x%llx pchid 0x%x vfn %u fmb %u pft %u\n",
	       (unsigned long long)cap->start_dma, (unsigned long long)cap->end_dma, cap->pchid,
	       cap->vfn, cap->fmb_length, cap->pft);
	p->iova = cap->start_dma;
}

static void
show_zpci_group(struct probe *p, const struct vfio_device_info_cap_zpci_group *cap)
{
	printf("  dasm 0x%llx flags 0x%llx mui %u noi %u maxstbl %u version %u imaxstbl %u\n",
	       (unsigned long long)cap->dasm, (unsigned long long)cap->flags, cap->mui, cap->noi,
	       cap->maxstbl, cap->version, cap->imaxstbl);
	p->maxstbl = cap->header.version >= 2 ? cap->imaxstbl : cap->maxstbl;
}

static void
probe_info(struct probe *p)
{
	union {
		struct vfio_device_info info;
		uint8_t room[PAGE];
	} u = { .info = { .argsz = sizeof(u) } };
	struct vfio_info_cap_header cap;
	uint32_t off;

	say("GET_INFO", ioctl(p->fd, VFIO_DEVICE_GET_INFO, &u.info));
	printf("flags 0x%x regions %u irqs %u\n", u.info.flags, u.info.num_regions,
	       u.info.num_irqs);
	for (off = u.info.cap_offset; off != 0; off = cap.next) {
		memcpy(&cap, u.room + off, sizeof(cap));
		printf("capability %u version %u\n", cap.id, cap.version);
		if (cap.id == VFIO_DEVICE_INFO_CAP_ZPCI_BASE)
			show_zpci_base(p, (const void *)(u.room + off));
		else if (cap.id == VFIO_DEVICE_INFO_CAP_ZPCI_GROUP)
			show_zpci_group(p, (const void *)(u.room + off));
	}
	u.info.argsz = 8;
	say("GET_INFO with too short an argsz", ioctl(p->fd, VFIO_DEVICE_GET_INFO, &u.info));
}

static void
probe_regions(struct probe *p)
{
	static const uint32_t odd[] = { 9, 15, 16, 255, 65535, UINT32_MAX };
	struct vfio_region_info info;
	uint32_t i, index;

	for (i = 0; i < VFIO_PCI_NUM_REGIONS + sizeof(odd) / sizeof(odd[0]); i++) {
		index = i < VFIO_PCI_NUM_REGIONS ? i : odd[i - VFIO_PCI_NUM_REGIONS];
		info = (struct vfio_region_info){ .argsz = sizeof(info), .index = index };
		printf("region %u ", index);
		say("ioctl", ioctl(p->fd, VFIO_DEVICE_GET_REGION_INFO, &info));
		printf("  argsz %u flags 0x%x cap %u size 0x%llx offset 0x%llx\n", info.argsz,
		       info.flags, info.cap_offset, (unsigned long long)info.size,
		       (unsigned long long)info.offset);
		if (i < VFIO_PCI_NUM_REGIONS)
			p->region[i] = info;
	}
	info.argsz = 24;
	say("region info with too short an argsz",
	    ioctl(p->fd, VFIO_DEVICE_GET_REGION_INFO, &info));
	say("region info at no address", ioctl(p->fd, VFIO_DEVICE_GET_REGION_INFO, nowhere()));
}

static void
probe_others(struct probe *p)
{
	struct vfio_irq_info irq;
	struct vfio_pci_hot_reset_info hot = { .argsz = sizeof(hot) };
	struct vfio_device_feature feature = { .argsz = sizeof(feature) };
	uint32_t i;

	for (i = 0; i <= VFIO_PCI_NUM_IRQS; i++) {
		irq = (struct vfio_irq_info){ .argsz = sizeof(irq), .index = i };
		printf("irq %u ", i);
		say("ioctl", ioctl(p->fd, VFIO_DEVICE_GET_IRQ_INFO, &irq));
		printf("  flags 0x%x count %u\n", irq.flags, irq.count);
	}
	for (i = 0; i < 12; i++) {
		feature.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET | i;
		printf("feature %u ", i);
		say("ioctl", ioctl(p->fd, VFIO_DEVICE_FEATURE, &feature));
	}
	say("hot reset info", ioctl(p->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &hot));
	say("unknown ioctl", ioctl(p->fd, _IO(VFIO_TYPE, VFIO_BASE + 99)));
	for (i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		printf("mmap of region %u ", i);
		say("", mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd,
			     (off_t)p->region[i].offset) == MAP_FAILED
				? -1
				: 0);
	}
	say("reset", ioctl(p->fd, VFIO_DEVICE_RESET));
}

/* --- reads and stores --- */

static off_t
at(const struct probe *p, unsigned int region, uint64_t off)
{
	return (off_t)(p->region[region].offset + off);
}

static void
one_read(const struct probe *p, unsigned int region, uint64_t off, size_t len)
{
	static uint8_t buf[2 * PAGE];
	char what[80];

	memset(buf, 0xee, sizeof(buf));
	snprintf(what, sizeof(what), "read region %u at 0x%llx of %zu", region,
		 (unsigned long long)off, len);
	say_bytes(what, pread(p->fd, buf, len, at(p, region, off)), buf);
	if (len < sizeof(buf) && buf[len] != 0xee)
		printf("  WROTE BEYOND\n");
}

static void
probe_reads(const struct probe *p)
{
	static const unsigned int absent[] = { 1, 3, 5, 6, 8, 9, 10, 100, 32767 };
	static const uint8_t zeros[16];
	char what[80];
	uint8_t byte;
	size_t len;
	uint64_t off;
	unsigned int i;

	/* An answer from before is forgotten at a store; a reset does not reach it behind QEMU. */
	say("store beside a command", pwrite(p->fd, zeros, 16, at(p, BAR_CMD, 16)));
	for (off = 0; off <= 9; off++)
		for (len = 0; len <= 17; len++)
			one_read(p, BAR_CMD, off, len);
	one_read(p, BAR_CMD, 0, 40);
	one_read(p, BAR_CMD, 4088, 8);
	one_read(p, BAR_CMD, 4088, 9);
	one_read(p, BAR_CMD, 4095, 8);
	one_read(p, BAR_CMD, 4096, 1);
	one_read(p, BAR_CMD, 1ull << 40, 8);
	one_read(p, 4, 0, 16);
	one_read(p, 4, 4090, 16);
	for (len = 1; len <= 16; len *= 2)
		one_read(p, BAR_DATA, 0, len);
	one_read(p, BAR_DATA, (1ull << 48) - 8, 8);
	for (i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		snprintf(what, sizeof(what), "read of region %u", absent[i]);
		say(what, pread(p->fd, &byte, 1, (off_t)absent[i] << 48));
		snprintf(what, sizeof(what), "read of nothing, region %u", absent[i]);
		say(what, pread(p->fd, &byte, 0, (off_t)absent[i] << 48));
	}
	say("read to no address", pread(p->fd, nowhere(), 8, at(p, BAR_CMD, 0)));
}

static void
one_store(const struct probe *p, unsigned int region, uint64_t off, size_t len)
{
	static const uint8_t zeros[STORE_MAX];
	char what[80];

	snprintf(what, sizeof(what), "store region %u at 0x%llx of %zu", region,
		 (unsigned long long)off, len);
	say(what, pwrite(p->fd, zeros, len, at(p, region, off)));
}

/* Behind token 0 is no DMB: what the driver itself refuses is seen apart from what it stores. */
static void
probe_stores(const struct probe *p)
{
	static const size_t lens[] = {
		0,  1,	 2,   4,   7,	8,   9,	  15,	16,   17,   23,
		24, 120, 127, 128, 129, 136, 256, 4080, 4096, 4097, STORE_MAX
	};
	static const uint64_t offs[] = { 0, 1, 4, 8, 16, 3968, 3976, 4080, 4088, 4096, 8176 };
	static const unsigned int absent[] = { 1, 3, 5, 6, 8, 9, 32767 };
	unsigned int i, j;
	uint8_t *edge, byte = 0;
	char what[80];

	for (i = 0; i < sizeof(offs) / sizeof(offs[0]); i++)
		for (j = 0; j < sizeof(lens) / sizeof(lens[0]); j++)
			one_store(p, BAR_DATA, offs[i], lens[j]);
	/* Offset 0 of the command area runs a command: that comes later. */
	for (i = 2; i < sizeof(offs) / sizeof(offs[0]); i++)
		for (j = 0; j < sizeof(lens) / sizeof(lens[0]); j++)
			one_store(p, BAR_CMD, offs[i], lens[j]);
	one_store(p, BAR_DATA, (1ull << 48) - 16, 16);
	one_store(p, BAR_DATA, (1ull << 48) - 16, 32);
	for (i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		snprintf(what, sizeof(what), "store to region %u", absent[i]);
		say(what, pwrite(p->fd, &byte, 1, (off_t)absent[i] << 48));
	}
	edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (edge == MAP_FAILED || munmap(edge + PAGE, PAGE) < 0)
		die("mmap");
	say("store from no address", pwrite(p->fd, nowhere(), 16, at(p, BAR_DATA, 0)));
	say("store from half an address", pwrite(p->fd, edge + PAGE - 16, 32, at(p, BAR_DATA, 0)));
	say("store from the end of a page",
	    pwrite(p->fd, edge + PAGE - 16, 16, at(p, BAR_DATA, 0)));
	say("store too long from no address", pwrite(p->fd, nowhere(), 4104, at(p, BAR_DATA, 0)));
}

static void
probe_config(const struct probe *p)
{
	uint8_t command[2];
	uint64_t off;
	size_t len;

	for (off = 0; off < 8; off++)
		for (len = 0; len <= 9; len++)
			one_read(p, VFIO_PCI_CONFIG_REGION_INDEX, off, len);
	one_read(p, VFIO_PCI_CONFIG_REGION_INDEX, 0, 64);
	one_read(p, VFIO_PCI_CONFIG_REGION_INDEX, 0x40, 48);
	for (off = 252; off < 260; off += 2)
		one_read(p, VFIO_PCI_CONFIG_REGION_INDEX, off, 4);
	one_read(p, VFIO_PCI_CONFIG_REGION_INDEX, 4092, 8);
	one_read(p, VFIO_PCI_CONFIG_REGION_INDEX, 4096, 4);
	one_read(p, VFIO_PCI_CONFIG_REGION_INDEX, 1ull << 40, 4);
	one_read(p, VFIO_PCI_CONFIG_REGION_INDEX, (1ull << 40) + 4, 4);
	one_store(p, VFIO_PCI_CONFIG_REGION_INDEX, 0, 2);
	one_store(p, VFIO_PCI_CONFIG_REGION_INDEX, 4096, 2);
	one_store(p, VFIO_PCI_CONFIG_REGION_INDEX, 1ull << 40, 2);
	one_store(p, VFIO_PCI_CONFIG_REGION_INDEX, 3, 9);
	one_read(p, VFIO_PCI_CONFIG_REGION_INDEX, 0, 16);
	command[0] = 0x06; /* memory, bus master: little-endian */
	command[1] = 0;
	say("command register", pwrite(p->fd, command, 2, at(p, VFIO_PCI_CONFIG_REGION_INDEX, 4)));
	one_read(p, VFIO_PCI_CONFIG_REGION_INDEX, 4, 2);
}

/* The position of the file moves by what was read or stored. */
static void
probe_position(const struct probe *p)
{
	static uint8_t buf[PAGE];
	struct iovec iov[3] = { { buf, 8 }, { buf + 8, 4 }, { buf + 12, 2 } };

	say("seek", lseek(p->fd, at(p, VFIO_PCI_CONFIG_REGION_INDEX, 0), SEEK_SET) < 0 ? -1 : 0);
	say_bytes("read", read(p->fd, buf, 4), buf);
	say_bytes("read on", read(p->fd, buf, 4), buf);
	say("readv", preadv(p->fd, iov, 3, at(p, BAR_CMD, 0)));
	say_bytes("which is", 14, buf);
}

/* --- commands --- */

struct command {
	uint32_t cmd;
	uint16_t reserved;
	uint16_t len; /* of all of it */
	uint64_t body[5];
};

/* A response: 8 bytes of header, then a body. @return ret of the header. */
static unsigned int
run_command(const struct probe *p, uint32_t cmd, const uint64_t *body, unsigned int words,
	    uint64_t *rsp, unsigned int rsp_words)
{
	uint64_t area[8] = { 0 }, hdr = 0;
	struct command c = { .cmd = htobe32(cmd), .len = htobe16((uint16_t)(8 + words * 8)) };
	unsigned int i;

	memcpy(area, &c, 8);
	for (i = 0; i < words; i++)
		area[1 + i] = htobe64(body[i]);
	/* What lies behind the first 16 bytes goes first; at least 16 bytes a store. */
	if (words > 1 && pwrite(p->fd, area + 2, 48, at(p, BAR_CMD, 16)) != 48)
		die("store of a command's body");
	if (pwrite(p->fd, area, 16, at(p, BAR_CMD, 0)) != 16)
		die("store of a command");
	if (pread(p->fd, &hdr, 8, at(p, BAR_CMD, 0)) != 8)
		die("load of a response");
	hdr = be64toh(hdr);
	for (i = 0; i < rsp_words; i++) {
		if (pread(p->fd, &rsp[i], 8, at(p, BAR_CMD, 8 + i * 8)) != 8)
			die("load of a response");
		rsp[i] = be64toh(rsp[i]);
	}
	printf("command 0x%02x: cmd 0x%x ret 0x%x len %u\n", cmd, (unsigned int)(hdr >> 32),
	       (unsigned int)(hdr >> 16) & 0xffff, (unsigned int)hdr & 0xffff);
	return (unsigned int)(hdr >> 16) & 0xffff;
}

static void
probe_commands(struct probe *p)
{
	uint64_t rsp[28] = { 0 };
	unsigned int i;

	must(run_command(p, 0x03, NULL, 0, rsp, 1) == 0, "READ_GID");
	p->gid = rsp[0];
	printf("gid 0x%016llx\n", (unsigned long long)p->gid);
	must(run_command(p, 0x08, NULL, 0, rsp, 28) == 0, "QUERY_INFO");
	for (i = 0; i < 10; i++)
		printf("  word %u 0x%016llx\n", i, (unsigned long long)rsp[i]);
	must(rsp[2] == p->gid, "QUERY_INFO has the same GID");
	must(run_command(p, 0x77, NULL, 0, rsp, 0) == 0xffff, "an unknown command is refused");
	must(run_command(p, 0x09, &p->gid, 1, rsp, 0) != 0, "QUERY_RGID cut short is refused");
}

/* --- memory: SBA, IEQ, a DMB for ourselves --- */

struct memory {
	uint8_t *sba, *ieq, *dmb;
	uint64_t sba_iova, ieq_iova, dmb_iova, token;
};

static void *
map_some(struct probe *p, uint64_t iova, size_t len, const char *what)
{
	void *addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		die("mmap");
	say(what, dma_map(p, addr, iova, len));
	return addr;
}

static void
probe_memory(struct probe *p, struct memory *m)
{
	uint64_t body[5], rsp[1] = { 0 };

	m->sba_iova = p->iova;
	m->ieq_iova = p->iova + PAGE;
	m->dmb_iova = p->iova + (1u << 20);
	m->sba = map_some(p, m->sba_iova, PAGE, "map the SBA");
	m->ieq = map_some(p, m->ieq_iova, PAGE, "map the IEQ");
	m->dmb = map_some(p, m->dmb_iova, DMB_LEN, "map the DMB");
	say("map it twice", dma_map(p, m->dmb, m->dmb_iova, DMB_LEN));
	say("map outside the window", dma_map(p, m->dmb, p->iova - PAGE, PAGE));

	body[0] = m->sba_iova;
	must(run_command(p, 0x01, body, 1, NULL, 0) == 0, "REG_SBA");
	must(run_command(p, 0x01, body, 1, NULL, 0) != 0, "REG_SBA again is refused");
	body[0] = m->ieq_iova;
	body[1] = 512;
	must(run_command(p, 0x02, body, 2, NULL, 0) == 0, "REG_IEQ");
	body[0] = m->dmb_iova;
	body[1] = (uint64_t)DMB_LEN << 32 | DMB_IDX;
	body[2] = 0; /* no VLAN */
	body[3] = p->gid;
	must(run_command(p, 0x0a, body, 4, rsp, 1) == 0, "REG_DMB");
	m->token = rsp[0];
	must(m->token != 0, "a token");
}

/* An event to ourselves: type 2, our GID, what we said. */
static void
probe_event(struct probe *p, const struct memory *m)
{
	uint64_t body[3] = { p->gid, 0x1234, 0x1122334455667788 }, word[4], idx;

	must(run_command(p, 0x0e, body, 3, NULL, 0) == 0, "SIGNAL_IEQ");
	memcpy(&idx, m->ieq, 8);
	memcpy(word, m->ieq + 32, sizeof(word));
	printf("ieq idx %llu type/code 0x%llx info 0x%llx\n", (unsigned long long)be64toh(idx),
	       (unsigned long long)be64toh(word[0]), (unsigned long long)be64toh(word[3]));
	must(be64toh(word[1]) == p->gid, "the event says who sent it");
	say_bytes("sba", 1, m->sba);
	m->sba[0] = 0;
}

static uint64_t
dmb_addr(const struct memory *m, unsigned int idx, unsigned int sf, unsigned int off)
{
	return m->token | (uint64_t)idx << 24 | (uint64_t)sf << 23 | off;
}

static bool
all_are(const uint8_t *mem, size_t len, uint8_t value)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (mem[i] != value)
			return false;
	return true;
}

static void
probe_dmb(struct probe *p, const struct memory *m)
{
	uint8_t data[PAGE];
	struct iovec iov[3] = { { data, 128 }, { data + 128, 64 }, { data + 192, 16 } };
	struct iovec bad[2] = { { data, 32 }, { data + 32, 4 } };
	uint64_t body[1] = { m->token };
	unsigned int i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + 1);
	say("store 16", pwrite(p->fd, data, 16, at(p, BAR_DATA, dmb_addr(m, 0, 0, 0))));
	must(memcmp(m->dmb, data, 16) == 0, "16 bytes arrived in order");
	must(all_are(m->dmb + 16, PAGE, 0), "and no other");
	say("store 128", pwrite(p->fd, data, 128, at(p, BAR_DATA, dmb_addr(m, 0, 0, 4096))));
	must(memcmp(m->dmb + 4096, data, 128) == 0, "128 bytes arrived in order");
	must(m->sba[0] == 0, "no signal without sf");
	say("store with signal", pwrite(p->fd, data, 64, at(p, BAR_DATA, dmb_addr(m, 5, 1, 8192))));
	must(memcmp(m->dmb + 8192, data, 64) == 0, "64 bytes arrived");
	must((m->sba[0] & 0x80) != 0, "the summary bit is set");
	must((m->sba[4 + DMB_IDX / 8] & (0x80 >> DMB_IDX % 8)) != 0, "the DMB's bit is set");
	say_bytes("dmbe mask", 2, m->sba + 256 + DMB_IDX * 2);
	say("pwritev of three", pwritev(p->fd, iov, 3, at(p, BAR_DATA, dmb_addr(m, 0, 0, 12288))));
	must(memcmp(m->dmb + 12288, data, 208) == 0, "three segments arrived");
	say("pwritev, the second bad",
	    pwritev(p->fd, bad, 2, at(p, BAR_DATA, dmb_addr(m, 0, 0, 16384))));
	must(memcmp(m->dmb + 16384, data, 32) == 0 && all_are(m->dmb + 16416, 32, 0),
	     "the first segment arrived, the second did not");
	must(run_command(p, 0x0b, body, 1, NULL, 0) == 0, "UNREG_DMB");
	memset(m->dmb, 0, 64);
	/* QEMU tells the guest nothing of an error of the device (SPEC-ism section 10.9). */
	say("store after that", pwrite(p->fd, data, 16, at(p, BAR_DATA, dmb_addr(m, 0, 0, 0))));
	must(all_are(m->dmb, 64, 0), "nothing arrives any more");
	must(run_command(p, 0x0b, body, 1, NULL, 0) == 0xffff, "UNREG_DMB again is refused");
}

/* A reset takes all of it away. */
static void
probe_reset(struct probe *p)
{
	uint64_t rsp[6] = { 0 };

	say("reset", ioctl(p->fd, VFIO_DEVICE_RESET));
	must(run_command(p, 0x08, NULL, 0, rsp, 6) == 0, "QUERY_INFO after a reset");
	must(rsp[3] == 0 && rsp[4] == 0, "no SBA, no IEQ");
}

/* --- all of it --- */

static void
probe_all(struct probe *p)
{
	struct memory m;

	probe_info(p);
	probe_regions(p);
	probe_others(p);
	probe_reads(p);
	probe_stores(p);
	probe_config(p);
	probe_position(p);
	probe_commands(p);
	probe_memory(p, &m);
	probe_event(p, &m);
	probe_dmb(p, &m);
	probe_reset(p);
	close_all(p);
}

int
main(int argc, char **argv)
{
	struct probe p = { .container = -1, .group = -1, .fd = -1 };

	if (argc != 3 || (strcmp(argv[1], "group") != 0 && strcmp(argv[1], "iommufd") != 0)) {
		fprintf(stderr, "usage: ismvfio_probe group|iommufd 0001:00:00.0\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	p.device = argv[2];
	if (strcmp(argv[1], "group") == 0) {
		open_group(&p);
	} else if (!open_cdev(&p)) {
		printf("no /dev/iommu in this kernel\n");
		return 77;
	}
	probe_all(&p);
	/* Whoever comes next finds it as the first one did. */
	p.ioas = 0;
	open_group(&p);
	probe_info(&p);
	probe_regions(&p);
	probe_commands(&p);
	close_all(&p);
	return 0;
}
