/* SPDX-License-Identifier: BSD-3-Clause */
/* DMA_MAP and DMA_UNMAP: a guest's memory page by page, and files that are not to be trusted. */
#include "vfu_ism.h"

#include <signal.h>
#include <sys/wait.h>

#include "fabric_guard.h"

#define IOVA WIRE_IOVA

static int
memory(size_t len)
{
	return wire_memfd(len, 0);
}

/* As QEMU: one message and one descriptor per page, all of one file, in no order. */
static void
guest_pages(void **state)
{
	struct wire *wire = *state;
	int a = wire_attach(wire, 0, WIRE_CAPS), b = wire_attach(wire, 1, WIRE_CAPS);
	const unsigned int pages = 1024;
	int fd = memory(pages * 4096);
	uint8_t *mem = mmap(NULL, pages * 4096, PROT_READ, MAP_SHARED, fd, 0);
	static const uint64_t data[2] = { 0x1234, 0x5678 };
	unsigned int i, page;
	uint64_t token, done;

	assert_true(mem != MAP_FAILED);
	for (i = 0; i < pages; i++) {
		page = (i * 389) % pages;
		assert_int_equal(wire_dma_map(a, IOVA + page * 4096, 4096, fd, page * 4096), 0);
	}
	assert_true(wire_count_fds() < wire->fds + 20);
	token = wire_reg_dmb(a, 32, IOVA + 0x100000, 0x100000, WIRE_GID(1));
	assert_int_not_equal(token, 0);
	for (i = 0; i < 256; i += 51) {
		assert_int_equal(wire_write(b, 0, token + i * 4096 + 8, data, 16), 0);
		assert_memory_equal(mem + 0x100000 + i * 4096 + 8, data, 16);
	}
	/* A guest unmaps single pages. */
	assert_int_equal(wire_dma_unmap(a, IOVA + 0x101000, 4096, 0, &done), 0);
	assert_int_equal(done, 4096);
	assert_int_equal(wire_write(b, 0, token, data, 16), -EIO);
	assert_int_equal(wire_dma_unmap(a, IOVA + 0x101000, 4096, 0, &done), 0);
	assert_int_equal(done, 0);
	assert_int_equal(wire_dma_unmap(a, IOVA + 0x102000, 2048, 0, &done), -EINVAL);
	assert_int_equal(wire_dma_unmap(a, 0, 0, 0, &done), -EINVAL);
	/* And in the end everything. */
	assert_int_equal(wire_dma_unmap(a, 0, 4096, VFU_UNMAP_ALL, &done), -EINVAL);
	assert_int_equal(wire_dma_unmap(a, 0, 0, VFU_UNMAP_ALL, &done), 0);
	assert_int_equal(wire_reg_dmb(a, 33, IOVA, 4096, WIRE_GID(1)), 0);
	assert_int_equal(wire_dma_map(a, IOVA, 4096, fd, 0), 0);
	assert_int_not_equal(wire_reg_dmb(a, 33, IOVA, 4096, WIRE_GID(1)), 0);
	munmap(mem, pages * 4096);
	close(fd);
	close(a);
	close(b);
}

static void
refused(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS), fd = memory(8192), pipes[2], other;
	struct vfu_dma_map map = { .argsz = sizeof(map), .addr = IOVA, .size = 4096 };

	assert_int_equal(wire_dma_map(sock, IOVA, 0, fd, 0), -EINVAL);
	assert_int_equal(wire_dma_map(sock, IOVA, 100, fd, 0), -EINVAL);
	assert_int_equal(wire_dma_map(sock, IOVA + 8, 4096, fd, 0), -EINVAL);
	assert_int_equal(wire_dma_map(sock, IOVA, 4096, fd, 8), -EINVAL);
	assert_int_equal(wire_dma_map(sock, IOVA, 12288, fd, 0), -EINVAL); /* beyond the file */
	assert_int_equal(wire_dma_map(sock, IOVA, 4096, fd, 8192), -EINVAL);
	assert_int_equal(wire_dma_map(sock, IOVA, 4096, fd, UINT64_MAX - 4095), -EINVAL);
	assert_int_equal(wire_dma_map(sock, UINT64_MAX - 4095, 4096, fd, 0), -EINVAL);
	assert_int_equal(wire_dma_map(sock, IOVA, 4096, fd, 0), 0);
	assert_int_equal(wire_dma_map(sock, IOVA, 4096, fd, 0), -EEXIST);
	assert_int_equal(wire_dma_map(sock, IOVA - 4096, 8192, fd, 0), -EEXIST);
	map.flags = 0;
	map.addr += 4096;
	assert_int_equal(wire_call(sock, VFU_DMA_MAP, &map, sizeof(map), NULL, 0), -EINVAL);
	map.flags = 4;
	assert_int_equal(wire_call(sock, VFU_DMA_MAP, &map, sizeof(map), NULL, 0), -EINVAL);

	/* Only memory: of anything else a page could stay away for ever. */
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(wire_dma_map(sock, IOVA + 4096, 4096, pipes[0], 0), -EINVAL);
	assert_int_equal(wire_dma_map(sock, IOVA + 4096, 4096, sock, 0), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	other = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_true(other >= 0);
	assert_int_not_equal(wire_dma_map(sock, IOVA + 4096, 4096, other, 0), 0);
	close(other);
	/* A file that may only be read. */
	{
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		other = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(other >= 0);
		assert_int_equal(wire_dma_map(sock, IOVA + 4096, 4096, other, 0), -EACCES);
		close(other);
	}
	close(fd);
	close(sock);
}

/* Memory that the device cannot write is accepted, but nothing can live in it. */
static void
no_way_to_write(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS), fd = memory(4096);
	int peer = wire_attach(*state, 1, WIRE_CAPS);
	struct vfu_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFU_DMA_READABLE,
		.addr = IOVA,
		.size = 4096,
	};

	assert_int_equal(wire_call_fds(sock, VFU_DMA_MAP, &map, sizeof(map), &fd, 1, NULL, 0, NULL),
			 0);
	assert_int_equal(wire_dma_map(sock, IOVA + 4096, 4096, -1, 0), 0);
	assert_int_equal(wire_reg_dmb(sock, 32, IOVA, 4096, WIRE_GID(1)), 0);
	assert_int_equal(wire_reg_dmb(sock, 32, IOVA + 4096, 4096, WIRE_GID(1)), 0);
	assert_int_equal(wire_dma_map(sock, IOVA + 8192, 4096, fd, 0), 0);
	assert_int_not_equal(wire_reg_dmb(sock, 32, IOVA + 8192, 4096, WIRE_GID(1)), 0);
	close(fd);
	close(peer);
	close(sock);
}

/* A file that grows after it was mapped. */
static void
growing(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS), peer = wire_attach(*state, 1, WIRE_CAPS);
	int fd = memory(4096);
	static const uint64_t data[2] = { 3, 4 };
	uint64_t token, got[2];

	assert_int_equal(wire_dma_map(sock, IOVA, 4096, fd, 0), 0);
	assert_int_equal(ftruncate(fd, 65536), 0);
	assert_int_equal(wire_dma_map(sock, IOVA + 4096, 61440, fd, 4096), 0);
	token = wire_reg_dmb(sock, 32, IOVA, 65536, WIRE_GID(1));
	assert_int_not_equal(token, 0);
	assert_int_equal(wire_write(peer, 0, token + 0xf000, data, 16), 0);
	assert_int_equal(wire_write(peer, 0, token, data, 16), 0);
	assert_int_equal(pread(fd, got, 16, 0xf000), 16);
	assert_memory_equal(got, data, 16);
	assert_int_equal(pread(fd, got, 16, 0), 16);
	assert_memory_equal(got, data, 16);
	close(fd);
	close(sock);
	close(peer);
}

/* Files of many DMBs come and go: what is not mapped any more keeps no descriptor. */
static void
many_files(void **state)
{
	struct wire *wire = *state;
	int sock = wire_attach(wire, 0, WIRE_CAPS), fd, i;
	unsigned int before;
	uint64_t done;

	before = wire_count_fds();
	for (i = 0; i < 200; i++) {
		fd = memory(4096);
		assert_int_equal(wire_dma_map(sock, IOVA + (uint64_t)i * 4096, 4096, fd, 0), 0);
		close(fd);
	}
	assert_true(wire_count_fds() > before);
	for (i = 0; i < 200; i++)
		assert_int_equal(wire_dma_unmap(sock, IOVA + (uint64_t)i * 4096, 4096, 0, &done),
				 0);
	assert_int_equal(wire_count_fds(), before);
	close(sock);
}

/* Files whose maps lie between each other's: each stays until the last of its own maps goes. */
static void
interleaved(void **state)
{
	struct wire *wire = *state;
	int a = wire_attach(wire, 0, WIRE_CAPS), b = wire_attach(wire, 1, WIRE_CAPS), fd[5], i;
	static const uint64_t data[2] = { 3, 4 };
	unsigned int before = wire_count_fds();
	uint64_t token, done, got[2];

	for (i = 0; i < 5; i++)
		fd[i] = memory(60 * 4096);
	for (i = 0; i < 300; i++)
		assert_int_equal(wire_dma_map(a, IOVA + (uint64_t)i * 4096, 4096, fd[i % 5],
					      (uint64_t)i / 5 * 4096),
				 0);
	assert_int_equal(wire_count_fds(), before + 10);
	token = wire_reg_dmb(a, 32, IOVA + 290 * 4096, 5 * 4096, WIRE_GID(1));
	assert_int_not_equal(token, 0);
	assert_int_equal(wire_dma_unmap(a, IOVA, 250 * 4096, 0, &done), 0);
	assert_int_equal(wire_count_fds(), before + 10);
	for (i = 250; i < 300; i++)
		if (i % 5 == 2 && i != 292)
			assert_int_equal(wire_dma_unmap(a, IOVA + (uint64_t)i * 4096, 4096, 0,
							&done),
					 0);
	for (i = 0; i < 5; i++) {
		assert_int_equal(wire_write(b, 0, token + (uint64_t)i * 4096, data, 16), 0);
		assert_int_equal(pread(fd[i], got, 16, 58 * 4096), 16);
		assert_memory_equal(got, data, 16);
	}
	assert_int_equal(wire_count_fds(), before + 10);
	assert_int_equal(wire_dma_unmap(a, IOVA + 292 * 4096, 4096, 0, &done), 0);
	assert_int_equal(wire_count_fds(), before + 9);
	assert_int_equal(wire_write(b, 0, token, data, 16), -EIO);
	assert_int_equal(wire_dma_unmap(a, 0, 0, VFU_UNMAP_ALL, &done), 0);
	for (i = 0; i < 5; i++)
		close(fd[i]);
	assert_int_equal(wire_count_fds(), before);
	close(a);
	close(b);
}

/* One client cannot take all the address space, nor all mappings, of the others. */
static void
limits(void **state)
{
	int fd, other, i, ret = 0, sock;
	unsigned int before;
	struct rlimit limit;
	uint64_t done;

	if (emulated())
		skip(); /* qemu-user has no room for 300 GiB of mappings */
	/* Descriptors shall not be what ends first. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < 4096)
		skip();
	sock = wire_attach(*state, 0, WIRE_CAPS);
	before = wire_count_fds();

	fd = memory((size_t)200 << 30); /* sparse */
	other = memory((size_t)100 << 30);
	assert_int_equal(wire_dma_map(sock, IOVA, 4096, fd, (uint64_t)199 << 30), 0);
	assert_int_equal(wire_dma_map(sock, IOVA + 4096, 4096, other, 0), -ENOSPC);
	assert_int_equal(wire_dma_unmap(sock, IOVA, 4096, 0, &done), 0);
	assert_int_equal(wire_dma_map(sock, IOVA + 4096, 4096, other, 0), 0);
	close(fd);
	close(other);
	for (i = 2; i < 3000 && ret == 0; i++) {
		fd = memory(4096);
		ret = wire_dma_map(sock, IOVA + (uint64_t)i * 4096, 4096, fd, 0);
		close(fd);
	}
	assert_int_equal(ret, -ENOSPC);
	assert_int_equal(wire_dma_unmap(sock, 0, 0, VFU_UNMAP_ALL, &done), 0);
	assert_int_equal(wire_count_fds(), before);
	close(sock);
}

/* A fabric that has no descriptor left says so, and goes on. */
static void
no_descriptor_left(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS), fd = memory(4096);
	struct rlimit limit;
	unsigned int spare;

	/* None for the message; then one for it, but none to keep. */
	for (spare = 0; spare < 2; spare++) {
		limit = wire_limit_fds(spare);
		assert_int_equal(wire_dma_map(sock, IOVA, 4096, fd, 0), -EMFILE);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
	assert_int_equal(wire_dma_map(sock, IOVA, 4096, fd, 0), 0);
	close(fd);
	close(sock);
}

/* --- a guarded server in a process of its own, for an owner who truncates --- */

static volatile sig_atomic_t child_stop;

static void
on_term(int sig)
{
	child_stop = 1;
}

static void
serve(const char *path0, const char *path1)
{
	struct fabric_fn_conf conf[2] = {
		{ .name = "fn0", .gid = WIRE_GID(0) },
		{ .name = "fn1", .gid = WIRE_GID(1) },
	};
	struct fabric *fab = fabric_create();
	struct fabric_server *server = fabric_server_create(fab);
	struct fabric_fn *fn;
	int ret = 0;

	signal(SIGTERM, on_term);
	alarm(60);
	if (fabric_guard_install() < 0 || fabric_fn_add(fab, &conf[0], &fn) < 0 ||
	    fabric_server_add(server, fn, path0, false) < 0 ||
	    fabric_fn_add(fab, &conf[1], &fn) < 0 ||
	    fabric_server_add(server, fn, path1, false) < 0)
		_exit(99);
	while (!child_stop && ret == 0)
		ret = fabric_server_poll(server, 100, NULL);
	fabric_server_destroy(server);
	fabric_destroy(fab);
	_exit(ret == 0 ? 0 : 98);
}

static int
connect_within(const char *path)
{
	int sock = -1, i;

	for (i = 0; i < 500 && sock < 0; i++) {
		sock = vfu_sock_connect(path, WIRE_TIMEOUT_MS);
		if (sock < 0)
			usleep(10000);
	}
	assert_true(sock >= 0);
	return sock;
}

static void
truncated(void **state)
{
	char dir[] = "/tmp/vfu-trunc-XXXXXX", path[2][64], json[1024];
	static const uint64_t data[2] = { 3, 4 };
	int sock[2], fd, i, status;
	struct vfu_version got;
	uint64_t token, again;
	pid_t pid;

	assert_non_null(mkdtemp(dir));
	for (i = 0; i < 2; i++)
		snprintf(path[i], sizeof(path[i]), "%s/%d.sock", dir, i);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve(path[0], path[1]);
	for (i = 0; i < 2; i++) {
		sock[i] = connect_within(path[i]);
		assert_true(wire_version(sock[i], 0, 0, NULL, &got, json) > 0);
	}
	fd = memory(65536);
	assert_int_equal(wire_dma_map(sock[0], IOVA, 65536, fd, 0), 0);
	token = wire_reg_dmb(sock[0], 32, IOVA, 65536, WIRE_GID(1));
	assert_int_equal(wire_write(sock[1], 0, token, data, 16), 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(wire_write(sock[1], 0, token + 8192, data, 16), -EIO);
	/* The fabric lives, for both. */
	assert_int_equal(ftruncate(fd, 65536), 0);
	again = wire_reg_dmb(sock[0], 33, IOVA, 65536, WIRE_GID(1));
	assert_int_equal(wire_write(sock[1], 0, again + 8192, data, 16), 0);
	close(fd);
	close(sock[0]);
	close(sock[1]);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(guest_pages),	     WIRE_TEST(refused),
		WIRE_TEST(no_way_to_write),  WIRE_TEST(growing),
		WIRE_TEST(many_files),	     WIRE_TEST(interleaved),
		WIRE_TEST(limits),	     WIRE_TEST(no_descriptor_left),
		cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
