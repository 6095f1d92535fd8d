#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Starting and ending in good order: signals, unmounting from outside, nothing left.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image=$(image_make disk.img 4 random)
fabric_start a b
server_start --export "disk=$image,allow=any"
runtime_files() {
	find /var/run/dpdk /tmp/dpdk "${XDG_RUNTIME_DIR:-/none}/dpdk" -mindepth 1 -maxdepth 1 \
		-name "*$1*" 2>/dev/null || true
}
signals=(TERM INT HUP)
# Under nohup(1) this test, and so each program, is deaf to hangups.
[[ $(awk '/^SigIgn/ { print $2 }' /proc/self/status) != *[13579bdf] ]] || signals=(TERM INT)
for signal in "${signals[@]}"; do
	client_start
	cmp "$DISK" "$image"
	pid=${child_pid[client]}
	stop client "$signal"
	! grep -q " $MNT " /proc/self/mounts || fail "mounted after SIG$signal"
	[ -z "$(runtime_files "$pid")" ] || fail "left after SIG$signal: $(runtime_files "$pid")"
	[ -z "$(ls -A "$MNT")" ] || fail "the mount point is not empty"
done

# Somebody else unmounts: the client has nothing left to do.
client_start
bounded 20 umount "$MNT"
wait_exit client 30
[ "$stop_status" -eq 0 ] || fail "status $stop_status after umount"

# Ends in spite of a file that is open, and of a server that is gone.
client_start
exec 7<"$DISK"
stop client
exec 7<&-
umount -l "$MNT" 2>/dev/null || true
client_start
allow_log "$log_peer_gone"
stop server
stop client

for exe in ism-fabric dpdk-ismd dpdk-ismblk; do
	for option in --help --version; do
		run_status 0 "$(program $exe)" $option
		grep -q "$exe" "$WORK/run.out" || fail "$exe $option says nothing about itself"
		[ ! -s "$WORK/run.err" ] || fail "$exe $option writes to stderr: $(said run)"
	done
done
stop fabric
[ -z "$(ls -A "$WORK/fab")" ] || fail "sockets left: $(ls "$WORK/fab")"
