#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A peer that is killed, ends or stands still under each mode: the test ends with a reason, the
# session comes back by itself, and the next test works.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"

allow_log "$log_peer_gone"

running() {
	[ "$(telemetry_value tester /fwd/stats state 2>/dev/null)" = running ] &&
		[ "$(telemetry_value tester /fwd/stats messages 2>/dev/null)" -gt 100 ]
}

ended() {
	grep -q fwd_stats "$WORK/tester.out"
}

# break_under MODE SIGNAL: the listener gets it while the test runs.
break_under() {
	stat_command a
	start tester "${stat_command[@]}" --json --keepalive-ms 200 --peer "${GID[b]}" \
		--command "wait link 20" --command "set fwd $1" --command start \
		--command "wait test 40" --command "wait link 40" --command "set count 500" \
		--command start --command "wait test 20"
	wait_for 20 "$1 runs" running
	if [ "$2" = STOP ]; then
		kill -STOP "${child_pid[listener]}"
		wait_for 30 "the broken $1 has ended" ended
		kill -CONT "${child_pid[listener]}"
	else
		stop listener "$2"
		wait_for 30 "the broken $1 has ended" ended
		stat_listen listener b --keepalive-ms 200
	fi
	wait_exit tester 60
	cp "$WORK/tester.out" "$WORK/run.out"
	# Of the first test it says that it broke; the second one is as any other.
	[ "$stop_status" -eq 1 ] || fail "status $stop_status after a broken test"
	stat_json "len(lines) == 2"
	stat_json "lines[0]['fwd_stats']['errors_broken'] == 1"
	stat_json "'no session with ${GID[b]}' in lines[0]['fwd_stats']['trouble']"
	stat_json "lines[0]['fwd_stats']['messages'] > 100"
	stat_json "lines[0]['fwd_stats']['errors_protocol'] == 0"
	stat_json "lines[1]['fwd_stats']['mode'] == '$1' and lines[1]['fwd_stats']['trouble'] == ''"
	stat_json "lines[1]['fwd_stats']['messages'] == 500"
	stat_json "lines[1]['fwd_stats']['peer_messages'] == 500"
	stat_json "lines[1]['fwd_stats']['lost'] == 0"
	stat_json "lines[1]['fwd_stats']['errors_broken'] == 0"
}

# Control and data each on an lcore of its own: two threads that share a session's end.
cpu=$(python3 -c 'import os; print(min(os.sched_getaffinity(0)))')
# shellcheck disable=SC2034 # stat_command uses it
client_eal=(--lcores "0@$cpu,1@$cpu")
fabric_start a b
stat_listen listener b --keepalive-ms 200
break_under ping KILL
break_under stream KILL
break_under verify STOP
break_under flood TERM
break_under io KILL

# Not for everybody: the reason of the one that listens reaches the one that asks.
stop listener
stat_command b
start listener "${stat_command[@]}" --listen "${GID[b]}"
wait_ready listener
is_refused() {
	stat_run 1 a --peer "${GID[b]}" --command "wait link 2"
	grep -q "link tests are not for this GID" "$WORK/run.err"
}
wait_for 20 "the reason of the refusal" is_refused
stop listener
stop fabric
