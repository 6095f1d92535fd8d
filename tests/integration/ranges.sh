#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Edges of fallocate, lseek, open flags, times and names on a disk's file.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image=$(image_make disk.img 8 random)
cp "$image" "$WORK/before"
pair_start "$image"
python3 - "$MNT" <<'PYTHON' || fail "see above"
import ctypes, errno, os, sys
mnt = sys.argv[1]
path = mnt + '/disk'
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
KEEP, PUNCH, COLLAPSE, ZERO, INSERT = 1, 2, 8, 16, 32
fd = os.open(path, os.O_RDWR)
end = os.fstat(fd).st_size
MIB = 1 << 20

def fallocate(mode, off, length):
    ctypes.set_errno(0)
    return 0 if libc.fallocate(fd, mode, off, length) == 0 else ctypes.get_errno()
def expect(got, want, what):
    assert got == want, f'{what}: {errno.errorcode.get(got, got)}, expected {want}'
def raises(want, what, fn):
    try:
        fn()
    except OSError as err:
        assert err.errno == want, f'{what}: {err}'
    else:
        sys.exit(f'{what}: went through')

# Inside the disk all of it is allocated already; behind its end nothing can be.
expect(fallocate(0, 0, end), 0, 'allocate all')
expect(fallocate(KEEP, MIB, MIB), 0, 'allocate, keep size')
expect(fallocate(0, end - 1, 2), errno.ENOSPC, 'allocate across the end')
expect(fallocate(0, end + MIB, 1), errno.ENOSPC, 'allocate behind the end')
assert os.fstat(fd).st_size == end
expect(os.pread(fd, end, 0) == open(sys.argv[1] + '/../before', 'rb').read(), True, 'bytes')

# A hole may reach behind the end: as on a local file, what is there counts.
expect(fallocate(PUNCH | KEEP, end - MIB, 4 * MIB), 0, 'punch across the end')
assert os.pread(fd, 2 * MIB, end - MIB) == bytes(MIB)
expect(fallocate(PUNCH | KEEP, end, MIB), 0, 'punch behind the end')
expect(fallocate(ZERO | KEEP, end - 2 * MIB, 4 * MIB), 0, 'zero across the end, keep size')
assert os.pread(fd, 2 * MIB, end - 2 * MIB) == bytes(2 * MIB)
expect(fallocate(ZERO, end - MIB, 2 * MIB), errno.ENOSPC, 'zero across the end')
for mode in (COLLAPSE, INSERT):
    expect(fallocate(mode, 0, 4096), errno.EOPNOTSUPP, f'mode {mode}')
assert os.fstat(fd).st_size == end

# O_TRUNC is accepted and truncates nothing, in the kernel's eyes neither.
other = os.open(path, os.O_WRONLY | os.O_TRUNC)
assert os.fstat(other).st_size == end and os.lseek(other, 0, os.SEEK_END) == end
assert len(os.pread(fd, MIB, 0)) == MIB
os.close(other)
raises(errno.EINVAL, 'ftruncate', lambda: os.ftruncate(fd, 0))
raises(errno.EINVAL, 'growing', lambda: os.ftruncate(fd, end + 1))
os.ftruncate(fd, end)
os.utime(path)
raises(errno.EPERM, 'chmod', lambda: os.chmod(path, 0o777))
raises(errno.EPERM, 'chown', lambda: os.chown(path, 1, 1))

# The peer says which disks there are.
raises(errno.EPERM, 'create', lambda: os.open(mnt + '/new', os.O_CREAT | os.O_WRONLY))
raises(errno.EPERM, 'unlink', lambda: os.unlink(path))
raises(errno.EPERM, 'rename', lambda: os.rename(path, mnt + '/b'))
raises(errno.EPERM, 'mkdir', lambda: os.mkdir(mnt + '/dir'))
raises(errno.ENOENT, 'lookup', lambda: os.stat(mnt + '/none'))
raises(errno.ENOTDIR, 'below a file', lambda: os.stat(path + '/x'))
raises(errno.EISDIR, 'open the folder', lambda: os.open(mnt, os.O_RDWR))
st = os.stat(path)
assert st.st_blksize == 4096 and st.st_blocks == end // 512 - 1 and st.st_mode == 0o100600, st
PYTHON
same "$DISK" "$image" "the image is not what the mount shows"
pair_stop
