/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile_client_victim SOCKET SECONDS: an honest client. Asks its function something all the time,
 * and prints "N asked, longest MS ms". Status 1 when the connection ends before: "gone".
 */
#include "client_raw.h"

int
main(int argc, char **argv)
{
	uint64_t end, now, before, longest = 0, asked = 0;
	int sock;

	if (argc != 3)
		return 2;
	sock = raw_attach(argv[1]);
	puts("ready");
	fflush(stdout);
	before = base_now_ns();
	end = before + strtoull(argv[2], NULL, 10) * BASE_NS_PER_S;
	do {
		if (raw_ask(sock) < 0) {
			puts("gone");
			return 1;
		}
		now = base_now_ns();
		longest = now - before > longest ? now - before : longest;
		asked++;
		usleep(1000);
		before = base_now_ns();
	} while (now < end);
	printf("%llu asked, longest %llu ms\n", (unsigned long long)asked,
	       (unsigned long long)(longest / BASE_NS_PER_MS));
	return 0;
}
