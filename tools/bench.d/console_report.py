#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Turn what tools/bench console measured into a table and JSON.

	console_report.py [--json FILE] RESULTS

Each figure is the median of the rounds' figures. Keys that are typed at a person's
pace are few, so those of all rounds are taken together. A ratio is a quotient of two
medians, turned so that more is better for dpdk-ismcons.
"""
import argparse
import json
import os
import sys
from statistics import median, quantiles

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from report import machine, text, version # noqa: E402

TITLES = {
	'pty': 'a terminal, nothing between',
	'ismcons': 'dpdk-ismcons',
	'socat': 'socat on a UNIX socket',
	'ssh': 'ssh to localhost',
}
COLUMNS = ('fast_p50', 'fast_p99', 'paced_p50', 'paced_p99', 'terminal', 'pipe')
RATES = ('terminal', 'pipe') # more is better


def p99(values):
	return quantiles(values, n=100, method='inclusive')[98]


def load(*path):
	if not os.path.exists(os.path.join(*path)):
		return None
	return json.loads(text(*path))


def read_peer(base):
	rounds = []
	paced = []
	for number in sorted(os.listdir(base), key=int):
		path = os.path.join(base, number)
		fast = load(path, 'fast.json')['us']
		slow = load(path, 'paced.json')['us']
		paced += slow
		one = {'fast_p50': median(fast), 'fast_p99': p99(fast), 'fast_max': max(fast),
			'paced_p50': median(slow), 'paced_p99': p99(slow), 'paced_max': max(slow)}
		for name in RATES:
			rate = load(path, f'{name}.json')
			if rate:
				one[name] = rate['mb_s']
		rounds.append(one)
	figures = {key: median(one[key] for one in rounds) for key in rounds[0]}
	figures.update(paced_p50=median(paced), paced_p99=p99(paced), paced_max=max(paced))
	return {'median': figures, 'rounds': rounds}


def read_results(base):
	peers = {}
	for peer in text(base, 'peers').splitlines():
		skipped = os.path.join(base, peer, 'skipped')
		if os.path.exists(skipped):
			peers[peer] = {'skipped': text(skipped)}
		else:
			peers[peer] = read_peer(os.path.join(base, peer))
	return peers


def ratio(ours, other, key):
	if key not in ours or key not in other:
		return None
	return ours[key] / other[key] if key in RATES else other[key] / ours[key]


def row(title, cols):
	print(f'{title:<28}' + ''.join(f'{col:>11}' for col in cols))


def shown(figures, key):
	if key not in figures:
		return '-'
	return f'{figures[key]:.0f}' if key in RATES else f'{figures[key]:.1f}'


def print_table(peers):
	row('', ['echo, us', '', 'at 50-100', 'ms, us', 'output', 'MB/s'])
	row('', ['p50', 'p99', 'p50', 'p99', 'terminal', 'pipe'])
	for peer, data in peers.items():
		if 'skipped' in data:
			print(f'{TITLES[peer]:<28}  left out: {data["skipped"]}')
		else:
			row(TITLES[peer], [shown(data['median'], key) for key in COLUMNS])
	if 'median' not in peers.get('ismcons', {}):
		return
	print('\ndpdk-ismcons, times as fast as')
	ours = peers['ismcons']['median']
	for peer, data in peers.items():
		if peer != 'ismcons' and 'median' in data:
			ratios = [ratio(ours, data['median'], key) for key in COLUMNS]
			row(f'  : {TITLES[peer]}', ['-' if r is None else f'{r:.2f}' for r in ratios])


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument('--json')
	parser.add_argument('results')
	args = parser.parse_args()

	peers = read_results(args.results)
	print_table(peers)
	if args.json:
		with open(args.json, 'w', encoding='utf-8') as file:
			json.dump({
				'machine': {key: value for key, value in machine().items()
					if key in ('cpu', 'cpus', 'kernel')},
				'socat': (version('socat', '-V') or None),
				'ssh': version('ssh', '-V'),
				'load': dict(line.split() for line in
					text(args.results, 'load').splitlines()),
				'peers': peers,
			}, file, indent=1)
			file.write('\n')


if __name__ == '__main__':
	main()
