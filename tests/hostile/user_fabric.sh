#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# ism-fabric in odd hands: nobody reads its lines, signals are blocked and descriptors closed when
# it is started, it has few descriptors, it becomes another user; and what it may still do while it
# serves.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_command python3

exe=$(program ism-fabric)
victim=$build_dir/tests/hostile_client_victim
mkdir "$WORK/fab"
a=$WORK/fab/a.sock
allow_log 'broke the protocol|landlock|more files than'

# deaf FD: run the fabric with that descriptor a pipe that is full once it is ready, and stays so.
cat >"$WORK/deaf" <<'PY'
import ctypes, fcntl, os, signal, socket, subprocess, sys, time
fd, exe, directory, victim = int(sys.argv[1]), *sys.argv[2:5]
r, w = os.pipe()
libc = ctypes.CDLL(None)
def child():
    os.dup2(w, fd)
    libc.prctl(1, signal.SIGKILL) # PR_SET_PDEATHSIG: it ends with us in any case
p = subprocess.Popen([exe, '--dir', directory, '--function', 'a', '--function', 'b'],
                     stdout=subprocess.DEVNULL, preexec_fn=child, pass_fds=(w,))
path = directory + '/a.sock'
def connect(path):
    for _ in range(200):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        try:
            s.connect(path)
            return s
        except OSError:
            time.sleep(0.05)
    sys.exit('no fabric')
connect(path).close()
time.sleep(0.3)
fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
for size in (65536, 1):
    try:
        while True:
            os.write(w, b'x' * size)
    except BlockingIOError:
        pass
fcntl.fcntl(w, fcntl.F_SETFL, 0)
# Lines: counters, and clients that break the protocol.
for _ in range(300):
    p.send_signal(signal.SIGUSR1)
    s = connect(path)
    s.sendall(b'\xff' * 64)
    try:
        s.recv(10)
    except ConnectionResetError:
        pass
    s.close()
begin = time.monotonic()
if subprocess.call([victim, directory + '/b.sock', '1'], stdout=subprocess.DEVNULL) != 0:
    sys.exit('the other function stands still')
if time.monotonic() - begin > 5:
    sys.exit('the other function is slow')
p.send_signal(signal.SIGTERM)
try:
    sys.exit(p.wait(5))
except subprocess.TimeoutExpired:
    p.kill()
    sys.exit('SIGTERM does not end it')
PY
for fd in 1 2; do
	bounded 60 python3 "$WORK/deaf" $fd "$exe" "$WORK/fab" "$victim" ||
		fail "deaf reader of $fd"
done

# Signals blocked, descriptors closed: as with any other start.
cat >"$WORK/odd" <<'PY'
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for fd in map(int, sys.argv[1].split(',')):
    try:
        os.close(fd)
    except OSError:
        pass
os.execv(sys.argv[2], sys.argv[2:])
PY
for closed in 0 1 2 0,1,2; do
	start fabric python3 "$WORK/odd" "$closed" "$exe" --dir "$WORK/fab" --function a \
		--function b
	wait_for 20 "a socket, with $closed closed" test -S "$a"
	bounded 20 "$victim" "$a" 1 >"$WORK/victim.out" || fail "with $closed closed: no function"
	kill -USR1 "${child_pid[fabric]}"
	for fd in 0 1 2; do
		[[ ,$closed, != *,$fd,* ]] ||
			[ "$(readlink "/proc/${child_pid[fabric]}/fd/$fd")" = /dev/null ] ||
			fail "descriptor $fd is $(readlink "/proc/${child_pid[fabric]}/fd/$fd")"
	done
	stop fabric
done

# Confined: no new privileges, a filter, and nothing left when it has ended.
status_of() {
	sed -nE "s/^$1:[[:space:]]*([0-9]+).*/\1/p" "/proc/$2/status"
}
start fabric "$exe" --dir "$WORK/fab" --function a
wait_ready fabric
keeper=$(pgrep -P "${child_pid[fabric]}" -x ism-fabric-fd) ||
	fail "no process that closes descriptors"
if [ "$(status_of Seccomp $$)" -eq 0 ] &&
	zgrep -q CONFIG_SECCOMP_FILTER=y /proc/config.gz 2>/dev/null; then
	for pid in "${child_pid[fabric]}" "$keeper"; do
		[ "$(status_of Seccomp "$pid")" -eq 2 ] || fail "no filter in $pid"
		[ "$(status_of NoNewPrivs "$pid")" -eq 1 ] || fail "new privileges in $pid"
	done
fi
kill -TERM "$keeper" # not meant: it stays
bounded 20 "$victim" "$a" 1 >"$WORK/victim.out" || fail "$(cat "$WORK/victim.out")"
stop fabric
wait_for 5 "the keeper ends" test ! -d "/proc/$keeper"

# Without it, or with the keeper killed, it serves all the same.
start fabric "$exe" --dir "$WORK/fab" --function a --no-sandbox
wait_ready fabric
[ "$(status_of Seccomp "${child_pid[fabric]}")" -eq "$(status_of Seccomp $$)" ] ||
	fail "a filter all the same"
allow_log 'the process that closes descriptors has ended'
pkill -KILL -P "${child_pid[fabric]}" -x ism-fabric-fd
for _ in 1 2; do
	bounded 20 "$victim" "$a" 1 >"$WORK/victim.out" || fail "$(cat "$WORK/victim.out")"
done
stop fabric

# Few descriptors: each function has its share, however many the clients of the others take beyond
# theirs.
cat >"$WORK/flood.py" <<'PY'
import array, os, socket, struct, sys
def call(s, command, body, fds=()):
    s.sendmsg([struct.pack('<HHIII', 1, command, 16 + len(body), 0, 0) + body],
              [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else [])
    reply = s.recv(4096)
    return struct.unpack('<HHIII', reply[:16])[4]
def attach(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(path)
    assert call(s, 1, struct.pack('<HH', 0, 0)) == 0
    return s
def files(s, want):
    for n in range(want):
        fd = os.memfd_create('m')
        os.ftruncate(fd, 4096)
        error = call(s, 2, struct.pack('<IIQQQ', 32, 3, 0, n << 12, 4096), [fd])
        os.close(fd)
        if error:
            return n, error
    return want, 0
paths, got = sys.argv[1:], []
clients = [attach(p) for p in paths]
for c in clients:
    got.append(files(c, 1000))
print(got)
assert all(n >= 20 and error == 24 for n, error in got), got
assert 150 < got[0][0] < 300, got
PY
names=(a b c d e f g h i j)
# shellcheck disable=SC2016 # for the inner shell
start fabric bash -c 'ulimit -n 900 && exec "$@"' sh "$exe" --dir "$WORK/fab" \
	"${names[@]/#/--function=}"
wait_ready fabric
mapfile -t paths < <(printf "$WORK/fab/%s.sock\n" "${names[@]}")
bounded 60 python3 "$WORK/flood.py" "${paths[@]}" || fail "shares of descriptors"
stop fabric

# Another user.
if [ "$(id -u)" -eq 0 ]; then
	run_status 2 "$exe" --dir "$WORK/fab" --function a --user no-such-user
	grep -q 'no such user' "$WORK/run.err" || fail "$(cat "$WORK/run.err")"
	start fabric "$exe" --dir "$WORK/made" --function a --user nobody
	wait_ready fabric
	[ "$(stat -c %U:%a "$WORK/made")" = nobody:700 ] || fail "$(stat "$WORK/made")"
	[ "$(stat -c %U "$WORK/made/a.sock")" = nobody ] || fail "$(stat "$WORK/made/a.sock")"
	uid=$(id -u nobody)
	for pid in "${child_pid[fabric]}" "$(pgrep -P "${child_pid[fabric]}")"; do
		[ "$(sed -nE 's/^Uid:[[:space:]]*//p' "/proc/$pid/status")" = \
			"$uid"$'\t'"$uid"$'\t'"$uid"$'\t'"$uid" ] ||
			fail "$pid is somebody else: $(grep -E '^[UG]id' "/proc/$pid/status")"
		[ "$(sed -nE 's/^CapEff:[[:space:]]*//p' "/proc/$pid/status")" = \
			0000000000000000 ] ||
			fail "$pid has capabilities"
	done
	bounded 20 "$victim" "$WORK/made/a.sock" 1 >"$WORK/victim.out" ||
		fail "$(cat "$WORK/victim.out")"
	stop fabric
	[ -z "$(ls "$WORK/made")" ] || fail "left behind: $(ls "$WORK/made")"
	run_status 1 "$exe" --dir "$WORK/fab" --function a --user nobody
	grep -q 'cannot listen: Permission denied' "$WORK/run.err" || fail "$(cat "$WORK/run.err")"
fi
