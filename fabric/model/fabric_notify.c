/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/aio_abi.h>

#include "fabric_notify.h"
#include "fabric_priv.h"

#define EVENTS 64 /* completions that the kernel keeps for us */
#define READ_AT 32 /* completions that may wait before they are taken away */

struct fabric_notify {
	aio_context_t ctx;
	int null_fd; /* /dev/null */
	unsigned int unread; /* completions that wait */
};

struct fabric_notify *
fabric_notify_create(void)
{
	struct fabric_notify *notify = calloc(1, sizeof(*notify));
	int err;

	if (notify == NULL)
		return NULL;
	notify->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (notify->null_fd < 0)
		goto free_notify;
	if (syscall(SYS_io_setup, EVENTS, &notify->ctx) < 0)
		goto close_null;
	return notify;

close_null:
	err = errno;
	close(notify->null_fd);
	errno = err;
free_notify:
	err = errno;
	free(notify);
	errno = err;
	return NULL;
}

void
fabric_notify_destroy(struct fabric_notify *notify)
{
	if (notify == NULL)
		return;
	syscall(SYS_io_destroy, notify->ctx);
	close(notify->null_fd);
	free(notify);
}

/* A write to /dev/null that raises fd when it is done. @return 0 or -errno. */
static int
submit(struct fabric_notify *notify, uint64_t buf, uint64_t len, int fd)
{
	struct iocb request = {
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = (uint32_t)notify->null_fd,
		.aio_buf = buf,
		.aio_nbytes = len,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd,
	}, *list = &request;

	return syscall(SYS_io_submit, notify->ctx, 1L, &list) == 1 ? 0 : -errno;
}

/* Discard the completions: their results do not matter. */
static void
completions_read(struct fabric_notify *notify)
{
	const struct timespec now = { .tv_sec = 0 };
	struct io_event event[EVENTS];

	syscall(SYS_io_getevents, notify->ctx, 0L, (long)EVENTS, event, &now);
	notify->unread = 0;
}

/*
 * A buffer that is in nobody's memory fails with EFAULT, but not before the kernel has looked
 * whether fd is an eventfd. Nothing is raised.
 */
int
fabric_notify_check(struct fabric_notify *notify, int fd)
{
	int ret = submit(notify, UINT64_MAX - ISM_PAGE_SIZE, 1, fd);

	return ret == -EFAULT ? 0 : ret == 0 ? -EINVAL : ret;
}

void
fabric_notify_raise(struct fabric_notify *notify, int fd)
{
	int ret;

	if (notify->unread >= READ_AT)
		completions_read(notify);
	ret = submit(notify, 0, 0, fd);
	if (ret == 0)
		notify->unread++;
	else
		FABRIC_LOG(DEBUG, "eventfd: %s", strerror(-ret));
}
