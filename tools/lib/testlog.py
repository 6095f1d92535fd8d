#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Read what meson knows about tests.

testlog.py names DIR SUITE           the tests of a suite that DIR has, one a line
testlog.py programs DIR              paths of the programs below apps/ that DIR makes
testlog.py results FILE SUITE LOG    meson's testlog.json as lines of
                                     STATUS<tab>SUITE<tab>NAME<tab>SECONDS<tab>NOTE
testlog.py output FILE NAME          what matters of what one test printed
testlog.py tail FILE                 the same of any log
"""
import json
import sys

TAIL = 30  # lines of a failed test's output that are shown
STATUS = {'OK': 'passed', 'EXPECTEDFAIL': 'passed', 'SKIP': 'skipped'}


def names(build, suite):
    with open(f'{build}/meson-info/intro-tests.json', encoding='utf-8') as f:
        for test in json.load(f):
            # Suites are called "suite" or "project:suite".
            if any(s.split(':')[-1] == suite for s in test['suite']):
                print(test['name'])


def programs(build):
    with open(f'{build}/meson-info/intro-targets.json', encoding='utf-8') as f:
        for target in json.load(f):
            if target['type'] == 'executable' and '/apps/' in target['defined_in']:
                print(*target['filename'], sep='\n')


def read(path):
    with open(path, encoding='utf-8', errors='replace') as f:
        for line in f:
            test = json.loads(line)
            test['name'] = test['name'].split(' / ')[-1]
            yield test


def text_of(test):
    lines = []
    for stream in ('stdout', 'stderr'):
        lines += (test.get(stream) or '').rstrip().splitlines()
    return [line for line in lines if line.strip()]


def how(test):
    """How a test failed: "status 1", "signal 6", "timeout", ..."""
    code = test.get('returncode')
    if test['result'] != 'FAIL' or not code:
        return test['result'].lower()
    return f'signal {-code}' if code < 0 else f'status {code}'


def results(path, suite, log):
    for test in read(path):
        status = STATUS.get(test['result'], 'failed')
        note = ''
        if status == 'skipped':
            note = (text_of(test) or ['no reason given'])[-1].strip().replace('\t', ' ')
        elif status == 'failed':
            note = f'{how(test)}, whole log: {log}'
        print(status, suite, test['name'], f'{test["duration"]:.2f}', note, sep='\t')


def show(lines):
    """The end, or the report of a sanitizer, which says most at its start."""
    start = max(len(lines) - TAIL, 0)
    for i, line in enumerate(lines):
        if 'ERROR: ' in line and 'Sanitizer' in line or ': runtime error: ' in line:
            start = i
            break
    for line in lines[start:start + TAIL]:
        print('    ' + line)


def output(path, name):
    for test in read(path):
        if test['name'] == name:
            show(text_of(test))


def tail(path):
    with open(path, encoding='utf-8', errors='replace') as f:
        show(f.read().rstrip().splitlines())


if __name__ == '__main__':
    {
        'names': names, 'programs': programs, 'results': results, 'output': output, 'tail': tail,
    }[sys.argv[1]](*sys.argv[2:])
