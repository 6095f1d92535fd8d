#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Nobody reads what the programs say: standard error is a full pipe, or a terminal that was stopped.
# Disks go on for everybody, and SIGTERM ends the programs.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command python3

# with_deaf KIND COMMAND...: run it with a standard error that takes nothing, as the same process.
cat >"$WORK/with_deaf" <<'PY'
import fcntl, os, pty, sys, termios
kind, command = sys.argv[1], sys.argv[2:]
if kind == 'pipe':
    r, w = os.pipe()
    os.set_inheritable(r, True) # somebody has it open, and does not read
    fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
    for size in (65536, 1):
        try:
            while True:
                os.write(w, b'x' * size)
        except BlockingIOError:
            pass
    fcntl.fcntl(w, fcntl.F_SETFL, 0)
else:
    r, w = pty.openpty()
    os.set_inheritable(r, True)
    termios.tcflow(w, termios.TCOOFF)
os.dup2(w, 2)
if os.environ.get('DEAF_STDOUT'):
    os.dup2(w, 1)
os.execv(command[0], command)
PY
with_deaf() {
	as_user=(python3 "$WORK/with_deaf" "$1")
}

# Each start and end of a client makes lines in the server, each end of the server in a client.
lines_of_server() {
	local i
	for i in 1 2 3; do
		stop client KILL
		bounded 20 umount -l "$MNT"
		client_start
	done
}

works() {
	bounded 20 dd if=/dev/urandom of="$DISK" bs=64k count=4 conv=notrunc,fsync status=none ||
		fail "$1: the disk stands still"
	bounded 20 dd if="$DISK" of=/dev/null bs=1M iflag=direct status=none ||
		fail "$1: the disk stands still"
}

need_root
allow_log "$log_peer_gone"
image=$(image_make disk.img 4 random)

for kind in pipe terminal; do
	fabric_start a b
	with_deaf "$kind"
	server_start --export "disk=$image,allow=any"
	as_user=()
	client_start
	works "server, $kind"
	lines_of_server
	works "server, $kind"
	stop server

	with_deaf "$kind"
	server_start --export "disk=$image,allow=any"
	stop client
	client_start
	as_user=()
	works "client, $kind"
	for _ in 1 2 3; do
		stop server KILL
		server_start --export "disk=$image,allow=any"
		works "client, $kind"
	done
	pair_stop
done

# The same of what prints figures: its standard output is read by nobody either.
for kind in pipe terminal; do
	fabric_start a b
	exe=$(program dpdk-ismstat)
	start listener env DEAF_STDOUT=1 python3 "$WORK/with_deaf" "$kind" "$exe" \
		"--vdev=raw_ism0,socket=${SOCKET[a]}" -- --listen any --stats-period 1
	for _ in 1 2 3; do
		run_status 0 bounded 60 "$exe" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- \
			--peer "${GID[a]}" --command 'wait link 20' --command 'set fwd ping' \
			--command 'set count 1000' --command start --command 'wait test 20'
	done
	stop listener
	stop fabric
done
