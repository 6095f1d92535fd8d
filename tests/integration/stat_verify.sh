#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# verify: contents are checked there and here; by direct windows and by stores; with any seed.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"

fabric_start a b

# verify SIZE BURST SEED
verify() {
	stat_run 0 a --json --peer "${GID[b]}" --command "wait link 20" \
		--command "set fwd verify" --command "set size $1" --command "set burst $2" \
		--command "set seed $3" --command "set count 500" --command start \
		--command "wait test 20"
	stat_json "last['fwd_stats']['messages'] == last['fwd_stats']['peer_messages'] == 500"
	stat_json "last['fwd_stats']['mismatches'] == 0 and last['fwd_stats']['trouble'] == ''"
}

# shellcheck disable=SC2034 # stat_command uses it
for device_options in "" ,direct=0; do
	stat_listen listener b
	for size in 1 7 8 15 16 64 1500 4095 4096 4097 65536; do
		verify "$size" auto 1
	done
	verify 262144 1 4294967295
	verify 100 4096 0
	verify 63 7 77
	for key in mismatches errors_protocol refused; do
		[ "$(telemetry_value listener /fwd/stats received "$key")" -eq 0 ] ||
			fail "the listener counts $key"
	done
	[ "$(telemetry_value listener /fwd/stats received messages)" -eq $((14 * 500)) ] ||
		fail "the listener has not counted what was sent"
	stop listener
done
stop fabric
