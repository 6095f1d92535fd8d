#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Our kernel module is the kernel's own driver to a program: guest/ismvfio_probe gets the
# same answers from both, line by line. The kernel's is built from its source.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
need_kernel testing

mkdir "$WORK/ours" "$WORK/theirs"
upstream_module testing "$WORK/theirs"
our_module testing "$WORK/ours"
guest_program "$system_tests/guest/ismvfio_probe.c" "$WORK/ismvfio_probe"

fabric_start a,gid=abcdef0102030405 --quirk=qemu-pcistb
allow_log 'a: '
guest_start guest testing a -- "$WORK/ours" "$WORK/theirs" "$WORK/ismvfio_probe"
guest_run guest 60 'modprobe vfio-pci-core && modprobe vfio_iommu_type1'

# answers MODULE WAY: what the program prints with that module, in $WORK/MODULE.answers.
answers() {
	guest_run guest 60 "
		insmod /$1/ism-vfio-pci.ko &&
		cd /sys/bus/pci/devices/*:00:00.0 &&
		echo ism_vfio_pci >driver_override &&
		basename \$PWD >/sys/bus/pci/drivers_probe &&
		readlink driver"
	grep -q '/ism_vfio_pci$' "$WORK/guest.run" || fail "not bound: $(cat "$WORK/guest.run")"
	guest_run guest 120 "/ismvfio_probe $2 \$(basename /sys/bus/pci/devices/*:00:00.0)"
	cp "$WORK/guest.run" "$WORK/$1.answers"
	guest_run guest 60 "
		cd /sys/bus/pci/devices/*:00:00.0 &&
		basename \$PWD >driver/unbind &&
		echo >driver_override &&
		rmmod ism-vfio-pci"
}

answers theirs group
answers ours group
diff -u "$WORK/theirs.answers" "$WORK/ours.answers" || fail "a program can tell them apart"
lines=$(wc -l <"$WORK/ours.answers")
[ "$lines" -gt 800 ] || fail "only $lines answers"
note "$lines answers are the same"
# What the program tries in vain ends in QEMU, which says so.
guest_noise+='|vfio_region_read\(.*:region0\+.* failed: Invalid argument$'
guest_stop guest
stop fabric
