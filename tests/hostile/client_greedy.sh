#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Clients of the fabric that take all they can get: another function still gets its share.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"

greedy=$build_dir/tests/hostile_client_greedy
secs=4

# began N: a fabric with functions a, b for the victim, and x1..xN.
began() {
	local i names=()
	for ((i = 1; i <= $1; i++)); do names+=("x$i"); done
	fabric_start a b "${names[@]}"
}

ended() {
	stop fabric
	check_log fabric
}

# attackers MODE N SECONDS [GID]: run them in the background.
attackers() {
	local i
	for ((i = 1; i <= $2; i++)); do
		start_load "x$i" "$greedy" "$1" "${SOCKET[x$i]}" "$3" "${@:4}"
	done
}

# measured: run the victim; sets stores, p50, max (microseconds).
measured() {
	local line
	bounded 60 "$greedy" victim "${SOCKET[a]}" "$secs" "${SOCKET[b]}" >"$WORK/victim" ||
		fail "the victim got no answer: $(cat "$WORK/victim")"
	line=$(cat "$WORK/victim")
	note "$1: $line"
	[[ $line =~ stores=([0-9]+)\ p50_us=([0-9]+).*max_us=([0-9]+) ]] || fail "no figures: $line"
	stores=${BASH_REMATCH[1]} max=${BASH_REMATCH[3]}
}

# counted NAME N: more than N lines of counters are there.
counted() {
	[ "$(grep -c "^$1 stores=" "$WORK/fabric.out")" -gt "$2" ]
}

# stats NAME KEY: a counter of a function.
stats() {
	local before
	before=$(grep -c "^$1 stores=" "$WORK/fabric.out" || true)
	kill -USR1 "${child_pid[fabric]}"
	wait_for 5 "counters of $1" counted "$1" "$before"
	grep "^$1 stores=" "$WORK/fabric.out" | tail -1 | tr ' ' '\n' | sed -n "s/^$2=//p"
}

# Commands of which each looked at every token, 200 in each message.
began 4
attackers commands 4 $((secs + 4))
sleep 1
measured commands
[ "$stores" -ge 100 ] || fail "only $stores stores beside a flood of commands"
[ "$max" -lt 1000000 ] || fail "a store took $max us beside a flood of commands"
for i in 1 2 3 4; do wait_exit "x$i" 30 0; done
ended

# Events: signals, and those of resets.
for mode in events dmbs; do
	began 4
	attackers "$mode" 4 $((secs + 3)) "${GID[a]}"
	sleep 1
	measured "$mode"
	[ "$max" -lt 1000000 ] || fail "a store took $max us beside $mode"
	for i in 1 2 3 4; do wait_exit "x$i" 30 0; done
	events=$(stats a events)
	note "$mode: $events events"
	# 256 at once and 250 a second of each, for at most 20 s.
	[ "$events" -le 21000 ] || fail "$events events came through"
	[ "$events" -gt 0 ] || fail "no event came through"
	ended
done

# Maps that split: what is left of many must not cost as much as all of them.
began 1
before=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${child_pid[fabric]}/status")
attackers maps 1 $((secs + 4))
sleep 1
measured maps
[ "$max" -lt 1000000 ] || fail "a store took $max us beside maps"
after=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${child_pid[fabric]}/status")
wait_exit x1 30 0
maps=$(sed -n 's/^maps=//p' "$WORK/x1.out")
note "maps: $maps left, $((after - before)) KiB"
[ "$maps" -gt 500 ] || skip "too slow a machine: $maps maps"
[ $(((after - before) * 1024 / maps)) -lt 2048 ] ||
	fail "a map costs $((after - before)) KiB / $maps"
ended
