#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A DMA window that is too small: one line says so, and a guest that is booted with the parameter
# in it has one that is large enough.
#
# The kernel makes it as large as the memory, or s390_iommu_aperture= times that, so that no
# guest has too small a one. For this test alone the kernel's type 1 IOMMU, built from
# its source, takes off so many bytes at the end as the test says.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
need_kernel testing

mkdir "$WORK/small"
dir=$(module_folder small "$system"/source/drivers/vfio/{vfio.h,vfio_iommu_type1.c})
echo 'obj-m := vfio_iommu_type1.o' >"$dir/Kbuild"
python3 - "$dir/vfio_iommu_type1.c" <<'PY'
import sys

path = sys.argv[1]
text = open(path).read()
parameter = "static unsigned int dma_entry_limit "
ready = "\tresv_msi = vfio_iommu_has_sw_msi(&group_resv_regions, &resv_msi_base);\n"
assert text.count(parameter) == 1 and text.count(ready) == 1, \
    "the kernel's driver has changed: look at vfio_iommu_type1_attach_group()"
text = text.replace(parameter, """static unsigned long taken;
module_param(taken, ulong, 0644);

""" + parameter)
text = text.replace(ready, """	if (!list_empty(&iova_copy)) {
		struct vfio_iova *last = list_last_entry(&iova_copy, struct vfio_iova, list);

		last->end -= min_t(u64, taken, last->end - last->start);
	}

""" + ready)
open(path, "w").write(text)
PY
kernel_modules testing "$dir"
cp "$dir/vfio_iommu_type1.ko" "$WORK/small/"

# boot NAME TAKEN: with that many bytes less.
boot() {
	machine_start "$1" a -- "$WORK/small"
	machine_bind "$1" a
	guest_run "$1" 60 "rmmod vfio_iommu_type1 && insmod /small/vfio_iommu_type1.ko taken=$2"
}
fabric_start host a --quirk=qemu-pcistb
server_function=host
server_start --export "disk=$(image_make disk.img 1),allow=any"
allow_log "$log_peer_gone"
all=$((guest_memory << 20))
mends='boot with s390_iommu_aperture=2'

# One page is left: not enough for what the function itself needs.
boot guest $((all - 4096))
machine_says guest "$EXIT_DEVICE" "DMA window 0x100000000\.\.0x100000fff is too small: $mends\$" \
	'/ism/dpdk-ismstat -- show device info 2>&1'
[ "$(wc -l <"$WORK/guest.run")" -eq 1 ] || fail "more than a line: $(cat "$WORK/guest.run")"
note "$(cat "$WORK/guest.run")"
# Enough for that, but not for any buffer.
guest_run guest 30 "echo $((all - 16384)) >/sys/module/vfio_iommu_type1/parameters/taken"
line="no room in the DMA window 0x100000000\.\.0x100003fff for [0-9]+ bytes more: $mends\$"
machine_says guest "$EXIT_PEER" "$line" \
	"/ism/dpdk-ismblk -- --peer ${GID[host]} --list 2>&1"
[ "$(grep -c 'no room' "$WORK/guest.run")" -eq 1 ] || fail "not once: $(cat "$WORK/guest.run")"
note "$(cat "$WORK/guest.run")"
guest_stop guest

# As much is taken from the larger one.
guest_append="s390_iommu_aperture=2"
boot mended $((all - 4096))
machine_says mended 0 ' disk ' "/ism/dpdk-ismblk -- --peer ${GID[host]} --list"
guest_stop mended
stop server
stop fabric
