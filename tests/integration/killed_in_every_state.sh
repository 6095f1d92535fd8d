#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A process that is killed ends whatever it was doing with the disk: while the server is gone, while
# it is stopped, and while its storage hangs; and though another process reads the same page
# through the cache all the time, which keeps that page locked. What waits patiently, gets its data.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

cat >"$WORK/op.py" <<'PYTHON'
import ctypes, mmap, os, sys
name, op = sys.argv[1:3]
page = mmap.mmap(-1, 4096)
direct = os.O_DIRECT if op.startswith('direct') else 0
fd = -1
if not op.startswith(('open', 'stat', 'lookup')):
    fd = os.open(name, os.O_RDWR | direct)
print('ready', flush=True)
sys.stdin.readline()
print('go', flush=True)
if op == 'open': os.open(name, os.O_RDONLY)
elif op == 'open_write': os.open(name, os.O_RDWR)
elif op == 'open_direct': os.open(name, os.O_RDONLY | os.O_DIRECT)
elif op == 'stat': os.stat(name)
elif op == 'lookup': os.listdir(os.path.dirname(name))
elif op == 'read': os.pread(fd, 4096, 0)
elif op == 'read_far': os.pread(fd, 4096, 2 << 20)
elif op == 'direct_read': os.preadv(fd, [page], 4096)
elif op == 'direct_write': os.pwrite(fd, page, 3 << 20)
elif op == 'write': os.pwrite(fd, page, 3 << 20)
elif op == 'fsync': os.fsync(fd)
elif op == 'seek': os.lseek(fd, 0, os.SEEK_DATA)
elif op == 'punch':
    ctypes.CDLL(None).fallocate(fd, 3, ctypes.c_long(3 << 20), ctypes.c_long(4096))
elif op == 'fault': mmap.mmap(fd, 4096, prot=mmap.PROT_READ, offset=1 << 20)[0]
PYTHON

ops=(open open_write open_direct stat lookup read read_far direct_read direct_write write fsync seek
	punch fault)
declare -A op_pid=() op_in=()

# Those that use a file open it before the reader holds up who opens.
ready_all() {
	local op fd
	for op in "${ops[@]}"; do
		rm -f "$WORK/in.$op"
		mkfifo "$WORK/in.$op"
		exec {fd}<>"$WORK/in.$op"
		python3 "$WORK/op.py" "$1" "$op" <"$WORK/in.$op" \
			>"$WORK/$op.out" 2>"$WORK/$op.err" &
		op_pid[$op]=$!
		op_in[$op]=$fd
	done
	for op in "${ops[@]}"; do
		wait_for 20 "$op is ready" grep -q ready "$WORK/$op.out"
	done
}

# Let one go on and kill it. Some end by themselves: what has nothing to wait for.
kill_one() {
	local op=$1 pid=${op_pid[$1]} fd=${op_in[$1]}
	echo go >&"$fd"
	wait_for 20 "$op goes on" grep -q go "$WORK/$op.out"
	sleep 0.3
	kill -KILL "$pid" 2>/dev/null || true
	ended_within 15 "$pid" ||
		fail "$state: $op: killed, and still there: $(cat "/proc/$pid/wchan")"
	{ wait "$pid" || true; } 2>/dev/null
	exec {fd}>&-
}

kill_all() {
	local op
	for op in "${ops[@]}"; do
		kill_one "$op" 2>/dev/null
	done
}

# reader FILE: reads the first page through the cache, and waits.
reader() {
	start_load reader python3 "$WORK/op.py" "$1" read
	wait_for 20 "the reader reads" grep -q go "$WORK/reader.out"
	sleep 0.3
}

# What is cached of the disk would be read without asking.
forget() {
	python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)' "$DISK"
}

image=$(image_make disk.img 4 random)
fabric_start a b c d
server_start --export "disk=$image,allow=any"
client_start
allow_log "$log_peer_gone"

# Time stamps may move after a write; a stat that learns it must not wait for the reader.
dd if=/dev/urandom of="$DISK" bs=4k count=1 seek=800 conv=notrunc status=none
state=stopped
ready_all "$DISK"
kill -STOP "${child_pid[server]}"
reader "$DISK"
kill_all
kill -CONT "${child_pid[server]}"
wait_exit reader 30
[ "$stop_status" -eq 0 ] || fail "$state: the reader: $(said reader)"

state=gone
ready_all "$DISK"
forget
stop server KILL
dropped() {
	[ "$(telemetry_value client /link/sessions 0 state)" != up ]
}
wait_for 20 "the loss is noticed" dropped
reader "$DISK"
kill_all
check_running reader
server_start --export "disk=$image,allow=any"
wait_exit reader 30
[ "$stop_status" -eq 0 ] || fail "$state: the reader: $(said reader)"
stop client

# The server lives and answers for another disk; the storage behind this one hangs.
state=hanging
client_start
start middle "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[c]}" -- \
	--export "disk=$DISK,allow=any"
wait_ready middle
mkdir "$WORK/outer"
start outer "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[d]}" -- \
	--peer "${GID[c]}" --mount "$WORK/outer"
wait_ready outer
ready_all "$WORK/outer/disk"
kill -STOP "${child_pid[server]}"
reader "$WORK/outer/disk"
kill_all
[ "$(telemetry_value outer /link/sessions 0 state)" = up ] || fail "the session is down"
orphans=$(telemetry_value outer /blk/client/queue orphans)
[ "$orphans" -gt 0 ] || fail "nothing was given up that had been sent"
kill -CONT "${child_pid[server]}"
wait_exit reader 30
[ "$stop_status" -eq 0 ] || fail "$state: the reader: $(said reader)"
all_answered() {
	[ "$(telemetry_value outer /blk/client/queue late_answers)" -eq "$orphans" ]
}
wait_for 20 "each late answer is here" all_answered
same "$WORK/outer/disk" "$DISK" "$state: after the storage was back"
stop outer
stop middle
pair_stop
