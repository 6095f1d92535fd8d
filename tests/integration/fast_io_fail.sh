#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Without a server requests wait for ever, or as long as --fast-io-fail says.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image=$(image_make disk.img 4 random)
fabric_start a b c
server_start --export "disk=$image,allow=any"
client_start --fast-io-fail 2
client_name=patient client_function=c MNT=$WORK/mnt.patient
client_start
allow_log "$log_peer_gone"
stop server KILL

# timed_read FILE: read around the page cache; prints errno (0 = none) and tenths of a second.
cat >"$WORK/timed_read.py" <<'PYTHON'
import mmap, os, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
start, err = time.monotonic(), 0
try:
    os.preadv(fd, [mmap.mmap(-1, 4096)], 8192)
except OSError as e:
    err = e.errno
print(err, round((time.monotonic() - start) * 10))
PYTHON
start_load patient_read python3 "$WORK/timed_read.py" "$WORK/mnt.patient/disk"

# The first one may wait: for the loss to be noticed (4 s), then 2 s.
result=$(timeout 30 python3 "$WORK/timed_read.py" "$DISK") || fail "a read still waits after 30 s"
read -r errno tenths <<<"$result"
[ "$errno" -eq 5 ] || fail "errno $errno, expected EIO"
[ "$tenths" -ge 5 ] || fail "gave up after only $tenths tenths of a second"
[ "$tenths" -le 80 ] || fail "gave up after $tenths tenths of a second, --fast-io-fail 2"
note "first read failed after $tenths tenths of a second"
result=$(timeout 30 python3 "$WORK/timed_read.py" "$DISK") || fail "the second read waits"
read -r errno tenths <<<"$result"
[ "$errno" -eq 5 ] || fail "the second read: errno $errno"
[ "$tenths" -le 5 ] || fail "the second read has waited, for $tenths tenths of a second"

# Without the option the disk waits, and in the end it was worth it.
check_running patient_read
server_start --export "disk=$image,allow=any"
wait_exit patient_read 20
read -r errno tenths <"$WORK/patient_read.out"
[ "$errno" -eq 0 ] || fail "the read that waited ended with errno $errno"
readable() {
	[ "$(timeout 10 python3 "$WORK/timed_read.py" "$DISK" | cut -d ' ' -f 1)" = 0 ]
}
wait_for 20 "the disk answers again" readable
cmp "$DISK" "$image"
stop patient
pair_stop
