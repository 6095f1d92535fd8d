#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Peers call without end: sessions begun and dropped, and floods of events, of one that is allowed
# and of one that is not. A mount beside them goes on, and a new client gets its session soon.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

image_make disk.img 32 random >/dev/null
fabric_start a b c d
server_start --export "disk=$WORK/disk.img,allow=${GID[b]}:${GID[c]}"
client_start
for attack in churn=c events=c events=d; do
	mode=${attack%=*} name=${attack/=/_}
	start_foreign "$name" "$build_dir/tests/hostile_peer_flood" "${SOCKET[${attack#*=}]}" \
		"${GID[a]}" "$mode" 8
	wait_ready "$name"
	fio_run "beside_$name" --filename="$DISK" --rw=randread --bs=4k --direct=1 --iodepth=1 \
		--size=16M --time_based --runtime=4 --output-format=json
	longest=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["jobs"][0]["read"]["clat_ns"]["max"] // 1000000)' \
		"$WORK/beside_$name.fio")
	# The mount's own function calls anew: its old session goes first.
	stop client
	started=$(date +%s%N)
	run_status 0 "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- \
		--peer "${GID[a]}" --list --connect-timeout-ms 8000
	took=$((($(date +%s%N) - started) / 1000000))
	client_start
	wait_exit "$name" 20
	[ "$stop_status" -eq 0 ] || fail "$(said "$name")"
	note "$name: $(tail -n 1 "$WORK/$name.out"); longest read $longest ms, a list $took ms"
	[ "$longest" -lt 1000 ] || fail "$name: a read took $longest ms"
	[ "$took" -lt 5000 ] || fail "$name: a list took $took ms"
done
sessions=$(sed -n 's/^sessions=//p' "$WORK/churn_c.out")
[ "$sessions" -le 60 ] || fail "$sessions sessions of one client in 8 s"
[ "$(telemetry_value server /link/stats events_over)" -gt 0 ] || fail "no event was left out"
[ "$(telemetry_value server /link/stats calls_delayed)" -gt 0 ] || fail "no call was put off"
lines=$(wc -l <"$WORK/server.err")
[ "$lines" -lt 100 ] || fail "$lines lines in the server's log"
stop client
stop server
stop fabric
