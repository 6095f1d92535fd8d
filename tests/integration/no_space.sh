#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A synchronous write that finds no room says so, and that is all: nothing that was answered is
# lost, so no fsync fails for it. But what it is told of others' lost writes their fsync is told,
# too.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_root
need_loop
need_command losetup

cat >"$WORK/files.py" <<'PYTHON'
import mmap, os, sys
page = mmap.mmap(-1, 4096)
page[:] = b'x' * 4096
def answer(call, *args):
    try:
        call(*args)
        return 0
    except OSError as err:
        return err.errno
disk, device = sys.argv[1:3]
files = [os.open(disk, os.O_RDWR | flags) for flags in (0, os.O_DIRECT | os.O_DSYNC, os.O_DIRECT)]
plain, synced, direct = files
if device == '-':
    # A write into what is allocated, then synchronous ones until the room is used up.
    os.pwrite(plain, b'answered', 0)
    at, err = 1 << 20, 0
    while err == 0:
        err = answer(os.pwrite, synced, page, at)
        at += 4096
    print(err, answer(os.pwritev, direct, [page], at, os.RWF_DSYNC),
          answer(os.posix_fallocate, plain, at, 4096), *[answer(os.fsync, fd) for fd in files * 2])
else:
    # An answered write is lost in the device's page cache: nobody has been told when the
    # synchronous write of somebody else comes.
    os.pwrite(direct, page, 12 << 20)
    back = os.open(device, os.O_RDWR)
    assert answer(os.fsync, back) != 0
    failed = answer(os.pwrite, synced, page, 0)
    print(failed != 0, *[answer(os.fsync, fd) for fd in files * 2])
PYTHON

mkdir "$WORK/small"
mount -t tmpfs -o size=8M small "$WORK/small" || skip "no tmpfs of its own"
expect() {
	bounded 60 python3 "$WORK/files.py" "$DISK" "$2" >"$WORK/files.out"
	grep -qx "$3" "$WORK/files.out" || fail "$1: $(cat "$WORK/files.out"), expected $3"
}

allow_log 'a flush failed at the peer'
truncate -s 16M "$WORK/small/disk.img"
fabric_start a b
server_start --export "disk=$WORK/small/disk.img,allow=any"
client_start
expect "a file in memory" - "28 28 0 0 0 0 0 0 0"
stop client
stop server

# The same on a file system of a disk.
truncate -s 24M "$WORK/fs.img"
mkfs.ext4 -q "$WORK/fs.img"
loop_attach "$WORK/fs.img"
mkdir "$WORK/fs"
mount "$loop_device" "$WORK/fs"
truncate -s 64M "$WORK/fs/disk.img"
server_start --export "disk=$WORK/fs/disk.img,allow=any"
client_start
expect "a file on a disk" - "28 28 0 0 0 0 0 0 0"
stop client
stop server
bounded 30 umount "$WORK/fs"
loop_detach "$loop_device"

# A device whose storage is used up: the kernel finds out after it has answered.
rm "$WORK/small/disk.img"
truncate -s 16M "$WORK/small/disk.img"
dd if=/dev/zero of="$WORK/small/disk.img" bs=64K count=1 conv=notrunc status=none
dd if=/dev/zero of="$WORK/small/filler" bs=64K status=none 2>/dev/null || true
loop_attach "$WORK/small/disk.img"
server_start --export "disk=$loop_device,allow=any"
client_start
expect "a device" "$loop_device" "True 5 5 5 0 0 0"
stop client
stop server
loop_detach "$loop_device"
stop fabric
bounded 20 umount "$WORK/small"
