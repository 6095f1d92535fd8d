#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Two guests talk SMC-D over the fabric: sockets of the kernel's own SMC, on its own ism and dibs
# drivers, on a small kernel that tools/build-smc-kernel makes. The kernel's socket diagnosis says
# that it is SMC-D between our two GIDs, checksums that the data is right, the fabric's counters
# that it came this way, and the network's that it did not come that way. The same diagnosis tells
# TCP when one side does not speak SMC.
# shellcheck disable=SC2016 # scripts are for the guest's shell
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tools/lib/system_smc.sh
. "$source_dir/tools/lib/system_smc.sh"
suite=$(smc_suite "$system_tests/smc")
[ -f "$system/kernel-$suite/vmlinuz" ] ||
	skip "no kernel with SMC: tools/build-smc-kernel makes it, in some minutes"

port=5000
declare -A net_address=([left]=10.0.0.1 [right]=10.0.0.2)
bytes=300007 # of each transfer; its pieces begin and end at any offset

# peer_boot NAME OTHER: a guest with the function of that name, and a network with the other one
# for the handshake.
peer_boot() {
	local net="dgram,id=net,local.type=unix,local.path=$WORK/$1.net"
	guest_devices=(-netdev "$net,remote.type=unix,remote.path=$WORK/$2.net"
		-device "virtio-net-ccw,netdev=net,mac=52:54:00:00:00:0${net_address[$1]##*.}")
	guest_start "$1" "$suite" "$1" -- "$WORK/smc_peer"
	guest_run "$1" 60 "ip addr add ${net_address[$1]}/24 dev eth0 && ip link set eth0 up
		dd if=/dev/urandom of=/tmp/data bs=$bytes count=1 iflag=fullblock 2>/dev/null"
}

# counter FUNCTION KEY: of the fabric, now.
counter() {
	local lines
	lines=$(wc -l <"$WORK/fabric.out")
	kill -USR1 "${child_pid[fabric]}"
	wait_for 20 "the fabric's counters" counters_came "$((lines + 2))"
	grep "^$1 stores=" "$WORK/fabric.out" | tail -n 1 | grep -oP " $2=\K[0-9]+|^$1 $2=\K[0-9]+"
}

counters_came() {
	[ "$(wc -l <"$WORK/fabric.out")" -ge "$1" ]
}

# serve_spawn: the peer on the left, in the background of its guest.
serve_spawn() {
	guest_run left 60 "rm -f /tmp/serve.*
		(/smc_peer serve $port </tmp/data >/tmp/serve.out 2>/tmp/serve.err
			echo \$? >/tmp/serve.status) </dev/null >/dev/null 2>&1 &
		for i in \$(seq 200); do
			! grep -qx listening /tmp/serve.err 2>/dev/null || exit 0; sleep 0.1
		done; exit 1"
}

# exchange HOW: one connection, on which both send all they have.
exchange() {
	serve_spawn
	guest_run right 300 \
		"/smc_peer $1 ${net_address[left]} $port </tmp/data >/tmp/call.out"
	cp "$WORK/right.run" "$WORK/call.err"
	guest_run left 60 'for i in $(seq 200); do
			[ ! -f /tmp/serve.status ] || break; sleep 0.1
		done
		cat /tmp/serve.err; [ "$(cat /tmp/serve.status)" = 0 ]'
	cp "$WORK/left.run" "$WORK/serve.err"
	guest_run right 60 'cat /tmp/data | wc -c; cat /tmp/call.out | wc -c
		sha256sum </tmp/data; sha256sum </tmp/call.out'
	cp "$WORK/right.run" "$WORK/right.sums"
	guest_run left 60 'cat /tmp/serve.out | wc -c; cat /tmp/data | wc -c
		sha256sum </tmp/serve.out; sha256sum </tmp/data'
	diff "$WORK/left.run" "$WORK/right.sums" || fail "what came is not what was sent"
	[ "$(tail -n 2 "$WORK/right.sums" | sort -u | wc -l)" -eq 2 ] || fail "both sent the same"
}

# says FILE REGEX
says() {
	grep -qE "$2" "$WORK/$1" || fail "no '$2' in $1: $(cat "$WORK/$1")"
}

# carried FUNCTION: what it has stored, in bytes.
carried() {
	counter "$1" store_bytes
}

guest_program "$system_tests/guest/smc_peer.c" "$WORK/smc_peer"
fabric_start left,gid=1122334455667788 right,gid=a1b2c3d4e5f60718 --quirk=qemu-pcistb
peer_boot left right
peer_boot right left
guest_run right 60 "ping -c 1 -W 20 ${net_address[left]}"

### SMC-D, three connections one after the other ###

for run in 1 2 3; do
	declare -A before=([left]=$(carried left) [right]=$(carried right))
	exchange call
	ours='token [0-9a-f]*[1-9a-f][0-9a-f]*, fallback 0{8}, peer.s diagnosis 0{8}$'
	for when in up end; do
		says call.err "^$when: smcd, gid a1b2c3d4e5f60718, peer 1122334455667788, $ours"
		says serve.err "^$when: smcd, gid 1122334455667788, peer a1b2c3d4e5f60718, $ours"
	done
	for guest in left right; do
		stored=$(($(carried "$guest") - before[$guest]))
		note "connection $run: $guest stored $stored bytes for $bytes"
		[ "$stored" -ge "$bytes" ] || fail "$guest: the data went another way"
		[ "$(counter "$guest" store_errors)" -eq 0 ] || fail "$guest: stores were refused"
	done
done
for guest in left right; do
	guest_run "$guest" 60 'cat /sys/class/net/eth0/statistics/rx_bytes'
	note "$guest: $(cat "$WORK/$guest.run") bytes came over the network"
	[ "$(cat "$WORK/$guest.run")" -lt "$bytes" ] ||
		fail "$guest: the data came over the network"
done

### One that does not speak SMC ###

declare -A before=([left]=$(carried left) [right]=$(carried right))
exchange tcp
says serve.err '^up: tcp, gid 0{16}, peer 0{16}, token 0{16}, fallback 03010000,'
for guest in left right; do
	[ "$(carried "$guest")" -eq "${before[$guest]}" ] || fail "$guest: TCP went over the fabric"
done

### A whole guest goes ###

serve_spawn
guest_run right 60 "(cat /tmp/data; sleep 600) | /smc_peer call ${net_address[left]} $port \
		>/tmp/call.out 2>/tmp/call.err &
	for i in \$(seq 300); do
		[ \"\$(wc -c </tmp/call.out)\" -lt $bytes ] || exit 0; sleep 0.1
	done; exit 1"
stop right KILL
gone=$SECONDS
guest_run left 90 'for i in $(seq 600); do [ ! -f /tmp/serve.status ] || break; sleep 0.1; done
	cat /tmp/serve.err /tmp/serve.status'
# Nothing on the network says so: the fabric told its kernel. Whether a read then fails or is the
# last one depends on what was under way.
says left.run '^up: smcd,'
says left.run '^[01]$'
note "the other end of the connection ended within $((SECONDS - gone)) s"
guest_stop left
stop fabric
