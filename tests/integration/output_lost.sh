#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A program that was called for what it prints fails when that cannot be written, and says so: a
# full disk, or a standard output that was closed. What serves goes on serving.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"

# fails WHERE STATUS COMMAND...
fails() {
	local where=$1 want=$2 status=0
	shift 2
	case $where in
	full) bounded 30 "$@" >/dev/full 2>"$WORK/said" || status=$? ;;
	closed) bounded 30 "$@" >&- 2>"$WORK/said" || status=$? ;;
	esac
	[ "$status" -eq "$want" ] || fail "$where: status $status, expected $want: $*"
	grep -q '^[a-z-]*: cannot \|^[a-z-]*: .*output' "$WORK/said" ||
		fail "$where: $*: says '$(cat "$WORK/said")'"
}

for where in full closed; do
	for option in --help --version; do
		fails $where 1 "$(program dpdk-ismblk)" $option
		fails $where 1 "$(program dpdk-ismd)" $option
		fails $where 1 "$(program dpdk-ismstat)" $option
		fails $where 1 "$(program ism-fabric)" $option
		fails $where 255 "$(program dpdk-ismcons)" $option
	done
done

fabric_start a b
server_start --export "disk=$(image_make disk.img 1),allow=any" --console sh=exec:/bin/sh,allow=any
own=("--vdev=raw_ism0,socket=${SOCKET[b]}" --)
for where in full closed; do
	fails $where 1 "$(program dpdk-ismblk)" "${own[@]}" --peer "${GID[a]}" --list
	fails $where 1 "$(program dpdk-ismblk)" "${own[@]}" --peer "${GID[a]}" --list --json
	fails $where 255 "$(program dpdk-ismcons)" "${own[@]}" --peer "${GID[a]}" --list
	fails $where 1 "$(program dpdk-ismstat)" --attach "${child_pid[server]}" --openmetrics
	fails $where 1 "$(program dpdk-ismstat)" --attach "${child_pid[server]}" --json \
		show blk exports
done
stop server

# Its "ready" is lost, no more.
"$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[a]}" -- \
	--export "disk=$WORK/disk.img,allow=any" >&- 2>"$WORK/closed.err" &
closed=$!
run_status 0 "$(program dpdk-ismblk)" "${own[@]}" --peer "${GID[a]}" --list
kill "$closed"
wait "$closed" || fail "status $?"
stop fabric
