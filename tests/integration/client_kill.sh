#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A client is killed under load: the server goes on, other clients do not notice,
# and a new client on the same function gets the disk at once.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

image=$(image_make disk.img 32)
image_make other.img 32 >/dev/null
fabric_start a b c
server_start --export "disk=$image,allow=any" --export "other=$WORK/other.img,allow=any"
client_name=other client_function=c MNT=$WORK/mnt.other
client_start
client_name=client client_function=b MNT=$WORK/mnt
client_start
start_verify_load "$WORK/mnt.other/other"
allow_log "$log_peer_gone"
dmbs() {
	telemetry_value server /ism/xstats,0 dmbs
}
idle=$(dmbs)

for round in 1 2 3; do
	start_load victim fio --thread --name=victim --filename="$DISK" --rw=randrw --bs=4k \
		--iodepth=32 --ioengine=libaio --direct=1 --time_based --runtime=60 --size=32M \
		--eta=never --aux-path="$WORK"
	sleep 0.7
	under_verify_load other
	check_running victim server other
	stop client KILL
	wait_exit victim 20
	[ "$stop_status" -ne 0 ] || fail "fio has not noticed that its disk went away"
	bounded 20 umount -l "$MNT" || fail "the dead client's mount cannot be removed"
	client_start
	printf 'round %s' $round | dd of="$DISK" conv=notrunc,fsync status=none
	[ "$(head -c 7 "$image")" = "round $round" ] || fail "the new client's write is lost"
	note "client killed, round $round"
done
few_dmbs() {
	[ "$(dmbs)" -le "$idle" ]
}
wait_for 20 "the dead sessions' DMBs are given back" few_dmbs
check_running server other
wait_verify_load
same "$WORK/mnt.other/other" "$WORK/other.img" "the other client's disk is wrong"
stop other
pair_stop
