#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Say in a few lines what a client and its server have counted.

counters.py CLIENT-PID SERVER-PID
"""
import sys

import telemetry


def counters(pid, *commands):
    found = telemetry.connect(pid)
    if found is None:
        sys.exit(f'no telemetry socket of process {pid}')
    answers = []
    for command in commands:
        answers.append(telemetry.ask(found[0], command))
        if answers[-1] is None:
            sys.exit(f'process {pid} has no answer to {command}')
    return answers


def total(queues, key):
    return sum(queue[key] for queue in queues.values())


def client_lines(pid):
    mount, queues, device = counters(pid, '/ismblk/mount', '/link/queues,0', '/ism/xstats,0')
    requests = total(queues, 'requests')
    yield f'{mount["requests"]} FUSE requests became {requests} block requests'
    yield (f'{device["stores"]} stores, {device["stores"] / max(requests, 1):.2f} a request, '
           f'with {device["store_syscalls"]} system calls')
    yield (f'{mount["payload_out"] / 1e6:.0f} MB read, {mount["payload_in"] / 1e6:.0f} MB written, '
           f'{mount["copies"]} payload copies')


def server_lines(pid):
    exports, device = counters(pid, '/blk/exports', '/ism/xstats,0')
    for export in exports['exports'].values():
        done = []
        for kind in ('read', 'write', 'flush', 'discard', 'write_zeroes'):
            if export[kind]['ops']:
                done.append(f'{kind} {export[kind]["ops"]} ({export[kind]["bytes"] / 1e6:.0f} MB)')
        yield f'export {export["name"]}: {", ".join(done)}'
    yield f'{device["stores"]} stores, {device["store_bytes"] / 1e6:.0f} MB with payload'


if __name__ == '__main__':
    for line in client_lines(int(sys.argv[1])):
        print('client:', line)
    for line in server_lines(int(sys.argv[2])):
        print('server:', line)
