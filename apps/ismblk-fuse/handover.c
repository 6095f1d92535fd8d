/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One process goes on for another. The kernel says INIT once, libfuse wants one each time: so it is
 * given a copy, and its answer is caught. libfuse writes to a number of a descriptor; while it
 * answers, that number is one end of a socket of ours.
 *
 * The first answer goes to the kernel, with two words added that libfuse may not know: requests can
 * be sent again (Linux 6.9), and files past the page cache may be mapped (Linux 6.6).
 */
#include "ismblk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run.h"

#define ANSWER_MAX 256

/* linux/fuse.h of before Linux 6.9. */
#define INIT_EXT (1u << 30) /* FUSE_INIT_EXT: there is a flags2 */
#define INIT2_ALLOW_MMAP (1u << 4) /* FUSE_DIRECT_IO_ALLOW_MMAP, bit 36 */
#define INIT2_RESEND (1u << 7) /* FUSE_HAS_RESEND, bit 39 */
#define NOTIFY_RESEND 7 /* FUSE_NOTIFY_RESEND */

struct answer {
	struct fuse_out_header head;
	struct fuse_init_out init;
};

static int
complain(struct ismblk *app, const char *what, int err)
{
	ismblk_error(app, "cannot serve the mount: %s: %s", what, strerror(err));
	return RUN_EXIT_FAIL;
}

/* What libfuse says to the record's INIT. @return as read(2); its length. */
static ssize_t
ask_libfuse(struct ismblk *app, void *answer, size_t size)
{
	struct fuse_buf buf = { .mem = app->record->init, .size = app->record->init_len };
	ssize_t n = -1;
	int pair[2], err = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	if (dup3(pair[0], app->session_fd, O_CLOEXEC) >= 0) {
		fuse_session_process_buf(app->session, &buf);
		n = recv(pair[1], answer, size, MSG_DONTWAIT);
		err = errno;
	}
	if (dup3(app->fuse_fd, app->session_fd, O_CLOEXEC) < 0) {
		n = -1;
		err = errno;
	}
	close(pair[0]);
	close(pair[1]);
	errno = err;
	return n;
}

/* @return flags2 of the kernel's INIT: what it can. */
static uint32_t
offered(const struct record *r)
{
	struct fuse_init_in init;

	if (r->init_len < sizeof(struct fuse_in_header) + sizeof(init))
		return 0;
	memcpy(&init, r->init + sizeof(struct fuse_in_header), sizeof(init));
	return (init.flags & INIT_EXT) != 0 ? init.flags2 : 0;
}

/* The kernel's INIT into the record. @return 0; -errno. */
static int
take_init(struct ismblk *app)
{
	struct worker *w = &app->workers[0];
	struct pollfd pfd = { .fd = app->fuse_fd, .events = POLLIN };
	struct iovec iov = { .iov_len = REQUEST_HEAD + REQUEST_MAX };
	const struct fuse_in_header *in;
	ssize_t n;

	if (poll(&pfd, 1, (int)app->init_ms) == 0)
		return -ETIMEDOUT;
	device_take_buffer(w);
	iov.iov_base = w->current->mem;
	n = device_read(w, &iov, 1);
	if (n < 0)
		return -errno;
	in = (const struct fuse_in_header *)w->current->mem;
	if (in->opcode != FUSE_INIT || (size_t)n < sizeof(*in) || (size_t)n > INIT_MAX)
		return -EPROTO;
	memcpy(app->record->init, w->current->mem, (size_t)n);
	app->record->init_len = (uint32_t)n;
	return 0;
}

int
handover_first(struct ismblk *app)
{
	union {
		struct answer answer;
		char bytes[ANSWER_MAX];
	} u = { 0 };
	uint32_t want;
	ssize_t n;
	int ret = take_init(app);

	if (ret < 0)
		return complain(app, "the kernel's INIT", -ret);
	n = ask_libfuse(app, &u, sizeof(u));
	if (n < 0)
		return complain(app, "libfuse's answer to INIT", errno);
	want = offered(app->record) & (INIT2_ALLOW_MMAP | (app->opt.no_restart ? 0 : INIT2_RESEND));
	if (u.answer.head.error == 0 && (size_t)n >= sizeof(u.answer) && want != 0) {
		u.answer.init.flags |= INIT_EXT;
		u.answer.init.flags2 |= want;
	}
	if (write(app->fuse_fd, &u, (size_t)n) < 0)
		return complain(app, "INIT", errno);
	if (u.answer.head.error != 0)
		return complain(app, "libfuse refuses", -u.answer.head.error);
	ret = (want & INIT2_RESEND) != 0 ? run_held_allow_next(&app->held) : 0;
	return ret == 0 ? RUN_EXIT_OK : complain(app, "its holder", -ret);
}

int
handover_next(struct ismblk *app)
{
	struct answer answer = { 0 };
	ssize_t n = ask_libfuse(app, &answer, sizeof(answer));

	if (n < (ssize_t)sizeof(answer.head))
		return complain(app, "libfuse's answer to INIT", n < 0 ? errno : EPROTO);
	return answer.head.error == 0 ? RUN_EXIT_OK
				      : complain(app, "libfuse refuses", -answer.head.error);
}

int
handover_resend(struct ismblk *app)
{
	const struct fuse_out_header notice = { .len = sizeof(notice), .error = NOTIFY_RESEND };

	if (write(app->fuse_fd, &notice, sizeof(notice)) >= 0 || mount_is_over(app->fuse_fd))
		return RUN_EXIT_OK;
	return complain(app, "FUSE_NOTIFY_RESEND", errno);
}
