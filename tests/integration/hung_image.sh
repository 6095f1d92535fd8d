#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A server whose image's storage hangs ends in bounded time when it is told to, and says that it
# did not end well. The storage is a disk of ours whose own server was stopped.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

fabric_start a b c d
server_start --export "disk=$(image_make disk.img 4 random),allow=any"
client_start
start middle "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[c]}" -- \
	--export "disk=$DISK,allow=any"
wait_ready middle
mkdir "$WORK/outer"
start outer "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[d]}" -- \
	--peer "${GID[c]}" --mount "$WORK/outer"
wait_ready outer

allow_log "$log_peer_gone"
allow_log 'still in the kernel'
kill -STOP "${child_pid[server]}"
start_load reader dd if="$WORK/outer/disk" of="$WORK/read" bs=4k count=1 iflag=direct
one_in_flight() {
	[ "$(telemetry_value middle /blk/exports exports 0 inflight)" -eq 1 ]
}
wait_for 20 "a read that hangs" one_in_flight
kill -TERM "${child_pid[middle]}"
wait_exit middle 60
[ "$stop_status" -eq 1 ] || fail "status $stop_status, expected 1"
grep -q 'still in the kernel' "$WORK/middle.err" || fail "it does not say why"

kill -CONT "${child_pid[server]}"
start middle "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[c]}" -- \
	--export "disk=$DISK,allow=any"
wait_ready middle
wait_exit reader 30
head -c 4096 "$WORK/disk.img" | cmp - "$WORK/read" || fail "the read that waited is wrong"
stop outer
stop middle
pair_stop
