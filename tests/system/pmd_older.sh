#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The driver on Debian 13's kernel, with our module: what pmd_judge asks holds there too, and
# the guest mounts what its host serves.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
need_kernel testing
need_kernel trixie

machine_suite=trixie
image=$(image_make disk.img 4 random)
fabric_start host a b --quirk=qemu-pcistb
server_function=host
server_start --export "disk=$image,allow=${GID[a]}"
machine_start guest a b -- "$(guest_judge)"
guest_run guest 30 'uname -r'
[ "$(cat "$WORK/guest.run")" = "$(kernel_release trixie)" ] ||
	fail "another kernel: $(cat "$WORK/guest.run")"
machine_bind guest a b
guest_job guest 300 "/pmd_judge -a ${address[a]} -a ${address[b]} -- 128"
[ "$job_status" -eq 0 ] || fail "the driver is not what it promises: $(cat "$WORK/guest.run")"

machine_spawn guest client \
	"/ism/dpdk-ismblk -a ${address[a]} -- --peer ${GID[host]} --mount /mnt"
machine_ready guest client
guest_run guest 120 'dd if=/dev/urandom of=/mnt/disk bs=16k seek=8 count=8 conv=notrunc,fsync \
	2>/dev/null && echo 3 >/proc/sys/vm/drop_caches && sha256sum </mnt/disk'
[ "$(sha256sum <"$image")" = "$(cat "$WORK/guest.run")" ] || fail "the guest has other bytes"
machine_end guest client
stop server
# QEMU says which stores the fabric has refused.
guest_noise+='|vfio_region_write\(.*:region0\+.* failed: Input/output error'
guest_stop guest
stop fabric
