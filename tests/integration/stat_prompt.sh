#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The prompt of dpdk-ismstat at the end of a pipe, as programs like expect(1) use it: nothing that
# is written ahead is lost, a wrong line ends nothing, the end of input ends the program.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"

fabric_start a b
stat_listen listener b

# Lines typed during `wait` are done after it, each once and in order.
stat_input 0 a -i --peer "${GID[b]}" <<-EOT
	wait link 20
	set fwd verify
	set count 300
	show nonsense
	start
	wait test 20
	set fwd ping
	show fwd config
	quit
	show link info
EOT
stat_printed '^ismstat> wait link 20'
stat_printed "^unknown word 'nonsense'"
stat_printed '^test verify: ready'
stat_printed '^  messages +300 '
stat_printed '^  mode +ping$'
[ "$(grep -c '^  messages ' "$WORK/run.out")" -eq 1 ] || fail "results came twice"
! grep -q '^session' "$WORK/run.out" || fail "went on after quit"
! grep -q 'session up' "$WORK/run.err" || fail "logs past the prompt"
stat_printed '^link: session up: to '

# The end of input is the end; a last line without its newline was not typed to its end.
printf 'set size 128\nshow fwd config\nshow link info' | stat_input 0 a -i
stat_printed '^  size +128$'
! grep -q '^no sessions' "$WORK/run.out" || fail "did a line without Enter"
printf '' | stat_input 0 a -i

# -i goes on after the commands of the options, also after one that failed.
printf 'show fwd config\n' | stat_input 1 a -i --json --command "set size 256" --command nonsense
grep '^{' "$WORK/run.out" >"$WORK/json" || fail "no JSON: $(head -n 20 "$WORK/run.out")"
mv "$WORK/json" "$WORK/run.out"
stat_json "last['fwd_config']['size'] == 256"
stat_said "^dpdk-ismstat: unknown word 'nonsense'"

# Help names every command once, and each topic's alone.
printf 'help\nquit\n' | stat_input 0 a -i
for form in 'show device info' 'clear all' 'set fwd' 'link open GID' 'start' 'wait link' 'quit'; do
	[ "$(grep -cE "^$form( |\$)" "$WORK/run.out")" -eq 1 ] || fail "help lacks '$form'"
done
printf 'help set\nquit\n' | stat_input 0 a -i
! grep -qE '^(show|start)' "$WORK/run.out" || fail "help set says more"

# Lines longer than any command, and bytes that are no text.
{
	head -c 2000 /dev/zero | tr '\0' 'x'
	printf '\n\377\000\033[99mset size 64\n'
	head -c 4000 /dev/urandom | tr -d '\003\004\n\r'
	printf '\nquit\n'
} | stat_input 0 a -i
stop listener
stop fabric
