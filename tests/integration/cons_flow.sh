#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A reader that stops holds the program up, not the server's memory; a flood neither
# delays Ctrl-C nor starves a disk that the same server exports.
# shellcheck disable=SC2016 # what is typed is for the far shell
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_fuse
need_command tmux pgrep fio

count=5000000
lines=$(far_script lines <<-EOT
	stty raw -echo
	seq 1 $count
EOT
)
fabric_start a b c
server_start --console "lines=exec:$lines,allow=any" --console "sh=exec:$(far_shell),allow=any" \
	--export "disk=$(image_make disk.img 32),allow=any"
client_function=c
client_start

rss_kib() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/${child_pid[server]}/status"
}
# The far program has not moved for half a second.
stands() {
	local before
	before=$(console_value lines out_pos)
	sleep 0.5
	[ "$(console_value lines out_pos)" -eq "$before" ]
}

# A pipe that is not read on, and a client that is stopped: nothing is missing after.
cat >"$WORK/reader.py" <<'PYTHON'
import hashlib, os, sys, time
data = hashlib.sha256(sys.stdin.buffer.read(1000000))
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
while chunk := sys.stdin.buffer.read(65536):
    data.update(chunk)
print(data.hexdigest())
PYTHON
mkfifo "$WORK/slow"
python3 "$WORK/reader.py" "$WORK/read-on" <"$WORK/slow" >"$WORK/reader.out" 2>"$WORK/reader.err" &
child_pid[reader]=$!
child_kind[reader]=load
console_command b
"${console_command[@]}" --console lines </dev/null >"$WORK/slow" 2>"$WORK/slow.err" &
child_pid[slow]=$!
child_kind[slow]=program
echo "${console_command[*]}" >"$WORK/slow.cmd"
begun() {
	[ "$(console_value lines out_pos)" -ge 1000000 ]
}
wait_for 20 "the console has begun" begun
wait_for 20 "the program is held up" stands
early=$(console_value lines out_pos)
[ "$early" -lt 6000000 ] || fail "$early bytes were read ahead of a reader that reads no more"
# It may be taken for dead; when it is back, nothing may be missing all the same.
allow_log 'connection lost|no keepalive'
kill -STOP "${child_pid[slow]}"
before=$(rss_kib)
sleep 1.5
stands || fail "the program writes on while its reader is stopped"
after=$(rss_kib)
[ "$((after - before))" -lt 2048 ] || fail "the server has grown from $before to $after KiB"
note "held up after $early bytes; the server has $after KiB"
kill -CONT "${child_pid[slow]}"
: >"$WORK/read-on"
console_ends slow 0 60
wait_exit reader 20
seq 1 $count | sha256sum | cut -d ' ' -f 1 | cmp - "$WORK/reader.out" ||
	fail "what came is not what was written"

# A flood that a terminal shows, and a disk that is written and checked meanwhile.
screen_open here
screen_attach here b '--console sh'
screen_wait here '^far\$ *$'
start_verify_load "$DISK"
for round in 1 2 3; do
	screen_type here 'yes flood-$((1 + 1))'
	screen_wait here '^flood-2$'
	sleep 0.5
	under_verify_load client
	start=$EPOCHREALTIME
	screen_keys here C-c
	screen_until 20 here "the prompt after Ctrl-C" screen_prompt here '^far\$ *$'
	note "round $round: the prompt was back" \
		"$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f s", b - a }')" \
		"after Ctrl-C, and $(($(console_value sh out_pos) >> 10)) KiB"
	screen_clear here
done
check_running client server
screen_type here 'yes | head -c 200000000 >/dev/tty; echo through'
wait_verify_load
same "$DISK" "$WORK/disk.img" "the image is not what the mount shows"
screen_keys here C-c
screen_until 20 here "the prompt" screen_prompt here '^far\$ *$'
screen_type here 'exit 3'
screen_status here 3
pair_stop
