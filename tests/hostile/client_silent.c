/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile_client_silent SOCKET BYTES CONNECTIONS SECONDS: keeps that many connections open, each
 * with only the first BYTES of a VERSION sent ("version": all of it, and then nothing). One that is
 * closed is made anew at once. Prints how many it made.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/un.h>

#include "client_raw.h"

#define CONNECTIONS_MAX 64

static int
begin(const char *path, size_t len, bool whole)
{
	struct {
		struct vfu_header hdr;
		struct vfu_version version;
		uint8_t more[44];
	} msg = { .hdr = { .id = 1, .command = VFU_VERSION, .size = whole ? 20 : 4000 } };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (sock >= 0 && connect(sock, (struct sockaddr *)&sun, sizeof(sun)) == 0) {
		if (len == 0 || send(sock, &msg, len, MSG_NOSIGNAL) > 0)
			return sock;
	}
	if (sock >= 0)
		close(sock);
	return -1;
}

/* Is it over? Replies are thrown away. */
static bool
over(int sock)
{
	uint8_t bytes[256];
	ssize_t n = recv(sock, bytes, sizeof(bytes), MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

int
main(int argc, char **argv)
{
	int sock[CONNECTIONS_MAX], count, i;
	unsigned long made = 0;
	uint64_t end;
	bool whole;
	size_t len;

	if (argc != 5)
		return 2;
	whole = strcmp(argv[2], "version") == 0;
	len = whole ? 20 : strtoul(argv[2], NULL, 10);
	count = atoi(argv[3]);
	if (count < 1 || count > CONNECTIONS_MAX || len > 64)
		return 2;
	memset(sock, -1, sizeof(sock));
	end = base_now_ns() + strtoull(argv[4], NULL, 10) * BASE_NS_PER_S;
	while (base_now_ns() < end) {
		for (i = 0; i < count; i++) {
			if (sock[i] >= 0 && over(sock[i])) {
				close(sock[i]);
				sock[i] = -1;
			}
			if (sock[i] < 0) {
				sock[i] = begin(argv[1], len, whole);
				made += sock[i] >= 0;
			}
		}
		if (made == (unsigned long)count)
			puts("ready");
		fflush(stdout);
		usleep(10000);
	}
	printf("%lu connections\n", made);
	return 0;
}
