#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Each number of each list is in the answer of a program that counts it, and dpdk-ismstat's clear
# begins all counters anew and no gauge.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"
need_fuse

"$build_dir/tests/docs_counters" --tsv >"$WORK/rows"
lists=$(cut -f 1 "$WORK/rows" | sort -u | wc -l)
seen=0

# told WHERE <ANSWER: some object in it has all numbers of the list of that place. Of disks an
# operation's stand in one object, behind its name.
told() {
	python3 -c 'import json, sys
rows = [line.split("\t") for line in open(sys.argv[1])]
keys = {row[1] for row in rows if row[0] == sys.argv[2]}
def objects(value):
    if isinstance(value, dict):
        yield value.keys() | {key[5:] for key in value if key.startswith("read_")}
        for item in value.values():
            yield from objects(item)
best = min((keys - have for have in objects(json.load(sys.stdin))), key=len)
assert keys, "there is no such list"
assert not best, best' "$WORK/rows" "$1" || fail "numbers of $1 are missing"
	seen=$((seen + 1))
}

# asked NAME COMMAND WHERE: the same of a program's answer.
asked() {
	told "$3" < <(telemetry "$1" "$2")
}

fabric_start a b c d
image=$(image_make disk.img 8 random)
server_start --export "disk=$image,allow=any" --console "cat=exec:cat,allow=any" \
	--probe allow=any
client_start
dd if="$DISK" of=/dev/null bs=1M status=none
echo hello >"$WORK/keys"
typist_start terminal "$WORK/keys" 60
console_start terminal c "$WORK/typed" --console cat
attached() {
	[ "$(telemetry_value server /cons/stats attaches)" -eq 1 ]
}
wait_for 10 "an attachment" attached
stat_run 0 d --json --peer "${GID[a]}" --command "wait link 20" --command "set count 100" \
	--command start --command "wait test 20"
told "/fwd/stats: the running or newest link test" < <(tail -n 1 "$WORK/run.out")

asked server /ism/xstats,0 "/ism/xstats: a function"
asked server /link/stats "/link/stats: all sessions, past ones included"
asked server /link/sessions "/link/sessions: a session"
asked server /link/queues "/link/queues: a queue of a session"
asked server /link/callers "/link/callers: a GID that called"
asked server /blk/exports "/blk/exports: a disk that is served"
asked server /blk/exports "/blk/exports: an operation of a disk that is served"
asked server /blk/exports "latencies of exports, disks and queues"
asked server /blk/workers "/blk/workers: a thread that serves disks"
asked server /cons/consoles "/cons/consoles: a console that is served"
asked server /cons/clients "/cons/clients: an attachment to a console"
asked server /cons/stats "/cons/stats: all consoles that are served"
asked server /fwd/stats "/fwd/stats, received: tests of others"
asked server /run/loop "/run/loop: an lcore"
asked server /run/process "/run/process: the program"
asked server /run/control "/run/control: the control socket"
asked client /blk/client/session "/blk/client/session: a peer's disks"
asked client "/blk/client/disk,${GID[a]},disk" "/blk/client/disk: a disk that is used"
asked client "/blk/client/disk,${GID[a]},disk" \
	"/blk/client/disk, /blk/client/queue: an operation; in JSON its name stands before the key"
asked client "/blk/client/queue,${GID[a]},0" "/blk/client/queue: a queue to a peer"
asked client /ismblk/mount "/ismblk/mount: a mount"
asked terminal /cons/client "/cons/client: a console that is used"
[ "$seen" -eq "$lists" ] || fail "$seen of $lists lists were looked at"

# A mount that nobody uses has counters that rest.
stat_attach 0 client --json --command "show blk mount" --command "clear blk mount" \
	--command "show blk mount"
python3 - "$WORK/rows" "$WORK/run.out" <<-'EOT' || fail "clear: $(cat "$WORK/run.out")"
	import json, sys
	rows = [line.split("\t") for line in open(sys.argv[1])]
	mount = {row[1]: row[2] for row in rows if row[0].startswith("/ismblk/mount")}
	before, after = [json.loads(line)["blk_mount"] for line in open(sys.argv[2])]
	assert before["requests"] > 0 and before["payload_out"] >= 8 << 20, before
	assert len(mount) > 10, mount
	for key, kind in mount.items():
	    if kind != "counter":
	        assert after[key] == before[key] > 0, key
	    elif key == "empty":
	        assert after[key] < max(before[key], 1000), key
	    else:
	        assert after[key] == 0, key
EOT
