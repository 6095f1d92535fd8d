#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# 250 systems that start at once all get their disk from one server, and wait at little cost for a
# server that is not there. How long it takes is told, not judged: only that nobody gives up.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

crowd=250
available=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
[ "$available" -ge 8192 ] || skip "$available MiB of memory are free, $crowd clients need 8192"

image_make disk.img 4 random >/dev/null
functions=()
for ((i = 1; i <= crowd; i++)); do functions+=("c$i"); done
fabric_start a "${functions[@]}"

# crowd_start COUNT OPTION...: clients on the functions c1 to cCOUNT.
crowd_start() {
	local count=$1 exe i
	shift
	exe=$(program dpdk-ismblk)
	for ((i = 1; i <= count; i++)); do
		mkdir -p "$MNT.$i"
		start "client_$i" "$exe" -l $((i % $(nproc))) \
			"--vdev=raw_ism0,socket=${SOCKET[c$i]}" -- \
			--mount "$MNT.$i" --connect-timeout-ms 100000 --quiet "$@"
	done
}

crowd_stop() {
	local name
	for name in "${!child_pid[@]}"; do
		[[ $name != client_* ]] || kill "${child_pid[$name]}"
	done
	for name in "${!child_pid[@]}"; do
		[[ $name == client_* ]] || continue
		wait_exit "$name" 60
		[ "$stop_status" -eq 0 ] || fail "$name: status $stop_status"
	done
}

are_up() {
	[ "$(cat "$WORK"/client_*.out | grep -cx ready)" -eq "$crowd" ]
}

# Nobody serves yet: they wait.
waiting=()
crowd_start 20 --peer "${GID[a]}"
for ((i = 1; i <= 20; i++)); do waiting+=("client_$i=${child_pid[client_$i]}"); done
sleep 5
costs_little 5 "${waiting[@]}"
server_start --export "disk=$WORK/disk.img,allow=any" --quiet
for ((i = 1; i <= 20; i++)); do wait_ready "client_$i" 60; done
crowd_stop
rm -f "$WORK"/client_*

started=$(date +%s%N)
crowd_start "$crowd" --peer "${GID[a]}"
wait_for 100 "all $crowd are up" are_up
note "all $crowd are up after $((($(date +%s%N) - started) / 1000000)) ms"
[ "$(telemetry_value server /link/stats ups)" -eq $((crowd + 20)) ] ||
	fail "$(telemetry_value server /link/stats ups) sessions for $((crowd + 20)) clients"
for i in 1 $((crowd / 2)) "$crowd"; do
	same "$MNT.$i/disk" "$WORK/disk.img" "client $i reads something else"
done
crowd_stop
stop server
stop fabric
! grep -F " $WORK/" /proc/self/mounts || fail "a mount is left"
