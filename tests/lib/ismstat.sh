# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # shared with integration.sh
#
# What tests/integration/stat_*.sh source after integration.sh: dpdk-ismstat on functions of the
# fabric.

# stat_command FUNCTION: the program on that function, up to its own options, is in the array
# stat_command then.
stat_command() {
	stat_command=("${as_user[@]}" "$(program dpdk-ismstat)" "${client_eal[@]}"
		"--vdev=raw_ism0,socket=${SOCKET[$1]}$device_options" --)
}

# stat_listen NAME FUNCTION [OPTION...]: one that answers tests, until it is stopped.
stat_listen() {
	local name=$1
	stat_command "$2"
	shift 2
	start "$name" "${stat_command[@]}" --listen any "$@"
	wait_ready "$name"
}

# stat_run STATUS FUNCTION OPTION...: a run that must end by itself with that status; output in
# $WORK/run.out and .err.
stat_run() {
	local want=$1
	stat_command "$2"
	shift 2
	run_status "$want" "${stat_command[@]}" "$@"
}

# stat_input STATUS FUNCTION OPTION... <TEXT: the same, with standard input.
stat_input() {
	local want=$1 status=0
	stat_command "$2"
	shift 2
	cat >"$WORK/run.in"
	bounded 60 stat_with_input "${stat_command[@]}" "$@" >"$WORK/run.out" 2>"$WORK/run.err" ||
		status=$?
	[ "$status" -eq "$want" ] || fail "status $status, expected $want: $*: $(said run)"
}

stat_with_input() {
	exec "$@" <"$WORK/run.in"
}

# stat_attach STATUS NAME OPTION...: another one that reads the counters of a program started here.
stat_attach() {
	local want=$1 pid=${child_pid[$2]}
	shift 2
	run_status "$want" "$(program dpdk-ismstat)" --attach "$pid" "$@"
}

# stat_printed REGEX, stat_said REGEX: a line of the last run's output, of its stderr.
stat_printed() {
	grep -qE -- "$1" "$WORK/run.out" || fail "no /$1/ in: $(head -n 40 "$WORK/run.out")"
}

stat_said() {
	grep -qE -- "$1" "$WORK/run.err" || fail "no /$1/ in: $(said run)"
}

# stat_json EXPRESSION: true of `lines`, the objects that the last run printed, one a line.
stat_json() {
	python3 -c 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1]) if line != "ready\n"]
last = lines[-1]
sys.exit(0 if eval("(" + sys.argv[2] + ")") else 1)' "$WORK/run.out" "$1" ||
		fail "not so: $1: $(cut -c 1-2000 "$WORK/run.out")"
}
