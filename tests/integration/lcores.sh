#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The same work on one lcore, on two, and on more lcores than CPUs.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

image=$(image_make disk.img 32)
job=(--filename="$DISK" --verify=crc32c --verify_fatal=1 --rw=randwrite --iodepth=16 --direct=1
	--ioengine=libaio --bs=4k --size=8M --offset_increment=8M --numjobs=4)
fabric_start a b
for eal in "-l 0" "-l 0-1" "--lcores 0@0,1@0,2@0"; do
	[ "$eal" != "-l 0-1" ] || [ "$(nproc)" -ge 2 ] || continue
	read -ra server_eal <<<"$eal"
	client_eal=("${server_eal[@]}")
	server_start --export "disk=$image,allow=any"
	client_start
	fio_run verify "${job[@]}"
	same "$DISK" "$image" "$eal: the image is not what the mount shows"
	stop client
	stop server
	note "$eal: fine"
done
stop fabric
