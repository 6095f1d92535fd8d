#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# One client with the disks of two servers: DIR/GID/NAME. One of them may go away.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

one=$(image_make one.img 4 random)
two=$(image_make two.img 4 random)
fabric_start a b c
server_start --export "disk=$one,allow=any"
# The second server, beside the first.
exe=$(program dpdk-ismd)
second() {
	start second "$exe" "--vdev=raw_ism0,socket=${SOCKET[c]}" -- --export "disk=$two,allow=any"
	wait_ready second
}
second
client_start --peer "${GID[c]}"
first_disk=$MNT/${GID[a]}/disk
second_disk=$MNT/${GID[c]}/disk
[ -f "$first_disk" ] || fail "expected DIR/GID/NAME: $(find "$MNT")"
same "$first_disk" "$one" "the first peer's disk"
same "$second_disk" "$two" "the second peer's disk"

allow_log "$log_peer_gone"
stop second KILL
head -c 1M /dev/urandom >"$WORK/new"
bounded 20 dd if="$WORK/new" of="$first_disk" bs=64K oflag=direct conv=notrunc status=none ||
	fail "the first disk suffers when the second peer goes"
start_load waiting dd if="$WORK/new" of="$second_disk" bs=64K oflag=direct conv=notrunc
sleep 1
check_running waiting
second
wait_exit waiting 20
[ "$stop_status" -eq 0 ] || fail "the write that waited has failed"
for image in "$one" "$two"; do
	bounded 20 cmp -n $((1 << 20)) "$image" "$WORK/new" || fail "$image lacks what was written"
done
stop client
stop second
stop server
stop fabric
