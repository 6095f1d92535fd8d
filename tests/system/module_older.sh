#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Our kernel module on older kernels: on Debian 13's a program gets the same answers as on
# the newest, but for what the kernel's VFIO itself says of the device. Debian 12's has no VFIO at
# all for s390x: the module compiles against its headers, and that is all that can be said.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
need_kernel testing
need_kernel trixie

# Features, interrupts and capabilities are the kernel's, not the driver's.
driver_only() {
	grep -vE '^(feature|irq|capability|  )' "$1"
}

guest_program "$system_tests/guest/ismvfio_probe.c" "$WORK/ismvfio_probe"
fabric_start a,gid=abcdef0102030405 --quirk=qemu-pcistb
guest_noise+='|vfio_region_read\(.*:region0\+.* failed: Invalid argument$'
for suite in testing trixie; do
	mkdir "$WORK/$suite"
	our_module "$suite" "$WORK/$suite"
	guest_start "$suite" "$suite" a -- "$WORK/$suite/ism-vfio-pci.ko" "$WORK/ismvfio_probe" \
		"$source_dir/tools/bind"
	guest_run "$suite" 60 'modprobe vfio-pci-core && insmod /ism-vfio-pci.ko && /bind bind all'
	# shellcheck disable=SC2016 # for the guest's shell
	guest_run "$suite" 120 '/ismvfio_probe group $(basename /sys/bus/pci/devices/*:00:00.0)'
	driver_only "$WORK/$suite.run" >"$WORK/$suite.answers"
	guest_stop "$suite"
done
stop fabric
diff -u "$WORK/testing.answers" "$WORK/trixie.answers" ||
	fail "Debian 13's kernel answers otherwise"

[ -f "$system/kernel-bookworm/vmlinuz" ] || {
	note "not tried on Debian 12: $(cat "$system/kernel-bookworm.missing")"
	exit 0
}
dir=$(module_folder ours-bookworm "$source_dir"/kmod/{Kbuild,*.c})
module_build bookworm "$dir" KBUILD_MODPOST_WARN=1 >"$WORK/bookworm.log" 2>&1 ||
	fail "does not compile for Debian 12: $(tail -n 20 "$WORK/bookworm.log")"
! grep -iE 'warning|error' "$WORK/bookworm.log" |
	grep -vE 'modpost: .*(vfio.*undefined|suppressed)' || fail "warnings for Debian 12"
