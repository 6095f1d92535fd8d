#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A far program has the keyboard tell keys as sequences: the prefix and its commands are known in
# that form as well, however it is cut; all else that is typed comes through byte for byte.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command python3

# Switches on what it is told to ($WORK/mode), and keeps what is typed.
far=$(far_script far <<-EOT
	stty raw -echo
	: >"$WORK/typed"
	echo \$\$ >"$WORK/far.pid"
	printf "\$(cat "$WORK/mode")ready"
	exec cat >>"$WORK/typed"
EOT
)
cat >"$WORK/keys.py" <<-'EOT'
	import os, sys, time
	sys.path.insert(0, sys.argv[1])
	from pty_client import *
	work, command = sys.argv[2], sys.argv[3:]
	KITTY, XTERM, WINDOWS = r'\033[>31u', r'\033[>4;2m', r'\033[?9001h'

	def typed():
	    with open(work + "/typed", "rb") as f:
	        return f.read()

	def attach(mode, options=()):
	    """A new program each time: the one before has ended."""
	    with open(work + "/mode", "w") as f:
	        f.write(mode)
	    if os.path.exists(work + "/typed"):
	        os.unlink(work + "/typed")
	    t = Terminal(command + ["--quiet", *options])
	    t.wait(b"ready")
	    return t

	def over():
	    """The program goes, so that the next one who attaches begins another one."""
	    with open(work + "/far.pid") as f:
	        pid = int(f.read())
	    os.kill(pid, 9)
	    until("it has ended", lambda: not os.path.exists(f"/proc/{pid}"))

	def leave(mode, prefix, dot, *options):
	    print("leave:", mode, prefix, dot, flush=True)
	    t = attach(mode, options)
	    t.type(b"a")
	    until("a key comes", lambda: typed() == b"a")
	    if isinstance(prefix, bytes):
	        prefix = [prefix]
	    t.type(prefix + [dot], 0.02)
	    t.end(0)
	    if typed() != b"a":
	        fail(f"typed at the program: {typed()!r}")
	    over()

	leave("", b"\x1f", b".")
	leave(KITTY, b"\x1b[45:95;6u", b"\x1b[46;;46u")
	leave(KITTY, b"\x1b[95;5u", b".")
	leave(KITTY, b"\x1b[45;198:1u", b"\x1b[46;129u")
	leave(KITTY, [b"\x1b", b"[", b"4", b"5;", b"6", b"u", b"\x1b[45;6:3u"], b"\x1b[100u")
	leave(XTERM, b"\x1b[27;6;95~", b".")
	leave(XTERM, [b"\x1b[27", b";5;95", b"~"], b"d")
	leave(WINDOWS, b"\x1b[189;12;31;1;24;1_", b"\x1b[190;52;46;1;0;1_")
	leave(r'\033[>1u\033[?1049h\033[>1u', b"\x1b[45;6u", b".")
	leave(KITTY, b"\x1b[93;5u", b"\x1b[46u", "--escape", "^]")
	leave(KITTY, b"\x1b[116;69u", b".", "--escape", "t")

	# What is no prefix comes as it was typed; in the end it is the same byte by byte.
	keys = (b"x\x1b[A\x1b[45;5u\x1b[97;5u\x1b[97;5:3u\x1bOP\x1b[200~\x1b[95;2u\x1b[201~"
	        b"\x1b[1;2R\x1b[<0;1;1M\x1bx\xc3\xa4\x1b[45:95;7u")
	for mode in ("", KITTY, XTERM):
	    print("pass:", mode, flush=True)
	    t = attach(mode)
	    for part in ([keys], [bytes([c]) for c in keys]):
	        before = typed()
	        t.type(part, 0.002)
	        until(f"{keys!r} comes, not {typed()[len(before):]!r}",
	              lambda: typed() == before + keys)
	    # Escape by itself does not wait for more.
	    before = typed()
	    began = time.monotonic()
	    t.type(b"\x1b")
	    until("Escape comes", lambda: typed() == before + b"\x1b")
	    if time.monotonic() - began > 1:
	        fail(f"Escape took {time.monotonic() - began:.3f} s")
	    # Without a protocol such a sequence is nobody's business.
	    if mode == "":
	        t.type(b"\x1b[45;6u.", 0.02)
	        until("it comes", lambda: typed() == before + b"\x1b\x1b[45;6u.")
	    # The prefix twice is the prefix as it came.
	    else:
	        t.type(b"\x1b[45;6u\x1b[95;5u", 0.02)
	        until("it comes once", lambda: typed() == before + b"\x1b\x1b[95;5u")
	    t.type(b"\x1f.", 0.02)
	    t.end(0)
	    over()
EOT
fabric_start a b
console_command b
server_start --console "far=exec:$far,allow=any"
bounded 120 python3 "$WORK/keys.py" "$source_dir/tests/lib" "$WORK" "${console_command[@]}" ||
	fail "see above"
stop server
stop fabric
