#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Full-screen programs know the size of the terminal, follow it, and are on the
# screen again as soon as somebody attaches, whatever the size of that terminal.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep less vi

seq -f 'line %g of the text' 400 >"$WORK/text"
fabric_start a b c
server_start --console "sh=exec:$(far_shell),allow=any,share"
screen_open here 80 24
screen_attach here b
screen_wait here '^far\$ *$'

# row NAME NUMBER: one line of a screen, from 1.
row() {
	screen_text "$1" -N | sed -n "$2p"
}
# row_wait NAME NUMBER REGEX
row_wait() {
	screen_until 20 "$1" "line $2: /$3/" row_is "$@"
}
row_is() {
	row "$1" "$2" | grep -qE -- "$3"
}

# A size travels after the resize, and keys may be ahead of it: a person would see it by
# and by. shows_size TEXT: the far program has said so, or is asked anew.
shows_size() {
	screen_shows here "^$1\$" && return
	screen_type here 'stty size'
	sleep 0.3
	screen_shows here "^$1\$"
}
wait_for 20 "the first size" shows_size '24 80'
screen_resize here 100 33
wait_for 20 "the size follows" shows_size '33 100'
screen_resize here 80 24
screen_clear here
screen_keys here C-_ r
wait_for 20 "the size follows back" shows_size '24 80'
screen_clear here
screen_wait here '^far\$ *$'

# less at two sizes.
screen_clear here
screen_type here 'less text'
row_wait here 1 '^line 1 of'
row_wait here 23 '^line 23 of'
row_wait here 24 '^text'
screen_resize here 100 40
row_wait here 39 '^line 39 of'
screen_keys here Space
row_wait here 1 '^line 40 of'
row_wait here 39 '^line 78 of'
row_wait here 40 '^:'
screen_keys here -l '/line 222 '
screen_keys here Enter
row_wait here 1 '^line 222 of'

# Somebody else attaches, from another function and in a smaller terminal.
screen_keys here C-_ '.'
screen_status here 0
screen_open there 60 20
screen_attach there c
row_wait there 1 '^line 222 of'
row_wait there 19 '^line 240 of'
row_wait there 20 '^:'
screen_resize there 60 12
row_wait there 11 '^line 232 of'
screen_keys there C-_ '.'
screen_status there 0
screen_resize here 80 24
screen_attach here b
row_wait here 1 '^line 222 of'
row_wait here 23 '^line 244 of'
screen_keys here q
screen_wait here '^far\$ *$'

# vi at two sizes: edit, leave in the middle of it, come back, write.
screen_type here 'vi -u NONE text'
row_wait here 23 '^line 23 of'
screen_resize here 90 30
row_wait here 29 '^line 29 of'
screen_keys here G o
screen_keys here -l 'typed over the link'
screen_keys here Escape
screen_wait here '^typed over the link'
screen_keys here C-_ '.'
screen_status here 0
screen_attach there c
screen_wait there '^typed over the link'
row_wait there 11 '^typed over the link'
screen_type there ':wq'
screen_wait there '^far\$ *$'
[ "$(wc -l <"$WORK/text")" -eq 401 ] || fail "vi has not written a line"
[ "$(tail -n 1 "$WORK/text")" = "typed over the link" ] || fail "vi has written something else"
screen_type there 'exit'
screen_status there 0
stop server
stop fabric
