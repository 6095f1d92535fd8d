#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Two guests: one serves, one mounts. The serving one is switched off hard under the mount and
# booted again with the same function and disk: what was written is there, and the mount goes on.
# shellcheck disable=SC2016 # scripts are for the guest's shell
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
need_kernel testing

fabric_start left right --quirk=qemu-pcistb
# The disk that outlives its guest.
image=$(image_make disk.img 2)
serve() {
	# shellcheck disable=SC2054 # QEMU's commas
	guest_devices=(-drive "file=$image,format=raw,if=none,id=disk"
		-device virtio-blk-ccw,drive=disk)
	machine_start "$1" left
	guest_devices=()
	guest_run "$1" 60 'modprobe virtio_blk; test -b /dev/vda'
	machine_bind "$1" left
	machine_spawn "$1" server "/ism/dpdk-ismd -- --export disk=/dev/vda,allow=${GID[right]}"
	machine_ready "$1" server
}
serve first
machine_start client right
machine_bind client right
options='--depth 8 --slot-size 16K --keepalive-ms 3000'
machine_spawn client mount "/ism/dpdk-ismblk -- --peer ${GID[left]} --mount /mnt $options"
machine_ready client mount

guest_run client 120 'dd if=/dev/urandom of=/tmp/one bs=64k count=4 &&
	dd if=/tmp/one of=/mnt/disk bs=16k conv=notrunc,fsync'

### The power fails ###
stop first KILL
guest_run client 30 'dd if=/dev/urandom of=/tmp/two bs=64k count=4
	dd if=/tmp/two of=/mnt/disk bs=16k seek=16 conv=notrunc,fsync >/tmp/dd.out 2>/tmp/dd.err &
	echo $! >/tmp/dd.pid; sleep 2; kill -0 $!'
serve second
machine_wait client 120 "the write ends" '! kill -0 $(cat /tmp/dd.pid) 2>/dev/null'
guest_run client 120 'cat /tmp/one /tmp/two | sha256sum
	dd if=/mnt/disk bs=16k count=32 2>/dev/null | sha256sum'
[ "$(sort -u "$WORK/client.run" | wc -l)" -eq 1 ] ||
	fail "the disk is not what was written: $(cat "$WORK/client.run")"
cp "$WORK/client.run" "$WORK/client.sum"
guest_run client 30 'cat /tmp/dd.err'
grep -q '^16+0 records out' "$WORK/client.run" || fail "the write failed: $(cat "$WORK/client.run")"
guest_noise+='|vfio_region_write\(.*:region0\+.* failed: Input/output error'
machine_end client mount
guest_stop client
machine_end second server
guest_stop second
stop fabric
head -c 524288 "$image" | sha256sum >"$WORK/sum"
[ "$(cut -d ' ' -f 1 "$WORK/sum")" = "$(head -n 1 "$WORK/client.sum" | cut -d ' ' -f 1)" ] ||
	fail "the image is not what was written"
