#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# stream: many messages in one store, no system call with direct windows, every size arrives.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"

fabric_start a b
stat_listen listener b

# stream COMMAND...: one run with these settings.
stream() {
	local command args=()
	for command in "$@"; do args+=(--command "$command"); done
	stat_run 0 a --json --peer "${GID[b]}" --command "wait link 20" \
		--command "set fwd stream" "${args[@]}" --command start --command "wait test 20"
	stat_json "last['fwd_stats']['trouble'] == '' and last['fwd_stats']['lost'] == 0"
	stat_json "last['fwd_stats']['messages'] == last['fwd_stats']['peer_messages'] > 0"
}

for size in 1 7 8 15 16 64 1500 4095 4096 4097 65536 262144; do
	stream "set size $size" "set count 400"
	stat_json "last['fwd_stats']['messages'] == 400"
	stat_json "last['fwd_stats']['bytes'] == 400 * $size"
done

# 32 messages of 64 bytes share a store.
stream "set size 64" "set burst 32" "set count 32000"
stat_json "last['fwd_stats']['requests'] == 1000"
stat_json "1000 <= last['fwd_stats']['stores'] <= 2040"
stream "set size 64" "set burst 1" "set count 1000"
stat_json "last['fwd_stats']['requests'] == 1000 and last['fwd_stats']['stores'] > 1000"
# A message of a page, alone: one store, and its part of one of descriptors.
stream "set size 4096" "set count 4000" "set window 64"
stat_json "4000 <= last['fwd_stats']['stores'] <= 6000"
stream "set copy on" "set size 1500" "set count 5000"

# Direct windows need no system call for a store; without them each store is one.
calls=$(telemetry_value listener /ism/xstats,0 store_syscalls)
[ "$calls" -eq 0 ] || fail "$calls system calls for stores into direct windows"
stop listener
# shellcheck disable=SC2034 # stat_command uses it
device_options=,direct=0
stat_listen listener b
stream "set size 64" "set count 3200"
calls=$(telemetry_value listener /ism/xstats,0 store_syscalls)
[ "$calls" -gt 0 ] || fail "no system calls without direct windows"
stop listener
stop fabric
