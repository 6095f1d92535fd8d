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
# uptime_cs: hundredths of a second, as below.
uptime_cs() {
	local up
	read -r up _ </proc/uptime
	echo "${up/./}"
}
killed=$(uptime_cs)
stop server KILL

# timed_read FILE: read around the page cache; prints errno (0 = none), and when it began and ended.
cat >"$WORK/timed_read.py" <<'PYTHON'
import mmap, os, sys, time
def uptime_cs():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100)
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
start, err = uptime_cs(), 0
try:
    os.preadv(fd, [mmap.mmap(-1, 4096)], 8192)
except OSError as e:
    err = e.errno
print(err, start, uptime_cs())
PYTHON
start_load patient_read python3 "$WORK/timed_read.py" "$WORK/mnt.patient/disk"

# The first one may wait: for the loss to be noticed (4 s), then 2 s.
result=$(timeout 30 python3 "$WORK/timed_read.py" "$DISK") || fail "a read still waits after 30 s"
read -r errno _ ended <<<"$result"
[ "$errno" -eq 5 ] || fail "errno $errno, expected EIO"
[ $((ended - killed)) -ge 150 ] || fail "gave up $((ended - killed)) cs after the kill"
note "the first read failed $((ended - killed)) cs after the kill"
# All others fail at once, which may look longer on a busy machine; but not every time.
least=1000
for _ in 1 2 3 4 5; do
	result=$(timeout 30 python3 "$WORK/timed_read.py" "$DISK") || fail "another read waits"
	read -r errno began ended <<<"$result"
	[ "$errno" -eq 5 ] || fail "another read: errno $errno"
	[ $((ended - began)) -ge "$least" ] || least=$((ended - began))
done
[ "$least" -lt 50 ] || fail "every read has waited, for $least cs or more"

# Without the option the disk waits, and in the end it was worth it.
check_running patient_read
server_start --export "disk=$image,allow=any"
wait_exit patient_read 20
read -r errno _ <"$WORK/patient_read.out"
[ "$errno" -eq 0 ] || fail "the read that waited ended with errno $errno"
readable() {
	[ "$(timeout 10 python3 "$WORK/timed_read.py" "$DISK" | cut -d ' ' -f 1)" = 0 ]
}
wait_for 20 "the disk answers again" readable
cmp "$DISK" "$image"
stop patient
pair_stop
