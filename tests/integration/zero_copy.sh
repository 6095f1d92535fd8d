#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The client copies no payload, and its counters tell what was moved, how often and how fast.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

pair_start "$(image_make disk.img 64)"
fio_run small --filename="$DISK" --rw=randrw --rwmixread=50 --bs=4k --iodepth=32 --direct=1 \
	--ioengine=libaio --size=64M --io_size=32M --output-format=json
fio_run large --filename="$DISK" --rw=randrw --rwmixread=50 --bs=1M --iodepth=4 --direct=1 \
	--ioengine=libaio --size=64M --io_size=64M --output-format=json
dd if="$DISK" of=/dev/null bs=64K status=none # through the page cache
dd if=/dev/zero of="$DISK" bs=100000 count=40 conv=notrunc,fsync status=none
for what in mount:/ismblk/mount queue:/blk/client/queue session:/blk/client/session \
	disk:/blk/client/disk,"${GID[a]}",disk; do
	telemetry client "${what#*:}" >"$WORK/tel.${what%%:*}"
done
python3 - "$WORK" <<'PYTHON' || fail "see above"
import json, sys
work = sys.argv[1]
def load(name):
    return json.load(open(f'{work}/{name}'))
fio = {k: sum(load(f'{n}.fio')['jobs'][0][k]['io_bytes'] for n in ('small', 'large'))
       for k in ('read', 'write')}
mount, queue, disk = load('tel.mount'), load('tel.queue'), load('tel.disk')
assert mount['copies'] == 0, mount
assert mount['payload_out'] == queue['read_bytes'] == disk['read_bytes'], (mount, queue, disk)
assert mount['payload_in'] == queue['write_bytes'] == disk['write_bytes'], (mount, queue, disk)
assert mount['payload_out'] >= fio['read'] + (64 << 20), (mount, fio)
assert mount['payload_in'] == fio['write'] + 4000000, (mount, fio)
assert disk['flush_ops'] >= 1 and disk['present'] == 1 and disk['size'] == 64 << 20, disk
assert 0 < queue['p50_ns'] <= queue['p99_ns'], queue
assert queue['read_errors'] == queue['write_errors'] == queue['replays'] == 0, queue
session = load('tel.session')
assert session['ready'] == 1 and session['ups'] == 1 and session['disks'] == 1, session
print({k: queue[k] for k in ('read_ops', 'write_ops', 'p50_ns', 'p99_ns', 'descriptor_stores')})
PYTHON
# A peer or disk that is not there is no answer.
! telemetry client "/blk/client/disk,${GID[a]},none" 2>/dev/null || fail "a disk that is not there"
! telemetry client /blk/client/session,dead 2>/dev/null || fail "a peer that is not there"
pair_stop
