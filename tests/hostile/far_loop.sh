#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# In a console's shell somebody observes that very console, then leaves: it ends by itself, and
# the server has time for others. So it does for two consoles that show each other.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep

fabric_start a b c d e
server_start --console "one=exec:$(far_shell),allow=any" --console "two=exec:$(far_shell),allow=any"
for function in c d; do console_command $function; done
loops() {
	[ "$(telemetry_value server /cons/stats loops)" -ge "$1" ]
}
screen_open here
screen_attach here b '--console one'
screen_wait here '^far\$ *$'
screen_type here './cons-c --quiet --observe --console one'
sleep 1
screen_keys here C-_ '.'
screen_until 20 here "the one who left has his shell" screen_prompt here
wait_for 40 "the loop has been found" loops 1

# Each shows the other.
screen_type here 'clear'
screen_attach here b '--console one --history 0'
screen_type here './cons-c --quiet --observe --console two'
sleep 1
screen_keys here C-_ '.'
screen_until 20 here "the one who left has his shell" screen_prompt here
screen_type here 'clear'
screen_attach here e '--console two --history 0'
screen_type here './cons-d --quiet --observe --console one'
sleep 1
screen_keys here C-_ '.'
screen_until 20 here "the one who left has his shell" screen_prompt here
wait_for 40 "the loop of two has been found" loops 2

cpu() {
	awk '{ print $14 + $15 }' "/proc/${child_pid[server]}/stat"
}
idle() {
	local before
	before=$(cpu)
	sleep 2
	[ $(($(cpu) - before)) -lt 60 ]
}
wait_for 30 "the server has little to do" idle
stop server
stop fabric
