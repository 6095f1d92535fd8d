#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The process that serves a mount, the server and the fabric are killed, each now and then, two of
# them at once too: what was answered is there, and nothing fails.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_fuse
need_loop
need_command fio python3
need_resend

image=$(image_make disk.img 16)
image_make fs.img 64 >/dev/null
fabric_functions=("a,gid=a1" "b,gid=b1")
serve() {
	server_start --export "disk=$image,allow=any" --export "fs=$WORK/fs.img,allow=any"
}
fabric_start "${fabric_functions[@]}"
serve
client_start
allow_log "$log_peer_gone"
verify_start "$DISK"
loop_start "$MNT/fs"

# While there is no fabric the next process finds no function: it is tried again.
allow_log 'vfio-user|raw_ism|no ISM function|cannot open|cannot start'
no_fabric() {
	stop fabric KILL
}
for round in 1 2 3; do
	for what in server worker "server worker" "worker server" fabric "fabric worker" \
		"worker fabric" "fabric server worker"; do
		sleep "0.$((RANDOM % 9 + 1))"
		check_running client verify files
		for victim in $what; do
			case $victim in
			worker) kill_worker ;;
			fabric) no_fabric ;;
			server) stop server KILL ;;
			esac
		done
		sleep "0.$((RANDOM % 9 + 1))"
		[ -n "${child_pid[fabric]:-}" ] || fabric_start "${fabric_functions[@]}"
		[ -n "${child_pid[server]:-}" ] || serve
		next_serves
		note "round $round: $what"
	done
done
loads_stop
same "$DISK" "$image" "the disk"
pair_stop
