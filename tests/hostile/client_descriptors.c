/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that make wait whoever closes them or asks them something.
 *
 *	hostile_client_descriptors fuse MOUNTPOINT
 *		a FUSE file system with one file, "file". Who flushes (closes) it, or asks it
 *		anything once it is open, waits until this program ends.
 *	hostile_client_descriptors give SOCKET WAY KIND [FILE]
 *		becomes a client, gives the fabric a descriptor, prints "given", and stays until it
 *		is killed.
 *
 * KIND: fuse (FILE, as above), linger (a TCP socket with SO_LINGER whose peer does not read), epoll
 * (an eventfd in an epoll set whose lock is held for as long as FILE is not read).
 * WAY: map, irq, message, half, many, oob, unread, version, replaced. What each does is below.
 */
#define FUSE_USE_VERSION 31
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <linux/vfio.h>

#include "client_raw.h"

#define SENT_MAX VFU_FDS_SENT_MAX
#define FILE_SIZE 65536
#define LINGER_S 3600
#define STAY_S 120

/* --- the file system --- */

#define ROOT FUSE_ROOT_ID
#define THE_FILE 2
#define KEPT_S 3600.0

static bool opened;

static struct stat
attributes(fuse_ino_t ino)
{
	return (struct stat){
		.st_ino = ino,
		.st_nlink = 1,
		.st_mode = ino == ROOT ? S_IFDIR | 0755 : S_IFREG | 0666,
		.st_size = FILE_SIZE,
	};
}

/* Its name is known from then on, so that it can be opened again. */
static void
hung_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct fuse_entry_param entry = {
		.ino = THE_FILE,
		.attr = attributes(THE_FILE),
		.entry_timeout = KEPT_S,
	};

	if (strcmp(name, "file") == 0)
		fuse_reply_entry(req, &entry);
	else
		fuse_reply_err(req, ENOENT);
}

static void
hung_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct stat st = attributes(ino);

	if (ino == ROOT || !opened)
		fuse_reply_attr(req, &st, 0);
}

static void
hung_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->keep_cache = 1; /* or the next one waits for pages that are being read */
	opened = true;
	fuse_reply_open(req, fi);
}

/* Never answered. */
static void
hung_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
}

static void
hung_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
}

static int
serve_fuse(char *program, const char *mountpoint)
{
	static const struct fuse_lowlevel_ops ops = {
		.lookup = hung_lookup,
		.getattr = hung_getattr,
		.open = hung_open,
		.read = hung_read,
		.flush = hung_flush,
	};
	char *argv[] = { program, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), NULL);

	if (session == NULL || fuse_session_mount(session, mountpoint) != 0)
		return 1;
	return fuse_session_loop(session) == 0 ? 0 : 1;
}

static void
stay(void)
{
	alarm(STAY_S);
	for (;;)
		pause();
}

/* --- kinds --- */

/* The last close() of it waits until its peer reads, for an hour at most. */
static int
kind_linger(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger linger = { .l_onoff = 1, .l_linger = LINGER_S };
	int listener = socket(AF_INET, SOCK_STREAM, 0), sock = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(addr);
	static uint8_t bytes[65536];

	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
	    connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    accept(listener, NULL, NULL) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0)
		raw_die("TCP", errno);
	while (send(sock, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	return sock;
}

static int epoll_set;
static void *epoll_events; /* in memory that is never there */

/* epoll_wait() holds the set's lock while it writes events. */
static void *
wait_events(void *arg)
{
	epoll_wait(epoll_set, epoll_events, 1, -1);
	return NULL;
}

/* The last close() of an eventfd takes it out of the set, and waits for that lock. */
static int
kind_epoll(const char *file)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = open(file, O_RDWR), event = eventfd(1, 0);
	pthread_t thread;

	epoll_events = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	epoll_set = epoll_create1(0);
	if (epoll_events == MAP_FAILED || epoll_ctl(epoll_set, EPOLL_CTL_ADD, event, &ev) < 0 ||
	    pthread_create(&thread, NULL, wait_events, NULL) != 0)
		raw_die("epoll", errno);
	usleep(200000);
	return event;
}

static int
kind_open(const char *kind, const char *file)
{
	int fd = -1;

	if (strcmp(kind, "linger") == 0)
		return kind_linger();
	if (file == NULL)
		exit(2);
	if (strcmp(kind, "epoll") == 0)
		return kind_epoll(file);
	fd = open(file, O_RDWR);
	if (fd < 0)
		raw_die(file, errno);
	return fd;
}

/* --- ways --- */

static int own = -1; /* ours, to be closed as soon as it is on its way; atomic */

/* It may wait as well, so it does in a thread; which spins, so as to come before the fabric. */
static void *
close_own(void *arg)
{
	int fd;

	do
		fd = __atomic_load_n(&own, __ATOMIC_ACQUIRE);
	while (fd < 0);
	close(fd);
	return NULL;
}

/* Send bytes with `count` times the descriptor beside them. */
static void
give(int sock, const void *bytes, size_t len, int fd, unsigned int count, int flags)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * SENT_MAX)];
	} ctrl;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &ctrl,
		.msg_controllen = CMSG_SPACE(sizeof(int) * count),
	};
	struct cmsghdr *cmsg;
	unsigned int i;

	memset(&ctrl, 0, sizeof(ctrl));
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * count);
	for (i = 0; i < count; i++)
		memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(fd));
	if (sendmsg(sock, &msg, flags | MSG_NOSIGNAL) != (ssize_t)len)
		raw_die("sendmsg", errno);
	__atomic_store_n(&own, fd, __ATOMIC_RELEASE);
}

static void
way_map(int sock, int fd)
{
	struct vfu_header hdr = { .id = 9, .command = VFU_DMA_MAP, .size = 48 };
	struct vfu_dma_map map = { .argsz = sizeof(map), .flags = 3, .size = 4096 };
	uint8_t msg[48];

	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), &map, sizeof(map));
	give(sock, msg, sizeof(msg), fd, 1, 0);
}

/* `n` times: the second one takes the first one's place. */
static void
way_irq(int sock, int fd, unsigned int n)
{
	struct vfu_header hdr = { .id = 9, .command = VFU_DEVICE_SET_IRQS, .size = 36 };
	struct vfu_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.count = 1,
	};
	int other = eventfd(0, 0);
	uint8_t msg[36];

	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), &set, sizeof(set));
	give(sock, msg, sizeof(msg), fd, 1, 0);
	if (n > 1)
		give(sock, msg, sizeof(msg), other, 1, 0);
}

/* A reset; then, if wanted, nonsense in front of it, so that it is never read. */
static void
way_reset(int sock, int fd, const char *way)
{
	const struct vfu_header reset = { .id = 9, .command = VFU_DEVICE_RESET, .size = 16 };
	const struct vfu_header nonsense = { .id = 9, .flags = VFU_TYPE_REPLY, .size = 16 };
	struct vfu_header both[2] = { nonsense, reset };

	if (strcmp(way, "message") == 0)
		give(sock, &reset, sizeof(reset), fd, 1, 0);
	else if (strcmp(way, "half") == 0)
		give(sock, &reset, 9, fd, 1, 0);
	else if (strcmp(way, "many") == 0)
		give(sock, &reset, sizeof(reset), fd, SENT_MAX, 0);
	else if (strcmp(way, "oob") == 0)
		give(sock, "x", 1, fd, 1, MSG_OOB);
	else if (strcmp(way, "unread") == 0)
		give(sock, both, sizeof(both), fd, 1, 0);
	else
		exit(2);
	if (strcmp(way, "oob") == 0 && send(sock, &reset, sizeof(reset), MSG_NOSIGNAL) < 0)
		raw_die("send", errno);
}

static void
way_version(int sock, int fd)
{
	const struct vfu_header hdr = { .id = 9, .command = VFU_VERSION, .size = 20 };
	uint8_t msg[20] = { 0 };

	memcpy(msg, &hdr, sizeof(hdr));
	give(sock, msg, sizeof(msg), fd, 1, 0);
}

static void
give_way(const char *path, const char *way, int fd)
{
	int sock = strcmp(way, "version") == 0 ? raw_connect(path) : raw_attach(path);

	if (strcmp(way, "version") == 0)
		way_version(sock, fd);
	else if (strcmp(way, "map") == 0)
		way_map(sock, fd);
	else if (strcmp(way, "irq") == 0)
		way_irq(sock, fd, 1);
	else if (strcmp(way, "replaced") == 0)
		way_irq(sock, fd, 2);
	else
		way_reset(sock, fd, way);
}

int
main(int argc, char **argv)
{
	pthread_t thread;
	int fd;

	if (argc == 3 && strcmp(argv[1], "fuse") == 0)
		return serve_fuse(argv[0], argv[2]);
	if (argc < 5 || strcmp(argv[1], "give") != 0)
		return 2;
	/* Before anything hangs: a fault that does may keep us from having more memory. */
	setvbuf(stdout, NULL, _IONBF, 0);
	if (pthread_create(&thread, NULL, close_own, NULL) != 0)
		return 1;
	fd = kind_open(argv[4], argc > 5 ? argv[5] : NULL);
	give_way(argv[2], argv[3], fd);
	puts("given");
	stay();
	return 0;
}
