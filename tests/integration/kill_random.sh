#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Server and fabric are killed at random moments while two lcores on each side move
# data as fast as they can: two loads that check every byte never notice.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

: "${ISM_TEST_ROUNDS:=10}" # more of them for a longer hunt
image=$(image_make disk.img 64)
other=$(image_make other.img 16 random)
cp "$other" "$WORK/shadow"
[ "$(nproc)" -lt 2 ] || {
	client_eal=(-l 0-1)
	server_eal=(-l 0-1)
}
fabric_up() {
	fabric_start a,gid=a1 b,gid=b2
}
server_up() {
	server_start --export "disk=$image,allow=any" --export "other=$other,allow=any"
}
fabric_up
server_up
client_start
allow_log "$log_peer_gone"
# judge NAME: a load that has ended must have ended well.
judge() {
	wait_exit "$1" "$2"
	[ "$stop_status" -eq 0 ] || fail "$1: $(tail -qn 5 "$WORK/$1.err" "$WORK/$1.out")"
}

has_session() {
	[ "$(telemetry_value client /link/stats ups)" -gt "$ups" ]
}

starts=0
for round in $(seq "$ISM_TEST_ROUNDS"); do
	[ -n "${child_pid[fio]:-}" ] || start_load fio fio --thread --name=random \
		--filename="$DISK" --rw=randwrite --bs=4k --iodepth=32 --ioengine=libaio \
		--direct=1 --size=64M --loops=2 --fsync=500 --verify=crc32c --verify_fatal=1 \
		--verify_backlog=512 --eta=never --aux-path="$WORK"
	[ -n "${child_pid[shadow]:-}" ] || {
		start_load shadow "$source_dir/tests/lib/shadow_io.py" --direct --punch --zero \
			--ops 3000 "$MNT/other" "$WORK/shadow"
		starts=$((starts + 1))
	}
	sleep "0.$((RANDOM % 6 + 1))"
	check_running client
	victim=server
	[ $((round % 3)) -ne 0 ] || victim=fabric
	stop $victim KILL
	sleep "0.$((RANDOM % 9))"
	ups=$(telemetry_value client /link/stats ups)
	${victim}_up
	# Every other round the next kill may hit a session that is still being made.
	[ $((round % 2)) -eq 0 ] || wait_for 20 "round $round: a session after the kill" has_session
	for name in fio shadow; do
		is_running "${child_pid[$name]}" || judge $name 1
	done
done
for name in fio shadow; do
	[ -z "${child_pid[$name]:-}" ] || judge $name 120
done
same "$DISK" "$image" "the first image is not what the mount shows"
same "$MNT/other" "$WORK/shadow" "the second disk is not what was written"
ups=$(telemetry_value client /link/stats ups)
note "$ISM_TEST_ROUNDS kills, $ups sessions, $starts runs of shadow_io.py"
pair_stop
