/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening and checking images. Every refusal is one line that names what was wrong and what is
 * expected.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base_text.h"
#include "base_time.h"
#include "blk_export.h"
#include "blk_lock.h"
#include "blk_log.h"

/* Offsets of a link are below this. */
#define EXPORT_SIZE_MAX (1ull << 56)

static int __attribute__((format(printf, 4, 5)))
refuse(int ret, char *err, size_t err_size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, err_size, fmt, ap);
	va_end(ap);
	return ret;
}

static bool
name_ok(const char *name)
{
	size_t len = strnlen(name, BLK_NAME_MAX);

	if (len == 0 || len == BLK_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~' || name[i] == '/')
			return false;
	return true;
}

static int
check_conf(const struct blk_export_conf *conf, char *err, size_t err_size)
{
	char name[BLK_NAME_MAX];

	if (!name_ok(conf->name))
		return refuse(-EINVAL, err, err_size,
			      "export name '%s': expected 1 to %d printable characters without '/'",
			      base_text_clean(name, sizeof(name), conf->name,
					      strnlen(conf->name, sizeof(name))),
			      BLK_NAME_MAX - 1);
	if (conf->allow.count > BASE_ALLOW_MAX)
		return refuse(-EINVAL, err, err_size,
			      "export '%s': %u GIDs allowed, expected at most %d", conf->name,
			      conf->allow.count, BASE_ALLOW_MAX);
	return 0;
}

/* Look before opening: opening some files has effects of its own (tapes, FIFOs). */
static int
check_type(const struct blk_export_conf *conf, const struct stat *st, char *err, size_t err_size)
{
	if (S_ISDIR(st->st_mode))
		return refuse(
			-EISDIR, err, err_size,
			"export '%s': %s is a directory, expected an image file or block device",
			conf->name, conf->path);
	if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		return refuse(-ENOTBLK, err, err_size,
			      "export '%s': %s is neither a regular file nor a block device",
			      conf->name, conf->path);
	return 0;
}

static int
open_failed(const struct blk_export_conf *conf, int error, char *err, size_t err_size)
{
	bool readable = !conf->read_only && (error == EACCES || error == EROFS || error == EPERM) &&
			access(conf->path, R_OK) == 0;

	if (readable)
		return refuse(-error, err, err_size,
			      "export '%s': %s cannot be opened for writing (%s); "
			      "add ',ro' to export it read-only",
			      conf->name, conf->path, strerror(error));
	if (error == EBUSY)
		return refuse(-error, err, err_size,
			      "export '%s': %s is in use (mounted?), expected a free block device",
			      conf->name, conf->path);
	return refuse(-error, err, err_size, "export '%s': cannot open %s for %s: %s", conf->name,
		      conf->path, conf->read_only ? "reading" : "reading and writing",
		      strerror(error));
}

/* @return a descriptor or -errno. */
static int
open_image(const struct blk_export_conf *conf, struct stat *st, char *err, size_t err_size)
{
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (conf->read_only ? O_RDONLY : O_RDWR);
	int fd, ret;

	if (stat(conf->path, st) != 0)
		return refuse(-errno, err, err_size, "export '%s': %s: %s", conf->name, conf->path,
			      strerror(errno));
	ret = check_type(conf, st, err, err_size);
	if (ret != 0)
		return ret;
	/* On a device, O_EXCL refuses one that is mounted or otherwise held. */
	if (S_ISBLK(st->st_mode) && !conf->read_only)
		flags |= O_EXCL;
	fd = open(conf->path, flags);
	if (fd < 0)
		return open_failed(conf, errno, err, err_size);
	/* The path may have become something else in between. */
	ret = fstat(fd, st) == 0 ? check_type(conf, st, err, err_size)
				 : open_failed(conf, errno, err, err_size);
	if (ret != 0)
		goto close_fd;
	/* O_NONBLOCK was for the open only: io_uring would turn it into EAGAIN. */
	if (fcntl(fd, F_SETFL, 0) != 0) {
		ret = refuse(-errno, err, err_size, "export '%s': %s: %s", conf->name, conf->path,
			     strerror(errno));
		goto close_fd;
	}
	return fd;
close_fd:
	close(fd);
	return ret;
}

/* Without O_EXCL: a device is ours already, by the first. */
static int
open_again(int fd, bool read_only)
{
	char path[64];

	if (read_only)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
}

static int
check_size(struct blk_export *exp, const struct blk_export_conf *conf, const struct stat *st,
	   char *err, size_t err_size)
{
	uint64_t size;
	int ro = 0;
	int ret = blk_probe_size(exp->fd, &size);

	if (ret != 0)
		return refuse(ret, err, err_size, "export '%s': %s: no size: %s", conf->name,
			      conf->path, strerror(-ret));
	if (size == 0)
		return refuse(-ENODATA, err, err_size,
			      "export '%s': %s has size 0, expected at least one byte", conf->name,
			      conf->path);
	if (size >= EXPORT_SIZE_MAX)
		return refuse(-EFBIG, err, err_size,
			      "export '%s': %s has %llu bytes, expected less than %llu", conf->name,
			      conf->path, (unsigned long long)size, EXPORT_SIZE_MAX);
	if (S_ISBLK(st->st_mode) && !conf->read_only && ioctl(exp->fd, BLKROGET, &ro) == 0 &&
	    ro != 0)
		return refuse(-EROFS, err, err_size,
			      "export '%s': %s is a read-only device; add ',ro' to export it",
			      conf->name, conf->path);
	exp->size = size;
	return 0;
}

int
blk_export_open(const struct blk_export_conf *conf, struct blk_export **out, char *err,
		size_t err_size)
{
	struct blk_export *exp;
	struct stat st;
	int ret;

	ret = check_conf(conf, err, err_size);
	if (ret != 0)
		return ret;
	exp = calloc(1, sizeof(*exp));
	if (exp == NULL)
		return refuse(-ENOMEM, err, err_size, "export '%s': no memory", conf->name);
	exp->fua_fd = exp->lock_fd = -1;
	exp->fd = open_image(conf, &st, err, err_size);
	if (exp->fd < 0) {
		ret = exp->fd;
		goto close_export;
	}
	ret = check_size(exp, conf, &st, err, err_size);
	if (ret != 0)
		goto close_export;
	exp->path = strdup(conf->path);
	if (exp->path == NULL) {
		ret = refuse(-ENOMEM, err, err_size, "export '%s': no memory", conf->name);
		goto close_export;
	}
	snprintf(exp->name, sizeof(exp->name), "%s", conf->name);
	if (conf->desc != NULL)
		base_text_clean(exp->desc, sizeof(exp->desc), conf->desc, strlen(conf->desc));
	exp->allow = conf->allow;
	exp->dev = st.st_dev;
	exp->ino = st.st_ino;
	exp->fua_fd = open_again(exp->fd, conf->read_only);
	blk_probe(exp, &st, !conf->read_only);
	if (conf->read_only)
		exp->flags |= BLK_INFO_READ_ONLY;
	*out = exp;
	return 0;
close_export:
	blk_export_close(exp);
	return ret;
}

int
blk_export_lock(struct blk_export *exp, const struct blk_export_conf *conf, char *err,
		size_t err_size)
{
	struct stat st;
	char who[96];
	int ret;

	if (fstat(exp->fd, &st) != 0)
		return refuse(-errno, err, err_size, "export '%s': %s: %s", conf->name, conf->path,
			      strerror(errno));
	ret = blk_lock(exp->lock_fd >= 0 ? exp->lock_fd : exp->fd, &st, !conf->read_only, who,
		       sizeof(who));
	if (ret == -EOPNOTSUPP)
		BLK_LOG(NOTICE,
			"export '%s': no locks on the file system of %s: "
			"nothing keeps others from writing it",
			conf->name, conf->path);
	if (ret != -EBUSY)
		return 0;
	if (conf->force) {
		BLK_LOG(WARNING, "export '%s': %s is in use by %s as well", conf->name, conf->path,
			who);
		return 0;
	}
	return refuse(-EBUSY, err, err_size,
		      "export '%s': %s is in use by %s, which could write what is exported or "
		      "read what is written; end it, or add ',force'",
		      conf->name, conf->path, who);
}

void
blk_export_close(struct blk_export *exp)
{
	if (exp == NULL || base_job_under_way(&exp->look))
		return;
	if (exp->fua_fd >= 0)
		close(exp->fua_fd);
	if (exp->lock_fd >= 0)
		close(exp->lock_fd);
	if (exp->fd >= 0)
		close(exp->fd);
	free(exp->path);
	free(exp);
}

/*
 * Nothing is done with the answer: this kernel remembers it, and statx() without a wait tells it.
 */
static void
look_far(struct base_job *job)
{
	const struct blk_export *exp =
		(const struct blk_export *)((const char *)job - offsetof(struct blk_export, look));
	struct statx stx;

	(void)statx(exp->fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC,
		    STATX_SIZE | STATX_MTIME | STATX_CTIME, &stx);
}

bool
blk_export_refresh(struct blk_export *exp)
{
	uint64_t size;

	if (exp->backing == BLK_BACKING_REMOTE) {
		exp->look.work = look_far;
		(void)base_helper_submit(&exp->look); /* under way yet: it hangs */
	}
	atomic_store_explicit(&exp->stale, false, memory_order_relaxed);
	if (blk_probe_size(exp->fd, &size) != 0 || size >= EXPORT_SIZE_MAX)
		return false;
	if (size == atomic_load_explicit(&exp->size, memory_order_relaxed))
		return false;
	atomic_store_explicit(&exp->size, size, memory_order_relaxed);
	atomic_fetch_add_explicit(&exp->generation, 1, memory_order_relaxed);
	return true;
}

/* A file's own time tells as much; so only devices pay for the look at the clock. */
void
blk_export_changed(struct blk_export *exp)
{
	struct timespec now;

	if (exp->backing != BLK_BACKING_DEVICE)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	atomic_store_explicit(&exp->changed,
			      (uint64_t)now.tv_sec * BASE_NS_PER_S + (uint64_t)now.tv_nsec,
			      memory_order_relaxed);
}

void
blk_export_info(const struct blk_export *exp, uint32_t block_max, struct blk_export_info *info)
{
	uint64_t mtime, ctime;

	memset(info, 0, sizeof(*info));
	memcpy(info->name, exp->name, sizeof(info->name));
	memcpy(info->desc, exp->desc, sizeof(info->desc));
	memcpy(info->id, exp->id, sizeof(info->id));
	info->size = rte_cpu_to_be_64(atomic_load_explicit(&exp->size, memory_order_relaxed));
	info->flags = rte_cpu_to_be_32(atomic_load_explicit(&exp->flags, memory_order_relaxed));
	info->generation =
		rte_cpu_to_be_32(atomic_load_explicit(&exp->generation, memory_order_relaxed));
	info->unit = rte_cpu_to_be_16(exp->unit);
	info->block_min = rte_cpu_to_be_32(1);
	info->block_pref = rte_cpu_to_be_32(exp->block_pref);
	info->block_max = rte_cpu_to_be_32(block_max);
	blk_probe_times(exp, &mtime, &ctime);
	info->mtime = rte_cpu_to_be_64(mtime);
	info->ctime = rte_cpu_to_be_64(ctime);
}
