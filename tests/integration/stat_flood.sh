#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# flood: batches of descriptors go out in one store, and come back so.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"

fabric_start a b
stat_listen listener b

# flood BURST
flood() {
	stat_run 0 a --json --peer "${GID[b]}" --command "wait link 20" \
		--command "set fwd flood" --command "set burst $1" --command "set window 128" \
		--command "set count 64000" --command start --command "wait test 20"
	stat_json "last['fwd_stats']['messages'] == 64000 and last['fwd_stats']['bytes'] == 0"
	stat_json "last['fwd_stats']['trouble'] == ''"
}

# A batch that goes round the ring's end takes two stores: of 32 one in four, behind BEGIN.
flood 32
stat_json "2000 <= last['fwd_stats']['stores'] <= 2600"
flood 64
stat_json "1000 <= last['fwd_stats']['stores'] <= 1600"
flood 1
stat_json "last['fwd_stats']['stores'] >= 2000"
[ "$(telemetry_value listener /fwd/stats received mode)" = flood ] || fail "no flood there"
[ "$(telemetry_value listener /fwd/stats received requests)" -eq $((3 * 64002)) ] ||
	fail "BEGIN, 64000 requests and END make three times 64002"
stop listener
stop fabric
