#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# All that a far program has switched on in the terminal is put back on every way out, and put on
# again when a client that was stopped goes on.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command python3

far=$(far_script far <<-EOT
	stty raw -echo
	echo \$\$ >"$WORK/far.pid"
	cat "$WORK/on"
	printf ready
	exec cat >/dev/null
EOT
)
cat >"$WORK/putback.py" <<-'EOT'
	import os, signal, sys
	sys.path.insert(0, sys.argv[1])
	from pty_client import *
	work, part, command, other = sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5]
	# What is sent, what undoes it, what does it again.
	states = [
	    (b"\x1b[>5u", b"\x1b[<1u"),
	    (b"\x1b[>4;2m", b"\x1b[>4m"),
	    (b"\x1b(0", b"\x1b(B"),
	    (b"\x0e", b"\x0f"),
	    (b"\x1b[4h", b"\x1b[4l"),
	    (b"\x1b[20h", b"\x1b[20l"),
	    (b"\x1b[12l", b"\x1b[12h"),
	    (b"\x1b[?1003h", b"\x1b[?1003l"),
	    (b"\x1b[?1004h", b"\x1b[?1004l"),
	    (b"\x1b[?2026h", b"\x1b[?2026l"),
	    (b"\x1b[?25l", b"\x1b[?25h"),
	    (b"\x1b[?5h", b"\x1b[?5l"),
	    (b"\x1b[3;20r", b"\x1b[r"),
	    (b"\x1b[31m", b"\x1b[m"),
	    (b"\x1b[4 q", b"\x1b[0 q"),
	    (b"\x1b[1\"q", b"\x1b[0\"q"),
	    (b"\x1b]11;#102030\x1b\\", b"\x1b]111\x1b\\"),
	    (b"\x1b]4;7;#405060\x1b\\", b"\x1b]104\x1b\\"),
	    (b"\x1b]8;;http://x/\x1b\\", b"\x1b]8;;\x1b\\"),
	    (b"\x1b[22;0t", b"\x1b[23;0t"),
	]
	with open(work + "/on", "wb") as f:
	    f.write(b"".join(on for on, _ in states))

	def attach(options="", shell=None):
	    t = shell or Terminal(["sh", "-c", f"exec {command} --quiet {options}"])
	    since = len(t.out)
	    if shell:
	        t.type(f"{command} --quiet {options}\r".encode())
	    since = t.wait(b"ready", since)
	    for on, _ in states:
	        t.wait(on)
	    return t, since

	def off(t, since):
	    for on, undo in states:
	        if undo not in t.out[since:]:
	            fail(f"{on!r} is not undone: {t.out[since:]!r}")

	def over():
	    with open(work + "/far.pid") as f:
	        pid = int(f.read())
	    os.kill(pid, 9)
	    until("the program has ended", lambda: not os.path.exists(f"/proc/{pid}"))
	    return pid

	def ways():
	    print("by the escape", flush=True)
	    t, since = attach()
	    t.type(b"\x1b[45;6u.")
	    t.end(0)
	    off(t, since)
	    for name in "TERM", "INT", "HUP", "QUIT", "SEGV", "USR1":
	        print("by", name, flush=True)
	        t, since = attach()
	        # Some are a death on the spot: what is just being written is not counted yet.
	        time.sleep(0.3)
	        os.kill(t.pid, getattr(signal, "SIG" + name))
	        t.end(-getattr(signal, "SIG" + name))
	        off(t, since)
	    print("taken over", flush=True)
	    t, since = attach()
	    u = Terminal(["sh", "-c", f"exec {other} --quiet --take-over"])
	    t.end(254)
	    off(t, since)
	    u.type(b"\x1f.")
	    u.end(0)
	    print("the program ends", flush=True)
	    t, since = attach()
	    over()
	    t.end(128 + 9)
	    off(t, since)

	def stopped():
	    print("stopped", flush=True)
	    t = Terminal(["bash", "--norc", "--noprofile", "-i"], {"PS1": "here$ ", "HISTFILE": ""})
	    t.wait(b"here$ ")
	    _, since = attach(shell=t)
	    with open(f"/proc/{t.pid}/task/{t.pid}/children") as f:
	        client = int(f.read().split()[0])
	    os.kill(client, signal.SIGTSTP)
	    t.wait(b"Stopped", since)
	    t.wait(b"here$ ", since)
	    off(t, since)
	    print("and put on again", flush=True)
	    since = len(t.out)
	    t.type(b"fg\r")
	    for on, _ in states:
	        t.wait(on, since)
	    since = len(t.out)
	    t.type(b"\x1b[45;6u.")
	    t.wait(b"here$ ", since)
	    off(t, since)
	    t.type(b"exit\r")
	    t.end(0)

	def lost():
	    print("the server goes", flush=True)
	    t, since = attach("--no-reconnect")
	    u, since_u = Terminal(["sh", "-c", f"exec {other} --quiet --observe"]), 0
	    since_u = u.wait(b"ready")
	    print("kill", flush=True)
	    t.end(253)
	    off(t, since)
	    # It waits for another one; the way out is open.
	    u.wait(b"waiting", since_u)
	    u.type(b"\x1b[45;6u.")
	    u.end(0)
	    off(u, since_u)

	{"ways": ways, "stopped": stopped, "lost": lost}[part]()
EOT
fabric_start a b c
console_command b
console_command c
server_start --console "far=exec:$far,allow=any,share"
part() {
	bounded 100 python3 "$WORK/putback.py" "$source_dir/tests/lib" "$WORK" "$1" \
		"$WORK/cons-b" "$WORK/cons-c" >"$WORK/part.out" || fail "$1: see above"
}
part ways
part stopped
allow_log "$log_peer_gone"
start_foreign lost python3 "$WORK/putback.py" "$source_dir/tests/lib" "$WORK" lost \
	"$WORK/cons-b" "$WORK/cons-c"
wait_for 30 "both are attached" file_shows "$WORK/lost.out" '^kill'
stop server KILL
wait_exit lost 60
[ "$stop_status" -eq 0 ] || fail "the server goes: $(said lost)"
stop fabric
