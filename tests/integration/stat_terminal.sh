#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The prompt of dpdk-ismstat, typed at as a person would: completion, history, wrong words, waiting,
# a link that breaks while a line is half typed; and the terminal is as it was on every way out.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep

fabric_start a b
stat_listen listener b
stat_command a
printf '#!/bin/sh\nexec %s "$@"\n' "${stat_command[*]@Q}" >"$WORK/ismstat"
chmod 755 "$WORK/ismstat"
screen_open here 100 40
screen_type here 'stty -a >before; echo looked'
screen_wait here '^looked'
screen_clear here

# open [OPTION...]: a prompt.
open() {
	screen_type here "./ismstat $*"
	screen_wait here '^ismstat> *$'
}

# restored HOW: the shell in front has its prompt, and its terminal.
restored() {
	wait_for 20 "$1: the shell has the terminal" screen_prompt here
	screen_type here 'stty -a >after; echo looked'
	screen_wait here '^looked'
	cmp "$WORK/before" "$WORK/after" || fail "$1: the terminal is not as it was"
	screen_clear here
}

open --peer "${GID[b]}"
screen_type here 'wait link 20'
screen_wait here '^ismstat> *$'

# Tab: one choice is typed, several are listed, each once; values are named.
screen_keys here -l 'sh'
screen_keys here Tab
screen_wait here '^ismstat> show *$'
screen_keys here Tab
screen_wait here '^ device *$'
screen_wait here '^ link *$'
[ "$(screen_text here | grep -c '^ link *$')" -eq 1 ] || fail "a choice is listed twice"
screen_keys here -l 'li'
screen_keys here Tab
screen_keys here -l 'st'
screen_keys here Tab
screen_wait here '^ismstat> show link stats *$'
screen_keys here C-c
screen_keys here -l 'set f'
screen_keys here Tab
screen_keys here -l 'str'
screen_keys here Tab Enter
screen_wait here '^ismstat> set fwd stream *$'
screen_keys here -l 'link open '
screen_keys here Tab
screen_wait here '^ \[GID\]: open a link'
screen_keys here C-c

# A wrong word is one line, and none of the library's own.
screen_type here 'show likn stats'
screen_wait here "^unknown word 'likn': did you mean 'show link stats all'\?"
screen_type here 'nonsense'
screen_wait here "^unknown word 'nonsense': expected show, "
! screen_all here | grep -iE 'bad arguments|command not found|ambiguous command' ||
	fail "the library answered"

# History, and editing what it brings back.
screen_type here 'set size 12'
screen_keys here Up
screen_wait here '^ismstat> set size 12 *$'
screen_keys here BSpace BSpace
screen_keys here -l '256'
screen_keys here Enter
screen_type here 'show fwd config'
screen_wait here '^ +size +256$'
screen_wait here '^ +mode +stream$'
screen_keys here Up Up Up C-c
screen_wait here '^ismstat> *$'

# A test; its results come by themselves, and do not disturb what is being typed.
screen_type here 'set time 1'
screen_type here 'start'
screen_keys here -l 'show fwd c'
screen_wait here '^test stream: ready'
screen_wait here '^ismstat> show fwd c *$'
screen_keys here -l 'onfig'
screen_keys here Enter
screen_wait here '^fwd config$'
screen_type here 'wait 1000'
screen_keys here -l 'dropped'
screen_keys here C-c
screen_wait here '^\^C'
screen_wait here '^ismstat> *$'

# The other side is killed under a test, and under a half-typed line.
screen_keys here C-l
screen_type here 'set time 0'
screen_type here 'start'
running() {
	"$(program dpdk-ismstat)" --attach "$(screen_client here)" --json show fwd stats |
		grep -q '"state":"running"'
}
wait_for 20 "the test runs" running
screen_keys here -l 'show link in'
screen_wait here '^ismstat> show link in *$'
stop listener KILL
screen_wait here '^the test has ended: '
screen_wait here '^ismstat> show link in *$'
screen_keys here Tab Enter
screen_wait here '^  state +down *$'
screen_wait here '^ismstat> *$'
screen_type here 'quit'
restored quit

# Ctrl-D, and signals: one to end in good order, those that cannot be survived as well.
open
screen_keys here C-d
restored Ctrl-D
for signal in TERM HUP INT QUIT ABRT SEGV; do
	open
	kill "-$signal" "$(screen_client here)"
	restored "SIG$signal"
done
# Stopped and continued, it has its terminal again.
open
pid=$(screen_client here)
kill -STOP "$pid"
screen_wait here 'Stopped'
screen_type here 'fg'
screen_wait here '^\./ismstat'
screen_type here 'show fwd config'
screen_wait here '^fwd config$'
screen_keys here -l 'hel'
screen_keys here Tab
screen_wait here '^ismstat> help *$'
screen_keys here C-c C-d
restored 'SIGSTOP'
# To another program's counters the prompt is the same.
stat_listen listener b
screen_type here "$(program dpdk-ismstat) --attach ${child_pid[listener]}"
screen_wait here '^ismstat> *$'
screen_type here 'show dev all'
screen_wait here "^unknown word 'dev'"
screen_type here 'start'
screen_wait here "^'start' needs a function of its own: not with --attach"
screen_type here 'show fwd config'
screen_wait here '^ +listen +yes$'
screen_type here 'quit'
restored attached
stop listener
stop fabric
