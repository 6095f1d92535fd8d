#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The way without groups, /dev/iommu and /dev/vfio/devices: the same answers from our
# module and from the kernel's own. Debian's kernels for s390x are built without it, so iommufd
# and VFIO's core are built from the kernel's source too, with it, and loaded instead.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
need_kernel testing

flags='-DCONFIG_IOMMUFD_MODULE=1 -DCONFIG_VFIO_DEVICE_CDEV=1 -DCONFIG_INTERVAL_TREE_SPAN_ITER=1'

# makefile DIR LINE...: what is built there.
makefile() {
	local dir=$1
	shift
	printf '%s\n' "ccflags-y += $flags" "$@" >"$dir/Kbuild"
	rm -f "$dir/Makefile"
}

mkdir -p "$build_area"
dir=$build_area/all
mkdir -p "$dir/iommu"
cp -r "$system/source/drivers/iommu/iommufd" "$system"/source/drivers/iommu/*.h "$dir/iommu/"
cp -r "$system/source/drivers/vfio" "$dir/vfio"
# A part of the interval tree that the kernel has only when iommufd is configured.
sed '/EXPORT_SYMBOL/d' "$system/source/lib/interval_tree.c" >"$dir/iommu/iommufd/span.c"
makefile "$dir" 'obj-m := iommu/iommufd/ vfio/'
makefile "$dir/iommu/iommufd" 'obj-m := iommufd.o' \
	'iommufd-y := device.o eventq.o hw_pagetable.o io_pagetable.o ioas.o main.o pages.o' \
	'iommufd-y += vfio_compat.o viommu.o span.o'
makefile "$dir/vfio" 'obj-m := vfio.o pci/' \
	'vfio-y := vfio_main.o device_cdev.o group.o iommufd.o container.o virqfd.o'
makefile "$dir/vfio/pci" 'obj-m := vfio-pci-core.o ism/' 'vfio-pci-core-y := vfio_pci_core.o' \
	'vfio-pci-core-y += vfio_pci_intrs.o vfio_pci_rdwr.o vfio_pci_config.o vfio_pci_zdev.o'
makefile "$dir/vfio/pci/ism" 'obj-m := ism-vfio-pci.o' 'ism-vfio-pci-y := main.o'
kernel_modules testing "$dir"

ours=$(module_folder ours "$source_dir"/kmod/{Kbuild,*.c})
echo "ccflags-y += $flags" >>"$ours/Kbuild"
kernel_modules testing "$ours" "KBUILD_EXTRA_SYMBOLS=${dir#"$system_root"}/Module.symvers"

mkdir "$WORK/core" "$WORK/ours" "$WORK/theirs"
cp "$dir/iommu/iommufd/iommufd.ko" "$dir/vfio/vfio.ko" "$dir/vfio/pci/vfio-pci-core.ko" \
	"$WORK/core/"
cp "$ours/ism-vfio-pci.ko" "$WORK/ours/"
cp "$dir/vfio/pci/ism/ism-vfio-pci.ko" "$WORK/theirs/"
guest_program "$system_tests/guest/ismvfio_probe.c" "$WORK/ismvfio_probe"

fabric_start a,gid=abcdef0102030405 --quirk=qemu-pcistb
guest_start guest testing a -- "$WORK"/{core,ours,theirs,ismvfio_probe} "$source_dir/tools/bind"
# shellcheck disable=SC2016 # for the guest's shell
guest_run guest 60 'modprobe irqbypass && for m in iommufd vfio vfio-pci-core; do
	insmod /core/$m.ko || exit 1; done; modprobe vfio_iommu_type1'
for who in theirs ours; do
	guest_run guest 60 "insmod /$who/ism-vfio-pci.ko && /bind bind all"
	for way in group iommufd; do
		# shellcheck disable=SC2016 # for the guest's shell
		guest_run guest 120 \
			"/ismvfio_probe $way"' $(basename /sys/bus/pci/devices/*:00:00.0)'
		cp "$WORK/guest.run" "$WORK/$who.$way"
	done
	guest_run guest 60 '/bind unbind all && rmmod ism-vfio-pci'
done
for way in group iommufd; do
	diff -u "$WORK/theirs.$way" "$WORK/ours.$way" || fail "a program can tell them apart"
done
lines=$(wc -l <"$WORK/ours.iommufd")
[ "$lines" -gt 800 ] || fail "only $lines answers"
note "$lines answers through iommufd are the same"
guest_noise+='|vfio_region_read\(.*:region0\+.* failed: Invalid argument$'
guest_stop guest
stop fabric
