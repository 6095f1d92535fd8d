#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Consoles as an ordinary user at both ends: a terminal, a pipe, a transcript.
# shellcheck disable=SC2016 # what is typed is for the far shell
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
unset ISM_RUNTIME_DIR # a folder of root
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_root
need_command tmux pgrep setpriv
getent passwd nobody >/dev/null || skip "no user nobody"

user=(setpriv --reuid=nobody "--regid=$(id -g nobody)" --clear-groups --inh-caps=-all
	env "HOME=$WORK" "XDG_RUNTIME_DIR=$WORK/run")
mkdir -m 700 "$WORK/run" "$WORK/fab" "$WORK/home"
chown nobody "$WORK/run" "$WORK/fab" "$WORK/home"
# The build folder may be where an ordinary user cannot look.
mkdir -p "$WORK/bin/apps/all"
for name in ism-fabric dpdk-ismd dpdk-ismcons; do
	cp "$(program $name)" "$WORK/bin/apps/all/"
done
build_dir=$WORK/bin
as_user=("${user[@]}")
fabric_start a b
server_start --console "sh=exec:$(far_shell),allow=any"
for name in fabric server; do
	[ "$(ps -o user= -p "${child_pid[$name]}")" = nobody ] || fail "$name is not nobody's"
done
screen_open here
screen_attach here b "--transcript $WORK/home/log"
screen_wait here '^far\$ *$'
screen_type here 'id -un; test -t 0 && test -w $(tty) && echo its-own-terminal'
screen_wait here '^nobody$'
screen_wait here '^its-own-terminal$'
screen_type here 'echo now-$((1 + 1)); sleep 100' # Ctrl-Z drops what was not read yet
screen_wait here '^now-2$'
screen_insist here 'Stopped' C-z # job control: it is the controlling terminal
screen_type here 'kill -9 %1; fg'
screen_type here 'exit 6'
screen_status here 6
grep -q its-own-terminal "$WORK/home/log" || fail "no transcript"
console_run 4 b <(echo 'exit 4')
stop server
stop fabric
left=$(find "$WORK/run" -type s -o -name 'ism*' | head -n 3)
[ -z "$left" ] || fail "left in the runtime directory: $left"
