#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# ping: every size comes back, the histogram is sane, a message takes as many stores as it must.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"

fabric_start a b
stat_listen listener b

# ping SIZE [OPTION...]: 300 messages of that size.
ping() {
	local size=$1
	shift
	stat_run 0 a --json --peer "${GID[b]}" --command "wait link 20" --command "set size $size" \
		"$@" --command "set count 300" --command start --command "wait test 20"
	stat_json "last['fwd_stats']['messages'] == 300 == last['fwd_stats']['latency_ns']['count']"
	stat_json "last['fwd_stats']['bytes'] == 300 * $size"
	stat_json "last['fwd_stats']['trouble'] == '' and last['fwd_stats']['peer_messages'] == 300"
}

for size in 1 7 8 15 16 64 1500 4095 4096 4097 65536 262144; do
	ping "$size"
done

# Payload and descriptor here; as many there. Some more for BEGIN, END and keepalives.
ping 64
stat_json "600 <= last['fwd_stats']['stores'] <= 640"
stat_json "all(last['fwd_stats']['latency_ns'][a] <= last['fwd_stats']['latency_ns'][b] for a, b in
	(('min', 'p50'), ('p50', 'p99'), ('p99', 'p999'), ('p999', 'max')))"
# The one that is slowest with a window of 1 cannot have waited for others.
ping 64 --command "set window 16"
stat_json "last['fwd_stats']['requests'] == 300"

# The other end has counted what it answered: 14 runs.
received=$(telemetry_value listener /fwd/stats received messages)
[ "$received" -eq $((14 * 300)) ] || fail "the listener counted $received messages"
[ "$(telemetry_value listener /fwd/stats received runs)" -eq 14 ] || fail "not 14 runs"

# The rate is kept: 200 messages at 400 a second take half a second.
stat_run 0 a --json --peer "${GID[b]}" --command "wait link 20" --command "set rate 400" \
	--command "set count 200" --command start --command "wait test 20"
stat_json "last['fwd_stats']['elapsed_ms'] >= 490"

# `clear` in the midst of a test counts from there; the next test counts from its own start.
stat_run 0 a --json --peer "${GID[b]}" --command "wait link 20" --command "set count 200" \
	--command start --command "wait test 20" --command "clear fwd stats" \
	--command "show fwd stats" --command "set count 300" --command start \
	--command "wait test 20" --command "show fwd stats"
stat_json "[(line['fwd_stats']['messages'], line['fwd_stats']['latency_ns']['count'])
	for line in lines[-3:]] == [(0, 0), (300, 300), (300, 300)]"
stat_json "lines[-3]['fwd_stats']['latency_ns']['p99'] == 0"
stat_json "last['fwd_stats']['latency_ns']['p99'] > 0"
stop listener
stop fabric
