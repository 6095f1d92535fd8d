#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An image that grows or shrinks under its clients: they see it, without a remount.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image=$(image_make disk.img 4 random)
pair_start "$image"
size_is() {
	[ "$(stat -c %s "$DISK")" -eq "$1" ]
}
size_is $((4 << 20)) || fail "the size is $(stat -c %s "$DISK")"
truncate -s 12M "$image"
wait_for 20 "the disk has grown" size_is $((12 << 20))
printf 'new land' | dd of="$DISK" oflag=seek_bytes seek=$((11 << 20)) conv=notrunc,fsync status=none
same "$DISK" "$image" "content differs after growing"
# A loop device on it looks again when it is told to.
if [ "$(id -u)" -eq 0 ] && [ -c /dev/loop-control ]; then
	loop_attach "$DISK"
	truncate -s 20M "$image"
	wait_for 20 "the disk has grown again" size_is $((20 << 20))
	losetup -c "$loop_device"
	[ "$(blockdev --getsize64 "$loop_device")" -eq $((20 << 20)) ] || fail "losetup -c"
	loop_detach "$loop_device"
fi
truncate -s 2M "$image"
allow_log 'shr[aiu]nk|smaller|size'
wait_for 20 "the disk has shrunk" size_is $((2 << 20))
same "$DISK" "$image" "content differs after shrinking"
if dd if=/dev/zero of="$DISK" oflag=seek_bytes,direct seek=$((3 << 20)) bs=4k count=1 \
	conv=notrunc status=none 2>"$WORK/dd"; then
	fail "a write behind the new end went through"
fi
grep -q 'No space left' "$WORK/dd" || fail "a write behind the new end: $(cat "$WORK/dd")"
[ "$(stat -c %s "$image")" -eq $((2 << 20)) ] || fail "the image has grown again"
pair_stop
