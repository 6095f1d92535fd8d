/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floors of tools/bench: the least that a FUSE file can do. One file,
 * "disk", in memory of this process, served by one thread with libfuse's
 * low-level API. No network, no second process, no block layer: what a
 * dpdk-ismblk mount would cost if everything behind /dev/fuse were free.
 *
 *	fusemem [--poll] --size BYTES DIR
 *
 * Without --poll the thread sleeps in read(/dev/fuse), as libfuse's own loop
 * does. With --poll it never sleeps. Prints "ready" when the mount can be used.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#define DISK_INO 2
#define DISK_NAME "disk"

/* Set once in main(), read by the callbacks of the one thread. */
static uint8_t *disk;
static size_t disk_size;

static int
fusemem_stat(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	if (ino != DISK_INO)
		return ENOENT;
	st->st_mode = S_IFREG | 0600;
	st->st_nlink = 1;
	st->st_size = (off_t)disk_size;
	st->st_blocks = (blkcnt_t)(disk_size / 512);
	st->st_blksize = 4096;
	return 0;
}

static void
fusemem_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .ino = DISK_INO, .attr_timeout = 60, .entry_timeout = 60 };

	if (parent != FUSE_ROOT_ID || strcmp(name, DISK_NAME) != 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	fusemem_stat(DISK_INO, &e.attr);
	fuse_reply_entry(req, &e);
}

static void
fusemem_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	int err = fusemem_stat(ino, &st);

	if (err != 0)
		fuse_reply_err(req, err);
	else
		fuse_reply_attr(req, &st, 60);
}

static void
fusemem_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (ino != DISK_INO)
		fuse_reply_err(req, EISDIR);
	else
		fuse_reply_open(req, fi);
}

/* How much of len bytes at off lies inside the disk. */
static size_t
fusemem_clip(size_t len, off_t off)
{
	if (off < 0 || (size_t)off >= disk_size)
		return 0;
	return len < disk_size - (size_t)off ? len : disk_size - (size_t)off;
}

static void
fusemem_read(fuse_req_t req, fuse_ino_t ino, size_t len, off_t off, struct fuse_file_info *fi)
{
	fuse_reply_buf(req, (const char *)disk + off, fusemem_clip(len, off));
}

static void
fusemem_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t len, off_t off,
	      struct fuse_file_info *fi)
{
	size_t n = fusemem_clip(len, off);

	if (n == 0) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	memcpy(disk + off, data, n);
	fuse_reply_write(req, n);
}

static void
fusemem_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

/* Replies come from plain memory: pipes between it and the kernel only cost. */
static void
fusemem_init(void *arg, struct fuse_conn_info *conn)
{
	conn->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				      FUSE_CAP_SPLICE_MOVE);
}

static const struct fuse_lowlevel_ops fusemem_ops = {
	.init = fusemem_init,
	.lookup = fusemem_lookup,
	.getattr = fusemem_getattr,
	.open = fusemem_open,
	.read = fusemem_read,
	.write = fusemem_write,
	.fsync = fusemem_fsync,
};

/* Serve until unmounted or told to end. @return 0 or -errno. */
static int
fusemem_loop(struct fuse_session *se, bool poll)
{
	struct fuse_buf buf = { 0 };
	int ret = 0;

	if (poll && fcntl(fuse_session_fd(se), F_SETFL, O_NONBLOCK) != 0)
		return -errno;
	while (!fuse_session_exited(se)) {
		ret = fuse_session_receive_buf(se, &buf);
		if (ret == -EINTR || ret == -EAGAIN)
			continue;
		if (ret <= 0)
			break;
		fuse_session_process_buf(se, &buf);
	}
	free(buf.mem);
	return ret < 0 && ret != -EINTR && ret != -EAGAIN ? ret : 0;
}

/* Memory that is there before the first request and holds no page of zeros. */
static int
fusemem_alloc(void)
{
	disk = mmap(NULL, disk_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (disk == MAP_FAILED)
		return -errno;
	memset(disk, 0xa5, disk_size);
	return 0;
}

static int
fusemem_serve(const char *dir, bool poll)
{
	char *argv[] = { "fusemem", "-ofsname=fusemem" };
	struct fuse_args args = FUSE_ARGS_INIT(2, argv);
	struct fuse_session *se = fuse_session_new(&args, &fusemem_ops, sizeof(fusemem_ops), NULL);
	int ret = -1;

	if (se == NULL)
		return -1;
	if (fuse_set_signal_handlers(se) != 0)
		goto destroy;
	if (fuse_session_mount(se, dir) != 0)
		goto handlers;
	puts("ready");
	fflush(stdout);
	ret = fusemem_loop(se, poll);
	fuse_session_unmount(se);
handlers:
	fuse_remove_signal_handlers(se);
destroy:
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
	return ret;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "poll", no_argument, NULL, 'p' },
		{ "size", required_argument, NULL, 's' },
		{ 0 },
	};
	bool poll = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			poll = true;
		else if (c == 's')
			disk_size = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	if (disk_size == 0 || optind + 1 != argc) {
		fprintf(stderr, "usage: fusemem [--poll] --size BYTES DIR\n");
		return 2;
	}
	if (fusemem_alloc() != 0) {
		perror("fusemem: memory");
		return 1;
	}
	return fusemem_serve(argv[optind], poll) == 0 ? 0 : 1;
}
