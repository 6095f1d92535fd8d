#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Connections that send nothing, a part of VERSION, or VERSION and then nothing, do not keep a
# function from a program that wants it; nor do many that come again and again.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"

silent=$build_dir/tests/hostile_client_silent
victim=$build_dir/tests/hostile_client_victim
allow_log 'no whole VERSION|has asked nothing|without VERSION for a newer one|has a client already'
fabric_start a b

# had BYTES CONNECTIONS: a client gets the function beside them, and keeps it.
had() {
	start_foreign silent "$silent" "${SOCKET[a]}" "$1" "$2" 8
	wait_for 20 "$2 connections with $1 bytes" grep -q ready "$WORK/silent.out"
	bounded 5 "$victim" "${SOCKET[a]}" 1 >"$WORK/victim.out" 2>"$WORK/victim.err" ||
		fail "not within 5 s beside $2 with $1 bytes: $(cat "$WORK/victim.err")"
	wait_exit silent 40
	note "$1 bytes: $(tail -n 1 "$WORK/silent.out"); $(tail -n 1 "$WORK/victim.out")"
}
had 0 5
had 8 5
had 30 7
had version 1

# The driver, too: it does not wait longer than a second for each answer.
start_foreign silent "$silent" "${SOCKET[a]}" version 1 20
wait_for 20 "one that only says VERSION" grep -q ready "$WORK/silent.out"
server_start --export "disk=$(image_make disk.img 1),allow=any"
check_running silent server
stop server
kill "${child_pid[silent]}"
wait_exit silent 20

# Lines are bounded, however many connections came.
lines=$(wc -l <"$WORK/fabric.err")
[ "$lines" -lt 60 ] || fail "$lines lines"
stop fabric
