#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A guest serves, its host mounts: fio writes and checks what it reads, while the server in
# the guest is killed and started again. Big-endian server, little-endian client.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
need_kernel testing
need_fuse
need_command fio

fabric_start host guest --quirk=qemu-pcistb
machine_start guest guest
machine_bind guest guest
guest_run guest 60 'truncate -s 4M /dev/shm/disk.img'
serve() {
	machine_spawn guest "$1" \
		"/ism/dpdk-ismd -- --export disk=/dev/shm/disk.img,allow=${GID[host]}"
	machine_ready guest "$1"
}
serve server1
server_function=guest
client_function=host
client_start --connect-timeout-ms 30000
[ "$(stat -c %s "$DISK")" -eq $((4 << 20)) ] || fail "wrong size: $(stat "$DISK")"

# same_image WHAT: the guest's file and the host's mount have the same bytes.
same_image() {
	guest_run guest 120 'sha256sum </dev/shm/disk.img'
	bounded 120 sha256sum "$DISK" >"$WORK/sum"
	[ "$(cut -d ' ' -f 1 "$WORK/sum")" = "$(cut -d ' ' -f 1 "$WORK/guest.run")" ] || fail "$1"
}
# What the guest sends costs QEMU a message for each 8 bytes: no more than needed.
fio_run plain --filename="$DISK" --rw=randwrite --bsrange=4k-128k --iodepth=8 --direct=1 \
	--ioengine=libaio --size=2M --verify=crc32c --verify_fatal=1 --fsync=50
same_image "the guest has other bytes than the host wrote"

# It is killed, and nobody tells the function: the next one gets it all the same.
allow_log "$log_peer_gone"
start_load load fio --thread --name=load --filename="$DISK" --rw=randwrite --bs=4k --iodepth=8 \
	--ioengine=libaio --direct=1 --size=1M --rate_iops=,40 --fsync=50 --verify=crc32c \
	--verify_fatal=1 --eta=never --aux-path="$WORK"
sleep 1
check_running load client
machine_end guest server1 KILL
serve server2
wait_exit load 120
[ "$stop_status" -eq 0 ] || fail "fio: $(tail -n 20 "$WORK/load.err" "$WORK/load.out")"
same_image "the guest has other bytes after its server was killed"
ups=$(telemetry_value client /link/sessions 0 ups)
[ "$ups" -ge 2 ] || fail "the client counts $ups sessions, expected 2"
stop client
machine_end guest server2
guest_stop guest
stop fabric
