#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A program that asks for a password belongs to the system that gave it: the next one, by take-over,
# after a goodbye or after the client's death, is asked anew. The same system finds what it left.
# shellcheck disable=SC2016 # what is typed is for the far shell
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep

login=$(far_script login <<-EOT
	printf 'password: '
	stty -echo; read -r word; stty echo
	echo; [ "\$word" = secret ] || exit 1
	exec "$(far_shell)"
EOT
)
allow_log "$log_peer_gone"
fabric_start a b c
server_start --console "login=exec:$login,allow=any" \
	--console "one=exec:$login,allow=${GID[b]},observe=any" \
	--console "kept=exec:$login,allow=${GID[b]}:${GID[c]},keep=600"
grep -q "caution: .*'login'.*ask" "$WORK/server.err" || fail "nobody is told that all may write"

# log_in CONSOLE: at b, and tell whose it is.
log_in() {
	screen_attach here b "--console $1"
	screen_wait here '^password: '
	screen_type here secret
	screen_wait here '^far\$ *$'
	screen_type here 'mine=of-b; echo in-$((1 + 1)) $$'
	screen_wait here '^in-2 [0-9]+$'
	far_pid=$(screen_text here | sed -n 's/^in-2 \([0-9]*\)$/\1/p')
}
# locked_out CONSOLE: c is asked for the password, and nothing of b's is shown to it.
locked_out() {
	screen_attach there c "--console $1 --take-over"
	screen_wait there '^password: '
	! screen_all there | grep -q 'of-b' || fail "$1: shown what another system has said"
	screen_type there wrong
	screen_status there 1
}
gone() {
	! kill -0 "$far_pid" 2>/dev/null
}

screen_open here
screen_open there
log_in login
console_run "$CONS_REFUSED" c /dev/null --console login --take-over
grep -q "${GID[b]}.*not shared" "$WORK/run.err" || fail "not told why: $(cat "$WORK/run.err")"
screen_type here 'echo still-$mine'
screen_wait here '^still-of-b$'

# It leaves, and comes back; it leaves, and another one comes.
screen_keys here C-_ '.'
screen_status here 0
screen_attach here b '--console login'
screen_wait here '^far\$ *$'
screen_type here 'echo again-$mine'
screen_wait here '^again-of-b$'
screen_keys here C-_ '.'
screen_status here 0
locked_out login
wait_for 20 "the shell of b has ended" gone

# The client dies: its place is kept for a while, then another one is asked for the password.
log_in login
kill -KILL "$(screen_client here)"
ended=$SECONDS
refused() {
	console_run "$CONS_REFUSED" c /dev/null --console login --take-over
}
refused
wait_for 60 "the shell of a client that died has ended" gone
note "hung up $((SECONDS - ended)) s after its client died"
locked_out login
screen_type here ''
screen_keys here -l 'stty sane'
screen_keys here C-j
screen_wait here '^here\$'
screen_clear here

# Where one system alone may write, it waits as before; keep=... holds others off.
for console in one kept; do
	log_in $console
	screen_keys here C-_ '.'
	screen_status here 0
	console_run "$CONS_REFUSED" c /dev/null --console $console --take-over
	screen_attach here b "--console $console"
	screen_wait here '^far\$ *$'
	screen_type here 'echo again-$mine; exit 3'
	screen_wait here '^again-of-b$'
	screen_status here 3
done
[ "$(telemetry_value server /cons/stats hung_up)" -eq 2 ] || fail "hung up: not two"
stop server
stop fabric
