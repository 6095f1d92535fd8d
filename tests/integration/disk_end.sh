#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# At the end of the disk: short reads, then none; writes get what fits, then ENOSPC.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image=$(image_make disk.img 1 random)
truncate -s $((1024 * 1024 + 512)) "$image"
cp "$image" "$WORK/before"
pair_start "$image"
python3 - "$DISK" <<'PYTHON' || fail "see above"
import errno, mmap, os, sys
path = sys.argv[1]
for flags in (0, os.O_DIRECT):
    fd = os.open(path, os.O_RDWR | flags)
    end = os.fstat(fd).st_size
    assert end == (1 << 20) + 512, end
    assert os.lseek(fd, 0, os.SEEK_END) == end
    buf = mmap.mmap(-1, 8192)
    assert os.preadv(fd, [buf], end - 512) == 512, 'short read'
    assert os.preadv(fd, [buf], end) == 0, 'read at the end'
    assert os.preadv(fd, [buf], end + (1 << 40)) == 0, 'read far behind the end'
    for off in (end, end + 4096, 1 << 50):
        try:
            done = os.pwritev(fd, [buf], off)
            os.fsync(fd)
            sys.exit(f'a write of {done} bytes at {off} went through, flags {flags}')
        except OSError as err:
            assert err.errno in (errno.ENOSPC, errno.EFBIG), err
            assert err.errno == errno.ENOSPC or off == 1 << 50, err
    # Across the end: what fits, or ENOSPC; never more.
    try:
        done = os.pwritev(fd, [buf], end - 512)
        assert done == 512, done
    except OSError as err:
        assert err.errno == errno.ENOSPC, err
    try:
        os.fsync(fd)
    except OSError as err:
        # Through the page cache the kernel may only know now.
        assert err.errno == errno.ENOSPC and not flags, err
    assert os.fstat(fd).st_size == end, 'the disk has grown'
    os.close(fd)
PYTHON
[ "$(stat -c %s "$image")" -eq $((1024 * 1024 + 512)) ] || fail "the image has grown"
cmp -n $((1024 * 1024)) "$image" "$WORK/before" || fail "bytes before the end have changed"
pair_stop
