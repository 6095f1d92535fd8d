#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Local programs at the control socket: floods, nonsense, descriptors, clients that never read, that
# die half way, that ask for what they may not. The disk that is served beside them goes on, nothing
# is left of them, and the runtime still does what its administrator asks.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_root
need_fuse
need_command fio setpriv
python=/usr/bin/python3 # one that every user may run
[ -x "$python" ] || skip "no $python"

image_make disk.img 32 >/dev/null
image_make other.img 4 >/dev/null
fabric_start a b
chmod 711 "$WORK"
server_start --name victim --export "disk=$WORK/disk.img,allow=any"
socket=$WORK/run/victim.sock
# As group "ism" would let them in.
chmod 711 "$WORK/run"
chmod 666 "$socket"
client_start

cat >"$WORK/attack.py" <<'PY'
import array, json, os, random, select, socket, sys, time

path, what, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
end = time.monotonic() + seconds
rand = random.Random(7)

def connect():
    while True:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(2)
        try:
            s.connect(path)
            return s
        except BlockingIOError:        # too many at once: they wait to be accepted
            s.close()
            time.sleep(0.01)

def request(method, params=None, number=1):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method,
                       **({"params": params} if params is not None else {})}).encode() + b"\n"

def answer(s):
    data = b""
    while not data.endswith(b"\n"):
        more = s.recv(65536)
        if not more:
            break
        data += more
    return data

def quietly(fn):
    try:
        return fn()
    except OSError:
        return None

GOOD = ["list", "add", "remove", "allow", "deny", "reload", "sessions", "drop", "peers", "info",
        "stop", "none", ""]

def nonsense():
    kind = rand.randrange(6)
    if kind == 0:
        return bytes(rand.randrange(256) for _ in range(rand.randrange(200))) + b"\n"
    if kind == 1:
        return b"[" * rand.randrange(3000) + b"\n"
    if kind == 2:
        return request(rand.choice(GOOD), rand.choice([[], {}, {"job": 5}, {"job": "export"},
                                                       {"job": "x" * rand.randrange(9000)}]))
    if kind == 3:
        return request("add", {"job": "export e=/dev/zero,allow=any"})
    if kind == 4:
        return b"{" + b" " * 300000 + b"\n"
    return request("stop")

count = 0
if what == "bad":                      # 10,000 requests that are refused
    s = connect()
    while count < 10000 and time.monotonic() < end:
        try:
            s.sendall(nonsense())
            answer(s)
        except OSError:
            s.close()
            s = connect()
        count += 1
        if count % 50 == 0:            # a new one has not used up its rate
            s.close()
            s = connect()
    if count < 10000:
        sys.exit("only %d requests" % count)
elif what == "fds":                    # descriptors of all kinds, wanted by nobody
    files = [os.open("/dev/null", os.O_RDWR), os.dup(int(sys.argv[5])),
             os.open(sys.argv[4], os.O_RDWR), socket.socket(socket.AF_UNIX).detach()]
    while count < 2000 and time.monotonic() < end:
        s = connect()
        n = rand.randrange(1, 64)
        fds = array.array("i", [rand.choice(files) for _ in range(n)])
        def send():
            s.sendmsg([rand.choice([b"x", request("list"), b"{}\n"])],
                      [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        quietly(send)
        s.close()
        count += 1
elif what == "flood":                  # as fast as it can, from many connections
    ss = [c for c in (quietly(connect) for _ in range(32)) if c]
    for c in ss:
        c.setblocking(False)
    while time.monotonic() < end:
        for c in ss:
            if quietly(lambda: c.send(request("list") * 20)):
                count += 1
            quietly(lambda: c.recv(1 << 20))
elif what == "unread":                 # never takes an answer
    ss = [c for c in (quietly(connect) for _ in range(32)) if c]
    for c in ss:
        c.setblocking(False)
        quietly(lambda: c.send(request("list") * 500))
    time.sleep(seconds)
    count = len(ss)
elif what == "die":                    # comes, says half of it, goes
    while time.monotonic() < end:
        c = quietly(connect)
        if c:
            quietly(lambda: c.send(request(rand.choice(GOOD))[:rand.randrange(1, 60)]))
            c.close()
            count += 1
print(what, count)
PY

# attack USER WHAT SECONDS [FILE FUSE_DESCRIPTOR]
attack() {
	local user=$1
	shift
	bounded 60 setpriv "--reuid=$user" "--regid=$user" --clear-groups \
		"$python" "$WORK/attack.py" "$socket" "$@" || fail "the attacker failed: $*"
}

fds() {
	find "/proc/${child_pid[server]}/fd" -mindepth 1 2>/dev/null | wc -l
}
memory_kib() {
	awk '/^RssAnon/ { print $2 }' "/proc/${child_pid[server]}/status"
}

# Without udev it is root's alone: the attacker inherits it.
exec {fuse}<>/dev/fuse
runtime=victim
ctl list >/dev/null
attack 54321 bad 40 # warm up: threads, buffers
fds_before=$(fds)
memory_before=$(memory_kib)
start_verify_load "$MNT/disk"
attack 54321 bad 40
attack 0 fds 20 "$MNT/disk" "$fuse"
attack 54321 fds 20 /dev/null "$fuse"
attack 54321 die 3
for what in flood unread; do
	for user in 54321 54322 54323; do
		start_foreign "$what.$user" setpriv "--reuid=$user" "--regid=$user" --clear-groups \
			"$python" "$WORK/attack.py" "$socket" "$what" 4
	done
	# While they do, the administrator is served.
	for _ in 1 2 3 4; do
		ctl list | grep -q '^export' || fail "no list beside $what"
	done
	ctl add export "other=$WORK/other.img,allow=any"
	ctl remove export other
	for user in 54321 54322 54323; do
		wait_exit "$what.$user" 30
	done
done
wait_verify_load

# An image whose storage hangs (the mount, whose program is stopped) holds up other changes, which
# are told so, and nobody who only looks.
kill -STOP "$(worker_pid client)"
start_foreign hangs "$(program dpdk-ismctl)" add export "hangs=$MNT/disk,allow=any"
sleep 6
ctl list | grep -qE '^export +disk +running' || fail "no list while an image hangs"
! ctl remove export disk 2>"$WORK/ctl.err" || fail "a change went past one that hangs"
grep -q 'storage may hang' "$WORK/ctl.err" || fail "$(cat "$WORK/ctl.err")"
kill -CONT "$(worker_pid client)"
wait_exit hangs 30
ctl remove export hangs 2>/dev/null || true # it may have been had

[ "$(ctl --json list | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')" = 1 ] ||
	fail "somebody added a job: $(ctl list)"
wait_for 10 "descriptors are given back" eval "[ \$(fds) -le $fds_before ]"
grown=$(($(memory_kib) - memory_before))
[ "$grown" -lt 4096 ] || fail "$grown KiB of memory are left of them"
note "$(fds) descriptors, $grown KiB more than before"
! grep -q 'lcore [0-9]*: .* took' "$WORK/server.err" || fail "a data lcore stood: $(said server)"
dd if="$MNT/disk" of=/dev/null bs=1M iflag=direct status=none
stop client
stop server
stop fabric
