#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Client, server and fabric are killed: the session lives on where its server does, a
# client finds its way back, and says what has become of the session.
# shellcheck disable=SC2016 # what is typed is for the far shell
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep

fabric_up() {
	fabric_start a,gid=a1 b,gid=b2 c,gid=c3
}
server_up() {
	server_start --console "sh=exec:$(far_shell),allow=any,share"
}
fabric_up
server_up
screen_open here
allow_log "$log_peer_gone"

# The client: the next one has the session at once, on the same function or another.
screen_attach here b
screen_wait here '^far\$ *$'
screen_type here 'kept=1; cat'
for function in b c; do
	screen_type here "line of $function"
	screen_wait here "^line of $function"
	kill -KILL "$(screen_client here)"
	# The terminal is raw now, as after every program that is killed.
	screen_type here ''
	screen_keys here -l 'stty sane'
	screen_keys here C-j
	screen_wait here '^here\$'
	screen_clear here
	start=$EPOCHREALTIME
	screen_attach here $function --take-over
	screen_wait here '^\[dpdk-ismcons: at console'
	screen_type here "again by $function"
	screen_wait here "^again by $function"
	note "attached again from $function after" \
		"$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f s", b - a }')"
done
screen_keys here C-c
screen_type here 'echo kept-$kept'
screen_wait here '^kept-1$'

# The fabric: nothing is missing afterwards.
screen_clear here
screen_type here 'for i in $(seq 40); do echo tick-$i; sleep 0.1; done; echo done-$((1 + 1))'
screen_wait here '^tick-5$'
stop fabric KILL
screen_wait here '^\[dpdk-ismcons: .*'
sleep 0.5
fabric_up
screen_wait here '^done-2$' 40
screen_all here | grep -oE '^tick-[0-9]+$' >"$WORK/ticks"
seq -f 'tick-%g' 40 | cmp - "$WORK/ticks" || fail "lines are missing or doubled"
screen_type here 'echo kept-$kept-still'
screen_wait here '^kept-1-still$'

# The server: its sessions die with it, and the client says so and gets a new one.
screen_clear here
stop server KILL
screen_wait here '^\[dpdk-ismcons: .*lost'
server_up
screen_wait here '^\[dpdk-ismcons: .*restarted' 30
screen_wait here '^far\$ *$'
screen_type here 'echo kept-${kept:-nothing}'
screen_wait here '^kept-nothing$'

# What cannot come back, ends.
screen_keys here C-_ '.'
screen_status here 0
screen_attach here b --no-reconnect
screen_wait here '^far\$ *$'
stop server KILL
screen_status here "$CONS_LOST"
stop fabric
