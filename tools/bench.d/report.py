#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Turn what tools/bench measured into a table and JSON.

	report.py [--check] [--json FILE] RESULTS

Every figure is the median of the rounds. A ratio is a quotient of two medians.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
from statistics import median

TITLES = {
	'raw': 'raw file',
	'ismblk': 'dpdk-ismblk',
	'nbdfuse': 'nbdkit + nbdfuse',
	'qsd': 'qemu-storage-daemon',
	'floor': 'FUSE memory file',
	'floor-poll': 'FUSE memory file, polled',
}
# Cells, the peer compared with, and the least ratio.
TARGETS = (
	(('randread-1', 'randwrite-1'), 'nbdfuse', 2.5),
	(('randread-1', 'randwrite-1'), 'floor', 1.0),
	(('randread-32', 'randwrite-32'), 'nbdfuse', 4.0),
	(('read-1m', 'write-1m'), 'nbdfuse', 2.5),
)
IDLE_PERCENT = 1.0


def text(*path):
	with open(os.path.join(*path), encoding='utf-8') as file:
		return file.read().strip()


def number(*path):
	return float(text(*path))


def read_round(path):
	"""One fio run on one peer."""
	job = json.loads(text(path, 'fio.json'))['jobs'][0]
	if job['error'] != 0:
		sys.exit(f'report.py: {path}: fio reports error {job["error"]}')
	side = job['read'] if job['read']['total_ios'] else job['write']
	ops = side['total_ios']
	cpu_s = (number(path, 'cpu.after') - number(path, 'cpu.before')) / 1e9
	out = {
		'iops': side['iops'],
		'mb_s': side['bw_bytes'] / 1e6,
		'lat_us': side['clat_ns']['mean'] / 1e3,
		'p99_us': side['clat_ns']['percentile']['99.000000'] / 1e3,
		'cpu_us_per_op': cpu_s * 1e6 / ops,
	}
	if os.path.exists(os.path.join(path, 'xstats.client.before')):
		stores = 0
		for name in ('client', 'server'):
			before = json.loads(text(path, f'xstats.{name}.before'))
			after = json.loads(text(path, f'xstats.{name}.after'))
			stores += after['stores'] - before['stores']
		out['stores_per_op'] = stores / ops
	return out


def read_results(base):
	cells = [line.split()[0] for line in text(base, 'cells').splitlines()]
	peers = {}
	for peer in text(base, 'peers').splitlines():
		skipped = os.path.join(base, peer, 'skipped')
		if os.path.exists(skipped):
			peers[peer] = {'skipped': text(skipped)}
			continue
		rounds = sorted(os.listdir(os.path.join(base, peer)), key=int)
		peers[peer] = {}
		for cell in cells:
			runs = [read_round(os.path.join(base, peer, r, cell)) for r in rounds]
			peers[peer][cell] = {
				'median': {k: median(run[k] for run in runs) for k in runs[0]},
				'rounds': runs,
			}
	return cells, peers


def read_idle(base):
	path = os.path.join(base, 'idle')
	if not os.path.isdir(path):
		return {}
	seconds = number(path, 'seconds')
	percent = {}
	for name in ('client', 'server', 'fabric'):
		spent_ns = number(path, name + '.after') - number(path, name + '.before')
		percent[name] = spent_ns / seconds / 1e7
	return percent


def version(*command):
	try:
		out = subprocess.run(command, capture_output=True, text=True, timeout=10,
			check=False)
	except OSError:
		return None
	lines = (out.stdout or out.stderr).splitlines()
	return lines[0] if lines else None


def machine():
	cpu = next((line.split(':', 1)[1].strip() for line in text('/proc/cpuinfo').splitlines()
		if line.startswith('model name')), platform.machine())
	return {
		'cpu': cpu,
		'cpus': os.cpu_count(),
		'kernel': platform.release(),
		'fio': version('fio', '--version'),
		'nbdkit': version('nbdkit', '--version'),
		'nbdfuse': version('nbdfuse', '--version'),
		'qsd': version('qemu-storage-daemon', '--version'),
	}


def value(peers, peer, cell, key='iops'):
	"""The median, or None when that peer was not measured."""
	return peers.get(peer, {}).get(cell, {}).get('median', {}).get(key)


def ratio(peers, cell, other):
	a, b = value(peers, 'ismblk', cell), value(peers, other, cell)
	return a / b if a and b else None


def two(figure):
	return '-' if figure is None else f'{figure:.2f}'


def shown(cell, peers, peer):
	if cell.endswith('-1m'):
		number_ = value(peers, peer, cell, 'mb_s')
		return '-' if number_ is None else f'{number_:.0f}'
	number_ = value(peers, peer, cell)
	return '-' if number_ is None else f'{number_ / 1000:.1f} k'


def row(title, cols):
	print(f'{title:<28}' + ''.join(f'{col:>10}' for col in cols))


def print_table(cells, peers):
	row('', ['depth 1', '', 'depth 32', '', '1 MiB', ''])
	row('', ['read', 'write'] * 3)
	row('', ['IOPS'] * 4 + ['MB/s'] * 2)
	for peer, figures in peers.items():
		if 'skipped' in figures:
			print(f'{TITLES[peer]:<28}  left out: {figures["skipped"]}')
		else:
			row(TITLES[peer], [shown(cell, peers, peer) for cell in cells])
	if 'ismblk' not in peers:
		return
	print('\ndpdk-ismblk')
	for other in peers:
		ratios = [ratio(peers, cell, other) for cell in cells]
		if other != 'ismblk' and any(ratios):
			row(f'  : {TITLES[other]}', [two(r) for r in ratios])
	for key, title in (('stores_per_op', '  stores per operation'),
			('cpu_us_per_op', '  CPU us per operation'),
			('lat_us', '  latency us, mean'), ('p99_us', '  latency us, 99 %')):
		row(title, [two(value(peers, 'ismblk', cell, key)) for cell in cells])
	if 'nbdfuse' in peers:
		row('  CPU us per op of nbdfuse',
			[two(value(peers, 'nbdfuse', cell, 'cpu_us_per_op')) for cell in cells])


def judge(peers, idle):
	"""One entry a target: what was asked, what was reached."""
	out = []
	for cells, other, least in TARGETS:
		for cell in cells:
			got = ratio(peers, cell, other)
			if got is not None:
				out.append({'what': f'{cell} : {TITLES[other]}', 'least': least,
					'got': got, 'met': got >= least})
	for name, percent in idle.items():
		if name != 'fabric':
			out.append({'what': f'idle {name}, % of a core', 'most': IDLE_PERCENT,
				'got': percent, 'met': percent < IDLE_PERCENT})
	return out


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument('--check', action='store_true')
	parser.add_argument('--json')
	parser.add_argument('results')
	args = parser.parse_args()

	cells, peers = read_results(args.results)
	idle = read_idle(args.results)
	targets = judge(peers, idle)
	print_table(cells, peers)
	if idle:
		print('\nidle, % of a core: ' + ', '.join(f'{n} {p:.2f}' for n, p in idle.items()))
	if targets:
		print()
	for target in targets:
		met = 'met   ' if target['met'] else 'MISSED'
		bound = 'at least' if 'least' in target else 'below'
		least = target.get('least', target.get('most'))
		print(f'{met} {target["what"]}: {target["got"]:.2f} ({bound} {least})')
	if args.json:
		with open(args.json, 'w', encoding='utf-8') as file:
			json.dump({
				'machine': machine(),
				'fio': text(args.results, 'fio_options'),
				'peers': peers,
				'idle_percent': idle,
				'targets': targets,
			}, file, indent=1)
			file.write('\n')
	if args.check and not all(target['met'] for target in targets):
		sys.exit(1)


if __name__ == '__main__':
	main()
