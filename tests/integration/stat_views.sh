#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What dpdk-ismstat shows is what dpdk-telemetry.py would: of itself, and of a server and a client
# of disks that it attaches to; clear counts from there on for nobody else; rates; text for people.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"
need_fuse

# agree NAME: every view of that program against its telemetry. Nothing may move meanwhile but what
# is named below.
agree() {
	stat_attach 0 "$1" --json show all
	cp "$WORK/run.out" "$WORK/all.json"
	python3 - "$WORK/all.json" "$source_dir/tools/lib/telemetry.py" \
		"${child_pid[$1]}" <<'PYTHON' ||
import json, subprocess, sys
shown = json.loads(open(sys.argv[1]).read())
def ask(cmd):
    return json.loads(subprocess.run([sys.executable, sys.argv[2], '--pid', sys.argv[3], cmd],
                                     check=True, capture_output=True, text=True).stdout)
# What moves by itself, and what is computed here.
moving = {'polls', 'polls_empty', 'keepalives_sent', 'keepalives_seen', 'stores', 'store_bytes',
          'store_calls', 'store_syscalls', 'open_ms', 'up_ms', 'commands', 'requests',
          'empty', 'age'}
computed = {'bytes_per_store', 'stores_per_call', 'system_calls_per_store', 'empty_poll_ratio',
            'peer_empty_poll_ratio', 'stores_per_message', 'stores_per_second',
            'descriptors_per_store'}
tried = 0
def same(where, a, b):
    global tried
    if isinstance(a, dict):
        keys = set(a) - computed
        assert keys == set(b), (where, keys ^ set(b))
        for key in keys:
            same(f'{where}.{key}', a[key], b[key])
    elif where.endswith('.age_ms'):
        pass
    elif where.split('.')[-1] in moving:
        assert a <= b, (where, a, b)
    else:
        assert a == b, (where, a, b)
        tried += 1
xstats = ask('/ism/xstats,0')
same('xstats', shown['device_xstats']['0'], xstats)
same('stats', {key: value for key, value in shown['device_stats']['0'].items() if key != 'errors'},
     {key: xstats[key] for key in shown['device_stats']['0'] if key in xstats})
info = {key: value for key, value in shown['device_info']['0'].items()
        if key not in ('query', 'sba', 'ieq')}
same('info', info, ask('/ism/info,0'))
same('query', shown['device_info']['0']['query'], ask('/ism/query,0'))
same('sba', shown['sba']['0'], ask('/ism/sba,0'))
same('ieq', shown['ieq']['0'], ask('/ism/ieq,0'))
same('event', shown['event']['0'], ask('/ism/events,0'))
same('dmb', shown['dmb']['0'], ask('/ism/dmbs,0'))
same('total', shown['link_stats']['total'], ask('/link/stats'))
sessions = ask('/link/sessions')
same('sessions', shown['link_xstats']['sessions'], sessions)
same('queues', shown['queue'], ask('/link/queues'))
same('queues', shown['link_xstats']['queues'], ask('/link/queues'))
assert sessions and shown['link_stats']['sessions']['0']['rgid'] == sessions['0']['rgid']
commands = ask('/')
if '/blk/exports' in commands:
    same('exports', shown['blk_exports'], ask('/blk/exports')['exports'])
    same('workers', shown['blk_workers'], ask('/blk/workers'))
if '/blk/client/list' in commands:
    gid = ask('/blk/client/list')[0]
    client = shown['blk_client'][gid]
    same('disk', client['disk']['disk'], ask(f'/blk/client/disk,{gid},disk'))
    same('queue', client['queue']['0'], ask(f'/blk/client/queue,{gid},0'))
    same('mount', shown['blk_mount'], ask('/ismblk/mount'))
assert tried > 60, tried
print(sorted(shown), tried)
PYTHON
		fail "what is shown of $1 is not what it tells"
}

image=$(image_make disk.img 8 random)
pair_start "$image"
dd if="$DISK" of=/dev/null bs=64K count=32 iflag=direct status=none
agree server
agree client

# One line of JSON for each view that there is, with who, when and its own key.
stat_attach 0 server --json show all
views=$(python3 -c 'import json, sys
print("\n".join(key for key in json.load(open(sys.argv[1])) if key not in ("source", "time")))' \
	"$WORK/run.out")
[ "$(wc -l <<<"$views")" -ge 12 ] || fail "few views: $views"
for key in $views; do
	# shellcheck disable=SC2086 # several words
	stat_attach 0 server --json show ${key//_/ }
	[ "$(wc -l <"$WORK/run.out")" -eq 1 ] || fail "$key: not one line"
	stat_json "set(last) == {'source', 'time', '$key'}"
	stat_json "last['source'].startswith('dpdk-ismd, PID ${child_pid[server]}, DPDK ')"
	# shellcheck disable=SC2086
	stat_attach 0 server show ${key//_/ }
	[ -s "$WORK/run.out" ] || fail "$key: no text"
	! grep -nE '[^[:print:]]' "$WORK/run.out" || fail "$key: odd characters"
done
stat_attach 0 server show device info
stat_printed "^  GID +0x[0-9a-f]{16}$"
stat_printed '^  largest store +4,096 \(4.0 KiB\)$'
stat_printed '^  QUERY_INFO$'
stat_printed '^    DMBs owned +[0-9]+$'
stat_attach 0 server show device info 0
stat_attach 1 server show device info 9
stat_said 'no ISM function has the id 9'
stat_attach 0 server show dmb all
stat_printed "^ +[0-9]+ +[0-9,]+ \([0-9.]+ [KM]iB\) +0x[0-9a-f]{16} +${GID[b]}$"
stat_attach 0 server show blk exports
stat_printed '^    name +disk$'

# What a program does not have is one line.
stat_attach 1 server show fwd stats
stat_said '^dpdk-ismstat: this program has no fwd stats \(dpdk-ismd, PID '
stat_attach 1 server show blk client
stat_attach 1 client show blk exports
[ "$(wc -l <"$WORK/run.err")" -eq 1 ] || fail "more than one line: $(said run)"
[ ! -s "$WORK/run.out" ] || fail "printed all the same"
# What needs a function of its own too.
stat_attach 1 server start
stat_said "^dpdk-ismstat: 'start' needs a function of its own: not with --attach$"
stat_attach 1 server set size 64
stat_attach 1 server wait link

# Counters count from `clear` on; gauges do not, and nobody else notices.
before=$(telemetry_value server /ism/xstats,0 stores)
[ "$before" -gt 0 ] || fail "no stores yet"
stat_attach 0 server --json --command "clear device stats" --command "show device stats" \
	--command "show device xstats" --command "show link stats"
stat_json "all(line[key]['0']['stores'] < 8 for line, key in
	((lines[0], 'device_stats'), (lines[1], 'device_xstats')))"
stat_json "lines[0]['device_stats']['0']['dmbs'] > 0"
stat_json "lines[2]['link_stats']['total']['ups'] == 1"
[ "$(telemetry_value server /ism/xstats,0 stores)" -ge "$before" ] || fail "cleared at the source"
stat_attach 0 client --json --command "clear all" --command "show all"
stat_json "last['link_stats']['total']['ups'] == 0 and last['link_stats']['total']['sessions'] == 1"
stat_json "list(last['blk_client'].values())[0]['disk']['disk']['read_ops'] == 0"
# So do latencies: nothing came since, whatever came before.
stat_attach 0 client --json --command "show blk client" --command "clear blk client" \
	--command "show blk client"
stat_json "[disk['p50_ns'] > 0 and disk['max_ns'] > 0 for line in lines
	for client in line['blk_client'].values()
	for disk in (client['disk']['disk'], client['queue']['0'])] == [True, True, False, False]"
stat_attach 0 server --json --command "show blk exports" --command "clear all" \
	--command "show blk exports"
stat_json "[line['blk_exports']['0']['p999_ns'] > 0 for line in lines] == [True, False]"
stat_attach 1 server clear link info
stat_attach 1 server clear fwd stats

# Rates: 128 reads, three times, each counted once; a view that is named alone is repeated.
start ticker "$(program dpdk-ismstat)" --attach "${child_pid[client]}" --json --stats-period 1
start named "$(program dpdk-ismstat)" --attach "${child_pid[client]}" --json --stats-period 1 \
	show device stats
has_lines() {
	[ "$(wc -l <"$WORK/$1.out")" -ge "$2" ]
}
wait_for 20 "a period is printed" has_lines ticker 1
for _ in 1 2 3; do
	dd if="$DISK" of=/dev/null bs=4K count=128 iflag=direct status=none
	wait_for 20 "periods are printed" has_lines ticker $(($(wc -l <"$WORK/ticker.out") + 2))
done
stop ticker
wait_for 20 "the view is repeated" has_lines named 2
stop named
cp "$WORK/ticker.out" "$WORK/run.out"
stat_json "all('per_second' in line['device_stats']['0'] for line in lines)"
# What was counted, and the seconds that its rate stands for; these are those between two lines,
# as far as nothing held up the answers in between: in one of the cases, at the least.
python3 - "$WORK/run.out" <<'PYTHON' || fail "rates: $(cut -c 1-2000 "$WORK/run.out")"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1]) if line != 'ready\n']
disks = [disk for line in lines for client in line['blk_client'].values()
         for disk in client['disk'].values()]
assert len(disks) == len(lines), disks
found = []
for i in range(1, len(lines)):
    ops = disks[i]['read_ops'] - disks[i - 1]['read_ops']
    rate = disks[i]['per_second']['read_ops']
    assert (ops > 0) == (rate > 0), (ops, rate)
    if ops > 0:
        found.append((ops, ops / rate, lines[i]['time'] - lines[i - 1]['time']))
print(found)
assert sum(ops for ops, _, _ in found) == 3 * 128, found
assert min(abs(seconds / between - 1) for _, seconds, between in found) < 0.02, found
PYTHON
cp "$WORK/named.out" "$WORK/run.out"
stat_json "all(set(line) == {'source', 'time', 'device_stats'} for line in lines)"

# A program that has ended.
pid=${child_pid[client]}
pair_stop
run_status 1 "$(program dpdk-ismstat)" --attach "$pid" show link stats
stat_said "^dpdk-ismstat: no running program '$pid'"
