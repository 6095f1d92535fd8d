#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# dpdk-ismstat without a person: commands from options, a file and standard input; tests of each
# mode between two processes; what a failed command does.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"

fabric_start a b c d
stat_listen listener b
peer=(--peer "${GID[b]}" --command "wait link 20")

# Each mode moves messages and finds nothing wrong.
for mode in ping stream verify flood io; do
	stat_run 0 a --json "${peer[@]}" --command "set fwd $mode" --command "set count 500" \
		--command "start" --command "wait test 20"
	stat_json 'len(lines) == 1'
	stat_json "last['fwd_stats']['mode'] == '$mode'"
	stat_json "last['fwd_stats']['messages'] == 500 and last['fwd_stats']['stores'] > 0"
	stat_json "not any(n for key, n in last['fwd_stats'].items() if key.startswith('errors_'))"
	stat_json "last['fwd_stats']['lost'] == 0 and last['fwd_stats']['mismatches'] == 0"
	stat_json "last['fwd_stats']['stores_per_message'] > 0"
	stat_json "0 < last['fwd_stats']['latency_ns']['min'] <=
		last['fwd_stats']['latency_ns']['p50'] <= last['fwd_stats']['latency_ns']['max']"
done

# As text, for people.
stat_run 0 a "${peer[@]}" --command "set time 1" --command start --command "wait test"
stat_printed '^test ping: ready$'
stat_printed '^  messages +[0-9,]+  [0-9,.]+/s$'
stat_printed '^  latency +min [0-9.]+ [num]?s  p50 .* p99 .* p99.9 .* max .* mean '
stat_printed '^  credit stalls +local [0-9,]+  remote [0-9,]+$'
stat_printed '^  errors +none$'

# What is still running at the end is stopped, and its results are printed.
stat_run 0 a "${peer[@]}" --command start --command "wait 3"
stat_printed '^test ping: ready$'
stat_printed '^  errors +none$'

# A file: comments and empty lines are nothing, a wrong line is named, the next one is done.
cat >"$WORK/file" <<-EOT
	# A test.
	wait link 20

	set fwd stream # the mode
	set size 1M
	nonsense
	set count 100
	start
	wait test 20
EOT
stat_run 1 a --peer "${GID[b]}" --cmdline-file "$WORK/file"
stat_said "^dpdk-ismstat: $WORK/file:5: set size '1M': expected "
stat_said "^dpdk-ismstat: $WORK/file:6: unknown word 'nonsense'"
stat_printed '^test stream: ready$'
[ "$(grep -c "$WORK/file" "$WORK/run.err")" -eq 2 ] || fail "more complaints: $(said run)"

# The file first, then --command, then the words behind the options.
printf 'show fwd config\n' >"$WORK/file"
stat_run 0 a --json --cmdline-file "$WORK/file" --command "show link info" show device info
stat_json "[sorted(set(line) - {'source', 'time'}) for line in lines] ==
	[['fwd_config'], ['link_info'], ['device_info']]"

# Standard input, where no option says what to do; its last line needs no newline.
printf 'show fwd config\nset size 128\n\n# nothing\nshow fwd config' | stat_input 0 a --json
stat_json "[line['fwd_config']['size'] for line in lines] == [64, 128]"
{
	head -c 700 /dev/zero | tr '\0' x
	printf '\nshow link info\n'
} | stat_input 1 a --json
stat_said 'standard input:1: too long a line'
stat_json "len(lines) == 1 and lines[0]['link_info'] == {}"
printf 'quit\nnonsense\n' | stat_input 0 a
printf 'nonsense\n' | stat_input 1 a --cmdline-file -

# Waits are bounded, and say what they waited for.
stat_run 1 a --peer "${GID[c]}" --command "wait link 0.5"
stat_said '^dpdk-ismstat: the link is not up within 0.5 s'
stat_run 1 a --command "wait link"
stat_said "expected 'link open GID'"
stat_run 1 a "${peer[@]}" --command start --command "wait test 0.2"
stat_said '^dpdk-ismstat: the test has not ended within 0.2 s'
stat_run 1 a --command start
stat_said '^dpdk-ismstat: .*link'

# link open and close, by GID as people write it.
stat_run 0 a --json --command "link open ${GID[b]#0x}" --command "wait link 20" \
	--command "show link info all" --command "link close" --command "wait 0.2" \
	--command "show link info"
stat_json "lines[0]['link_info']['0']['state'] == 'up'"
stat_json "int(lines[0]['link_info']['0']['rgid'], 16) == int('${GID[b]}', 16)"
stat_json "lines[1]['link_info'] == {}"

# Periods: rates are there in each object, one a second, and end with the commands.
stat_run 0 a --json --stats-period 1 "${peer[@]}" --command "set fwd stream" --command start \
	--command "wait 2.5" --command stop
stat_json "3 <= len(lines) <= last['time'] - lines[0]['time'] + 3"
stat_json "all('per_second' in line['device_stats']['0'] for line in lines[:-1])"
stat_json "any(line['device_stats']['0']['per_second']['stores'] > 0 and
	line['fwd_stats'].get('per_second', {}).get('messages', 0) > 0 for line in lines[:-1])"

# One that listens goes on after its commands, and ends with `quit` as well.
stat_run 0 c --listen any --command quit
check_running listener
# Under nohup(1) it answers on after its terminal has gone.
trap '' HUP
stat_listen deaf d
trap - HUP
kill -HUP "${child_pid[deaf]}"
stat_run 0 c --peer "${GID[d]}" --command "wait link 20" --command "set count 10" \
	--command start --command "wait test 20"
check_running deaf
stop deaf

# The other side dies under a test: one line, the results so far, and the next command.
allow_log "$log_peer_gone"
stat_command a
start tester "${stat_command[@]}" --peer "${GID[b]}" --command "wait link 20" \
	--command "set fwd stream" --command start --command "wait test 30" \
	--command "show fwd config" --json
running() {
	[ "$(telemetry_value tester /fwd/stats state)" = running ]
}
wait_for 20 "the test runs" running
stop listener KILL
wait_exit tester 30
[ "$stop_status" -eq 1 ] || fail "status $stop_status after a broken test"
[ "$(grep -c '^dpdk-ismstat: the test has ended: ' "$WORK/tester.err")" -eq 1 ] ||
	fail "the broken test was not told in one line: $(said tester)"
cp "$WORK/tester.out" "$WORK/run.out"
stat_json "len(lines) == 2 and lines[0]['fwd_stats']['errors_broken'] == 1"
stat_json "lines[1]['fwd_config']['mode'] == 'stream'"
stop fabric
