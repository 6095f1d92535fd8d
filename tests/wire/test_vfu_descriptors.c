/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors of kinds that are taken and that are not, and too many of them. Those that hold up
 * whoever closes them are in tests/hostile/client_descriptors.sh.
 */
#include "vfu_rig.h"

#include <sys/epoll.h>
#include <sys/un.h>

static int
closer_setup(void **state)
{
	int ret = fabric_closer_start(&wire_closer, NULL);

	/* qemu-user has no fork() that shares descriptors. */
	if (ret < 0)
		print_message("no closer: %s\n", strerror(-ret));
	*state = wire_start(false);
	return 0;
}

static int
closer_teardown(void **state)
{
	wire_teardown(state);
	fabric_closer_stop(wire_closer);
	wire_closer = NULL;
	return 0;
}

#define CLOSER_TEST(f) cmocka_unit_test_setup_teardown(f, closer_setup, closer_teardown)

static void
ask(int sock)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };

	assert_int_equal(wire_call(sock, VFU_DEVICE_GET_INFO, &info, sizeof(info), &info,
				   sizeof(info)),
			 sizeof(info));
}

static int
set_msi(int sock, int fd, uint32_t flags)
{
	struct vfu_irq_set set = { .argsz = sizeof(set), .flags = flags, .index = 1, .count = 1 };

	return wire_call_fds(sock, VFU_DEVICE_SET_IRQS, &set, sizeof(set), &fd, fd >= 0 ? 1 : 0,
			     NULL, 0, NULL);
}

#define EVENTFD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define FIRE (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)

/* --- interrupts --- */

/* Its flags are the client's: they are neither needed nor changed. A full one holds up nobody. */
static void
eventfd_blocks(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS), fd = eventfd(0, 0), i;
	uint64_t full = UINT64_MAX - 1, got;

	if (set_msi(sock, fd, EVENTFD) == -ENOTSUP && emulated()) {
		close(sock);
		close(fd);
		skip();
	}
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(set_msi(sock, -1, FIRE), 0);
	assert_int_equal(read(fd, &got, sizeof(got)), sizeof(got));
	assert_int_equal(got, 100);
	assert_int_equal(write(fd, &full, sizeof(full)), sizeof(full));
	for (i = 0; i < 100; i++)
		assert_int_equal(set_msi(sock, -1, FIRE), 0);
	ask(sock);
	close(sock);
	close(fd);
}

/* What is no eventfd is refused, and nobody asks it what it is. The same for memory. */
static void
other_kinds(void **state)
{
	int sock = wire_attach(*state, 0, WIRE_CAPS), fds[9], pair[2], i;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds + 2), 0);
	fds[4] = memfd_create("x", MFD_CLOEXEC);
	fds[5] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[6] = epoll_create1(EPOLL_CLOEXEC);
	fds[7] = open("/", O_PATH | O_CLOEXEC);
	fds[8] = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	for (i = 0; i < 9; i++) {
		assert_true(fds[i] >= 0);
		assert_true(set_msi(sock, fds[i], EVENTFD) < 0);
		assert_int_equal(wire_dma_map(sock, 0x1000, 4096, fds[i], 0), -EINVAL);
		close(fds[i]);
	}
	/* A descriptor of the connection itself. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(wire_dma_map(sock, 0x1000, 4096, sock, 0), -EINVAL);
	close(pair[0]);
	close(pair[1]);
	ask(sock);
	close(sock);
}

/* --- memory --- */

/* Regular files of tmpfs are memory too; those of a disk are not. */
static void
files(void **state)
{
	char shm[] = "/dev/shm/vfu-test-XXXXXX", disk[] = "/var/tmp/vfu-test-XXXXXX";
	int sock = wire_attach(*state, 0, WIRE_CAPS), fd;

	fd = mkstemp(shm);
	if (fd >= 0) {
		unlink(shm);
		assert_int_equal(ftruncate(fd, 4096), 0);
		assert_int_equal(wire_dma_map(sock, 0x1000, 4096, fd, 0), 0);
		close(fd);
	}
	fd = mkstemp(disk);
	assert_true(fd >= 0);
	unlink(disk);
	assert_int_equal(ftruncate(fd, 4096), 0);
	if (fcntl(fd, F_GET_SEALS) < 0)
		assert_int_equal(wire_dma_map(sock, 0x2000, 4096, fd, 0), -EINVAL);
	close(fd);
	close(sock);
}

static int
map_one(int sock, unsigned int n)
{
	int fd = memfd_create("share", MFD_CLOEXEC), ret;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	ret = wire_dma_map(sock, UINT64_C(4096) * n, 4096, fd, 0);
	close(fd);
	return ret;
}

/* A client with more files than its share is told, and the other one has its own share. */
static void
shares(void **state)
{
	unsigned int many = 0, i;
	struct rlimit old, low;
	int sock, other, ret;

	if (emulated())
		skip();
	/*
	 * Two functions that are added with 208 descriptors have 40 each, and 80 for who needs
	 * more.
	 */
	wire_teardown(state);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = (struct rlimit){ .rlim_cur = 208, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	*state = wire_start(false);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	sock = wire_attach(*state, 0, WIRE_CAPS);
	other = wire_attach(*state, 1, WIRE_CAPS);
	do
		ret = map_one(sock, many);
	while (ret == 0 && ++many < 200);
	assert_int_equal(ret, -EMFILE);
	assert_in_range(many, 40, 80);
	ask(sock);
	for (i = 0; i < 40; i++)
		assert_int_equal(map_one(other, i), 0);
	/*
	 * It keeps what it has. Now the other one has some of what was left, so half of that is
	 * less.
	 */
	assert_int_equal(wire_dma_unmap(sock, 0, 4096, 0, &(uint64_t){ 0 }), 0);
	assert_int_equal(map_one(sock, 0), -EMFILE);
	for (i = 1; i < 16; i++)
		assert_int_equal(wire_dma_unmap(sock, UINT64_C(4096) * i, 4096, 0,
						&(uint64_t){ 0 }),
				 0);
	assert_int_equal(map_one(sock, 0), 0);
	close(sock);
	close(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(eventfd_blocks),
		CLOSER_TEST(other_kinds),
		CLOSER_TEST(files),
		CLOSER_TEST(shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
