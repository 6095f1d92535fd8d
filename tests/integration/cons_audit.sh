#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Who attached, was refused, took over and left, and how programs ended, goes to
# syslog, facility authpriv; nothing that was typed or shown does.
#
# The test has a /dev of its own, whose /dev/log is a socket of the test.
if [ -z "${ISM_TEST_UNSHARED:-}" ]; then
	if [ "$(id -u)" -ne 0 ] || ! unshare --mount true 2>/dev/null; then
		echo "needs root and a mount namespace, for a /dev/log of its own"
		exit 77
	fi
	ISM_TEST_UNSHARED=1 exec unshare --mount "$0"
fi
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_root
need_command tmux pgrep python3

# The same nodes as before, without the machine's log.
mkdir "$WORK/dev"
mount -t tmpfs -o mode=755 devices "$WORK/dev"
for name in null zero full random urandom tty ptmx; do
	[ ! -e "/dev/$name" ] || cp -a "/dev/$name" "$WORK/dev/"
done
for name in pts shm; do
	mkdir "$WORK/dev/$name"
	mount --bind "/dev/$name" "$WORK/dev/$name"
done
ln -s /proc/self/fd "$WORK/dev/fd"
mount --move "$WORK/dev" /dev
cat >"$WORK/syslog.py" <<'PYTHON'
import os, socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind('/dev/log')
os.chmod('/dev/log', 0o666)
print('ready', flush=True)
while True:
    print(sock.recv(8192).decode('utf-8', 'backslashreplace').rstrip('\0'), flush=True)
PYTHON
start_foreign syslog python3 "$WORK/syslog.py"
wait_ready syslog

# logged REGEX: until there is such a line.
logged() {
	wait_for 20 "a line of the log like /$1/" file_shows "$WORK/syslog.out" "$1"
}

fabric_start a b c d
server_start --console "sh=exec:$(far_shell),allow=${GID[b]}:${GID[c]},share"
screen_open here
screen_open there
screen_attach here b
screen_wait here '^far\$ *$'
logged "sh.*${GID[b]}|${GID[b]}.*sh"
screen_type here 'typed-secret() { echo shown-secret; }; typed-secret'
screen_wait here '^shown-secret$'
console_run "$CONS_REFUSED" d /dev/null --console sh
logged "${GID[d]}"
console_run "$CONS_REFUSED" c /dev/null --console sh
screen_attach there c --take-over
screen_status here "$CONS_TAKEN"
screen_wait there '^far\$ *$'
logged "${GID[c]}.*(take|took)|(take|took).*${GID[c]}"
lines=$(wc -l <"$WORK/syslog.out")
screen_keys there C-_ '.'
screen_status there 0
more() {
	[ "$(wc -l <"$WORK/syslog.out")" -gt "$lines" ]
}
wait_for 20 "a line when the client leaves" more
screen_attach there c
screen_wait there '^far\$ *$'
screen_type there 'exit 6'
screen_status there 6
logged 'status 6|\b6\b'

# A log that takes no more holds up neither consoles nor the end of the server.
fill_log() {
	kill -STOP "${child_pid[syslog]}"
	python3 - <<-'PYTHON'
		import socket
		sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		sock.connect('/dev/log')
		sock.setblocking(False)
		try:
		    while True:
		        sock.send(b'<14>filled')
		except BlockingIOError:
		    pass
	PYTHON
}
fill_log
for status in 7 8; do
	screen_attach there c
	screen_wait there '^far\$ *$'
	screen_type there "exit $status"
	screen_status there "$status"
done
! grep -q 'status [78]' "$WORK/syslog.out" || fail "the log has taken lines"
kill -CONT "${child_pid[syslog]}"
logged 'status 8'
fill_log
screen_attach there c
screen_wait there '^far\$ *$'
screen_keys there C-_ '.'
screen_status there 0
stop server
kill -CONT "${child_pid[syslog]}"
stop fabric
grep dpdk-ism "$WORK/syslog.out"
# 10 is authpriv; others (what tmux calls) may log as well.
! grep dpdk-ism "$WORK/syslog.out" | grep -vE '^<8[0-7]>.*dpdk-ismd(\[[0-9]+\])?: ' ||
	fail "not of authpriv, or not of this program"
! grep -q secret "$WORK/syslog.out" || fail "what was typed or shown is in the log"
