#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# io: reads and writes as of a disk; both ways carry payload, latency is told.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"

fabric_start a b
stat_listen listener b

for size in 512 4096 65536; do
	stat_run 0 a --json --peer "${GID[b]}" --command "wait link 20" --command "set fwd io" \
		--command "set size $size" --command "set window 32" --command "set count 4000" \
		--command start --command "wait test 20"
	stat_json "last['fwd_stats']['messages'] == last['fwd_stats']['peer_messages'] == 4000"
	stat_json "last['fwd_stats']['bytes'] == 4000 * $size"
	stat_json "last['fwd_stats']['latency_ns']['count'] == 4000"
	stat_json "last['fwd_stats']['trouble'] == ''"
done
# Of 65536 bytes a write takes 16 stores: 3 of 10 are writes, give or take.
stat_json "4000 * 16 * 0.25 <= last['fwd_stats']['stores'] <= 4000 * 16 * 0.35 + 4000"
# What the other end stored are the reads: 7 of 10.
read -r stores bytes <<<"$(telemetry listener /ism/xstats,0 | python3 -c '
import json, sys
stats = json.load(sys.stdin)
print(stats["stores"], stats["store_bytes"])')"
reads=$(((512 + 4096 + 65536) * 4000 * 7 / 10))
[ $((bytes * 20 / reads)) -eq 19 ] || [ $((bytes * 20 / reads)) -eq 20 ] ||
	fail "$bytes bytes stored, about $reads expected ($stores stores)"
stop listener
stop fabric
