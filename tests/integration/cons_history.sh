#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What was asked of a terminal before anybody was there is not answered by the terminal of who
# attaches: nothing is typed. What is asked live is answered.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep

# Asks all that tmux and others answer, keeps what is typed, and asks once more on request. The
# last question stands on the border: its end is said live.
ask=$(far_script ask <<-EOT
	stty raw -echo
	printf 'begin\r\n'
	printf '\033[c\033[>c\033[=c\033[5n\033[6n\033[?6n\033Z\005\033[>q\033[x\033[?1\$p\033[18t'
	printf '\033]10;?\007\033]11;?\033\\\\\033]4;1;?\007\033P\$qm\033\\\\\033P+q544e\033\\\\'
	printf '\033[14t\033[16t\033[?u\033[?4m\033[?996n\033]52;c;?\007\033[1;2\n6n\302\2335n'
	printf '\033_Gi=1,a=q;AAAA\033\\\\\033[6\033[6n'
	printf '\r\n\033[32masked\033[m\r\n\033['
	until [ -e "$WORK/live" ]; do sleep 0.1; done
	printf '6n\r\nnow live\r\n'
	until [ -e "$WORK/again" ]; do sleep 0.1; done
	printf '\033[5n'
	sleep 1
	printf 'over\r\n'
EOT
)
# In front of it: takes what is typed all the time.
keep=$(far_script keep <<-EOT
	"$ask" &
	stty raw -echo
	exec cat >"$WORK/typed"
EOT
)
# typed_is TEXT: all that was typed at the far program.
typed_is() {
	[ "$(cat -v "$WORK/typed")" = "$1" ]
}
fabric_start a b c
server_start --console "ask=exec:$keep,allow=any"
console_start first b /dev/null --console ask --observe
wait_for 20 "all has been asked" file_shows "$WORK/first.out" '^.*asked'

screen_open here
screen_attach here c '--console ask'
screen_wait here '^asked$'
screen_keys here -l 'x'
wait_for 20 "a key comes" file_shows "$WORK/typed" x
typed_is x || fail "history was answered: $(cat -v "$WORK/typed")"
: >"$WORK/live"
screen_wait here '^now live$'
screen_keys here -l 'y'
wait_for 20 "a key comes" file_shows "$WORK/typed" y
typed_is xy || fail "a question on the border was answered: $(cat -v "$WORK/typed")"
: >"$WORK/again"
wait_for 20 "what is asked live is answered" typed_is 'xy^[[0n'
screen_wait here '^over$'

# The observer in a pipe has seen it all as it was.
grep -qaF "$(printf '\033P+q544e')" "$WORK/first.out" || fail "a pipe gets all as it is"
screen_keys here C-_ '.'
screen_status here 0
console_stop first
stop server
stop fabric
