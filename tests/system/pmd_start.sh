#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The driver on functions behind the kernel's VFIO: it is what pmd_judge asks (GIDs, store
# length, DMA window, memory that is mapped, stores, rights, limits, events, reset), and a
# function can be had again after a clean end and after kill -9, by one process at a time.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
need_kernel testing

fabric_start a,gid=1122334455667788 b,gid=a1b2c3d4e5f60718 --quirk=qemu-pcistb
machine_start guest a b -- "$(guest_judge)"
machine_bind guest a b
judge() {
	guest_job guest 300 "/pmd_judge -a ${address[a]} -a ${address[b]} -- 128"
	cat "$WORK/guest.run"
	[ "$job_status" -eq 0 ] || fail "the driver is not what it promises"
	grep -qx "gid ${address[a]} 0x1122334455667788 maxstbl 128" "$WORK/guest.run" ||
		fail "another GID of a"
	grep -qx "gid ${address[b]} 0xa1b2c3d4e5f60718 maxstbl 128" "$WORK/guest.run" ||
		fail "another GID of b"
}
judge
judge # after a clean end

### Which one ###
info=(-- --json show device info)
machine_says guest 3 'dpdk-ismstat: 2 ISM functions \(0001:00:00\.0, 0002:00:00\.0\): choose one' \
	"/ism/dpdk-ismstat ${info[*]}"
machine_says guest 0 0xa1b2c3d4e5f60718 "/ism/dpdk-ismstat -a ${address[b]} ${info[*]}"
machine_says guest 0 0x1122334455667788 \
	"/ism/dpdk-ismstat -- --device ${address[a]} --json show device info"
machine_says guest 3 'none of the named devices is an ISM function' \
	"/ism/dpdk-ismstat -a 0009:00:00.0 ${info[*]}"

### One process at a time; what a killed one leaves is nobody's trouble ###
machine_spawn guest first "/ism/dpdk-ismstat -a ${address[a]} -- --listen any"
machine_ready guest first
machine_says guest 3 "cannot open ${address[a]}: .*/dev/vfio/[0-9]+ is in use by another process" \
	"/ism/dpdk-ismstat -a ${address[a]} ${info[*]}"
machine_says guest 0 0xa1b2c3d4e5f60718 "/ism/dpdk-ismstat -a ${address[b]} ${info[*]}"
machine_end guest first KILL
machine_says guest 0 0x1122334455667788 "/ism/dpdk-ismstat -a ${address[a]} ${info[*]}"
judge

# QEMU says which stores the fabric has refused.
guest_noise+='|vfio_region_write\(.*:region0\+.* failed: Input/output error'
guest_stop guest
stop fabric
