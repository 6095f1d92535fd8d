#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Local programs that ask a runtime for mounts and mean no good: wrong descriptors, forged and
# short records, holders that never read, say nonsense, are stopped, die half way, ask for too
# many, or make /dev/fuse block. Each gets an answer, nothing of it is left, and the mount beside it
# goes on.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/borrow.sh
. "$(dirname "$0")/../lib/borrow.sh"
need_root
need_fuse
need_command fio
python=/usr/bin/python3
[ -x "$python" ] || skip "no $python"

disk=$(image_make disk.img 32)
image_make other.img 4 random >/dev/null
fabric_start a b c
server_start --name left --export "disk=$disk,allow=any"
runtime_start third c --export "other=$WORK/other.img,allow=any"
runtime_start right b
borrow_start m1 right --peer "${GID[a]}"
# As group "ism" would let them in.
chmod 711 "$WORK" "$WORK/run"
chmod 666 "$WORK/run/right.sock"

cat >"$WORK/attack.py" <<'PY'
import ctypes, fcntl, json, os, select, signal, socket, struct, sys, time
path, peer, work, uid = sys.argv[1], sys.argv[2], sys.argv[3], 54321
libc = ctypes.CDLL(None, use_errno=True)
GIVE, READY, REFUSE, BYE, MOUNT, FAIL = 1, 3, 4, 5, 9, 10
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW

def mount(dir, owner):
    fd = os.open("/dev/fuse", os.O_RDWR)
    os.makedirs(dir, exist_ok=True)
    data = f"fd={fd},rootmode=40000,user_id={owner},group_id={owner},max_read=1048576"
    if libc.mount(b"evil", dir.encode(), b"fuse", 6, data.encode()) != 0:
        sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
    return fd

# What needs root comes first: mounts to play with; then we are nobody.
ours = [mount(f"{work}/evil{i}", uid) for i in range(6)]
unmounted = os.open("/dev/fuse", os.O_RDWR)
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)

def ask(fds, line=None, **params):
    """@return the answer, and our end of the line."""
    mine = None
    if line is None:
        mine, line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        mine.settimeout(10)
        fds = [line.fileno()] + fds
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(20)
    c.connect(path)
    request = {"peers": [peer], "mount": "/nowhere", **params}
    text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "mount", "params": request})
    socket.send_fds(c, [text.encode() + b"\n"], fds)
    data = b""
    while not data.endswith(b"\n"):
        more = c.recv(65536)
        if not more:
            break
        data += more
    c.close()
    return json.loads(data), mine

def packet(mine):
    try:
        data, fds, _, _ = socket.recv_fds(mine, 1024, 8)
    except (ConnectionResetError, BrokenPipeError):
        return None, 0, b"", []
    if not data:
        return None, 0, b"", fds
    return *struct.unpack("=II", data[:8]), data[8:], fds

def until(mine, *kinds):
    while True:
        kind, number, text, fds = packet(mine)
        if kind in kinds or kind is None:
            return kind, text, fds

def must(what, yes):
    if not yes:
        sys.exit(f"{what}")
    print(what)

def memfd(size=0, seals=SEALS, fill=b""):
    fd = os.memfd_create("record", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    os.pwrite(fd, fill, 0)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd

def refused(what, fds, line=None, **params):
    answer, mine = ask(fds, line, **params)
    if "error" in answer:
        must(f"{what}: {answer['error']['message'][:60]}", True)
        return
    kind, text, _ = until(mine, FAIL, BYE)
    must(f"{what}: {text.decode(errors='replace')[:70]}", kind == FAIL)

def wait_gone():
    """Jobs of ours have a name, our PID: the one before must be gone."""
    for _ in range(100):
        c = socket.socket(socket.AF_UNIX)
        c.connect(path)
        c.sendall(b'{"jsonrpc":"2.0","id":1,"method":"list"}\n')
        data = b""
        while not data.endswith(b"\n"):
            data += c.recv(65536)
        c.close()
        if not [j for j in json.loads(data)["result"] if j.get("uid") == uid]:
            return
        time.sleep(0.05)
    sys.exit("a mount of ours does not go away")

file, pipe = os.open(work + "/attack.py", os.O_RDONLY), os.pipe()[1]
stream = socket.socketpair()[0]
forged = memfd(1 << 24, fill=b"ISMBLKR\0" + struct.pack("=IIQ", 2, 0, 1 << 24))
for _ in range(int(sys.argv[4])):
    refused("no descriptor", [], line=0)
    refused("a file as the line", [file], line=0)
    refused("a stream as the line", [stream.fileno()], line=0)
    refused("too many", [file, file, file])
    for fuse in (file, pipe, stream.fileno(), forged):
        refused("no /dev/fuse", [fuse, forged])
    wait_gone()
    refused("a record that is a file", [unmounted, file])
    wait_gone()
    refused("a record that is a pipe", [unmounted, pipe])
    wait_gone()
    refused("a record that is empty", [unmounted, memfd()])
    wait_gone()
    refused("a record that can be cut", [unmounted, memfd(1 << 24, 0)])
    wait_gone()
    refused("a forged record", [ours[0], forged])
    wait_gone()
    for params in ({"peers": []}, {"peers": [peer] * 17}, {"peers": [7]}, {"depth": 3},
                   {"depth": -1}, {"slot_size": 1 << 40}, {"exports": [{}]},
                   {"mount": "/" * 5000}, {"mount": None}, {"connect_timeout_ms": 1e3}):
        refused(f"params {str(params)[:30]}", [], **params)
    wait_gone()
    # Half of it: gone before, at and after the word to mount; nonsense; no /dev/fuse.
    ask([])[1].close()
    wait_gone()
    for give in (None, [], [file], [pipe, pipe, pipe, pipe], [unmounted]):
        _, mine = ask([])
        must("asked to mount", until(mine, MOUNT, FAIL)[0] == MOUNT)
        if give is not None:
            socket.send_fds(mine, [struct.pack("=II", GIVE, 0)], give)
            must("a wrong gift is refused", until(mine, FAIL, BYE)[0] == FAIL)
        mine.close()
        wait_gone()
    _, mine = ask([])
    try:
        for _ in range(50):
            mine.send(os.urandom(64))
    except OSError: # the first was enough
        pass
    mine.close()
    wait_gone()

# A mount of ours, whose INIT somebody has taken.
init = os.read(ours[1], 1 << 17)
_, mine = ask([])
until(mine, MOUNT)
socket.send_fds(mine, [struct.pack("=II", GIVE, 0)], [ours[1]])
must("no INIT comes", until(mine, FAIL, BYE)[0] == FAIL)
wait_gone()

def serve(fd):
    _, mine = ask([])
    until(mine, MOUNT)
    socket.send_fds(mine, [struct.pack("=II", GIVE, 0)], [fd])
    record = None
    while True:
        kind, number, text, fds = packet(mine)
        if fds:
            record = fds[0]
        if kind == READY:
            return mine, record
        if kind in (FAIL, None):
            sys.exit(f"a good mount is refused: {text}")

# A record is read by its holder, and not written.
mine, record = serve(ours[2])
try:
    os.pwrite(record, b"x", 0)
    sys.exit("the record can be written")
except PermissionError:
    print("the record cannot be written")
# It blocks what is read without waiting.
fcntl.fcntl(ours[2], fcntl.F_SETFL, 0)
start = time.monotonic()
must("a mount that blocks ends", until(mine, FAIL, BYE)[0] == FAIL)
must("soon", time.monotonic() - start < 2)
mine.close()
wait_gone()

# Never reads, and says much.
mine, record = serve(ours[3])
mine.setblocking(False)
for _ in range(10000):
    try:
        mine.send(b"x" * 500)
    except BlockingIOError:
        break
print("stopped now", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
# And dies with it.
os._exit(0)
PY

evil_start() {
	start_foreign "$1" "$python" "$WORK/attack.py" "$WORK/run/right.sock" "${GID[a]}" \
		"$WORK" "$2"
}

has_stopped() {
	grep -qs '^State:.T' "/proc/${child_pid[$1]}/status" || ! is_running "${child_pid[$1]}"
}

evil_end() {
	wait_for 60 "the attacker is through" has_stopped "$1"
	grep -q '^stopped now' "$WORK/$1.out" ||
		fail "the attacker failed: $(said "$1") $(tail -n 1 "$WORK/$1.out")"
	sleep 1
	kill -KILL "${child_pid[$1]}"
	wait_exit "$1" 10
	for i in 0 1 2 3 4 5; do umount -l "$WORK/evil$i" 2>/dev/null || true; done
}

start_verify_load "$WORK/m1/disk"
evil_start warm 1 # threads, buffers
evil_end warm
before=$(fd_count right)
evil_start evil "${ISM_ATTACKS:-5}"
evil_end evil
wait_verify_load
wait_for 10 "descriptors are given back" fds_are right "$before"
# Mounts that nobody may have: too many of one user.
cat >"$WORK/many.py" <<'PY'
import json, os, socket, sys
path, peer = sys.argv[1:3]
os.setresuid(54321, 54321, 54321)
told = []
keep = []
for _ in range(12):
    mine, line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    keep.append(mine)
    pipe = os.pipe()
    if os.fork() == 0: # a job is named by who asks
        c = socket.socket(socket.AF_UNIX)
        c.connect(path)
        text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "mount",
                           "params": {"peers": [peer], "mount": "/x"}})
        socket.send_fds(c, [text.encode() + b"\n"], [line.fileno()])
        os.write(pipe[1], b"n" if b"too many mounts" in c.recv(65536) else b"y")
        os._exit(0)
    line.close()
    told.append(os.read(pipe[0], 1))
assert told == [b"y"] * 8 + [b"n"] * 4, told
PY
bounded 30 "$python" "$WORK/many.py" "$WORK/run/right.sock" "${GID[a]}" ||
	fail "as many mounts as one likes"
wait_for 10 "descriptors are given back" fds_are right "$before"
runtime=right ctl list | grep -cE '^mount' | grep -qx 1 ||
	fail "jobs are left: $(runtime=right ctl list)"
while read -r ms; do
	[ "$ms" -lt 150 ] || fail "a data lcore stood for $ms ms: $(said right)"
done < <(sed -n 's/.*lcore [0-9]*: .* took \([0-9]*\) ms.*/\1/p' "$WORK/right.err")
allow_log 'for uid 54321|lcore [0-9]+: .* took'
note "$(wc -l <"$WORK/evil.out") answers"
stop m1
for name in right third server fabric; do stop "$name"; done
