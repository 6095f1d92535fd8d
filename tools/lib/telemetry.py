#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ask a running program of this project for its counters.

	telemetry.py --pid PID COMMAND...

Speaks DPDK's telemetry protocol (version 2, a UNIX seqpacket socket): the part of
dpdk-telemetry.py that tests and the benchmark need, for machines without it.
Prints one line of JSON for each command: the answer without its outer key.
"""
import argparse
import glob
import json
import os
import socket
import sys

ANSWER_MAX = 64 * 1024
TIMEOUT_S = 5


def runtime_dirs():
	"""Where DPDK puts the sockets of root and of ordinary users, and lib/run those of users
	without XDG_RUNTIME_DIR."""
	yield '/var/run/dpdk'
	env = os.environ
	own = glob.glob(f'/tmp/dpdk-ism-{os.geteuid()}') + glob.glob(f'/tmp/dpdk-ism-{os.geteuid()}-*')
	listed = env.get('RUNTIME_DIRECTORY', '').split(':')
	for base in (*listed, env.get('XDG_RUNTIME_DIR'), *own, '/tmp'):
		if base:
			yield os.path.join(base, 'dpdk')


def parent(pid):
	"""Of a process; a program that holds a mount answers through its child."""
	try:
		with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as file:
			return next(int(line.split()[1]) for line in file if line.startswith('PPid:'))
	except (OSError, StopIteration):
		return None


def connect(pid):
	"""The connection to that process and what it said first, or None."""
	for base in runtime_dirs():
		paths = glob.glob(os.path.join(base, '*', 'dpdk_telemetry.v2*'))
		# Most likely its folder has the number in its name; others may not answer.
		for path in sorted(paths, key=lambda path: (str(pid) not in path, path)):
			sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
			sock.settimeout(TIMEOUT_S)
			try:
				sock.connect(path)
				hello = json.loads(sock.recv(ANSWER_MAX))
			except (OSError, ValueError):
				sock.close()
				continue
			if pid in (hello.get('pid'), parent(hello.get('pid'))):
				return sock, hello
			sock.close()
	return None


def ask(sock, command):
	"""The answer to one command; None when the program does not know it."""
	sock.send(command.encode())
	answer = json.loads(sock.recv(ANSWER_MAX))
	return answer.get(command.split(',')[0])


def main():
	parser = argparse.ArgumentParser(description='Ask a running program for its counters.')
	parser.add_argument('--pid', type=int, required=True)
	parser.add_argument('command', nargs='+', help='/ism/xstats,0 for example; / lists them')
	args = parser.parse_args()

	found = connect(args.pid)
	if found is None:
		sys.exit(f'telemetry.py: no telemetry socket of process {args.pid}')
	sock, _ = found
	for command in args.command:
		answer = ask(sock, command)
		if answer is None:
			sys.exit(f'telemetry.py: process {args.pid} has no answer to {command}')
		print(json.dumps(answer))


if __name__ == '__main__':
	main()
