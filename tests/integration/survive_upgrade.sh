#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# SIGUSR2 replaces the process that serves a mount, under load: by what is at the program's path
# then. A program that cannot go on ends the mount with a line.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_fuse
need_loop
need_command fio python3
need_resend

image=$(image_make disk.img 16)
image_make fs.img 64 >/dev/null
image_make meter.img 4 random >/dev/null
exe=$(program dpdk-ismblk)
mkdir -p "$WORK/apps/x" "$MNT"
place=$WORK/apps/x/dpdk-ismblk # program() looks there, too
# Put a program at that path, as an installation does: another file of that name.
install_program() {
	chmod 755 "$1"
	mv "$1" "$place"
}
cp "$exe" "$WORK/build-1"
install_program "$WORK/build-1"

fabric_start a b
server_start --export "disk=$image,allow=any" --export "fs=$WORK/fs.img,allow=any" \
	--export "meter=$WORK/meter.img,allow=any"
client_with() {
	start client "$place" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- --peer "${GID[a]}" \
		--mount "$MNT" "$@"
	wait_ready client
}
client_with
allow_log "$log_peer_gone"
verify_start "$DISK"
loop_start "$MNT/fs"
meter_start "$MNT/meter"

# upgrade: the next process is another one.
upgrade() {
	local old
	old=$(worker_pid client)
	kill -USR2 "${child_pid[client]}"
	wait_for 20 "process $old has left" gone "$old"
	next_serves
}
for round in 1 2 3 4 5; do
	sleep "0.$((RANDOM % 9 + 1))"
	# A build that leaves a mark.
	printf '#!/bin/sh\necho %s >>"%s"\nexec "%s" "$@"\n' $round "$WORK/marks" "$exe" \
		>"$WORK/build-2"
	install_program "$WORK/build-2"
	upgrade
	check_running client verify files meter
	[ "$(tail -n 1 "$WORK/marks")" = $round ] || fail "the new build does not run"
done
! grep -q 'the next one goes on' "$WORK/client.err" || fail "an upgrade counts as a death"
[ "$(grep -c 'leaving the mount' "$WORK/client.err")" -eq 5 ] || fail "lines of the log"

# The path is gone: then what runs is started again.
rm "$place"
upgrade
check_running client verify files meter
meter_stop 2000
loads_stop
same "$DISK" "$image" "the disk"
stop client
! grep -q " $MNT " /proc/self/mounts || fail "mounted after SIGTERM"

# ends_with STATUS LINE: the client ends by itself, and nothing hangs.
ends_with() {
	allow_log "$2"
	wait_exit client 20
	[ "$stop_status" -eq "$1" ] || fail "status $stop_status: $(said client)"
	grep -qE "$2" "$WORK/client.err" || fail "no word of it: $(said client)"
	! grep -q " $MNT " /proc/self/mounts || fail "a mount is left"
}

# The record is one of another version: what a build of later days finds.
cp "$exe" "$WORK/build-8"
install_program "$WORK/build-8"
client_with
for record in "/proc/${child_pid[client]}/fd/"*; do
	[[ $(readlink "$record") != *ismblk-record* ]] || break
done
printf '\377' | dd of="$record" bs=1 seek=8 conv=notrunc status=none
allow_log "cannot go on with the mount's record: it is of another version of this program"
kill -USR2 "${child_pid[client]}"
wait_exit client 20
[ "$stop_status" -eq 1 ] || fail "status $stop_status: $(said client)"
# The holder does not know it either: which mount it was, is not told.
bounded 20 umount -l "$MNT"

# A program that understands the record in another way.
cp "$exe" "$WORK/build-3"
install_program "$WORK/build-3"
client_with
exec 5<"$DISK"
printf '#!/bin/sh\nexec "%s" "$@" --read-only\n' "$exe" >"$WORK/build-4"
install_program "$WORK/build-4"
kill -USR2 "${child_pid[client]}"
allow_log "cannot go on with the mount's record: it was made with other options"
ends_with 1 'it ends here: the next process cannot go on with it'
exec 5<&-

# One that dies at once, again and again.
cp "$exe" "$WORK/build-5"
install_program "$WORK/build-5"
client_with
exec 5<"$DISK"
printf '#!/bin/sh\nkill -ABRT $$\n' >"$WORK/build-6"
install_program "$WORK/build-6"
kill_worker
ends_with 1 'it ends here: it has died too often'
exec 5<&-

# Not with --no-restart.
allow_log 'SIGUSR2: .* cannot be replaced now'
cp "$exe" "$WORK/build-7"
install_program "$WORK/build-7"
client_with --no-restart
old=$(worker_pid client)
kill -USR2 "${child_pid[client]}"
wait_for 10 "a word of it" grep -q 'SIGUSR2: .* cannot be replaced now' "$WORK/client.err"
[ "$(worker_pid client)" = "$old" ] || fail "replaced in spite of --no-restart"
stop client
pair_stop
