#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What a full-screen program has switched on in the terminal is undone on every way out,
# and while the client is stopped; who attaches again has it again.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep

# Draws a screen of its own, and again whenever its window may have changed; never ends.
full=$(far_script full <<-EOT
	echo \$\$ >"$WORK/full.pid"
	stty raw -echo
	printf '\033[?1049h\033[?1h\033=\033[?25l\033[?1003;1006h\033[?2004h\033[?7l'
	draw() {
		printf '\033[2;5r\033[H\033[2Jfull screen\r\n'
	}
	trap draw WINCH
	draw
	while :; do
		sleep 0.1
	done
EOT
)

# modes NAME: of the terminal; the margins of one of 24 rows are 0 and 23.
modes() {
	local format='#{alternate_on} #{keypad_cursor_flag} #{keypad_flag} #{cursor_flag}'
	format+=' #{mouse_any_flag} #{mouse_sgr_flag} #{wrap_flag}'
	format+=' #{scroll_region_upper}-#{scroll_region_lower}'
	screen_tmux display-message -p -t "=$1:" "$format"
}
modes_are() {
	[ "$(modes "$1")" = "$2" ]
}
found='0 0 0 1 0 0 1 0-23'
taken='1 1 1 0 1 1 0 1-4'
# on NAME, off NAME: has the program's modes; is as it was found.
on() {
	screen_wait "$1" '^full screen'
	screen_until 20 "$1" "modes $taken" modes_are "$1" "$taken"
}
off() {
	screen_until 20 "$1" "the client has ended" screen_prompt "$1"
	screen_until 20 "$1" "modes $found" modes_are "$1" "$found"
	screen_shows "$1" '^before$' || fail "the screen from before is not there"
}

fabric_start a,gid=a1 b,gid=b2 c,gid=c3
server_start --console "full=exec:$full,allow=any,share"
screen_open here
screen_open there
modes_are here "$found" || fail "the terminal is not as expected at first: $(modes here)"

# begin NAME FUNCTION [OPTION...]
begin() {
	local name=$1
	screen_clear "$name"
	screen_type "$name" 'printf "be%s\n" fore'
	screen_wait "$name" '^before$'
	shift
	screen_attach "$name" "$@"
	on "$name"
}
note "by the escape, and there again"
begin here b
screen_keys here C-_ '.'
off here
begin here b
note "taken over"
begin there c --take-over
off here
screen_keys there C-_ '.'
off there
for signal in TERM HUP SEGV; do
	note "by SIG$signal"
	[ "$signal" != SEGV ] || allow_log 'Segmentation fault|core dumped'
	begin here b
	kill "-$signal" "$(screen_client here)"
	off here
done

note "stopped and continued"
begin here b
kill -TSTP "$(screen_client here)"
screen_until 20 here "it is stopped" screen_shows here 'Stopped'
off here
screen_type here 'fg'
on here

note "the program is killed"
kill -KILL "$(cat "$WORK/full.pid")"
off here
screen_shows here 'killed by signal 9' || fail "the end is not told"

note "the peer is lost"
begin here b --no-reconnect
allow_log "$log_peer_gone"
stop server KILL
off here
screen_shows here 'connection lost' || fail "the loss is not told"
stop fabric
