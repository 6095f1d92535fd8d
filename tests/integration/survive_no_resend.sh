#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A kernel that does not send requests again, and --no-restart: a mount whose process dies ends at
# once. Nobody hangs, the line says why, the status is 1, nothing is left.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_root
need_command fio cc

image=$(image_make disk.img 16)
# Linux before 6.9, for the program: bit 39 of what INIT offers is not there.
cat >"$WORK/older.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/fuse.h>
#include <sys/uio.h>

ssize_t
readv(int fd, const struct iovec *iov, int count)
{
	ssize_t (*real)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "readv");
	ssize_t n = real(fd, iov, count);
	struct fuse_in_header *in = iov[0].iov_base;
	unsigned int *init = (unsigned int *)(in + 1);

	if (n >= (ssize_t)sizeof(*in) + 20 && in->len == n && in->opcode == FUSE_INIT)
		init[4] &= ~(1u << 7);
	return n;
}
C
cc -shared -fPIC -o "$WORK/older.so" "$WORK/older.c"
fabric_start a b
server_start --export "disk=$image,allow=any"
allow_log "$log_peer_gone"
allow_log 'was ended by signal 9'

# dies WHY
dies() {
	local pid=${child_pid[client]} held start end
	held=$(worker_pid client)
	start_load load fio --thread --name=load --filename="$DISK" --rw=randrw --bs=4k \
		--iodepth=16 --ioengine=libaio --direct=1 --time_based --runtime=60 --size=16M \
		--eta=never --aux-path="$WORK"
	exec 5<"$DISK"
	sleep 1
	check_running load client
	start=$(date +%s%N)
	kill -KILL "$held"
	wait_exit client 10
	end=$(date +%s%N)
	[ "$stop_status" -eq 1 ] || fail "status $stop_status: $(said client)"
	note "$(((end - start) / 1000000)) ms until it ended"
	wait_exit load 20
	[ "$stop_status" -ne 0 ] || fail "fio has not noticed"
	exec 5<&-
	grep -q "was ended by signal 9 (Killed): it ends here: $1" "$WORK/client.err" ||
		fail "no word of it: $(said client)"
	! grep -q " $MNT " /proc/self/mounts || fail "a mount is left"
	[ ! -e "/var/run/dpdk/ismblk-$pid" ] || fail "a folder is left"
}

client_start --no-restart
dies '--no-restart'
as_user=(env "LD_PRELOAD=$WORK/older.so")
client_start
as_user=()
same "$DISK" "$image" "the disk"
dies 'this kernel cannot ask again for requests'
# And without a death all is as ever.
client_start --no-restart
same "$DISK" "$image" "the disk"
stop client
pair_stop
