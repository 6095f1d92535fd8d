# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2004 # shared with integration.sh, its arrays as well
#
# What tests/integration/cons_*.sh source after integration.sh: consoles for
# dpdk-ismd, clients in pipes, and clients in terminals that a person would sit
# at. Each terminal is a window of a tmux server of this test's own; integration.sh
# ends it on the way out.

# Exit codes of dpdk-ismcons, besides those of the console's program.
# shellcheck disable=SC2034 # the tests use them
{
	CONS_USAGE=250
	CONS_DEVICE=251
	CONS_REFUSED=252
	CONS_LOST=253
	CONS_TAKEN=254
	CONS_FAILED=255
}
# A line of the client's own among what the console shows.
# shellcheck disable=SC2034
cons_line='^\[dpdk-ismcons: .*\]\r?$'

### Consoles ###

# far_shell: prints the path of a program that is a shell with "far$ " as its prompt,
# and $WORK as its folder.
far_shell() {
	local path=$WORK/far
	cat >"$path" <<-EOT
		#!/bin/sh
		cd "$WORK" && HISTFILE= PS1='far$ ' exec bash --norc --noprofile -i
	EOT
	chmod 755 "$path"
	echo "$path"
}

# far_script NAME <TEXT: prints the path of a program with that text (of sh).
far_script() {
	{
		printf '#!/bin/sh\n'
		cat
	} >"$WORK/$1"
	chmod 755 "$WORK/$1"
	echo "$WORK/$1"
}

# console_command FUNCTION: the client on that function, up to its own options, is
# in the array console_command then, and for terminals in $WORK/cons-FUNCTION.
console_command() {
	local path=$WORK/cons-$1
	console_command=("$(program dpdk-ismcons)" "${client_eal[@]}"
		"--vdev=raw_ism0,socket=${SOCKET[$1]}$device_options" --
		--peer "${GID[$server_function]}")
	[ -x "$path" ] || {
		printf '#!/bin/sh\nexec %s "$@"\n' "${console_command[*]@Q}" >"$path"
		chmod 755 "$path"
	}
	# The shells of terminals are that user's already.
	console_command=("${as_user[@]}" "${console_command[@]}")
}

# with_input FILE COMMAND...: in place of this (sub)shell.
with_input() {
	local file=$1
	shift
	exec "$@" <"$file"
}

# console_run STATUS FUNCTION INPUT [OPTION...]: one client that reads that file (a
# <(pipe), a fifo) and must end by itself with that status; output in $WORK/run.out
# and .err. What it says for itself must be on stderr, as its own line.
console_run() {
	local want=$1 function=$2 input=$3 status=0
	shift 3
	console_command "$function"
	bounded "${console_bound:-30}" with_input "$input" "${console_command[@]}" "$@" \
		>"$WORK/run.out" 2>"$WORK/run.err" || status=$?
	[ "$status" -eq "$want" ] ||
		fail "status $status, expected $want: dpdk-ismcons on $function $*: $(said run)"
	console_said run
}

# console_said NAME: each line of the client's stderr is its own.
console_said() {
	! grep -vaE "$cons_line|^dpdk-ismcons: " "$WORK/$1.err" ||
		fail "noise on stderr of $1"
}

# console_start NAME FUNCTION INPUT [OPTION...]: a client in the background, with
# that file as its input; output as of start.
console_start() {
	local name=$1 function=$2 input=$3
	shift 3
	console_command "$function"
	[ -z "${child_pid[$name]:-}" ] || fail "$name was started twice"
	printf '%s\n' "${console_command[*]} $*" >"$WORK/$name.cmd"
	: >"$WORK/$name.out" # waited for before the child has opened it
	"${console_command[@]}" "$@" >>"$WORK/$name.out" 2>"$WORK/$name.err" <"$input" &
	child_pid[$name]=$!
	child_kind[$name]=program
}

# console_ends NAME STATUS [SECONDS]: it must end by itself, with that status.
console_ends() {
	wait_exit "$1" "${3:-30}"
	[ "$stop_status" -eq "$2" ] || fail "$1: status $stop_status, expected $2: $(said "$1")"
	console_said "$1"
}

# console_stop NAME: as a person would who ends its window; the session lives on.
console_stop() {
	kill -TERM "${child_pid[$1]}" 2>/dev/null || fail "$1 has ended already: $(said "$1")"
	console_ends "$1" 143
}

# typist_start CLIENT FILE [SECONDS]: makes the fifo $WORK/typed, the input of a client
# that is started next under that name; the file goes into it once the client has shown
# "go", then it stays open for that long.
typist_start() {
	rm -f "$WORK/typed" "$WORK/$1.out"
	mkfifo "$WORK/typed"
	# shellcheck disable=SC2016 # for that shell
	start_load typist sh -c 'exec >"$1"
		until grep -q go "$2" 2>/dev/null; do sleep 0.05; done
		cat "$3"
		exec sleep "$4"' typist "$WORK/typed" "$WORK/$1.out" "$2" "${3:-0}"
}

# file_shows FILE REGEX: for wait_for.
file_shows() {
	grep -qaE -- "$2" "$1"
}

# console_value CONSOLE KEY: of /cons/consoles of the server.
console_value() {
	telemetry server /cons/consoles | python3 -c 'import json, sys
found = json.load(sys.stdin)["consoles"].values()
print(next(one for one in found if one["name"] == sys.argv[1])[sys.argv[2]])' "$@"
}

### Terminals ###

screen_tmux() {
	# A tmux around the test, its terminal and its settings are nobody's business.
	env -u TMUX -u TMUX_PANE LC_ALL=C.UTF-8 TERM=screen \
		tmux -S "$WORK/tmux.sock" -f "$WORK/tmux.conf" "$@"
}

# screen_open NAME [COLS ROWS]: a terminal with a shell in $WORK, "here$ " its prompt.
screen_open() {
	local name=$1
	printf 'set -g %s\n' 'history-limit 20000' 'status off' >"$WORK/tmux.conf"
	screen_tmux new-session -d -s "$name" -x "${2:-80}" -y "${3:-24}" -c "$WORK" \
		"${as_user[@]}" env HISTFILE= "PS1=here\$ " bash --norc --noprofile -i
	screen_wait "$name" '^here\$'
}

screen_close() {
	screen_tmux kill-session -t "=$1"
}

screen_resize() {
	screen_tmux resize-window -t "=$1:" -x "$2" -y "$3"
}

# screen_keys NAME KEY...: tmux's names of keys.
screen_keys() {
	local name=$1
	shift
	screen_tmux send-keys -t "=$name:" "$@"
}

# screen_type NAME TEXT: a line, with Enter at its end.
screen_type() {
	screen_tmux send-keys -t "=$1:" -l -- "$2"
	screen_keys "$1" Enter
}

# screen_text NAME [OPTION...]: what the terminal shows.
screen_text() {
	local name=$1
	shift
	screen_tmux capture-pane -p -J "$@" -t "=$name:"
}

# screen_all NAME: with what has scrolled out of sight.
screen_all() {
	screen_text "$1" -S -
}

# screen_shows NAME REGEX: one of the lines of the terminal.
screen_shows() {
	screen_text "$1" | grep -qE -- "$2"
}

# screen_until SECONDS NAME WHAT COMMAND...: as wait_for; a failure shows the terminal.
screen_until() {
	local name=$2 what=$3 end=$((SECONDS + $1))
	shift 3
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || {
			screen_text "$name" | grep '[^ ]' | sed "s/^/$name| /" >&2
			fail "terminal $name: $what: too late"
		}
		sleep 0.05
	done
}

# screen_wait NAME REGEX [SECONDS]: until the terminal shows such a line.
screen_wait() {
	screen_until "${3:-20}" "$1" "/$2/" screen_shows "$1" "$2"
}

# screen_insist NAME REGEX KEY...: the keys, again and again until the terminal shows such a
# line: a job has to have the terminal before Ctrl-Z stops it.
screen_insist() {
	local name=$1 regex=$2 tries=40
	shift 2
	until screen_shows "$name" "$regex"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || screen_wait "$name" "$regex" 0
		screen_keys "$name" "$@"
		sleep 0.5
	done
}

# screen_prompt NAME [REGEX]: is the newest line the prompt of the shell here?
screen_prompt() {
	screen_text "$1" | grep -v '^ *$' | tail -n 1 | grep -qE -- "${2:-^here\\$ *$}"
}

# screen_empty NAME: but for the prompt of a shell?
screen_empty() {
	[ "$(screen_text "$1" | grep -c '[^ ]')" -eq 1 ] && screen_prompt "$1" '^(here|far)\$ *$'
}

# screen_clear NAME: the screen and what has scrolled out of it; a shell, here or
# far, has to be at its prompt.
screen_clear() {
	screen_keys "$1" C-l
	screen_until 20 "$1" "nothing but a prompt" screen_empty "$1"
	screen_tmux clear-history -t "=$1:"
}

# screen_client NAME: process id of the client that runs in that terminal.
screen_client() {
	local shell
	shell=$(screen_tmux list-panes -t "=$1:" -F '#{pane_pid}')
	pgrep -P "$shell" | head -n 1
}

# screen_attach NAME FUNCTION [OPTION...]: types the client's command line.
screen_attach() {
	local name=$1 function=$2
	shift 2
	console_command "$function"
	screen_type "$name" "./cons-$function $*"
}

# screen_status NAME STATUS: the client in it has ended, with that status.
screen_status() {
	screen_until 20 "$1" "the client has ended" screen_prompt "$1"
	# Not to be mistaken for the echo of the question.
	screen_type "$1" "echo status:\$?:"
	screen_wait "$1" '^status:[0-9]+:'
	screen_text "$1" | grep -qx "status:$2:" || {
		screen_text "$1" >&2
		fail "terminal $1: not status $2"
	}
	screen_clear "$1"
}
