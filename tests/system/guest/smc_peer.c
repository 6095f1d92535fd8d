/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One end of a connection over AF_SMC, or over plain TCP to see that the kernel can tell the two
 * apart. It sends its standard input, in pieces of ever other lengths, and receives into its
 * standard output at the same time, until both sides have sent everything. On stderr, a line each:
 * what the kernel's socket diagnosis says of the connection when it is up and when all has been
 * received.
 *
 *	smc_peer serve PORT		wait for one
 *	smc_peer call ADDRESS PORT	connect to it
 *	smc_peer tcp ADDRESS PORT	the same, without SMC
 */
#include <arpa/inet.h>
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/smc_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMCPROTO_SMC 0 /* over IPv4 */
#define PIECE_MAX 20011 /* a prime: pieces begin and end anywhere in the buffers */
#define WAIT_MS 120000 /* for the next byte */

static const char *const modes[] = {
	[SMC_DIAG_MODE_SMCR] = "smcr",
	[SMC_DIAG_MODE_FALLBACK_TCP] = "tcp",
	[SMC_DIAG_MODE_SMCD] = "smcd",
};

/* One socket's entry: its mode, its function and its peer's, why it is TCP if it is. */
static void
entry_print(const char *when, const struct nlmsghdr *hdr)
{
	const struct smc_diag_msg *msg = NLMSG_DATA(hdr);
	struct smc_diag_fallback fallback = { 0 };
	struct smcd_diag_dmbinfo dmb = { 0 };
	const struct nlattr *attr = (const void *)((const char *)msg + NLMSG_ALIGN(sizeof(*msg)));
	const char *end = (const char *)hdr + hdr->nlmsg_len;

	while ((const char *)attr + NLA_HDRLEN <= end && attr->nla_len >= NLA_HDRLEN) {
		const void *data = (const char *)attr + NLA_HDRLEN;
		size_t len = attr->nla_len - NLA_HDRLEN;

		if (attr->nla_type == SMC_DIAG_FALLBACK && len >= sizeof(fallback))
			memcpy(&fallback, data, sizeof(fallback));
		if (attr->nla_type == SMC_DIAG_DMBINFO && len >= sizeof(dmb))
			memcpy(&dmb, data, sizeof(dmb));
		attr = (const void *)((const char *)attr + NLA_ALIGN(attr->nla_len));
	}
	fprintf(stderr,
		"%s: %s, gid %016" PRIx64 ", peer %016" PRIx64 ", token %016" PRIx64
		", fallback %08x, peer's diagnosis %08x\n",
		when, msg->diag_mode < 3 ? modes[msg->diag_mode] : "?", (uint64_t)dmb.my_gid,
		(uint64_t)dmb.peer_gid, (uint64_t)dmb.token, fallback.reason,
		fallback.peer_diagnosis);
}

/* Ask the kernel of all SMC sockets; ours is the one with that inode. */
static void
diagnose(const char *when, int sock)
{
	struct {
		struct nlmsghdr hdr;
		struct smc_diag_req req;
	} ask = {
		.hdr = { .nlmsg_len = sizeof(ask),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.req = { .diag_family = AF_SMC, .diag_ext = 1 << (SMC_DIAG_DMBINFO - 1) },
	};
	static char buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *hdr;
	struct stat st;
	int diag = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG), len;

	if (diag < 0 || send(diag, &ask, sizeof(ask), 0) < 0 || fstat(sock, &st) < 0)
		error(1, errno, "asking for the diagnosis");
	for (;;) {
		len = (int)recv(diag, buf, sizeof(buf), 0);
		if (len <= 0)
			error(1, errno, "the diagnosis");
		for (hdr = (void *)buf; NLMSG_OK(hdr, (unsigned int)len);
		     hdr = NLMSG_NEXT(hdr, len)) {
			const struct smc_diag_msg *msg = NLMSG_DATA(hdr);

			if (hdr->nlmsg_type == NLMSG_DONE || hdr->nlmsg_type == NLMSG_ERROR) {
				close(diag);
				return;
			}
			if (msg->diag_inode == st.st_ino)
				entry_print(when, hdr);
		}
	}
}

static int
open_socket(int family)
{
	int sock = socket(family, SOCK_STREAM, family == AF_SMC ? SMCPROTO_SMC : 0);

	if (sock < 0)
		error(1, errno, "socket");
	return sock;
}

static struct sockaddr_in
address(const char *host, const char *port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
	};

	if (inet_pton(AF_INET, host, &addr.sin_addr) != 1)
		error(2, 0, "%s: no address", host);
	return addr;
}

static int
serve(const char *port)
{
	struct sockaddr_in addr = address("0.0.0.0", port);
	int listener = open_socket(AF_SMC), sock, yes = 1;

	if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(listener, (void *)&addr, sizeof(addr)) < 0 || listen(listener, 1) < 0)
		error(1, errno, "bind");
	fprintf(stderr, "listening\n");
	sock = accept(listener, NULL, NULL);
	if (sock < 0)
		error(1, errno, "accept");
	close(listener);
	return sock;
}

static int
call(int family, const char *host, const char *port)
{
	struct sockaddr_in addr = address(host, port);
	int sock = open_socket(family);

	if (connect(sock, (void *)&addr, sizeof(addr)) < 0)
		error(1, errno, "connect");
	return sock;
}

static struct {
	char buf[PIECE_MAX];
	size_t len, done, piece;
} out = { .piece = 1 };

static bool
is_sent(void)
{
	return out.done == out.len;
}

/* The next piece of what is sent; false at the end. */
static bool
take_piece(void)
{
	ssize_t n = read(STDIN_FILENO, out.buf, out.piece);

	if (n < 0)
		error(1, errno, "reading");
	out.len = (size_t)n;
	out.done = 0;
	out.piece = out.piece * 3 % PIECE_MAX;
	return n != 0;
}

/* As far as there is room for it. */
static void
send_some(int sock)
{
	ssize_t n = send(sock, out.buf + out.done, out.len - out.done, MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		error(1, errno, "send");
	if (n > 0)
		out.done += (size_t)n;
}

/* What has come; false at the end. */
static bool
receive_some(int sock)
{
	static char buf[65536];
	ssize_t n = recv(sock, buf, sizeof(buf), MSG_DONTWAIT), done = 0, w;

	if (n < 0 && errno != EAGAIN)
		error(1, errno, "recv");
	for (; done < n; done += w) {
		w = write(STDOUT_FILENO, buf + done, (size_t)(n - done));
		if (w < 0)
			error(1, errno, "writing");
	}
	return n != 0;
}

/* Both ways at once. Input is read when it is there only: it may keep us waiting. */
static void
exchange(int sock)
{
	bool sending = true, receiving = true;
	struct pollfd fd[2] = { { .fd = sock }, { .events = POLLIN } };

	while (sending || receiving) {
		fd[0].events = (short)((is_sent() ? 0 : POLLOUT) | (receiving ? POLLIN : 0));
		fd[1].fd = sending && is_sent() ? STDIN_FILENO : -1;
		if (poll(fd, 2, WAIT_MS) <= 0)
			error(1, 0, "nothing more goes or comes");
		if (receiving && (fd[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
			receiving = receive_some(sock);
		if (!is_sent() && (fd[0].revents & POLLOUT) != 0)
			send_some(sock);
		if (fd[1].fd >= 0 && fd[1].revents != 0) {
			sending = take_piece();
			if (!sending && shutdown(sock, SHUT_WR) < 0)
				error(1, errno, "shutdown");
		}
		if (!receiving && sending && (fd[0].revents & (POLLHUP | POLLERR)) != 0)
			error(1, 0, "the peer went while there was more to send");
	}
}

int
main(int argc, char **argv)
{
	/* SMC ends a connection after 2 s of shutdown() otherwise, whatever is still to be sent. */
	const struct linger linger = { .l_onoff = 1, .l_linger = WAIT_MS / 1000 };
	bool smc = argc > 1 && strcmp(argv[1], "tcp") != 0;
	int sock;

	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		sock = serve(argv[2]);
	else if (argc == 4 && (strcmp(argv[1], "call") == 0 || !smc))
		sock = call(smc ? AF_SMC : AF_INET, argv[2], argv[3]);
	else
		error(2, 0, "usage: smc_peer serve PORT | (call | tcp) ADDRESS PORT");
	if (setsockopt(sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0)
		error(1, errno, "SO_LINGER");
	if (smc)
		diagnose("up", sock);
	exchange(sock);
	if (smc)
		diagnose("end", sock);
	close(sock);
	return 0;
}
