#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What a supervisor may hand to a program that it starts: blocked signals, SIGCHLD ignored, closed
# descriptors. The programs serve and end as ever, and no line lands in a file of theirs.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command python3

cat >"$WORK/start" <<'PY'
import os, signal, sys
how, command = sys.argv[1].split(','), sys.argv[2:]
signal.signal(signal.SIGHUP, signal.SIG_DFL) # nohup(1) may have started us
for what in how:
    if what == 'blocked':
        signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    elif what == 'nochild':
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    else:
        os.close(int(what))
os.execv(command[0], command)
PY

image=$(image_make disk.img 4 random)
allow_log "$log_peer_gone"

# Every signal that is to end a program does.
for signal in TERM INT HUP; do
	as_user=(python3 "$WORK/start" blocked)
	fabric_start a b
	server_start --export "disk=$image,allow=any"
	client_start
	as_user=()
	bounded 20 cmp "$DISK" "$image" || fail "the disk differs"
	for name in client server; do
		stop "$name" "$signal"
	done
	stop fabric
done

# A console's program ends, and its status is known.
as_user=(python3 "$WORK/start" nochild)
fabric_start a b
server_start --console "c=exec:exit 7,allow=any"
as_user=()
run_status 7 bounded 30 "$(program dpdk-ismcons)" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- \
	--peer "${GID[a]}" --console c </dev/null
stop server
stop fabric

# no_foreign_lines NAME: 0, 1 and 2 are what they were, or /dev/null.
no_foreign_lines() {
	local pid fd target
	for pid in "${child_pid[$1]}" "$(worker_pid "$1")"; do
		for fd in 0 1 2; do
			target=$(readlink "/proc/$pid/fd/$fd") || fail "$1 has no descriptor $fd"
			case $target in
			/dev/null | "$WORK"/*) ;;
			*) fail "$1: descriptor $fd is $target" ;;
			esac
		done
	done
}

fabric_start a b
exe=$(program dpdk-ismd)
client=$(program dpdk-ismblk)
mkdir -p "$MNT"
for closed in 0 2 1,2 0,1,2; do
	start server python3 "$WORK/start" "$closed" "$exe" --log-level=lib.eal:debug \
		"--vdev=raw_ism0,socket=${SOCKET[a]}" -- --export "disk=$image,allow=any"
	start client python3 "$WORK/start" "$closed" "$client" --log-level=lib.eal:debug \
		"--vdev=raw_ism0,socket=${SOCKET[b]}" -- --peer "${GID[a]}" --mount "$MNT"
	child_kind[server]=foreign # EAL's own lines
	child_kind[client]=foreign
	wait_for 20 "mounted with $closed closed" test -f "$DISK"
	bounded 20 cmp "$DISK" "$image" || fail "the disk differs with $closed closed"
	no_foreign_lines server
	no_foreign_lines client
	stop client
	stop server
done
stop fabric
