#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What people meet before a program has a function: each is one line that says what is wrong,
# and the command in it mends it.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
need_kernel testing

mkdir "$WORK/theirs"
kernel_ism_modules "$WORK/theirs"
fabric_start a b --quirk=qemu-pcistb
machine_start guest a b -- "$WORK/theirs"
a=${address[a]} b=${address[b]}

# meets REGEX [PREFIX]: the program ends with the status for that and one line.
meets() {
	local line="${2:-}/ism/$program -a $a -- ${arguments[$program]}"
	[ -z "$as" ] || line="su $as -s /bin/sh -c 'cd /tmp; XDG_RUNTIME_DIR=/tmp $line'"
	machine_says guest "${ends[$program]:-3}" "^$program: .*$1\$" "$line 2>&1"
	[ "$(wc -l <"$WORK/guest.run")" -eq 1 ] || fail "more than a line: $(cat "$WORK/guest.run")"
	note "$(cat "$WORK/guest.run")"
}
declare -A arguments=(
	[dpdk-ismstat]='--json show device info'
	[dpdk-ismblk]="--peer ${GID[b]} --mount /mnt"
	[dpdk-ismcons]="--peer ${GID[b]}"
	[dpdk-ismd]='--export disk=/ism/bind,allow=any'
)
declare -A ends=([dpdk-ismcons]=251) # lower ones are those of the far program
program=dpdk-ismstat
as=

### Not bound (DPDK's bus skips those), or to something else ###
meets 'none of the named devices is an ISM function for programs; look with tools/bind status'
machine_says guest 3 'no ISM function; bind one with tools/bind bind ADDRESS, or name' \
	"/ism/dpdk-ismstat -- show device info"
machine_says guest 0 "^$a +none +- +bind it: tools/bind bind $a\$" "/ism/bind status"
guest_run guest 60 "modprobe vfio-pci && echo vfio-pci >/sys/bus/pci/devices/$a/driver_override &&
	echo $a >/sys/bus/pci/drivers_probe"
wrong="bound to vfio-pci, which cannot reach the BARs of an ISM function"
meets "$a: $wrong: tools/bind bind $a; look with tools/bind status"
guest_run guest 60 "rmmod ism-vfio-pci && mv /lib/modules/*/ism-vfio-pci.ko /root/"
machine_says guest 1 'has no module ism-vfio-pci: .*kmod/README.md' "/ism/bind bind $a"
guest_run guest 60 'mv /root/ism-vfio-pci.ko /lib/modules/*/'
guest_run guest 60 "/ism/bind bind $a" # what the lines say
machine_says guest 0 '"state":"open"' "/ism/dpdk-ismstat -- --json show device info"

### In use by the kernel: its own driver takes what nobody has ###
guest_run guest 60 "/ism/bind unbind $a && insmod /theirs/dibs.ko && insmod /theirs/ism.ko &&
	readlink /sys/bus/pci/devices/$a/driver"
grep -q '/ism$' "$WORK/guest.run" || fail "not bound to ism: $(cat "$WORK/guest.run")"
for program in "${!arguments[@]}"; do
	meets "$a: in use by the kernel's driver ism \(SMC-D\), to take it from there: \
tools/bind bind --force $a; look with tools/bind status"
done
program=dpdk-ismstat
machine_says guest 3 "no ISM function: .*$a: in use .*: tools/bind bind --force $a;" \
	"/ism/dpdk-ismstat -- show device info"
guest_run guest 60 "/ism/bind bind --force $a" # what the lines say
machine_says guest 0 '"state":"open"' "/ism/dpdk-ismstat -- --json show device info"
guest_run guest 60 'rmmod ism && rmmod dibs'

### VFIO itself ###
guest_run guest 60 'mv /dev/vfio/vfio /dev/vfio/away'
meets '/dev/vfio/vfio: No such file or directory: modprobe vfio_iommu_type1'
guest_run guest 60 'mv /dev/vfio/away /dev/vfio/vfio'

### Ordinary users ###
guest_run guest 60 'mkdir -p /etc && echo "root:x:0:0::/:/bin/sh
dave:x:1000:1000::/:/bin/sh" >/etc/passwd && chmod 755 / /ism && chmod 1777 /tmp'
as=dave
guest_run guest 60 'chmod 600 /dev/vfio/vfio'
meets '/dev/vfio/vfio: Permission denied: chmod a\+rw /dev/vfio/vfio'
guest_run guest 60 'chmod a+rw /dev/vfio/vfio'
meets "no permission to open /dev/vfio/[0-9]+: tools/bind bind --owner 1000 $a"
guest_run guest 60 "/ism/bind bind --owner 1000 $a"
meets 'cannot lock 8192 bytes for DMA: the limit of locked memory is 4096 bytes: ulimit -l .*' \
	'ulimit -l 4; '
machine_says guest 0 '"state":"open"' "su dave -s /bin/sh -c \\
	'cd /tmp; XDG_RUNTIME_DIR=/tmp /ism/dpdk-ismstat -- --json show device info'"
guest_stop guest
stop fabric
