#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Turn what tools/bench link measured into a table and JSON.

	link_report.py [--json FILE] RESULTS

Each figure is the median of the rounds. A ratio is a quotient of two medians, turned so
that more is better for dpdk-ismstat.
"""
import argparse
import json
import os
import sys
from statistics import median

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from report import machine, text # noqa: E402

SIZES = (64, 1500, 4096, 65536)
# Peer, what its stream figures are called, title.
ROWS = (
	('ismstat', 'stream', 'dpdk-ismstat'),
	('ismstat', 'copy', '  copied out by the receiver'),
	('ismstat', 'single', '  one message a request'),
	('memif', 'stream', 'DPDK memif'),
	('unix', 'stream', 'UNIX socket'),
	('limits', 'stream', 'memcpy into a shared ring'),
)


def read_ismstat(path):
	"""Figures of the runs, in the order of the cells."""
	cells = text(path, 'cells').splitlines()
	lines = [json.loads(line)['fwd_stats'] for line in text(path, 'stats').splitlines()
		if line.startswith('{')]
	if len(lines) != len(cells):
		sys.exit(f'link_report.py: {len(lines)} results of {len(cells)} runs in {path}')
	out = {}
	for cell, run in zip(cells, lines):
		name = cell.split()[0]
		if run['trouble'] or run['lost'] or run['messages'] == 0:
			sys.exit(f'link_report.py: {name}: {run["trouble"] or "messages lost"}')
		if name.startswith('ping'):
			for key in ('min', 'p50', 'p99', 'p999', 'max'):
				out[f'{name}-{key}'] = run['latency_ns'][key]
			out[name] = run['latency_ns']['p50']
		else:
			out[name] = run['messages_per_second']
		out[f'{name}-stores'] = run['stores'] / run['messages']
	return out


def read_round(peer, path):
	if peer == 'ismstat':
		return read_ismstat(path)
	return {name: float(text(path, name)) for name in os.listdir(path)}


def read_results(base):
	peers = {}
	for peer in text(base, 'peers').splitlines():
		skipped = os.path.join(base, peer, 'skipped')
		if os.path.exists(skipped):
			peers[peer] = {'skipped': text(skipped)}
			continue
		rounds = [read_round(peer, os.path.join(base, peer, number))
			for number in sorted(os.listdir(os.path.join(base, peer)), key=int)]
		peers[peer] = {'rounds': rounds, 'median': {
			key: median(one[key] for one in rounds) for key in rounds[0]}}
	return peers


def figure(peers, peer, name):
	return peers.get(peer, {}).get('median', {}).get(name)


def row(title, cols):
	print(f'{title:<32}' + ''.join(f'{col:>12}' for col in cols))


def shown(value, scale, digits=2):
	return '-' if value is None else f'{value / scale:.{digits}f}'


def print_rates(peers):
	row('million messages a second', ['64 B', '1500 B', '4096 B', '64 KiB'])
	for peer, kind, title in ROWS:
		values = [figure(peers, peer, f'{kind}-{size}') for size in SIZES]
		if any(values):
			row(title, [shown(value, 1e6, 3) for value in values])
	ours = [figure(peers, 'ismstat', f'stream-{size}') for size in SIZES]
	if not any(ours):
		return
	print('\ndpdk-ismstat')
	for peer, kind, title in ROWS:
		values = [figure(peers, peer, f'{kind}-{size}') for size in SIZES]
		if peer == 'ismstat' or not any(values):
			continue
		row(f'  : {title}', ['-' if not v or not o else f'{o / v:.2f}'
			for o, v in zip(ours, values)])
	row('  stores a message', [shown(figure(peers, 'ismstat', f'stream-{size}-stores'), 1)
		for size in SIZES])
	row('  GB a second', [shown(o * size if o else None, 1e9)
		for o, size in zip(ours, SIZES)])


def print_ping(peers):
	line = figure(peers, 'limits', 'line')
	ours, unix = figure(peers, 'ismstat', 'ping-64'), figure(peers, 'unix', 'ping-64')
	print('\nround trip, us')
	if ours:
		rest = ', '.join(f'{key} {figure(peers, "ismstat", f"ping-64-{key}") / 1e3:.2f}'
			for key in ('min', 'p99', 'p999', 'max'))
		print(f'{"dpdk-ismstat, 64 B":<32}{ours / 1e3:>12.2f}   ({rest})')
	if unix:
		print(f'{"UNIX socket, 64 B":<32}{unix / 1e3:>12.2f}')
	if line:
		print(f'{"a cache line":<32}{line / 1e3:>12.3f}')
	if ours and line:
		aim = 3 * line + 500
		print(f'{"three cache lines and 0.5 us":<32}{aim / 1e3:>12.2f}'
			f'   (dpdk-ismstat: {ours / aim:.2f} of it)')


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument('--json')
	parser.add_argument('results')
	args = parser.parse_args()

	peers = read_results(args.results)
	for peer, figures in peers.items():
		if 'skipped' in figures:
			print(f'{peer} is left out: {figures["skipped"]}')
	print_rates(peers)
	print_ping(peers)
	if args.json:
		with open(args.json, 'w', encoding='utf-8') as file:
			json.dump({'machine': machine(), 'load': text(args.results, 'load'),
				'peers': peers}, file, indent=1)
			file.write('\n')


if __name__ == '__main__':
	main()
