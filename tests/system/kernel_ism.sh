#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The kernel's own driver for ISM takes our function for one: ism and dibs, built from
# its source, bring up two of them, read the GIDs that the fabric gave, and move data, signals and
# events from one to the other (guest/dibs_judge.c).
# They are those of kernel_ism_modules, which says what is changed in them.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
need_kernel testing

mkdir "$WORK/theirs"
kernel_ism_modules "$WORK/theirs" "$system_tests/guest/dibs_judge.c"
fabric_start a,gid=1122334455667788 b,gid=a1b2c3d4e5f60718 --quirk=qemu-pcistb
mkdir "$WORK/ours"
our_module testing "$WORK/ours"
guest_start guest testing a b -- "$WORK"/{ours,theirs} "$source_dir/tools/bind"

guest_run guest 60 'insmod /theirs/dibs.ko && insmod /theirs/ism.ko'
guest_run guest 60 'cat /sys/class/dibs/*/gid'
for gid in 11223344-5566-7788-0000-000000000000 a1b2c3d4-e5f6-0718-0000-000000000000; do
	grep -qx "$gid" "$WORK/guest.run" || fail "no GID $gid: $(cat "$WORK/guest.run")"
done
# shellcheck disable=SC2016 # for the guest's shell
guest_job guest 120 'insmod /theirs/dibs_judge.ko; s=$?; dmesg | grep dibs_judge: ; exit $s'
[ "$job_status" -eq 0 ] || fail "$(cat "$WORK/guest.run")"
guest_run guest 60 'rmmod dibs_judge'

# tools/bind takes a function away from it only when told to.
guest_run guest 60 'modprobe vfio-pci-core && insmod /ours/ism-vfio-pci.ko'
guest_run guest 60 'ls /sys/bus/pci/drivers/ism'
slot=$(grep -m 1 : "$WORK/guest.run")
guest_run guest 60 /bind\ status
grep -qE "^$slot +ism +- +in use by the kernel" "$WORK/guest.run" || fail "$(cat "$WORK/guest.run")"
guest_job guest 60 "/bind bind $slot"
[ "$job_status" -eq 1 ] || fail "took $slot away from ism without --force"
grep -q "in use by the kernel's driver ism .*: give it up with tools/bind bind --force $slot\$" \
	"$WORK/guest.run" || fail "$(cat "$WORK/guest.run")"
guest_run guest 60 "/bind bind --force $slot"
guest_run guest 60 "/bind unbind $slot"
grep -q 'any more (now: ism)$' "$WORK/guest.run" || fail "$(cat "$WORK/guest.run")"
guest_run guest 60 'cat /sys/class/dibs/*/gid'
[ "$(grep -c 0000-000000000000 "$WORK/guest.run")" -eq 2 ] || fail "the driver did not take it back"
guest_run guest 60 'rmmod ism && rmmod dibs'
guest_stop guest
stop fabric
