/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>

#include "base_time.h"
#include "fabric_watch.h"

#define WAIT_MAX_NS (3600 * BASE_NS_PER_S)

int
fabric_watch_set(int epoll, struct fabric_watch *w, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = w };

	if (w->on && w->events == events)
		return 0;
	if (epoll_ctl(epoll, w->on ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	w->on = true;
	w->events = events;
	return 0;
}

void
fabric_watch_clear(int epoll, struct fabric_watch *w, int fd)
{
	if (w->on)
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	w->on = false;
	w->ready = 0;
}

static int
wait_ms(int epoll, struct epoll_event *events, unsigned int count, uint64_t ns,
	const sigset_t *mask)
{
	uint64_t ms = (ns + BASE_NS_PER_MS - 1) / BASE_NS_PER_MS;

	return epoll_pwait(epoll, events, (int)count, (int)ms, mask);
}

/* glibc has a function for it since 2.35 only. */
static int
wait_ns(int epoll, struct epoll_event *events, unsigned int count, uint64_t ns,
	const sigset_t *mask)
{
#ifdef SYS_epoll_pwait2
	static bool absent;
	const struct {
		int64_t sec, nsec; /* of the kernel, whatever time_t is */
	} ts = { (int64_t)(ns / BASE_NS_PER_S), (int64_t)(ns % BASE_NS_PER_S) };
	int n;

	if (!absent) {
		n = (int)syscall(SYS_epoll_pwait2, epoll, events, (int)count, &ts, mask,
				 mask != NULL ? _NSIG / CHAR_BIT : 0);
		if (n >= 0 || errno != ENOSYS)
			return n;
		absent = true;
	}
#endif
	return wait_ms(epoll, events, count, ns, mask);
}

int
fabric_watch_wait(int epoll, struct epoll_event *events, unsigned int count, uint64_t ns,
		  const sigset_t *mask)
{
	int n = wait_ns(epoll, events, count, RTE_MIN(ns, WAIT_MAX_NS), mask);

	for (int i = 0; i < n; i++)
		((struct fabric_watch *)events[i].data.ptr)->ready = events[i].events;
	return n < 0 ? -errno : 0;
}
