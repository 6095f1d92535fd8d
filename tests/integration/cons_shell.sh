#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A shell at the peer, used as a person would: typing, the escape's commands, exit
# status; and whatever ends the client, the terminal is as it was.
# shellcheck disable=SC2016 # what is typed is for the far shell
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep

fabric_start a b
server_start --console "sh=exec:$(far_shell),allow=any"
screen_open here
screen_type here 'stty -a >before'

# terminal_restored HOW: the shell in front has its prompt, and its terminal.
terminal_restored() {
	screen_until 20 here "the shell has it ($1)" screen_prompt here
	screen_type here 'stty -a >after; echo looked'
	screen_wait here '^looked'
	cmp "$WORK/before" "$WORK/after" || fail "$1: the terminal is not as it was"
	screen_clear here
}

screen_attach here b
screen_wait here '^far\$ *$'
screen_type here 'echo $((6 * 7)) on $TERM in $(tty)'
screen_wait here '^42 on (tmux|screen)[^ ]* in /dev/pts/'
[ "$(screen_text here | grep -c '^42 on')" -eq 1 ] || fail "shown twice"

# Line editing, completion, control characters: all of it is the far shell's.
screen_keys here -l 'echo wrnog'
screen_keys here BSpace BSpace BSpace
screen_keys here -l 'ong'
screen_keys here Enter
screen_wait here '^wrong$'
screen_type here 'echo now-$((1 + 1)); sleep 1000' # Ctrl-Z drops what was not read yet
screen_wait here '^now-2$'
screen_insist here 'Stopped +sleep 1000' C-z
screen_type here 'kill %1; fg'
screen_wait here 'Terminated'

# UTF-8 in both directions.
screen_type here 'printf "%s\n" "grüße-$((1 + 1))"'
screen_wait here '^grüße-2$'

# The prefix twice is the character itself; with ? it explains itself.
screen_clear here
screen_type here 'head -c 1 | od -An -tx1'
screen_keys here C-_ C-_ Enter
screen_wait here '^ *1f$'
screen_clear here
screen_keys here C-_ '?'
screen_wait here '^\[dpdk-ismcons: .*\. .*leaves'
screen_keys here Enter
screen_wait here '^far\$ *$'

# An escape that means nothing does no harm.
screen_clear here
screen_keys here C-_ 'x'
screen_type here ''
screen_type here 'echo still-$((1 + 1))'
screen_wait here '^(far\$ )?still-2'

# Disconnect; what was set is still there after; then the command's own status.
screen_type here 'kept=over'
screen_keys here C-_ '.'
screen_status here 0
terminal_restored "disconnect"
screen_attach here b --quiet
screen_wait here '^far\$ *$'
screen_type here 'echo $kept-there'
screen_wait here '^over-there$'
screen_type here 'exit 7'
screen_status here 7
terminal_restored "exit of the shell"
screen_attach here b --console sh
screen_wait here '^far\$ *$'
screen_type here 'echo new-$kept-life; kill -9 $$'
screen_wait here '^new--life$'
screen_status here 137
terminal_restored "a killed shell"

# Another prefix, and none at all.
screen_attach here b '--escape ^]'
screen_wait here '^far\$ *$'
screen_keys here 'C-]' '.'
screen_status here 0
screen_attach here b '--escape none'
screen_wait here '^far\$ *$'
screen_type here 'head -c 2 | od -An -tx1'
screen_keys here C-_ '.' Enter
screen_wait here '^ *1f 2e$'
kill -TERM "$(screen_client here)"
terminal_restored "SIGTERM"

for signal in TERM HUP INT QUIT; do
	screen_attach here b
	screen_wait here '^far\$ *$'
	kill "-$signal" "$(screen_client here)"
	terminal_restored "SIG$signal"
done

# Suspended and continued by the local shell.
screen_attach here b
screen_wait here '^far\$ *$'
kill -TSTP "$(screen_client here)"
screen_wait here 'Stopped'
terminal_restored "SIGTSTP"
screen_type here 'fg'
screen_type here 'echo back-$((1 + 1))'
screen_wait here '^back-2$'
screen_type here 'stty -echo; echo quiet-$((1 + 1))'
screen_wait here '^quiet-2$'
screen_type here 'stty sane'
screen_keys here C-_ '.'
screen_status here 0
terminal_restored "disconnect after SIGTSTP"

# The peer is lost for good.
screen_attach here b --no-reconnect
screen_wait here '^far\$ *$'
stop server KILL
screen_status here "$CONS_LOST"
terminal_restored "a lost peer"
stop fabric
