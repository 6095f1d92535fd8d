#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A kernel that was built without KVM tells nothing of zPCI: the driver finds out by itself how
# long a store may be and where DMA may go. Our module plays that kernel: for this test alone
# it is built to hide the capabilities.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
need_kernel testing

guest_programs "$WORK/ism"
dir=$(module_folder hidden "$source_dir"/kmod/{Kbuild,*.c})
python3 - "$dir/ism-vfio-pci.c" <<'PY'
import sys

path = sys.argv[1]
text = open(path).read()
old = "\t.ioctl = ism_vfio_ioctl,\n"
new = "\t.ioctl = hiding_ioctl,\n"
start = "static int ism_vfio_open(struct vfio_device *vdev)\n"
assert text.count(old) == 1 and text.count(start) == 1, "kmod/ has changed: look at its ioctl"
hiding = """static long hiding_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct vfio_device_info __user *info = (void __user *)arg;
	long ret = ism_vfio_ioctl(vdev, cmd, arg);
	u32 flags;

	if (ret || cmd != VFIO_DEVICE_GET_INFO)
		return ret;
	if (get_user(flags, &info->flags) ||
	    put_user(flags & ~VFIO_DEVICE_FLAGS_CAPS, &info->flags))
		return -EFAULT;
	return 0;
}

"""
open(path, "w").write(text.replace(old, new).replace(start, hiding + start))
PY
kernel_modules testing "$dir"
cp "$dir/ism-vfio-pci.ko" "$WORK/ism/"

fabric_start a b --quirk=qemu-pcistb
machine_start guest a b -- "$(guest_judge)"
machine_bind guest a b
machine_says guest 0 'does not tell maxstbl; found 128 by trying' \
	"/ism/dpdk-ismstat -a ${address[a]} -- show device info 2>&1"
guest_run guest 300 "/pmd_judge -a ${address[a]} -a ${address[b]} -- 128"
guest_noise+='|vfio_region_write\(.*:region0\+.* failed: Input/output error'
guest_stop guest
stop fabric
