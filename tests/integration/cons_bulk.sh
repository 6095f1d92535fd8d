#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# 100 MB in each direction arrive as they were; also when the link breaks on the way.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"

size=100000000
part=$((size * 3 / 5))
head -c $size /dev/urandom >"$WORK/data"
# All of it, but the last part not before there is a file "on": however slow this test is, a
# link that it breaks is broken on the way.
cat >"$WORK/pour" <<-EOT
	head -c $part "$WORK/data"
	until [ -e "$WORK/on" ]; do sleep 0.05; done
	tail -c +$((part + 1)) "$WORK/data"
EOT
out=$(far_script out <<-EOT
	stty raw -echo
	. "$WORK/pour"
EOT
)
# What comes in is counted and kept, not interpreted.
in=$(far_script in <<-EOT
	stty raw -echo
	echo go
	head -c $size >"$WORK/arrived"
	echo arrived
EOT
)
fabric_up() {
	fabric_start a,gid=a1 b,gid=b2
}
# How many bytes of a console have moved.
moved_out() {
	stat -c %s "$WORK/out.out"
}
moved_in() {
	stat -c %s "$WORK/arrived" 2>/dev/null || echo 0
}
moved() {
	[ "$("moved_$1")" -ge "$2" ]
}
# rate NAME START: what a second has carried.
rate() {
	note "$1: $(awk -v a="$2" -v b="$EPOCHREALTIME" -v size=$size \
		'BEGIN { printf "%.0f MB/s", size / 1e6 / (b - a) }')"
}

fabric_up
server_start --console "out=exec:$out,allow=any" --console "in=exec:$in,allow=any"

# all_out [BREAK]: everything out of the console; BREAK runs when a fifth is there.
all_out() {
	local start=$EPOCHREALTIME
	console_start out b /dev/null --console out
	[ $# -eq 0 ] || {
		wait_for 30 "output" moved out $((size / 5))
		"$@"
		: >"$WORK/on"
	}
	console_ends out 0 90
	rate "out${1:+, broken once}" "$start"
	same "$WORK/out.out" "$WORK/data" "output differs"
}
all_in() {
	local start
	rm -f "$WORK/arrived"
	typist_start in <(sh "$WORK/pour")
	console_start in b "$WORK/typed" --console in
	wait_for 20 "the program takes input" file_shows "$WORK/in.out" '^go'
	start=$EPOCHREALTIME
	[ $# -eq 0 ] || {
		wait_for 30 "input" moved in $((size / 5))
		"$@"
		: >"$WORK/on"
	}
	wait_exit typist 90
	console_ends in 0 30
	rate "in${1:+, broken once}" "$start"
	same "$WORK/arrived" "$WORK/data" "input differs"
}
break_link() {
	local name=out
	[ -z "${child_pid[in]:-}" ] || name=in
	stop fabric KILL
	[ "$("moved_$name")" -lt $size ] || fail "$name: all was through before the link broke"
	fabric_up
}

: >"$WORK/on"
all_out
all_in
allow_log "$log_peer_gone|connection lost"
rm "$WORK/on"
all_out break_link
rm "$WORK/on"
all_in break_link
stop server
stop fabric
