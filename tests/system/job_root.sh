#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A guest without any disk: its root file system comes over ISM. The initramfs
# (guest/root_init) mounts what the host exports and switches root; what the guest then writes
# is in the image, which is clean to e2fsck after the guest has gone.
# shellcheck disable=SC2016 # scripts are for the guest's shell
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
need_kernel testing
need_command mkfs.ext4 e2fsck debugfs

# What it boots into: busybox, and the same first process as other guests have.
mkdir -p "$WORK/root"/{bin,sbin,etc,root,tmp}
cp "$system/guest/usr/bin/busybox" "$WORK/root/bin/"
cp "$system_tests/lib/init" "$WORK/root/sbin/init"
echo "this came over ISM" >"$WORK/root/etc/motd"
image=$(image_make root.img 32)
mkfs.ext4 -q -d "$WORK/root" "$image"

fabric_start host guest --quirk=qemu-pcistb
server_function=host
server_start --export "root=$image,allow=${GID[guest]}"
guest_programs "$WORK/ism"
mkdir "$WORK/initramfs"
cp "$system_tests/guest/root_init" "$WORK/initramfs/init"
echo "${GID[host]}" >"$WORK/initramfs/peer"
guest_start guest testing guest -- "$WORK/ism" "$WORK/initramfs/init" "$WORK/initramfs/peer"

guest_run guest 30 'cat /etc/motd; grep " / ext4 " /proc/mounts; ls /'
grep -q 'this came over ISM' "$WORK/guest.run" || fail "another root: $(cat "$WORK/guest.run")"
grep -q '^/dev/loop0 / ext4 ' "$WORK/guest.run" || fail "not on ISM: $(cat "$WORK/guest.run")"
! grep -qx ism "$WORK/guest.run" || fail "still the initramfs"
guest_run guest 120 'dd if=/dev/urandom of=/root/data bs=16k count=20 2>/dev/null &&
	sync && echo 3 >/proc/sys/vm/drop_caches && sha256sum </root/data'
cp "$WORK/guest.run" "$WORK/sum"
guest_run guest 60 'pidof dpdk-ismblk && mount -t tmpfs tmpfs /tmp &&
	sync && mount -o remount,ro /'
guest_stop guest
stop server
stop fabric
e2fsck -fn "$image" >"$WORK/fsck" 2>&1 || fail "e2fsck: $(cat "$WORK/fsck")"
debugfs -R "dump /root/data $WORK/data" "$image" 2>/dev/null
[ "$(sha256sum <"$WORK/data")" = "$(cat "$WORK/sum")" ] || fail "the image has other bytes"
