#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Without direct windows every store is a message through the device's socket, as on
# hardware every store is a system call: the same bytes, and the same stores.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

stores() {
	local server client
	server=$(telemetry_value server /ism/xstats,0 stores)
	client=$(telemetry_value client /ism/xstats,0 stores)
	echo $((server + client))
}

image=$(image_make disk.img 4 random)
cp "$image" "$WORK/shadow"
declare -A moved=()
# With and without, then stores of the size that QEMU's functions take; and last the
# fabric refuses what the programs would like to have.
for device_options in ,direct=1 ,direct=0 ,direct=0,maxstbl=128 ""; do
	[ -n "$device_options" ] || fabric_options=(--no-direct)
	pair_start "$image"
	before=$(stores)
	dd if="$DISK" of=/dev/null bs=64K iflag=direct status=none
	moved[${device_options:-fabric}]=$(($(stores) - before))
	syscalls=$(telemetry_value server /ism/xstats,0 store_syscalls)
	if [ "$device_options" = ,direct=1 ]; then
		[ "$syscalls" -eq 0 ] || fail "direct windows made $syscalls system calls"
	else
		[ "$syscalls" -gt 0 ] || fail "no store went through the socket"
	fi
	bounded 120 "$source_dir/tests/lib/shadow_io.py" --ops 300 --punch --zero --direct \
		"$DISK" "$WORK/shadow" || fail "${device_options:-fabric}: content differs"
	pair_stop
	note "${device_options:-fabric}: ${moved[${device_options:-fabric}]} stores for 4 MiB"
done
# Keepalives may add a few.
difference=$((${moved[,direct=0]} - ${moved[,direct=1]}))
[ "${difference#-}" -le 40 ] || fail "direct or not makes a difference of $difference stores"
[ "${moved[,direct=0,maxstbl=128]}" -ge $((4 << 20 >> 7)) ] ||
	fail "too few stores for pieces of 128 bytes"
same "$image" "$WORK/shadow" "the image differs"
