#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Print what `tools/bench fair` has measured: what a victim feels of each attacker."""
import argparse
import json
import os
import statistics

FIGURES = ('p50', 'p99', 'p99.9', 'max')


def quantile(values, q):
	values = sorted(values)
	return values[min(len(values) - 1, int(q * len(values)))]


def disk(path):
	"""Microseconds of fio's reads."""
	with open(path, encoding='utf-8') as f:
		text = f.read()
	clat = json.loads(text[text.index('{'):])['jobs'][0]['read']['clat_ns']
	percentile = clat['percentile']
	return {
		'p50': percentile['50.000000'] / 1000,
		'p99': percentile['99.000000'] / 1000,
		'p99.9': percentile['99.900000'] / 1000,
		'max': clat['max'] / 1000,
	}


def console(path):
	with open(path, encoding='utf-8') as f:
		us = json.load(f)['us']
	return {
		'p50': quantile(us, 0.5),
		'p99': quantile(us, 0.99),
		'p99.9': quantile(us, 0.999),
		'max': max(us),
	}


def collect(results, attacker, victim, read):
	"""Medians over the rounds; how many rounds the victim did not survive."""
	rounds, failed = [], []
	folder = os.path.join(results, attacker)
	for name in sorted(os.listdir(folder)):
		path = os.path.join(folder, name, victim)
		if os.path.exists(path + '.failed'):
			with open(path + '.failed', encoding='utf-8') as f:
				failed.append(f.read().strip())
		else:
			rounds.append(read(path + '.json'))
	median = {k: statistics.median(r[k] for r in rounds) for k in FIGURES} if rounds else None
	return {'median': median, 'rounds': rounds, 'failed': failed}


def show(title, data, attackers):
	print(f'{title}, us: medians of the rounds')
	print(f'{"beside":<10}' + ''.join(f'{name:>10}' for name in FIGURES) + f'{"p50 : none":>12}')
	base = data[attackers[0]]['median']
	for attacker in attackers:
		one = data[attacker]
		line = f'{attacker:<10}'
		if one['median']:
			line += ''.join(f'{one["median"][name]:>10.0f}' for name in FIGURES)
			if base:
				line += f'{one["median"]["p50"] / base["p50"]:>12.2f}'
		print(line + ''.join(f'  failed: {text}' for text in one['failed']))
	print()


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument('--json')
	parser.add_argument('results')
	args = parser.parse_args()
	with open(os.path.join(args.results, 'peers'), encoding='utf-8') as f:
		attackers = f.read().split()
	attackers.sort(key=lambda name: name != 'none')
	measured = {
		'disk': {a: collect(args.results, a, 'disk', disk) for a in attackers},
		'console': {a: collect(args.results, a, 'console', console) for a in attackers},
	}
	show('4 KiB reads at depth 1', measured['disk'], attackers)
	show('a key on the console', measured['console'], attackers)
	if args.json:
		with open(args.json, 'w', encoding='utf-8') as f:
			json.dump(measured, f, indent='\t')


if __name__ == '__main__':
	main()
