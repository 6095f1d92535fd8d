#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What server and client of consoles tell over telemetry, and that it is true.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"

size=1000000
head -c $size /dev/urandom >"$WORK/data"
both=$(far_script both <<-EOT
	stty raw -echo
	echo go
	head -c 300000 >/dev/null
	cat "$WORK/data"
	until [ -e "$WORK/end" ]; do sleep 0.1; done
EOT
)
fabric_start a b c d e
server_start --scrollback 4M --console "both=exec:$both,allow=any" \
	--console "other=exec:sleep 1000,allow=${GID[d]},observe=any"
head -c 300000 /dev/zero >"$WORK/zeros"
telemetry server / >"$WORK/commands"
for command in /cons/consoles /cons/clients /cons/stats; do
	grep -q "\"$command\"" "$WORK/commands" || fail "the server does not know $command"
done
telemetry server /cons/consoles >"$WORK/consoles.idle"
typist_start writer "$WORK/zeros" 60
console_start writer b "$WORK/typed" --console both
all_there() {
	[ "$(stat -c %s "$WORK/$1.out")" -eq $((size + 3)) ]
}
wait_for 20 "all output" all_there writer
console_start watcher c /dev/null --console both --observe --history 2M
wait_for 20 "all output at the observer" all_there watcher
same "$WORK/writer.out" "$WORK/watcher.out" "the observer has seen something else"
console_run "$CONS_REFUSED" d /dev/null --console both
console_run "$CONS_REFUSED" e /dev/null --console other --quiet
for command in consoles clients stats; do
	telemetry server "/cons/$command" >"$WORK/$command.server"
done
telemetry writer /cons/client >"$WORK/client.writer"
telemetry watcher /cons/client >"$WORK/client.watcher"
telemetry writer /link/sessions >"$WORK/sessions"
head -c 1000 "$WORK"/*.server "$WORK"/client.*
: >"$WORK/end"
console_ends writer 0
console_ends watcher 0
stop server
stop fabric
