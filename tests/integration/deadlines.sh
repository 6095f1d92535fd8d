#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# --io-timeout and --fast-io-fail with a server that lives and whose storage hangs: reads fail with
# EIO in time though the session stays up; the late answers harm nobody.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

fabric_start a b c d e
server_start --export "disk=$(image_make disk.img 4 random),allow=any"
client_start
start middle "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[c]}" -- \
	--export "disk=$DISK,allow=any"
wait_ready middle
server_function=c
client_name=timed client_function=d MNT=$WORK/timed
client_start --io-timeout 1500ms
client_name=fast client_function=e MNT=$WORK/fast
client_start --fast-io-fail 1
allow_log "$log_peer_gone"
kill -STOP "${child_pid[server]}"

# read_eio CLIENT FILE MS: a read past the page cache fails with EIO, not before MS.
cat >"$WORK/read.py" <<'PYTHON'
import mmap, os, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
start, err = time.monotonic(), 0
try:
    os.preadv(fd, [mmap.mmap(-1, 4096)], 8192)
except OSError as e:
    err = e.errno
print(err, int((time.monotonic() - start) * 1000))
PYTHON
read_eio() {
	local errno ms
	bounded 30 python3 "$WORK/read.py" "$2" >"$WORK/read.out" || fail "$1: a read waits on"
	read -r errno ms <"$WORK/read.out"
	[ "$errno" -eq 5 ] || fail "$1: errno $errno, expected EIO"
	[ "$ms" -ge "$3" ] || fail "$1: gave up after $ms ms"
	note "$1: EIO after $ms ms"
	[ "$(telemetry_value "$1" /link/sessions 0 state)" = up ] || fail "$1: the session is down"
	[ "$(telemetry_value "$1" /blk/client/queue timeouts)" -gt 0 ] || fail "$1: not counted"
}
read_eio timed "$WORK/timed/disk" 1400
read_eio fast "$WORK/fast/disk" 4000
# From now on at once.
bounded 10 python3 "$WORK/read.py" "$WORK/fast/disk" >"$WORK/read.out" || fail "a second read waits"
read -r errno _ <"$WORK/read.out"
[ "$errno" -eq 5 ] || fail "the second read: errno $errno"

kill -CONT "${child_pid[server]}"
answered() {
	[ "$(telemetry_value "$1" /blk/client/queue late_answers)" -gt 0 ]
}
for name in timed fast; do
	wait_for 20 "the late answer of $name" answered "$name"
	same "$WORK/$name/disk" "$WORK/disk.img" "$name: afterwards"
	stop "$name"
done
stop middle
pair_stop
