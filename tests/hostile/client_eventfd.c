/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile_client_eventfd SOCKET SECONDS: gives an eventfd for its interrupt, takes O_NONBLOCK
 * from it again and again, and fills its counter at any moment: a write of the fabric to it would
 * wait for ever. Prints how many interrupts it asked for.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>

#include <linux/vfio.h>

#include "client_raw.h"

#define STANDS_NS (5 * BASE_NS_PER_MS)

static int event;
static unsigned long fired; /* atomic */
static uint64_t writes_since; /* atomic; when fill() began to write, 0 = it does not */

static bool
readable(void)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

/* Empty while the fabric looks, full when it writes, at some time; and kept so if it was. */
static void *
fill(void *arg)
{
	const uint64_t full = UINT64_MAX - 1;
	unsigned int seed = 1, i;
	unsigned long seen;
	uint64_t got;

	for (;;) {
		fcntl(event, F_SETFL, 0);
		for (i = (unsigned int)rand_r(&seed) % 2000; i > 0; i--)
			__asm__ volatile("" ::: "memory");
		if (readable() && read(event, &got, sizeof(got)) < 0)
			return NULL;
		__atomic_store_n(&writes_since, base_now_ns(), __ATOMIC_RELAXED);
		if (write(event, &full, sizeof(full)) < 0)
			return NULL;
		__atomic_store_n(&writes_since, 0, __ATOMIC_RELAXED);
		seen = __atomic_load_n(&fired, __ATOMIC_RELAXED);
		while (__atomic_load_n(&fired, __ATOMIC_RELAXED) == seen)
			sched_yield();
		if (readable() && read(event, &got, sizeof(got)) < 0)
			return NULL;
	}
}

/* The fabric came first, and it is fill() that waits: let it go on. */
static void *
rescue(void *arg)
{
	uint64_t since, got;

	for (;;) {
		usleep(2000);
		since = __atomic_load_n(&writes_since, __ATOMIC_RELAXED);
		if (since != 0 && base_now_ns() - since > STANDS_NS && readable() &&
		    read(event, &got, sizeof(got)) < 0)
			return NULL;
	}
}

static int
set(int sock, uint32_t data, const int *fds, unsigned int count)
{
	struct vfu_irq_set irq = {
		.argsz = sizeof(irq),
		.flags = data | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.count = 1,
	};

	return raw_call(sock, VFU_DEVICE_SET_IRQS, &irq, sizeof(irq), fds, count);
}

int
main(int argc, char **argv)
{
	pthread_t threads[2];
	uint64_t end;
	int sock, ret;

	if (argc != 3)
		return 2;
	sock = raw_attach(argv[1]);
	event = eventfd(0, EFD_NONBLOCK);
	ret = set(sock, VFIO_IRQ_SET_DATA_EVENTFD, &event, 1);
	if (ret < 0)
		raw_die("SET_IRQS", -ret);
	if (pthread_create(&threads[0], NULL, fill, NULL) != 0 ||
	    pthread_create(&threads[1], NULL, rescue, NULL) != 0)
		return 1;
	end = base_now_ns() + strtoull(argv[2], NULL, 10) * BASE_NS_PER_S;
	while (base_now_ns() < end && set(sock, VFIO_IRQ_SET_DATA_NONE, NULL, 0) == 0)
		__atomic_add_fetch(&fired, 1, __ATOMIC_RELAXED);
	printf("%lu interrupts\n", fired);
	return 0;
}
