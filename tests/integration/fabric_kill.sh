#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The whole fabric is killed and started again under a load that checks what it
# reads: both programs find their functions again, no error and no wrong byte.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

image=$(image_make disk.img 64)
fabric_start a,gid=a1 b,gid=b2
server_start --export "disk=$image,allow=${GID[b]}"
client_start
start_verify_load "$DISK"
allow_log "$log_peer_gone"
for round in 1 2; do
	sleep 1
	under_verify_load client
	check_running client server
	stop fabric KILL
	sleep 1
	fabric_start a,gid=a1 b,gid=b2
	note "fabric killed and started, round $round"
done
check_running client server
wait_verify_load
same "$DISK" "$image" "the image is not what the mount shows"
pair_stop
