#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Do the same things to a file under test and to a plain file, and compare.

	shadow_io.py [--direct] [--ops N] [--seed S] [--punch] [--zero] TESTED SHADOW

Both files have the same size and content at the start. Reads, writes (and
with --punch holes, with --zero zeroed ranges) have random offsets and lengths from
1 byte to 1 MiB, with a liking for the edges of sectors, pages and the file. Every
read is compared at once, and everything at the end. The first difference ends
the run with status 1 and names seed and operation.
"""
import argparse
import ctypes
import mmap
import os
import random
import sys

LEN_MAX = 1 << 20
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16


class Difference(Exception):
	pass


def check(what, off, got, want):
	if got == want:
		return
	if len(got) != len(want):
		raise Difference(f'{what}: {len(got)} bytes at {off}, expected {len(want)}')
	at = next(i for i in range(len(got)) if got[i] != want[i])
	raise Difference(f'{what}: byte {off + at} is {got[at]:#x}, expected {want[at]:#x}')


def pick_range(rng, size):
	"""An offset and a length of at least 1 inside the file."""
	unit = rng.choice((1, 1, 8, 512, 512, 4096, 65536))
	length = min(rng.choice((512, 4096, 4096, 65536, LEN_MAX)), size)
	length = rng.randint(1, length)
	length = min(LEN_MAX, max(1, length // unit * unit))
	off = rng.randint(0, size - length) // unit * unit
	if rng.random() < 0.05:
		off = size - length
	return off, length


class Tested:
	"""The file under test; O_DIRECT goes through one page-aligned buffer."""

	def __init__(self, path, direct):
		self.fd = os.open(path, os.O_RDWR | (os.O_DIRECT if direct else 0))
		self.buf = mmap.mmap(-1, LEN_MAX)

	def read(self, off, length):
		view = memoryview(self.buf)[:length]
		done = os.preadv(self.fd, [view], off)
		return bytes(view[:done])

	def write(self, off, data):
		self.buf[:len(data)] = data
		view = memoryview(self.buf)[:len(data)]
		done = os.pwritev(self.fd, [view], off)
		if done != len(data):
			raise Difference(f'write: {done} of {len(data)} bytes at {off}')

	def fallocate(self, mode, off, length):
		libc = ctypes.CDLL(None, use_errno=True)
		if libc.fallocate(self.fd, mode, ctypes.c_long(off), ctypes.c_long(length)) != 0:
			raise OSError(ctypes.get_errno(), f'fallocate mode {mode} at {off}')


def step(rng, tested, shadow, size, kinds):
	kind = rng.choice(kinds)
	off, length = pick_range(rng, size)
	if kind == 'read':
		check('read', off, tested.read(off, length), os.pread(shadow, length, off))
	elif kind == 'write':
		data = rng.randbytes(length)
		tested.write(off, data)
		os.pwrite(shadow, data, off)
	elif kind == 'sync':
		os.fsync(tested.fd)
	else:
		mode = PUNCH_HOLE if kind == 'punch' else ZERO_RANGE
		tested.fallocate(mode | KEEP_SIZE, off, length)
		os.pwrite(shadow, bytes(length), off)
	return kind, off, length


def run(args):
	rng = random.Random(args.seed)
	tested = Tested(args.tested, args.direct)
	shadow = os.open(args.shadow, os.O_RDWR)
	size = os.fstat(shadow).st_size
	kinds = ['read'] * 8 + ['write'] * 8 + ['sync']
	if args.punch:
		kinds += ['punch'] * 2
	if args.zero:
		kinds += ['zero'] * 2
	for i in range(args.ops):
		try:
			last = step(rng, tested, shadow, size, kinds)
		except (Difference, OSError) as err:
			sys.exit(f'shadow_io.py: seed {args.seed} operation {i}: {err}')
	for off in range(0, size, LEN_MAX):
		length = min(LEN_MAX, size - off)
		try:
			check('end', off, tested.read(off, length), os.pread(shadow, length, off))
		except Difference as err:
			sys.exit(f'shadow_io.py: seed {args.seed}, after all: {err}')
	os.fsync(tested.fd)
	print(f'{args.ops} operations, seed {args.seed}, last {last}')


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument('--direct', action='store_true')
	parser.add_argument('--ops', type=int, default=2000)
	parser.add_argument('--seed', type=int, default=random.randrange(1 << 32))
	parser.add_argument('--punch', action='store_true')
	parser.add_argument('--zero', action='store_true')
	parser.add_argument('tested')
	parser.add_argument('shadow')
	run(parser.parse_args())


if __name__ == '__main__':
	main()
