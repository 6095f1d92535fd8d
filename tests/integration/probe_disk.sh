#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# One dpdk-ismd serves a disk and answers link tests on one function: a mount checks every byte
# while another system tests the link in each mode, and a third one may not.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"
need_fuse
need_command fio

# disk MOUNT, c tests, d may not
fabric_start a b c d
image=$(image_make disk.img 32)
server_start --export "disk=$image,allow=${GID[b]}" --probe "allow=${GID[c]}"
grep -qF "link tests: for ${GID[c]}" "$WORK/server.err" || fail "it does not say who may test"
client_start

# probe MODE SIZE COUNT [OPTION...]: one run under the load.
runs=0
probe() {
	local mode=$1 size=$2 count=$3
	shift 3
	under_verify_load client
	stat_run 0 c --json --peer "${GID[a]}" --command "wait link 20" \
		--command "set fwd $mode" --command "set size $size" --command "set count $count" \
		"$@" --command start --command "wait test 50"
	stat_json "last['fwd_stats']['trouble'] == '' and last['fwd_stats']['lost'] == 0"
	stat_json "last['fwd_stats']['messages'] == last['fwd_stats']['peer_messages'] == $count"
	stat_json "last['fwd_stats']['mismatches'] == 0"
	runs=$((runs + 1))
}

start_verify_load "$DISK"
probe ping 64 300
probe stream 64 100000
probe stream 65536 1000
probe verify 4096 2000
probe verify 63 20000
probe flood 64 50000
probe io 4096 3000

# Bounded: a test that wants all that there is has used up its share of rounds.
[ "$(telemetry_value server /fwd/stats received shares_used)" -gt 0 ] ||
	fail "no round was bounded"
[ "$(telemetry_value server /fwd/stats received runs)" -eq "$runs" ] || fail "not $runs runs"
for key in mismatches errors_protocol refused calls_refused; do
	[ "$(telemetry_value server /fwd/stats received "$key")" -eq 0 ] || fail "it counts $key"
done

# What is larger than --slot-size is told, and harms nothing.
allow_log 'the test needs'
stat_run 1 c --peer "${GID[a]}" --command "wait link 20" --command "set size 262144" \
	--command start --command "wait test 20"
stat_said 'the peer has [0-9]+ slots of 65536 bytes, the test needs'

# Who is not allowed gets no session, and is told why.
allow_log 'refused'
under_verify_load client
stat_run 1 d --peer "${GID[a]}" --command "wait link 3"
stat_said 'link tests are not for this GID'
refused=$(telemetry_value server /fwd/stats received calls_refused)
[ "$refused" -gt 0 ] || fail "nobody was refused"
[ "$(telemetry_value server /link/stats refused)" -ge "$refused" ] || fail "the link counts fewer"
[ "$(telemetry_value server /fwd/stats received runs)" -eq "$runs" ] || fail "a run too many"

# The faces: what is told at the prompt, and that nobody asks here.
stat_attach 0 server show fwd stats
stat_printed '^tests of others: '
stat_printed 'calls refused +[1-9]'
[ "$(telemetry_value server /fwd/config listen)" -eq 1 ] || fail "it does not listen"
[ "$(telemetry_value server /fwd/stats state)" = closed ] || fail "it asks somebody"

wait_verify_load
[ "$(telemetry_value client /link/sessions 0 ups)" -eq 1 ] || fail "the disk's session broke"
stop client
stop server

# On two lcores sessions are dealt out, and what is counted is the sum.
server_eal=(--lcores "0@0,1@0")
server_start --export "disk=$image,allow=any" --probe "allow=${GID[d]}" \
	--probe "allow=${GID[c]}"
for function in c d; do
	stat_run 0 "$function" --json --peer "${GID[a]}" --command "wait link 20" \
		--command "set fwd verify" --command "set size 1500" --command "set count 3000" \
		--command start --command "wait test 50"
	stat_json "last['fwd_stats']['peer_messages'] == 3000"
	stat_json "last['fwd_stats']['trouble'] == ''"
done
[ "$(telemetry_value server /fwd/stats received runs)" -eq 2 ] || fail "not two runs"
[ "$(telemetry_value server /fwd/stats received messages)" -eq 6000 ] || fail "not all messages"
stop server
server_eal=()

# Without the option there is no such service, and no such counters.
server_start --export "disk=$image,allow=any"
allow_log 'service'
stat_run 1 c --peer "${GID[a]}" --command "wait link 3"
stat_said 'no such service'
stat_attach 1 server show fwd stats
stat_said 'has no fwd stats'
stop server
stop fabric
