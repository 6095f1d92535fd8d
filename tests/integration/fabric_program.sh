#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# ism-fabric as a program: what it prints, makes and removes, whom it lets live beside it, and
# what a client that breaks the protocol does to it: nothing.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_command python3

exe=$(program ism-fabric)

# One line on stderr that names what is wrong, and nothing made.
refused() {
	local status=$1 regex=$2
	shift 2
	run_status "$status" "$exe" "$@"
	[ "$(wc -l <"$WORK/run.err")" -eq 1 ] || fail "not one line: $(cat "$WORK/run.err")"
	grep -qE -- "^ism-fabric: .*$regex" "$WORK/run.err" ||
		fail "no /$regex/: $(cat "$WORK/run.err")"
	[ ! -e "$WORK/none" ] || fail "made the directory: $*"
	[ ! -s "$WORK/run.out" ] || fail "printed: $(cat "$WORK/run.out")"
}
dir=(--dir "$WORK/none")
refused 2 '--dir DIR is missing' --function a
refused 2 '--function NAME is missing' "${dir[@]}"
refused 2 'a name is 1 to 31' "${dir[@]}" --function a.b
refused 2 'a name is 1 to 31' "${dir[@]}" --function ,gid=1
refused 2 'another function has this name or GID' "${dir[@]}" --function a --function a
refused 2 'another function has this name or GID' "${dir[@]}" \
	--function a,gid=1 --function b,gid=0x1
refused 2 'gid "0" is not' "${dir[@]}" --function a,gid=0
refused 2 'gid "12345678901234567" is not' "${dir[@]}" --function a,gid=12345678901234567
refused 2 'vlan "4095" is no number from 1 to 4094' "${dir[@]}" --function a,vlan=4095
refused 2 '"bla=1" is none of' "${dir[@]}" --function a,bla=1
refused 2 '"nothing" is not known, expected qemu-pcistb' "${dir[@]}" --function a --quirk nothing
refused 2 'no function is named "b"' "${dir[@]}" --function a --fault kill:b:1
refused 2 'is no fault: expected' "${dir[@]}" --function a --fault bla
refused 2 'unknown option --bla' "${dir[@]}" --function a --bla
refused 2 'unexpected "bla"' "${dir[@]}" --function a bla
refused 1 'cannot make it' --dir "$WORK/none/deeper" --function a
run_status 0 "$exe" --help
run_status 0 "$exe" --version

# The directory is made for its owner alone; stale sockets are replaced.
fabric_start a,gid=abc b,vlan=7
[ "${GID[a]}" = 0x0000000000000abc ] || fail "GID of a is ${GID[a]}"
first=${GID[b]}
mapfile -t printed <"$WORK/fabric.out"
[ "${#printed[@]}" -eq 3 ] || fail "printed: ${printed[*]}"
[ "${printed[2]}" = ready ] || fail "printed: ${printed[*]}"
refused 1 'another fabric listens there' --dir "$WORK/fab" --function b
[ -S "$WORK/fab/b.sock" ] || fail "took the other's socket away"
stop fabric KILL
[ -S "$WORK/fab/b.sock" ] || fail "no stale socket to replace"
fabric_start a b
[ "${GID[b]}" = "$first" ] || fail "the GID of a name has changed: $first, ${GID[b]}"

# A client that breaks the protocol is closed; the next one is served.
allow_log 'closing its client, which broke the protocol'
python3 - "${SOCKET[a]}" <<'PY' || fail "the fabric does not stand bad clients"
import socket, struct, sys

def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(sys.argv[1])
    return s

def version(s):
    body = struct.pack("<HH", 0, 0) + b'{"capabilities":{}}\0'
    s.sendall(struct.pack("<HHIII", 1, 1, 16 + len(body), 0, 0) + body)
    return s.recv(4096)

for junk in (b"\0" * 16, b"\xff" * 64, b"GET / HTTP/1.0\r\n\r\n"):
    s = connect()
    s.sendall(junk)
    try:
        assert s.recv(100) == b"", junk
    except ConnectionResetError:
        pass  # closed with some of it unread
    s.close()
s = connect()
reply = version(s)
assert struct.unpack("<HHIII", reply[:16]) == (1, 1, len(reply), 1, 0), reply
assert reply[-1:] == b"\0"
s.close()
PY

# Counters, on request.
counted() {
	[ "$(grep -c '^[ab] stores=0 .*attaches=[01] resets=0$' "$WORK/fabric.out")" -eq 2 ]
}
kill -USR1 "${child_pid[fabric]}"
wait_for 20 "counters" counted
grep -q '^a .* attaches=1 ' "$WORK/fabric.out" || fail "a had one client: $(cat "$WORK/fabric.out")"

# Ended, nothing is left; ended by any of its signals, the status is 0 (stop checks).
stop fabric INT
[ -z "$(ls "$WORK/fab")" ] || fail "left behind: $(ls "$WORK/fab")"
rmdir "$WORK/fab"
start fabric "$exe" --dir "$WORK/made" --function a
wait_ready fabric
[ "$(stat -c %a "$WORK/made")" = 700 ] || fail "mode of a new directory is not 0700"
stop fabric HUP
touch "$WORK/made/a.sock"
run_status 1 "$exe" --dir "$WORK/made" --function a
grep -q 'is there and no socket' "$WORK/run.err" || fail "$(cat "$WORK/run.err")"
[ -f "$WORK/made/a.sock" ] || fail "removed a file that is not its own"
