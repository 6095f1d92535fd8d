#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An image that is exported for writing is nobody else's: a second server, a loop device and QEMU's
# tools are told so, with the name of who has it; `force` overrules, and the end gives it back.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"

image=$(image_make disk.img 4 random)
fabric_start a b
second=("$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[b]}" --)
server_start --export "disk=$image,allow=any"
run_status "$EXIT_EXPORT" "${second[@]}" --export "disk=$image,allow=any"
grep -q "disk.img is in use by process ${child_pid[server]} (dpdk-ismd)" "$WORK/run.err" ||
	fail "who has it? $(cat "$WORK/run.err")"
run_status "$EXIT_EXPORT" "${second[@]}" --export "disk=$image,ro,allow=any"
ln "$image" "$WORK/other-name.img"
run_status "$EXIT_EXPORT" "${second[@]}" --export "disk=$WORK/other-name.img,allow=any"
if command -v qemu-img >/dev/null; then
	! qemu-img resize -f raw "$image" 8M 2>"$WORK/qemu.err" || fail "qemu-img changed the image"
	grep -q lock "$WORK/qemu.err" || fail "qemu-img: $(cat "$WORK/qemu.err")"
	[ "$(stat -c %s "$image")" -eq $((4 << 20)) ] || fail "the image has another size"
fi
allow_log 'in use by .* as well'
start forced "${second[@]}" --export "disk=$image,force,allow=any"
wait_ready forced
grep -q 'in use by .* as well' "$WORK/forced.err" || fail "force says nothing"
stop forced
# A server that was killed has let go; one that reads lets others read.
stop server KILL
server_start --export "disk=$image,ro,allow=any" --export "again=$image,ro,allow=any"
start reader "${second[@]}" --export "disk=$image,ro,allow=any"
wait_ready reader
stop reader
run_status "$EXIT_EXPORT" "${second[@]}" --export "disk=$image,allow=any"
stop server
# One daemon may show an image twice, for writing and for reading, in any order.
server_start --export "r=$image,ro,allow=any" --export "w=$image,allow=any"
run_status "$EXIT_EXPORT" "${second[@]}" --export "disk=$image,ro,allow=any"
stop server
if [ "$(id -u)" -eq 0 ] && [ -c /dev/loop-control ]; then
	loop_attach "$image"
	run_status "$EXIT_EXPORT" "${second[@]}" --export "disk=$image,allow=any"
	grep -q "in use by $loop_device" "$WORK/run.err" || fail "loop: $(cat "$WORK/run.err")"
	loop_detach "$loop_device"
	server_start --export "disk=$image,allow=any"
	stop server
fi
# Too many of anything is wrong usage, in every program.
many=()
for i in $(seq 257); do many+=(--export "e$i=$image"); done
run_status "$EXIT_USAGE" "${second[@]}" "${many[@]}"
many=()
for i in $(seq 65); do many+=(--console "c$i=exec:true"); done
run_status "$EXIT_USAGE" "${second[@]}" "${many[@]}"
many=()
for i in $(seq 300); do many+=(--peer "$(printf %x "$i")"); done
run_status "$EXIT_USAGE" "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- \
	"${many[@]}" --list
many=()
for i in $(seq 300); do many+=(--function "f$i"); done
run_status "$EXIT_USAGE" "$(program ism-fabric)" --dir "$WORK/fab2" "${many[@]}"
stop fabric
