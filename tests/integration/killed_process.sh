#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# While the server is away for good, a process that waits for the disk can be killed;
# one that only gets signals it survives, waits on. A killed client's mount is explained.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image=$(image_make disk.img 4 random)
pair_start "$image"
allow_log "$log_peer_gone"
stop server KILL

cat >"$WORK/reader.py" <<'PYTHON'
import mmap, os, signal, sys
signal.signal(signal.SIGUSR1, lambda *args: None)
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
print('reading', flush=True)
print(os.preadv(fd, [mmap.mmap(-1, 4096)], 4096), flush=True)
PYTHON
start_load victim python3 "$WORK/reader.py" "$DISK"
start_load patient python3 "$WORK/reader.py" "$DISK"
reading() {
	grep -q reading "$WORK/victim.out" && grep -q reading "$WORK/patient.out"
}
wait_for 20 "both read" reading
held() {
	[ "$(telemetry_value client /link/sessions 0 state)" != up ] &&
		[ "$(telemetry_value client "/blk/client/disk,${GID[a]},disk" inflight)" -eq 2 ]
}
wait_for 20 "the loss is noticed, and both requests are with the client" held
check_running victim patient
for _ in 1 2 3; do
	kill -USR1 "${child_pid[patient]}"
	sleep 0.2
done
kill -KILL "${child_pid[victim]}"
ended_within 20 "${child_pid[victim]}" || fail "a killed process still waits for the server"
wait "${child_pid[victim]}" 2>/dev/null || true
unset 'child_pid[victim]'
check_running patient
counted() {
	[ "$(telemetry_value client /ismblk/mount interrupted)" -eq 1 ]
}
wait_for 20 "it is counted" counted
server_start --export "disk=$image,allow=any"
wait_exit patient 20
grep -qx 4096 "$WORK/patient.out" || fail "the patient reader got $(cat "$WORK/patient.out")"

# The same when its requests are more than the client has buffers for.
cat >"$WORK/writers.py" <<'PYTHON'
import mmap, os, sys, threading
fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
page = mmap.mmap(-1, 4096)
def write(i):
    os.pwrite(fd, page, i * 4096)
for i in range(300):
    threading.Thread(target=write, args=(i,)).start()
print('writing', flush=True)
PYTHON
stop server KILL
stalls() {
	telemetry_value client /ismblk/mount stalls
}
before=$(stalls)
start_load writers python3 "$WORK/writers.py" "$DISK"
out_of_buffers() {
	[ "$(stalls)" -gt "$before" ]
}
wait_for 20 "no buffer left" out_of_buffers
wait_for 20 "all write" grep -q writing "$WORK/writers.out"
kill -KILL "${child_pid[writers]}"
ended_within 20 "${child_pid[writers]}" || fail "a killed process of many writes still waits"
wait "${child_pid[writers]}" 2>/dev/null || true
unset 'child_pid[writers]'
server_start --export "disk=$image,allow=any"
same "$DISK" "$image" "after the writers were killed"

# A mount that a killed client has left: one line that says what to do.
stop client KILL
run_status "$EXIT_MOUNT" "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- \
	--peer "${GID[a]}" --mount "$MNT"
grep -q "fusermount3 -u $MNT" "$WORK/run.err" || fail "no help: $(cat "$WORK/run.err")"
[ "$(wc -l <"$WORK/run.err")" -eq 1 ] || fail "more than one line: $(cat "$WORK/run.err")"
bounded 20 fusermount3 -u "$MNT"
client_start
same "$DISK" "$image" "after the stale mount was removed"
pair_stop
