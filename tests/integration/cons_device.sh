#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An existing terminal device as a console: bytes both ways, size, break, hang-up; and a
# break on a console that runs a program.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep python3

# The far end of the device: answers each line, and ends (the hang-up) when told to.
cat >"$WORK/machine.py" <<'PYTHON'
import os, pty, sys, tty
main, device = pty.openpty()
tty.setraw(device)
os.symlink(os.ttyname(device), sys.argv[1])
print('ready', flush=True)
line = b''
while True:
    byte = os.read(main, 1)
    if byte == b'\r':
        if line == b'size':
            size = os.get_terminal_size(device)
            line = b'%d %d' % (size.lines, size.columns)
        if line == b'bye':
            sys.exit()
        os.write(main, b'<' + line + b'>\r\n')
        line = b''
    else:
        line += byte
PYTHON
start_foreign machine python3 "$WORK/machine.py" "$WORK/ttyX"
wait_ready machine
# Shows what a break is to it, under three settings of its terminal.
cat >"$WORK/breaks.py" <<'PYTHON'
import os, signal, sys, termios
interrupted = []
signal.signal(signal.SIGINT, lambda *args: interrupted.append(1))
def settings(iflag, lflag):
    now = termios.tcgetattr(0)
    now[0] = now[0] & ~(termios.BRKINT | termios.IGNBRK | termios.ICRNL) | iflag
    now[3] = now[3] & ~(termios.ICANON | termios.ECHO | termios.ISIG) | lflag
    termios.tcsetattr(0, termios.TCSANOW, now)
def until(end):
    got = b''
    while not got.endswith(end):
        got += os.read(0, 100)
    return got
for name, iflag, lflag in (('one', termios.BRKINT, termios.ISIG), ('two', termios.IGNBRK, 0),
                           ('three', 0, 0)):
    settings(iflag, lflag)
    print(name, flush=True)
    print(name, until(b'x').hex(' '), 'interrupts:', len(interrupted), flush=True)
sys.exit(4)
PYTHON
fabric_start a b c
server_start --console "line=tty:$WORK/ttyX,allow=any" \
	--console "breaks=exec:exec python3 $WORK/breaks.py,allow=any"
console_run 0 b /dev/null --list
grep -q 'line' "$WORK/run.out" || fail "not listed: $(cat "$WORK/run.out")"

screen_open here
screen_attach here b '--console line'
screen_wait here '^\[dpdk-ismcons: at console'
screen_type here 'hello'
screen_wait here '^<hello>'
screen_type here 'size'
screen_wait here '^<24 80>'
screen_keys here C-_ b # a break on a pseudo-terminal is nothing; it must do no harm
screen_type here 'there'
screen_wait here '^<there>'

# Detached, attached, observed: as any console.
screen_keys here C-_ '.'
screen_status here 0
console_run 0 b /dev/null --list --json
grep -qE '"kind": *"device"' "$WORK/run.out" || fail "not a device: $(cat "$WORK/run.out")"
screen_clear here
screen_attach here c '--console line'
screen_wait here '^\[dpdk-ismcons: at console'
screen_wait here '^<there>'
screen_type here 'again'
screen_wait here '^<again>'

# The device hangs up.
screen_type here 'bye'
screen_wait here '^\[dpdk-ismcons: .*'
screen_until 20 here "the client ends with the device" screen_prompt here
stop_status=0
wait_exit machine 20
rm "$WORK/ttyX" # or it is whoever gets that terminal's number next
screen_clear here
allow_log 'ttyX'
console_run "$CONS_REFUSED" b /dev/null --console line
grep -q 'line' "$WORK/run.err" || fail "a device that is not there: $(cat "$WORK/run.err")"

# What a break does to a program is up to its terminal's settings.
screen_attach here b '--console breaks'
screen_wait here '^one'
screen_keys here a C-_ b x
screen_wait here '^one 61 78 interrupts: 1'
screen_wait here '^two'
screen_keys here b C-_ b x
screen_wait here '^two 62 78 interrupts: 1'
screen_wait here '^three'
screen_keys here c C-_ b x
screen_wait here '^three 63 00 78 interrupts: 1'
screen_status here 4
stop server
stop fabric
