#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The live view in a terminal: windows of two sizes, keys, a program that is killed and comes back;
# and the terminal is as it was on every way out.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_fuse
need_command tmux pgrep

server_eal=("--file-prefix=top-$$")
image=$(image_make image 8 random)
pair_start "$image"
ismstat=$(program dpdk-ismstat)
printf '#!/bin/sh\nexec %q --attach %q --top "$@"\n' "$ismstat" "top-$$" >"$WORK/top"
chmod 755 "$WORK/top"

screen_open here 80 24
screen_type here 'stty -g >before; echo looked'
screen_wait here '^looked'

# restored HOW: the shell in front has its prompt, its screen and its terminal.
restored() {
	wait_for 20 "$1: the shell has the terminal" screen_prompt here
	screen_wait here '^looked'
	screen_type here 'stty -g >after; echo again'
	screen_wait here '^again'
	cmp "$WORK/before" "$WORK/after" || fail "$1: the terminal is not as it was"
	[ "$(screen_tmux display-message -p -t '=here:' '#{cursor_flag}')" = 1 ] ||
		fail "$1: no cursor"
	screen_clear here
	screen_type here 'echo looked'
	screen_wait here '^looked'
}

# widest: columns of the longest line on the screen.
widest() {
	screen_tmux capture-pane -p -t '=here:' |
		awk '{ if (length > n) n = length } END { print n + 0 }'
}

screen_type here './top'
screen_wait here "PID ${child_pid[server]},"
screen_wait here '^PEER '
screen_wait here "^${GID[b]#0x} blk +up "
screen_wait here '^export disk '
screen_wait here '^q quit '
# Work shows as rates, after the next picture at the latest.
printf 'while :; do dd if=%q of=/dev/null bs=4k iflag=direct 2>/dev/null; done\n' "$DISK" \
	>"$WORK/load"
start_load load sh "$WORK/load"
screen_wait here '^export disk +[0-9.]*[1-9][0-9.]*[kM]? '
kill "${child_pid[load]}"
wait_exit load 20
# Latencies are of the period: without work there are none, whatever there was before.
screen_wait here '^export disk +0 +0 +0 +0 +0 +- +- +- +- +0$'
[ "$(telemetry_value server /blk/exports exports 0 p50_ns)" -gt 0 ] ||
	fail "the export itself has no latencies"

# A small window: as much as fits, nothing beyond, the foot in the last line.
screen_resize here 40 10
last_line() {
	screen_tmux capture-pane -p -t '=here:' | sed -n '10p' | grep -q '^q quit'
}
wait_for 20 "the foot is in line 10" last_line
[ "$(widest)" -le 40 ] || fail "a line of $(widest) columns in a window of 40"
screen_resize here 100 30
screen_wait here 'RTRY  ERR$'

screen_keys here p
screen_wait here 'PAUSED'
screen_keys here +
screen_wait here 'period 2 s'
screen_keys here -
screen_wait here 'period 1 s'
screen_keys here p

# Killed: said, waited for, and there again.
old=${child_pid[server]}
stop server KILL
screen_wait here 'waiting: '
allow_log "$log_peer_gone"
server_start --export "disk=$image,allow=any"
screen_wait here "PID ${child_pid[server]},"
[ "$old" != "${child_pid[server]}" ] || fail "the same process"
screen_wait here '^export disk '

screen_keys here q
restored q
screen_resize here 80 24
for key in C-c C-d; do
	screen_type here './top'
	screen_wait here '^PEER '
	screen_keys here "$key"
	restored "$key"
done
for signal in TERM HUP QUIT; do
	screen_type here './top'
	screen_wait here '^PEER '
	kill "-$signal" "$(pgrep -n -f -- "--attach top-$$ --top")"
	restored "SIG$signal"
done

# No terminal: one picture with rates; some, with empty lines between them.
stat_attach 0 server --top
stat_printed "^dpdk-ismd, PID ${child_pid[server]}, "
stat_printed '^export disk +[0-9]'
! grep -q $'\033' "$WORK/run.out" || fail "escapes where there is no terminal"
two_pictures() {
	bounded 30 "$ismstat" --attach "${child_pid[server]}" --top --stats-period 1 |
		awk '/^dpdk-ismd/ && ++n == 2 { exit } { print }'
}
two_pictures >"$WORK/two"
[ "$(grep -c '^dpdk-ismd' "$WORK/two")" -eq 1 ] || fail "not two pictures: $(cat "$WORK/two")"
[ -z "$(tail -n 1 "$WORK/two")" ] || fail "no empty line between two pictures"

# An own function's, with its link alive meanwhile.
stop client
stat_run 0 b --top
stat_printed '^dpdk-ismstat, PID '
stat_printed '^no sessions$'
pair_stop
