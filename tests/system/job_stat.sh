#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Link tests between a guest and its host, asked for by either: ping, stream and verify find
# nothing wrong across the two byte orders. The JSON is kept as a result.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$source_dir/tests/lib/ismstat.sh"
need_kernel testing

kept=$source_dir/build-logs/link-tests
mkdir -p "$kept"
fabric_start host guest --quirk=qemu-pcistb
machine_start guest guest
machine_bind guest guest

# commands MODE COUNT SIZE: the options of one run are in the array run then.
commands() {
	run=(--keepalive-ms 3000 --command "wait link 60" --command "set fwd $1"
		--command "set size $3" --command "set count $2" --command start
		--command "wait test 100")
}

# judge WHO MODE COUNT: what $WORK/run.out holds is right, and is kept.
judge() {
	stat_json "last['fwd_stats']['mode'] == '$2' and last['fwd_stats']['messages'] == $3"
	stat_json "not any(n for key, n in last['fwd_stats'].items() if key.startswith('errors_'))"
	stat_json "last['fwd_stats']['lost'] == 0 == last['fwd_stats']['mismatches']"
	stat_json "last['fwd_stats']['trouble'] == ''"
	cp "$WORK/run.out" "$kept/link-$1-$2.json"
	note "$1 $2: $(python3 -c 'import json, sys
stats = json.loads(open(sys.argv[1]).readlines()[-1])["fwd_stats"]
print("%d messages of %d bytes in %d ms, p50 %.0f us, %.2f stores a message" % (stats["messages"],
    stats["bytes"] // stats["messages"], stats["elapsed_ms"], stats["latency_ns"]["p50"] / 1000,
    stats["stores_per_message"]))' "$WORK/run.out")"
}

### The host asks ###
machine_spawn guest listener "/ism/dpdk-ismstat -- --listen any"
machine_ready guest listener
stat_command host
for run_of in 'ping 500 64' 'ping 20 65536' 'stream 2000 64' 'verify 300 1500'; do
	read -r mode count size <<<"$run_of"
	commands "$mode" "$count" "$size"
	bounded 170 "${stat_command[@]}" --json --peer "${GID[guest]}" "${run[@]}" \
		>"$WORK/run.out" 2>"$WORK/run.err" || fail "$mode: $(said run)"
	judge "host-$size" "$mode" "$count"
done
machine_end guest listener

### The guest asks ###
stat_listen listener host
for run_of in 'ping 500 64' 'stream 2000 64' 'verify 100 1500'; do
	read -r mode count size <<<"$run_of"
	commands "$mode" "$count" "$size"
	guest_job guest 200 \
		"/ism/dpdk-ismstat -- --json --peer ${GID[host]} ${run[*]@Q} 2>/tmp/run.err"
	cp "$WORK/guest.run" "$WORK/run.out"
	[ "$job_status" -eq 0 ] || fail "$mode: $(machine_said guest)"
	judge "guest-$size" "$mode" "$count"
done
stop listener
guest_noise+='|vfio_region_write\(.*:region0\+.* failed: Input/output error'
guest_stop guest
stop fabric
