#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/bind gives functions to ism_vfio_pci and back, and says in a line what is wrong and
# what mends it, where it cannot.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
need_kernel testing

mkdir "$WORK/ours"
our_module testing "$WORK/ours"
cp "$source_dir/tools/bind" "$WORK/bind"
fabric_start a b --quirk=qemu-pcistb
guest_devices=(-device virtio-rng-pci)
guest_start guest testing a b -- "$WORK/ours" "$WORK/bind"
guest_run guest 60 'ls /sys/bus/pci/devices'
rng=
functions=()
while read -r slot; do
	guest_run guest 60 "cat /sys/bus/pci/devices/$slot/device"
	if grep -qx 0x04ed "$WORK/guest.run"; then functions+=("$slot"); else rng=$slot; fi
done < <(cat "$WORK/guest.run")
[ "${#functions[@]}" -eq 2 ] || fail "found: ${functions[*]}"
[ -n "$rng" ] || fail "no other PCI function"
a=${functions[0]} b=${functions[1]}

# says STATUS REGEX ARGUMENT...: that is its exit status, and one line of output like that.
says() {
	local status=$1 regex=$2
	shift 2
	guest_job guest 60 "/bind $*"
	[ "$job_status" -eq "$status" ] ||
		fail "bind $*: status $job_status, expected $status: $(cat "$WORK/guest.run")"
	grep -qE "$regex" "$WORK/guest.run" || fail "bind $*: no /$regex/: $(cat "$WORK/guest.run")"
}

# is FUNCTION DRIVER
is() {
	guest_run guest 60 "readlink /sys/bus/pci/devices/$1/driver || echo none"
	grep -qE "(^|/)$2\$" "$WORK/guest.run" || fail "$1 is not $2: $(cat "$WORK/guest.run")"
}

### What it refuses, before it has changed anything ###
says 2 'what to do'
says 2 "unknown command 'x'" x
says 2 'needs an address' bind
says 2 "unknown option '--x'" bind --x
says 2 'is no address like' bind 17
says 1 'there is no PCI function 0fff:00:00.0; ISM functions here: .*'"$a" bind 0fff:00:00.0
says 1 "$rng is no ISM function: its ids are 1af4:[0-9a-f]{4}, expected 1014:04ed" bind "$a" "$rng"
says 0 "^$a +none +- +bind it: tools/bind bind $a" status
says 1 'has no module ism-vfio-pci: .*kmod/README.md' bind "$a"
is "$a" none

### A module is there ###
guest_run guest 60 'modprobe vfio-pci-core && cp /ours/ism-vfio-pci.ko /lib/modules/*/ && depmod'
says 0 "$a is bound to ism_vfio_pci now" bind "$a"
is "$a" ism_vfio_pci
is "$b" none
says 0 'bound to ism_vfio_pci already' bind "$a"
says 0 "^$a +ism_vfio_pci +/dev/vfio/[0-9]+ +ready" status
says 0 "^$b +none +- +bind it" status

### Ordinary users ###
guest_run guest 60 'mkdir -p /etc && echo "root:x:0:0::/:/bin/sh
dave:x:1000:1000::/:/bin/sh" >/etc/passwd && chmod 755 / /bind'
as_dave() {
	local status=$1 regex=$2
	shift 2
	guest_job guest 60 "su dave -s /bin/sh -c '/bind $*'"
	[ "$job_status" -eq "$status" ] || fail "dave: $*: $job_status: $(cat "$WORK/guest.run")"
	grep -qE "$regex" "$WORK/guest.run" ||
		fail "dave: $*: no /$regex/: $(cat "$WORK/guest.run")"
}
as_dave 1 'only root may bind functions: try sudo' bind "$b"
as_dave 0 "^$a .* no permission for dave: tools/bind bind --owner USER $a" status
says 1 'cannot give .* to nosuchuser' bind --owner nosuchuser "$a"
says 0 already bind --owner dave "$a"
as_dave 0 "^$a .* ready" status

### In use ###
guest_run guest 60 "sleep 600 </dev/vfio/\$(basename \$(readlink \
	/sys/bus/pci/devices/$a/iommu_group)) >/dev/null 2>&1 & echo \$! >/tmp/pid"
says 1 "$a is in use by process [0-9]+ \(sleep\): end that first" unbind "$a"
says 0 "^$a .* in use by process [0-9]+ \(sleep\)" status
# shellcheck disable=SC2016 # for the guest's shell
guest_run guest 60 'kill $(cat /tmp/pid); sleep 1'

### Back, from the wrong driver, all of them ###
says 0 "$a is not bound to ism_vfio_pci any more \(now: none\)" unbind "$a"
is "$a" none
says 0 'is not bound to ism_vfio_pci \(but: none\)' unbind "$a"
guest_run guest 60 "modprobe vfio-pci && echo vfio-pci >/sys/bus/pci/devices/$b/driver_override &&
	echo $b >/sys/bus/pci/drivers_probe"
is "$b" vfio-pci
says 0 "^$b +vfio-pci .* vfio-pci cannot use it; bind it" status

### A step that fails or does nothing is undone, and the others are done ###
# over FILE: writing to it does nothing, until under FILE.
over() {
	guest_run guest 60 ": >/tmp/plain && mount -o bind /tmp/plain /sys/bus/pci/$1"
}
under() {
	guest_run guest 60 "umount /sys/bus/pci/$1"
}
# undone FUNCTION REGEX: that is what the last bind said, and it has vfio-pci again.
undone() {
	grep -qE "$1 could not be bound to ism_vfio_pci: .*$2.*as it was \(driver: vfio-pci\)" \
		"$WORK/guest.run" || fail "$2: $(cat "$WORK/guest.run")"
	is "$1" vfio-pci
	guest_run guest 60 "cat /sys/bus/pci/devices/$1/driver_override"
	grep -qx vfio-pci "$WORK/guest.run" || fail "$2: driver_override is not as it was"
}
guest_run guest 60 'mount -o remount,ro /sys'
says 1 "$a could not be bound .*Read-only file system" bind "$b" "$a"
undone "$b" 'Read-only file system'
guest_run guest 60 'mount -o remount,rw /sys'
is "$a" none
over drivers_probe
says 1 "$a could not be bound" bind "$b" "$a"
undone "$b" 'did not take it'
is "$a" none
under drivers_probe
over drivers/vfio-pci/unbind
says 1 "$a is bound to ism_vfio_pci now" bind "$b" "$a"
undone "$b" 'unbind has no effect'
under drivers/vfio-pci/unbind
over drivers/ism_vfio_pci/unbind
says 1 "$a could not be taken away from ism_vfio_pci" unbind "$a"
is "$a" ism_vfio_pci
under drivers/ism_vfio_pci/unbind
says 0 "$a is not bound" unbind "$a"

### All of them ###
says 0 "$b is bound to ism_vfio_pci now" bind all
is "$a" ism_vfio_pci
is "$b" ism_vfio_pci
says 0 "$b is not bound" unbind all
is "$b" none
guest_stop guest
stop fabric
