#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# dpdk-ismcons among readers that do not read: a terminal that is stopped or full, standard error
# that is a full pipe, standard output that is one; and started with all signals blocked. It ends
# when it is asked to, or by itself; its connection stays alive; modes are put back if they can be.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command python3

flood=$(far_script flood <<-EOT
	stty raw -echo
	printf '\033[?1049h\033[>5u\033(0\033[4hready'
	exec yes 0123456789abcdef
EOT
)
quiet=$(far_script quiet <<-EOT
	stty raw -echo
	printf '\033[?1049h\033[>5u\033(0\033[4hready'
	exec cat
EOT
)
size=$(far_script size <<-EOT
	trap 'echo size \$(stty size)' WINCH
	echo ready
	while :; do sleep 0.05; done
EOT
)
cat >"$WORK/deaf.py" <<-'EOT'
	import fcntl, os, signal, struct, subprocess, sys, termios, time
	sys.path.insert(0, sys.argv[1])
	from pty_client import *
	import pty_client
	cons = sys.argv[2]
	SOON = 8

	def client(options):
	    return Terminal(["sh", "-c", f"exec {cons} {options}"])

	def still(t, seconds=1.5):
	    """Longer than the server waits for a sign of life."""
	    time.sleep(seconds)
	    if t.ended():
	        fail(f"it has ended by itself: {t.status}")

	def stopped(t):
	    number = struct.unpack("i", fcntl.ioctl(t.fd, 0x80045430, b"    "))[0]  # TIOCGPTN
	    fd = os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)
	    termios.tcflow(fd, termios.TCOOFF)
	    return fd

	print("a terminal that nobody reads", flush=True)
	t = client("--quiet --console flood")
	t.wait(b"ready")
	still(t)
	os.kill(t.pid, signal.SIGTERM)
	t.end(-signal.SIGTERM, SOON, read=False)

	print("a terminal that is stopped", flush=True)
	for way in signal.SIGTERM, signal.SIGHUP, b"\x1b[45;6u.":
	    t = client("--quiet --console quiet")
	    t.wait(b"ready")
	    fd = stopped(t)
	    t.type(b"x")
	    still(t)
	    if isinstance(way, bytes):
	        t.type(way)
	        t.end(0, SOON, read=False)
	    else:
	        os.kill(t.pid, way)
	        t.end(-way, SOON, read=False)
	    if termios.tcgetattr(fd)[3] & termios.ICANON == 0:
	        fail("the terminal is still raw")
	    os.close(fd)

	print("stopped when it starts", flush=True)
	t = Terminal(["sh", "-c", f"read x; exec {cons} --console quiet"])
	fd = stopped(t)
	t.type(b"\n")
	time.sleep(2.5)
	os.kill(t.pid, signal.SIGTERM)
	t.end(-signal.SIGTERM, SOON, read=False)
	os.close(fd)

	print("stopped, and started again in time", flush=True)
	t = client("--quiet --console quiet")
	t.wait(b"ready")
	fd, since = stopped(t), len(t.out)
	os.kill(t.pid, signal.SIGTERM)
	time.sleep(0.2)
	termios.tcflow(fd, termios.TCOON)
	t.end(-signal.SIGTERM, SOON)
	for undo in b"\x1b[?1049l", b"\x1b[<1u", b"\x1b(B", b"\x1b[4l":
	    if undo not in t.out[since:]:
	        fail(f"no {undo!r}: {t.out[since:]!r}")
	os.close(fd)

	def full_pipe():
	    r, w = os.pipe()
	    os.set_blocking(w, False)
	    try:
	        while True:
	            os.write(w, b"x" * 4096)
	    except BlockingIOError:
	        pass
	    os.set_blocking(w, True)
	    return r, w

	def run(options, **more):
	    return subprocess.Popen(["sh", "-c", f"exec {cons} {options}"], **more)

	def end(p, want, what):
	    try:
	        status = p.wait(SOON)
	    except subprocess.TimeoutExpired:
	        p.kill()
	        fail(f"{what}: it does not end")
	    if status != want:
	        fail(f"{what}: status {status}, expected {want}")

	r, w = full_pipe()
	print("standard error full: refused", flush=True)
	end(run("--console none", stdin=subprocess.DEVNULL, stderr=w), 252, "refused")
	print("standard error full: output goes on", flush=True)
	p = run("--console flood", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=w)
	got = 0
	while got < 4_000_000:
	    got += len(os.read(p.stdout.fileno(), 65536))
	p.terminate()
	end(p, -signal.SIGTERM, "asked to end")
	# A shell in the background or nohup(1) has some ignored.
	def hears():
	    for sig in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT:
	        signal.signal(sig, signal.SIG_DFL)
	print("standard output full", flush=True)
	for sig in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
	    p = run("--console flood", stdin=subprocess.PIPE, stdout=w, stderr=w,
	            preexec_fn=hears)
	    time.sleep(1.5)
	    if p.poll() is not None:
	        fail(f"it has ended by itself: {p.poll()}")
	    p.send_signal(sig)
	    end(p, -sig, f"signal {sig}")
	print("a list that nobody reads", flush=True)
	p = run("--list", stdin=subprocess.DEVNULL, stdout=w, stderr=w)
	time.sleep(1.5)
	p.terminate()
	end(p, -signal.SIGTERM, "the list")

	print("all signals blocked", flush=True)
	def block():
	    hears()
	    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
	for sig in signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT:
	    p = run("--console quiet --history 1K", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
	            preexec_fn=block)
	    got = b""
	    while b"ready" not in got:
	        got += os.read(p.stdout.fileno(), 4096)
	    p.send_signal(sig)
	    end(p, -sig, f"blocked {sig}")
	signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT])
	t = client("--quiet --console size")
	since = t.wait(b"ready")
	fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
	t.wait(b"size 33 77", since)
	t.type(b"\x1f.")
	t.end(0)
EOT
fabric_start a b
console_command b
server_start --console "flood=exec:$flood,allow=any" --console "quiet=exec:$quiet,allow=any" \
	--console "size=exec:$size,allow=any"
bounded 100 python3 "$WORK/deaf.py" "$source_dir/tests/lib" "$WORK/cons-b --keepalive-ms 300" ||
	fail "see above"
stop server
stop fabric
