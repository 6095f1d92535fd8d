#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The process that serves a mount is killed again and again: fio --verify, a file system on a loop
# device and a reader notice nothing but the time. ISM_SURVIVE_KILLS=100 kills more often.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_fuse
need_loop
need_command fio python3
need_resend

kills=${ISM_SURVIVE_KILLS:-10}
image=$(image_make disk.img 16)
image_make fs.img 64 >/dev/null
image_make meter.img 4 random >/dev/null
fabric_start a b
server_start --export "disk=$image,allow=any" --export "fs=$WORK/fs.img,allow=any" \
	--export "meter=$WORK/meter.img,allow=any"
client_start
allow_log "$log_peer_gone"
holder=${child_pid[client]}
# What holds the mount has no EAL, and is small.
private=$(awk '/^Private_Dirty:/ { print $2 }' "/proc/$holder/smaps_rollup")
[ "$private" -lt 1500 ] || fail "the holder has $private KiB of its own"
! cat "/proc/$holder/task/"*/comm | grep -vxE 'dpdk-ismblk|ism-lines' ||
	fail "the holder has threads of another kind"
verify_start "$DISK"
loop_start "$MNT/fs"
meter_start "$MNT/meter"

for ((i = 1; i <= kills; i++)); do
	sleep "$((RANDOM % 2)).$((RANDOM % 9 + 1))"
	check_running client server verify files meter
	kill_worker
	next_serves
	[ "${child_pid[client]}" = "$holder" ] || fail "the program that was started has changed"
done
note "killed $kills times"
meter_stop 2000
loads_stop
bounded 60 sync "$DISK" || fail "an fsync fails"
same "$DISK" "$image" "the disk"
[ "$(grep -c 'the next one goes on' "$WORK/client.err")" -eq "$kills" ] || fail "lines of the log"
[ "$(grep -cx ready "$WORK/client.out")" -eq 1 ] || fail "ready was said again"
pair_stop
