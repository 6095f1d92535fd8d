#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# While no process serves a mount: it can be unmounted, its program ends when told to, and by itself
# after a minute; whoever waits for the mount gets an error then, and nothing hangs or is left.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_fuse
need_root
need_command umount
need_resend

image=$(image_make disk.img 4 random)
exe=$(program dpdk-ismblk)
mkdir -p "$WORK/apps/x" "$MNT"
place=$WORK/apps/x/dpdk-ismblk
fabric_start a b
server_start --export "disk=$image,allow=any"
allow_log "$log_peer_gone"

client_with() {
	cp "$exe" "$WORK/new"
	mv "$WORK/new" "$place"
	start client "$place" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- --peer "${GID[a]}" \
		--mount "$MNT"
	wait_ready client
}
# Whatever is started next does nothing, for ever.
nobody_serves() {
	printf '#!/bin/sh\nexec sleep 1000\n' >"$WORK/new"
	chmod 755 "$WORK/new"
	mv "$WORK/new" "$place"
	kill_worker
}
runtime_files() {
	find /var/run/dpdk -mindepth 1 -maxdepth 1 -name "*-$1" 2>/dev/null || true
}
# ended STATUS: the client has ended by itself or was told to, and nothing is left of it.
ended() {
	wait_exit client 20
	[ "$stop_status" -eq "$1" ] || fail "status $stop_status, expected $1: $(said client)"
	! grep -q " $MNT " /proc/self/mounts || fail "a mount is left"
	[ -z "$(runtime_files "$pid")" ] || fail "left: $(runtime_files "$pid")"
	! pgrep -g "$held" >/dev/null || fail "a process is left"
}
start_over() {
	client_with
	pid=${child_pid[client]}
	held=$(worker_pid client)
}
# A read that waits for the mount; it must end with an error.
reader_start() {
	start_load reader dd if="$DISK" of=/dev/null bs=64k count=1 iflag=direct status=none
}
reader_fails() {
	wait_exit reader 20
	[ "$stop_status" -ne 0 ] || fail "a read succeeds though nobody serves"
}

for signal in TERM INT; do
	start_over
	exec 5<"$DISK"
	nobody_serves
	reader_start
	sleep 0.3
	check_running client reader
	kill "-$signal" "${child_pid[client]}"
	ended 0
	reader_fails
	exec 5<&-
done

# A process that is killed while nobody serves its read ends when somebody does, without the peer.
start_over
reader_start
wait_exit reader 20
stop server
nobody_serves
reader_start
sleep 0.3
kill -KILL "${child_pid[reader]}"
cp "$exe" "$WORK/new"
mv "$WORK/new" "$place"
kill -KILL "$(pgrep -P "${child_pid[client]}")"
wait_for 20 "the next process serves" serves_now
wait_exit reader 20
server_start --export "disk=$image,allow=any"
reader_start
wait_exit reader 20
[ "$stop_status" -eq 0 ] || fail "a read fails when there is a server again"
stop client

# Unmounted by somebody.
start_over
nobody_serves
bounded 20 umount -l "$MNT"
ended 0

# A signal just when a process dies, and when the next one starts.
for pause in 0 0.01 0.03 0.06 0.09 0.12 0.2; do
	start_over
	kill -KILL "$held"
	sleep $pause
	kill -TERM "${child_pid[client]}"
	ended 0
done
# Before anything was mounted.
for pause in 0.01 0.05 0.1 0.2; do
	cp "$exe" "$place"
	start client "$place" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- --peer "${GID[a]}" \
		--mount "$MNT"
	sleep $pause
	kill -TERM "${child_pid[client]}"
	wait_exit client 20
	[ "$stop_status" -eq 143 ] || [ "$stop_status" -eq 0 ] || [ "$stop_status" -eq 1 ] ||
		fail "status $stop_status"
	! grep -q " $MNT " /proc/self/mounts || fail "a mount is left"
done

# The program itself is killed: so is the process that serves, and the mount is stale.
start_over
stop client KILL
wait_for 10 "its process is gone" gone "$held"
! stat "$MNT" 2>"$WORK/stat.err" || fail "the mount works though its program was killed"
bounded 20 umount "$MNT"

# A second signal ends all at once.
start_over
nobody_serves
bounded 20 umount -l "$MNT"
ended 0
start_over
kill -STOP "$held"
kill -TERM "${child_pid[client]}"
sleep 0.2
kill -TERM "${child_pid[client]}"
wait_exit client 20
[ "$stop_status" -eq 143 ] || fail "status $stop_status after a second signal"
wait_for 10 "its process is gone" gone "$held"
bounded 20 umount -l "$MNT" || fail "the mount cannot be removed"

# Nobody serves for a minute.
allow_log 'nobody could go on with'
start_over
nobody_serves
reader_start
sleep 50
check_running client reader
ended 1
reader_fails
grep -q 'nobody could go on with the mount .* within 60 s' "$WORK/client.err" ||
	fail "no word of it"
stop server
stop fabric
