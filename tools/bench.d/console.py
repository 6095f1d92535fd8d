#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measure a command that shows a console, in a terminal or in a pipe.

	console.py keys [--count N] [--pace MIN,MAX] COMMAND...
	console.py flood --bytes N [--pipe] COMMAND...

keys: types one byte at a time into the terminal that COMMAND runs in, and takes the
time until its echo can be read; COMMAND has to say "ready" first and to show all
that is typed. With --pace, that many milliseconds are between two keys.
flood: takes the time between the first and the last of N bytes that COMMAND shows.

Prints JSON: {"us": [...]} or {"mb_s": ...}.
"""
import argparse
import json
import os
import pty
import random
import select
import signal
import subprocess
import sys
import termios
import time

LIMIT_S = 60 # for anything to come
TOTAL_S = 150 # for all of a run
KEYS_A_LINE = 50 # a terminal's line takes 4095
WARM_UP = 50


def fail(text):
	sys.exit(f'console.py: {text}')


class Terminal:
	"""A pseudo-terminal of 80 columns with the command in it."""

	def __init__(self, command):
		self.pid, self.fd = pty.fork()
		if self.pid == 0:
			os.environ['TERM'] = 'xterm'
			try:
				termios.tcsetwinsize(0, (24, 80))
			except AttributeError: # Python before 3.11
				pass
			os.execvp(command[0], command)
		self.poll = select.poll()
		self.poll.register(self.fd, select.POLLIN)

	def read(self):
		if not self.poll.poll(LIMIT_S * 1000):
			fail(f'nothing comes for {LIMIT_S} s')
		try:
			return os.read(self.fd, 65536)
		except OSError: # the last user of the terminal has gone
			return b''

	def read_until(self, end):
		got = b''
		while not end(got):
			part = self.read()
			if not part:
				fail(f'the command has ended: {got[-200:]!r}')
			got += part
		return got

	def echoes_itself(self):
		return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

	def close(self):
		os.kill(self.pid, signal.SIGHUP)
		deadline = time.monotonic() + 20
		while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
			if time.monotonic() > deadline:
				os.kill(self.pid, signal.SIGKILL)
			# What it still writes must not hold it up.
			if self.poll.poll(10):
				self.read()
		os.close(self.fd)


def type_key(terminal, key):
	"""Microseconds until the key is seen again."""
	start = time.perf_counter_ns()
	os.write(terminal.fd, key)
	got = terminal.read()
	took = time.perf_counter_ns() - start
	if got != key:
		fail(f'{key!r} was typed, {got!r} came')
	return took / 1000


def keys(args):
	terminal = Terminal(args.command)
	terminal.read_until(lambda got: b'ready' in got and got.endswith(b'\n'))
	deadline = time.monotonic() + LIMIT_S
	# A client that has not taken the terminal over yet would not be what answers.
	while not args.local and terminal.echoes_itself():
		if time.monotonic() > deadline:
			fail('the command leaves the echo to the terminal it runs in')
		time.sleep(0.01)
	low, high = (float(part) / 1000 for part in args.pace.split(','))
	us = []
	for i in range(args.count + WARM_UP):
		if i % KEYS_A_LINE == KEYS_A_LINE - 1:
			os.write(terminal.fd, b'\r')
			# The line's own end, and the line once more.
			terminal.read_until(lambda got: got.count(b'\n') == 2)
		if high and i >= WARM_UP:
			time.sleep(random.uniform(low, high))
		us.append(type_key(terminal, b'abcdefghijklmnopqrstuvwxyz'[i % 26:i % 26 + 1]))
	# The far program ends, and what shows it.
	os.write(terminal.fd, b'\r\x04')
	while terminal.read():
		pass
	terminal.close()
	return {'us': us[WARM_UP:]}


def count_bytes(read, total):
	"""Seconds from the first to the last byte."""
	got = len(read())
	start = time.perf_counter()
	while got < total:
		part = read()
		if not part:
			fail(f'{got} bytes came, {total} were expected')
		got += len(part)
	return time.perf_counter() - start


def flood(args):
	if args.pipe:
		child = subprocess.Popen(args.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		fd = child.stdout.fileno()
		try:
			seconds = count_bytes(lambda: os.read(fd, 65536), args.bytes)
		finally:
			child.kill()
			child.wait()
	else:
		terminal = Terminal(args.command)
		seconds = count_bytes(terminal.read, args.bytes)
		terminal.close()
	return {'mb_s': args.bytes / seconds / 1e6}


def main():
	parser = argparse.ArgumentParser()
	sub = parser.add_subparsers(dest='what', required=True)
	one = sub.add_parser('keys')
	one.add_argument('--count', type=int, default=2000)
	one.add_argument('--pace', default='0,0')
	one.add_argument('--local', action='store_true', help='the terminal itself shall echo')
	one.add_argument('command', nargs=argparse.REMAINDER)
	two = sub.add_parser('flood')
	two.add_argument('--bytes', type=int, required=True)
	two.add_argument('--pipe', action='store_true')
	two.add_argument('command', nargs=argparse.REMAINDER)
	args = parser.parse_args()
	# Nothing that was started may outlive us.
	signal.signal(signal.SIGALRM, lambda *_: fail(f'not done within {TOTAL_S} s'))
	signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
	signal.alarm(TOTAL_S)
	print(json.dumps(keys(args) if args.what == 'keys' else flood(args)))


if __name__ == '__main__':
	main()
