# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # shared with tests/lib/integration.sh
#
# For tests of mounts that a runtime serves: runtimes by name, their mounts at $WORK/NAME.

allow_log 'session|peer|function'

# runtime_start NAME FUNCTION OPTION...: dpdk-ismd of that name, until ready.
runtime_start() {
	local name=$1 function=$2 exe
	shift 2
	exe=$(program dpdk-ismd)
	start "$name" "$exe" "${server_eal[@]}" \
		"--vdev=raw_ism0,socket=${SOCKET[$function]}$device_options" -- --name "$name" "$@"
	wait_ready "$name"
}

# borrow_start NAME RUNTIME OPTION...: a mount that the runtime serves, until ready.
borrow_start() {
	local name=$1 of=$2 exe
	shift 2
	exe=$(program dpdk-ismblk)
	mkdir -p "$WORK/$name"
	start "$name" "${as_user[@]}" "$exe" --runtime "$of" --mount "$WORK/$name" "$@"
	wait_ready "$name"
}

# Kill -9 the program that holds a mount.
kill_holder() {
	kill -KILL "${child_pid[$1]}"
	wait_exit "$1" 10
	bounded 10 umount -l "$WORK/$1" 2>/dev/null || true
}

fd_count() {
	find "/proc/${child_pid[$1]}/fd" -mindepth 1 | wc -l
}

fds_are() {
	[ "$(fd_count "$1")" -eq "$2" ]
}

# kill_runtime NAME: and it is gone.
kill_runtime() {
	local pid=${child_pid[$1]}
	kill -KILL "$pid"
	wait_exit "$1" 10
}
