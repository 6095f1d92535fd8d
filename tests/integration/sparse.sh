#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fsync, holes and zeroed ranges do on the mount what they do on a local file.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fallocate rsync

image=$(image_make disk.img 16 random)
cp "$image" "$WORK/shadow"
pair_start "$image"

# Where a file has data and where holes, as lseek tells: "data OFFSET" lines.
extents() {
	python3 - "$1" <<'PYTHON'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
at, end = 0, os.fstat(fd).st_size
while at < end:
    try:
        data = os.lseek(fd, at, os.SEEK_DATA)
    except OSError as err:
        assert err.errno == errno.ENXIO, err
        break
    hole = os.lseek(fd, data, os.SEEK_HOLE)
    assert at <= data < hole <= end, (at, data, hole, end)
    print('data', data, hole)
    at = hole
for whence in (os.SEEK_DATA, os.SEEK_HOLE):
    try:
        os.lseek(fd, end, whence)
        sys.exit('lseek behind the end succeeds')
    except OSError as err:
        assert err.errno == errno.ENXIO, err
PYTHON
}
compare() {
	same "$DISK" "$WORK/shadow" "$1: content differs"
	extents "$DISK" >"$WORK/extents.disk"
	extents "$WORK/shadow" >"$WORK/extents.shadow"
	diff "$WORK/extents.disk" "$WORK/extents.shadow" >"$WORK/diff" ||
		fail "$1: holes differ: $(head -n 5 "$WORK/diff")"
}
both() {
	local file
	for file in "$DISK" "$WORK/shadow"; do
		bounded 20 "${@:2}" "$file" || fail "$1: ${*:2} $file"
	done
	compare "$1"
}

compare "as made"
both "punch in the middle" fallocate --punch-hole --offset 1M --length 2M
both "punch one page" fallocate --punch-hole --offset 8388608 --length 4096
both "punch off the pages" fallocate --punch-hole --offset 5000001 --length 70000
both "punch to the end" fallocate --punch-hole --offset 15M --length 1M
both "punch the start" fallocate --punch-hole --offset 0 --length 64K
[ "$(stat -c %b "$image")" -lt $((16 * 2048)) ] || fail "no block of the image was freed"

# tmpfs has no zero range of its own, so the plain file gets zeros written. Whether
# they are a hole is the server's choice; that they are zeros is not.
bounded 20 fallocate --zero-range --offset 6000000 --length 1234567 "$DISK" || fail "zero range"
dd if=/dev/zero of="$WORK/shadow" oflag=seek_bytes seek=6000000 bs=1234567 count=1 \
	conv=notrunc status=none
same "$DISK" "$WORK/shadow" "zero range: content differs"

# Data written into a hole is there, next to what is still a hole.
for file in "$DISK" "$WORK/shadow"; do
	printf 'data in a hole' | dd of="$file" oflag=seek_bytes seek=2000000 \
		conv=notrunc,fsync status=none
done
same "$DISK" "$WORK/shadow" "write into a hole: content differs"
extents "$DISK" >"$WORK/extents.disk"
grep -q "^data 19[0-9]* " "$WORK/extents.disk" || fail "data in a hole is not seen by lseek"

# Who copies the disk gets its holes.
holes() {
	[ "$(stat -c %b "$1")" -lt $((14 * 2048)) ] || fail "$2: $(stat -c %b "$1") blocks"
	same "$1" "$DISK" "$2: content differs"
	rm "$1"
}
bounded 20 cp "$DISK" "$WORK/copy" || fail "cp"
holes "$WORK/copy" "cp"
tar -C "$MNT" -Scf - disk | tar -C "$WORK" -xf -
holes "$WORK/disk" "tar -S"
bounded 20 rsync --sparse "$DISK" "$WORK/copy" || fail "rsync"
holes "$WORK/copy" "rsync --sparse"

# A disk cannot grow, nor lose its end: what local files allow is refused.
run_status 1 fallocate --length 17M "$DISK"
grep -q 'No space left\|not supported' "$WORK/run.err" || fail "growing: $(said run)"
run_status 1 fallocate --collapse-range --offset 0 --length 4096 "$DISK"
run_status 1 truncate -s 1M "$DISK"
[ "$(stat -c %s "$DISK")" -eq $((16 << 20)) ] || fail "the size has changed"

# fsync reaches the server's image: a flush is counted there.
flushes() {
	telemetry_value server /blk/exports exports 0 flush ops
}
before=$(flushes)
dd if=/dev/urandom of="$DISK" bs=4k count=1 conv=notrunc,fsync status=none
[ "$(flushes)" -gt "$before" ] || fail "fsync has not reached the server"
statfs=$(stat -f -c '%T %S' "$DISK")
[[ $statfs == fuse* ]] || fail "statfs says $statfs"
same "$DISK" "$image" "the image differs from the mount after fsync"
pair_stop
