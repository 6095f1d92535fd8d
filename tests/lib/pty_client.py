# SPDX-License-Identifier: BSD-3-Clause
"""A terminal for tests of dpdk-ismcons: a pseudo-terminal whose other side this program is.

It runs a command there as the leader of a session, types what it is told to, keeps all that comes
out, and judges. Nothing waits without a bound."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

BOUND = 30


class Terminal:
    def __init__(self, command, env=None):
        self.out = b""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # What runs in the background of a shell is deaf to some.
            for sig in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP,
                        signal.SIGPIPE):
                signal.signal(sig, signal.SIG_DFL)
            os.environ.update(env or {})
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def pump(self, seconds):
        """Read what there is, for so long at most; stops early at nothing."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.out += data
        if not data:
            time.sleep(0.02)
        return bool(data)

    def wait(self, text, since=0, what=None):
        """Until the output behind `since` has these bytes. Returns the place behind them."""
        end = time.monotonic() + BOUND
        while text not in self.out[since:]:
            if time.monotonic() > end:
                fail(f"{what or text!r} has not come: {self.out[since:]!r}")
            self.pump(0.1)
        return self.out.index(text, since) + len(text)

    def type(self, data, pause=0.0):
        """Each element of a list by itself, with a pause."""
        for part in data if isinstance(data, list) else [data]:
            os.write(self.fd, part)
            if pause:
                end = time.monotonic() + pause
                while time.monotonic() < end:
                    self.pump(0.005)

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def end(self, want, seconds=BOUND, read=True):
        """It ends by itself, with that status (minus a signal's number)."""
        limit = time.monotonic() + seconds
        while not self.ended():
            if time.monotonic() > limit:
                self.kill()
                fail(f"the client has not ended within {seconds} s: {self.out[-300:]!r}")
            if read:
                self.pump(0.05)
            else:
                time.sleep(0.05)
        while read and self.pump(0.05):
            pass
        if self.status != want:
            fail(f"status {self.status}, expected {want}: {self.out[-300:]!r}")

    def kill(self):
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def fail(why):
    print(why, file=sys.stderr)
    sys.exit(1)


def until(what, done):
    end = time.monotonic() + BOUND
    while not done():
        if time.monotonic() > end:
            fail(f"{what}: not within {BOUND} s")
        time.sleep(0.02)
