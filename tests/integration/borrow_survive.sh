#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The runtime that serves mounts is killed, and ended in good order, again and again: fio --verify,
# a file system on a loop device and a reader notice nothing but the time. ISM_SURVIVE_KILLS=100
# does it more often.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
# shellcheck source=tests/lib/borrow.sh
. "$(dirname "$0")/../lib/borrow.sh"
need_fuse
need_loop
need_command fio python3
need_resend

kills=${ISM_SURVIVE_KILLS:-6}
server_eal=(--lcores '0@(0,1),1@(0,1)')
image=$(image_make disk.img 16)
image_make fs.img 64 >/dev/null
image_make meter.img 4 random >/dev/null
fabric_start a b
server_start --name left --export "disk=$image,allow=any" --export "fs=$WORK/fs.img,allow=any" \
	--export "meter=$WORK/meter.img,allow=any"
allow_log 'runtime .right. has ended; the mount .* waits for the next one'

serves() {
	[ "$(telemetry right /ismblk/mount 2>/dev/null | python3 -c 'import json, sys
print(json.load(sys.stdin)["requests"])')" -gt 0 ] 2>/dev/null
}

runtime_start right b
borrow_start m1 right --peer "${GID[a]}"
borrow_start m2 right --peer "${GID[a]}"
verify_start "$WORK/m1/disk"
loop_start "$WORK/m1/fs"
meter_start "$WORK/m2/meter"

for ((i = 1; i <= kills; i++)); do
	sleep "$((RANDOM % 2)).$((RANDOM % 9 + 1))"
	check_running m1 m2 server verify files meter
	# The last but one in good order: an upgrade.
	if ((i % 3 == 2)); then stop right; else kill_runtime right; fi
	runtime_start right b
	wait_for 30 "the next runtime serves" serves
done
note "ended $kills times"
meter_stop 4000
loads_stop
bounded 60 sync "$WORK/m1/disk" || fail "an fsync fails"
same "$WORK/m1/disk" "$image" "the disk"
for name in m1 m2; do
	[ "$(grep -c 'waits for the next one' "$WORK/$name.err")" -eq "$kills" ] ||
		fail "lines of $name: $(said $name)"
	[ "$(grep -cx ready "$WORK/$name.out")" -eq 1 ] || fail "ready was said again"
done

# What was written and not flushed is lost while nobody serves: the next fsync says so, once, and
# that of a runtime after it says nothing of it again.
image_make later.img 16 >/dev/null
exec 5<>"$WORK/m1/disk"
dd if=/dev/zero of=/dev/fd/5 bs=64k count=1 oflag=direct conv=notrunc status=none
kill_runtime right
runtime=left ctl remove export disk
runtime=left ctl add export "disk=$WORK/later.img,allow=any"
runtime_start right b
fsync_says() {
	bounded 30 python3 -c 'import os, sys
try:
    os.fsync(5)
    print("well")
except OSError as error:
    print(os.strerror(error.errno))' >"$WORK/fsync"
	[ "$(cat "$WORK/fsync")" = "$1" ] || fail "fsync: $(cat "$WORK/fsync"), expected $1"
}
fsync_says 'Input/output error'
kill_runtime right
runtime_start right b
fsync_says well
exec 5>&-
same "$WORK/m1/disk" "$WORK/later.img" "the later image"

# While nobody serves: unmounted by somebody, and ended by a signal. Nothing hangs.
kill_runtime right
bounded 20 umount -l "$WORK/m2"
wait_exit m2 10
[ "$stop_status" -eq 0 ] || fail "status $stop_status: $(said m2)"
stop m1
! grep -q " $WORK/m[12] " /proc/self/mounts || fail "a mount is left"

# --no-restart: it ends at once, with a line.
runtime_start right b
borrow_start m1 right --peer "${GID[a]}" --no-restart
allow_log 'has ended: it ends here: --no-restart'
kill_runtime right
wait_exit m1 10
[ "$stop_status" -eq 1 ] || fail "status $stop_status: $(said m1)"
grep -q -- '--no-restart' "$WORK/m1.err" || fail "no word of it"
! grep -q " $WORK/m1 " /proc/self/mounts || fail "a mount is left"
stop server
stop fabric
