#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A block device as the server's image.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_loop
need_command fio

backing=$(image_make backing.img 48)
loop_attach "$backing"
fabric_start a b
server_start --export "disk=$loop_device,allow=any"
client_start
[ "$(stat -c %s "$DISK")" -eq $((48 << 20)) ] || fail "the size is $(stat -c %s "$DISK")"
fio_run verify --filename="$DISK" --verify=crc32c --verify_fatal=1 --rw=randwrite --iodepth=32 \
	--direct=1 --ioengine=libaio --bs=4k --size=32M --end_fsync=1
cp "$DISK" "$WORK/shadow"
shadow=$source_dir/tests/lib/shadow_io.py
bounded 120 "$shadow" --ops 300 --punch "$DISK" "$WORK/shadow" || fail "with holes"
# Not both at once: a loop device over tmpfs forgets that it can punch when it is
# asked to zero, which tmpfs cannot.
bounded 120 "$shadow" --ops 300 --zero "$DISK" "$WORK/shadow" || fail "with zeroed ranges"
bounded 30 sync "$DISK"
same "$DISK" "$loop_device" "the device is not what the mount shows"
stop client
stop server
# Whoever waits for the daemon's end may take the device at once.
for _ in 1 2 3; do
	server_start --export "disk=$loop_device,allow=any"
	kill -TERM "${child_pid[server]}"
	wait "${child_pid[server]}" || fail "status $?"
	unset "child_pid[server]"
	mkfs.ext4 -q -F "$loop_device" || fail "the device is still in use"
	dd if="$WORK/shadow" of="$loop_device" bs=1M conv=fsync status=none
done
# Read-only devices can only be exported as such.
blockdev --setro "$loop_device"
run_status "$EXIT_EXPORT" "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[a]}" -- \
	--export "disk=$loop_device,allow=any"
server_start --export "disk=$loop_device,ro,allow=any"
client_start
cmp "$DISK" "$WORK/shadow"
pair_stop
loop_detach "$loop_device"
