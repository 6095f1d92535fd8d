#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Reading another program: whom --attach finds, that every way to a number says the same number, and
# servers of telemetry that lie, hang or end.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"
need_fuse
need_command python3

# A name means a program that is there, whoever else runs on this machine.
export RUNTIME_DIRECTORY=$WORK/run
mkdir "$RUNTIME_DIRECTORY"
ismstat=$(program dpdk-ismstat)

run_status 1 "$ismstat" --attach nobody show device info
stat_said "^dpdk-ismstat: no running program 'nobody'"

image=$(image_make image 8 random)
pair_start "$image"
cp "$DISK" "$WORK/copy"
same "$image" "$WORK/copy" "the disk"

### Who is meant ###

server=${child_pid[server]} client=${child_pid[client]}
for who in "$server" "ismd-$server" ismd dpdk-ismd "$RUNTIME_DIRECTORY/dpdk/ismd-$server"; do
	run_status 0 "$ismstat" --attach "$who" --json show blk exports
	stat_json 'last["blk_exports"]["0"]["name"] == "disk"'
done
run_status 0 "$ismstat" --attach ismblk --json show blk client
stat_json 'list(last["blk_client"].values())[0]["disk"]["disk"]["present"] == 1'
run_status 1 "$ismstat" --attach other show device info
stat_said "no running program 'other'; there are: .*ismd-$server"
stat_said "ismblk-$client"
run_status 1 "$ismstat" --attach "$$" show device info
stat_said "process $$ \(.*\) runs and has no telemetry"
run_status 1 "$ismstat" --attach ismblk show blk exports
run_status 1 "$ismstat" --attach "$RUNTIME_DIRECTORY/none" show device info

### One number, however it is asked for ###

# The requests of one queue, the operations of the export: nothing runs meanwhile.
for name in server client; do
	telemetry "$name" /link/queues >"$WORK/queues.$name"
	stat_attach 0 $name --json show link xstats
	stat_json "last['link_xstats']['queues']['0/0']['requests'] == \
		json.load(open('$WORK/queues.$name'))['0/0']['requests'] > 0"
	stat_attach 0 $name --openmetrics
	requests=$(telemetry_value $name /link/queues 0/0 requests)
	stat_printed "^link_queue_requests_total\{.*queue=\"0\"\} $requests\$"
	stat_printed '^# EOF$'
done
ops=$(telemetry_value server /blk/exports exports 0 read ops)
stat_attach 0 server --openmetrics
stat_printed "^blk_export_operations_total\{export=\"disk\",operation=\"read\"\} $ops\$"
stat_printed '^blk_export_latency_seconds_sum\{export="disk"\} [0-9]*\.[0-9]*[1-9][0-9]*$'
stat_printed '^blk_export_latency_seconds_bucket\{export="disk",le="\+Inf"\} [1-9][0-9]*$'
ops=$(telemetry_value client "/blk/client/disk,${GID[a]},disk" read_ops)
stat_attach 0 client --openmetrics
stat_printed "^blk_disk_operations_total\{.*disk=\"disk\",operation=\"read\"\} $ops\$"
# DPDK's own client, where it is installed.
if command -v dpdk-telemetry.py >/dev/null; then
	echo /blk/exports | bounded 20 dpdk-telemetry.py -f "ismd-$server" >"$WORK/dpdk.out"
	ops=$(telemetry_value server /blk/exports exports 0 read ops)
	grep -q "\"read\": *{\"ops\": *$ops" "$WORK/dpdk.out" ||
		fail "dpdk-telemetry.py: $(cat "$WORK/dpdk.out")"
fi

# What the device says and writes.
for command in query sba ieq events; do
	telemetry server "/ism/$command,0" >"$WORK/$command"
done
grep -q '"gid": "0x' "$WORK/query" || fail "QUERY_INFO: $(cat "$WORK/query")"
grep -q '"summary": ' "$WORK/sba" || fail "SBA: $(cat "$WORK/sba")"
grep -q '"index": ' "$WORK/ieq" || fail "event queue: $(cat "$WORK/ieq")"
# A session began with a software event.
grep -q '"type": "software"' "$WORK/events" || fail "events: $(cat "$WORK/events")"
# Asking makes control ask the device, and the answer gets young: younger than this test's wait.
asked=$(date +%s%3N)
is_young() {
	[ "$(telemetry_value server /ism/query,0 age_ms)" -lt $(($(date +%s%3N) - asked)) ] &&
		[ "$(telemetry_value server /ism/query,0 dmbs_owned)" -gt 0 ]
}
wait_for 20 "a fresh QUERY_INFO" is_young
pair_stop

### It ends, and comes back under the same prefix ###

server_eal=(--file-prefix=fixed)
fabric_start a b
server_start --export "disk=$image,allow=any"
start watcher "$ismstat" --attach fixed --top --stats-period 1
first=${child_pid[server]}
wait_for 20 "a picture" grep -q "PID $first," "$WORK/watcher.out"
stop server KILL
wait_for 20 "it is told" grep -q 'waiting for it' "$WORK/watcher.err"
check_running watcher
server_start --export "disk=$image,allow=any"
wait_for 20 "the next one" grep -q "PID ${child_pid[server]}," "$WORK/watcher.out"
allow_log 'waiting for it'
stop watcher
stop server
stop fabric

### Whoever may answer ###

cat >"$WORK/fake.py" <<'EOT'
import os, socket, sys
mode, path = sys.argv[1:]
hello = b'{"version":"DPDK 22.11.11","pid":%d,"max_output_len":16384}' % os.getpid()
answers = {
	'garbage': b'\xff\xfe{{{{', 'empty': b'{}',
	'deep': b'{"/":' + b'[' * 9000 + b']' * 9000 + b'}',
	'huge': b'{"/":"' + b'x' * 280000 + b'"}', 'terminal': b'{"/":"\\u001b[2J"}',
	'names': b'{"/":["/ism/info","/link/stats","/blk/exports"]}', 'silent': None,
}
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.bind(path)
server.listen(8)
print('ready', flush=True)
while True:
	conn, _ = server.accept()
	conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
	try:
		if mode == 'mute':
			conn.recv(1)
		elif mode != 'hang-up':
			conn.send(b'\x00\xff' if mode == 'noise' else hello)
			while conn.recv(2000):
				if answers[mode] is not None:
					conn.send(answers[mode])
	except OSError:
		pass
	conn.close()
EOT
mkdir -p "$RUNTIME_DIRECTORY/dpdk/fake"
for mode in mute hang-up noise garbage empty deep huge terminal names silent; do
	start_foreign fake python3 "$WORK/fake.py" "$mode" \
		"$RUNTIME_DIRECTORY/dpdk/fake/dpdk_telemetry.v2"
	wait_ready fake
	for what in --openmetrics "show device info" --top; do
		# shellcheck disable=SC2086 # words
		run_status 1 "$ismstat" --attach fake $what
		[ "$(wc -l <"$WORK/run.err")" -le 2 ] || fail "$mode, $what: $(said run)"
		! grep -q $'\033' "$WORK/run.err" "$WORK/run.out" || fail "$mode, $what: an escape"
		stat_said '^dpdk-ismstat: '
	done
	kill "${child_pid[fake]}"
	wait_exit fake 20
	rm "$RUNTIME_DIRECTORY/dpdk/fake/dpdk_telemetry.v2"
done
