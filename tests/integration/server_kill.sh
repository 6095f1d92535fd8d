#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The server is killed and started again under a load that checks what it reads:
# no error and no wrong byte reaches it.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

image=$(image_make disk.img 64)
pair_start "$image"
start_verify_load "$DISK"
for round in 1 2 3; do
	sleep 1
	under_verify_load client
	check_running client
	allow_log "$log_peer_gone"
	stop server KILL
	sleep 1
	server_start --export "disk=$image,allow=any"
	note "server killed and started, round $round"
done
check_running client
wait_verify_load
same "$DISK" "$image" "the image is not what the mount shows"
ups=$(telemetry_value client /link/sessions 0 ups)
[ "$ups" -ge 4 ] || fail "the client counts $ups sessions, expected 4"
pair_stop
