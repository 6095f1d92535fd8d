#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A client is killed while it writes, a guest's and then a host's: the server on the other
# side notices and gives back what the client had, a new client of the same function gets
# in, and both sides have the same bytes.
# shellcheck disable=SC2016 # scripts are for the guest's shell
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
need_kernel testing
need_fuse

image=$(image_make disk.img 2 random)
fabric_start host guest --quirk=qemu-pcistb
machine_start guest guest
machine_bind guest guest
allow_log "$log_peer_gone"
# What a client writes that is killed then, and what the next one writes.
head -c 128K /dev/urandom >"$WORK/one"
head -c 128K /dev/urandom >"$WORK/two"

### A guest's client ###
server_function=host
server_start --export "disk=$image,allow=${GID[guest]}"
dmbs() {
	telemetry_value server /ism/xstats,0 dmbs
}
idle=$(dmbs)
mount_guest() {
	machine_spawn guest "$1" "/ism/dpdk-ismblk -- --peer ${GID[host]} --mount /mnt"
	machine_ready guest "$1"
}
mount_guest client1
[ "$(dmbs)" -gt "$idle" ] || fail "a client costs the server no DMB"
guest_run guest 120 'dd if=/dev/urandom of=/tmp/one bs=16k count=8 2>/dev/null
	dd if=/tmp/one of=/mnt/disk bs=16k conv=notrunc,fsync 2>/dev/null || exit 1
	while dd if=/tmp/one of=/mnt/disk bs=4k seek=64 conv=notrunc,fsync; do :; done \
		>/dev/null 2>&1 & echo $! >/tmp/load.pid
	sleep 1; kill -0 $!'
host_gave_back() {
	[ "$(grep -c 'session down: ' "$WORK/server.err")" -gt "$downs" ] &&
		[ "$(dmbs)" -le "$idle" ]
}
downs=$(grep -c 'session down: ' "$WORK/server.err") || true
machine_end guest client1 KILL
machine_wait guest 60 "the load notices" '! kill -0 $(cat /tmp/load.pid) 2>/dev/null'
guest_run guest 30 'umount -l /mnt'
wait_for 30 "the host gives back what the dead client had" host_gave_back
mount_guest client2
guest_run guest 120 'dd if=/mnt/disk bs=16k count=8 2>/dev/null | cmp - /tmp/one || exit 1
	dd if=/dev/urandom of=/mnt/disk bs=16k seek=16 count=8 conv=notrunc,fsync 2>/dev/null
	echo 3 >/proc/sys/vm/drop_caches; sha256sum </mnt/disk'
[ "$(sha256sum <"$image")" = "$(cat "$WORK/guest.run")" ] ||
	fail "the guest has other bytes than the host after its client was killed"
machine_end guest client2
stop server

### A host's client ###
guest_run guest 30 'truncate -s 1M /dev/shm/disk.img'
machine_spawn guest server "/ism/dpdk-ismd -- --export disk=/dev/shm/disk.img,allow=${GID[host]}"
machine_ready guest server
guest_dmbs() {
	guest_run guest "$guest_seconds" '/ism/dpdk-ismstat --attach ismd --json show device stats'
	sed -n 's/.*"dmbs":\([0-9]*\).*/\1/p' "$WORK/guest.run" | grep .
}
idle=$(guest_dmbs)
server_function=guest
client_function=host
client_start
[ "$(guest_dmbs)" -gt "$idle" ] || fail "a client costs the guest no DMB"
# write_at FILE BLOCK: 128 KiB, for good.
write_at() {
	bounded 60 dd if="$1" of="$DISK" bs=16k seek="$2" conv=notrunc,fsync status=none
}
write_at "$WORK/one" 0
endless() {
	while dd if="$WORK/one" of="$DISK" bs=4k seek=64 conv=notrunc,fsync status=none; do :; done
}
start_load load endless
sleep 1
check_running load client
guest_job guest 30 "grep -c 'session down: ' /tmp/server.err"
downs=$(cat "$WORK/guest.run")
stop client KILL
wait_exit load 60
bounded 20 fusermount3 -uz "$MNT" || fail "the dead client's mount cannot be removed"
machine_wait guest 60 "the guest notices" \
	"[ \$(grep -c 'session down: ' /tmp/server.err) -gt $downs ]"
guest_gave_back() {
	[ "$(guest_dmbs)" -le "$idle" ]
}
wait_for 60 "the guest gives back what the dead client had" guest_gave_back
client_start
cmp -n 131072 "$DISK" "$WORK/one" || fail "what the killed client had written is lost"
write_at "$WORK/two" 8
guest_run guest 60 'sha256sum </dev/shm/disk.img'
bounded 60 sha256sum "$DISK" >"$WORK/sum"
[ "$(cut -d ' ' -f 1 "$WORK/sum")" = "$(cut -d ' ' -f 1 "$WORK/guest.run")" ] ||
	fail "the host has other bytes than the guest after its client was killed"
stop client
machine_end guest server
guest_stop guest
stop fabric
