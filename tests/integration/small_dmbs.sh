#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Functions that take short DMBs only, or say so and take longer ones: sessions get as small as they
# must, and where there can be none, a line names the limit.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image=$(image_make disk.img 8 random)
fabric_start a,dmb-max=64K,max-len=4096 b,max-len=4096 c,dmb-max=8K
allow_log 'that is the limit'
server_start --export "disk=$image,allow=any"
client_start
same "$DISK" "$image" "read over short DMBs"
dd if=/dev/urandom of="$DISK" bs=1M count=4 conv=notrunc,fsync status=none
same "$DISK" "$image" "written over short DMBs"
run_status "$EXIT_PEER" "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[c]}" -- \
	--peer "${GID[a]}" --list
grep -q '8192 bytes at most, a session needs 16384' "$WORK/run.err" ||
	fail "the limit is not named: $(cat "$WORK/run.err")"
pair_stop
