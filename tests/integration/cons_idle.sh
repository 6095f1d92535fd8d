#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A console that is attached and quiet costs less than 1 % of a core at either end.
# shellcheck disable=SC2016 # what is typed is for the far shell
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep

fabric_start a b c
server_start --console "sh=exec:$(far_shell),allow=any"
screen_open here
screen_open there
screen_attach here b
screen_wait here '^far\$ *$'
screen_attach there c --observe
screen_type here 'seq 1 100000' # they have worked, so they are not idle by being dead
screen_wait here '^100000$'
screen_wait there '^100000$'
sleep 2
costs_little 8 "fabric=${child_pid[fabric]}" "server=${child_pid[server]}" \
	"writer=$(screen_client here)" "observer=$(screen_client there)"
screen_type here 'echo awake-$((1 + 1))'
screen_wait here '^awake-2$'
screen_type here exit
screen_status here 0
screen_status there 0
stop server
stop fabric
