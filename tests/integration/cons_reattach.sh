#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A session outlives its clients: whoever attaches next finds the shell as it was and
# sees what went before; what was cut meanwhile is counted, to the byte.
# shellcheck disable=SC2016 # what is typed is for the far shell
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep

seq -f '%07g' 131072 >"$WORK/megabyte" # 8 bytes a line
chatty=$(far_script chatty <<-EOT
	stty raw -echo
	echo first
	until [ -e "$WORK/go" ]; do sleep 0.1; done
	cat "$WORK/megabyte"
	until [ -e "$WORK/end" ]; do sleep 0.1; done
	exit 5
EOT
)
fabric_start a b c
server_start --console "sh=exec:$(far_shell),allow=any,share" --scrollback 64K \
	--console "chatty=exec:$chatty,allow=any,share"

# The shell and its history.
screen_open here
screen_attach here b '--console sh'
screen_wait here '^far\$ *$'
screen_type here 'kept=state; cd /; echo mark-$((1000 + 1))'
screen_wait here '^mark-1001$'
screen_type here '(sleep 0.3; echo late-$((1 + 1)))& disown'
screen_keys here C-_ '.'
screen_status here 0
screen_open there 100 30
screen_attach there c '--console sh'
screen_wait there '^mark-1001$'
screen_wait there 'late-2'
screen_type there 'echo "$kept of $PWD at $(stty size)"'
screen_wait there '^state of / at 30 100$'

# Without history, only what comes.
screen_keys there C-_ '.'
screen_status there 0
screen_attach there c '--console sh --history 0'
screen_type there 'echo only-$((1 + 1))'
screen_wait there '^only-2$'
! screen_all there | grep -q mark-1001 || fail "history that was not asked for"
screen_type there exit
screen_status there 0

# More than the scrollback holds, while nobody is attached.
console_start one b /dev/null --console chatty
wait_for 20 "the program has begun" file_shows "$WORK/one.out" '^first'
console_stop one
: >"$WORK/go"
all_written() {
	[ "$(console_value chatty out_pos)" -eq $((1048576 + 6)) ]
}
wait_for 20 "the program is not held up while nobody is attached" all_written
console_start two c /dev/null --console chatty --history 100M
wait_for 20 "the end of the history" file_shows "$WORK/two.out" 0131072
: >"$WORK/end"
allow_log 'bytes of output are lost'
console_ends two 5
shown=$(stat -c %s "$WORK/two.out")
tail -c "$shown" "$WORK/megabyte" >"$WORK/expected"
same "$WORK/two.out" "$WORK/expected" "what was kept is not the newest output"
# It begins at the start of a line.
[ "$shown" -eq 65536 ] || [ "$shown" -eq $((65536 - 8)) ] ||
	fail "$shown bytes of a scrollback of 64 KiB"
# Lost is what the scrollback no longer has, and no client was ever sent.
grep -qE "^\[dpdk-ismcons: [^]]*\b$((1048576 - 65536)) bytes" "$WORK/two.err" ||
	fail "$((1048576 - 65536)) bytes were cut, the client says: $(cat "$WORK/two.err")"
stop server
stop fabric
