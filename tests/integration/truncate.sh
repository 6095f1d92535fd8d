#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Programs that truncate a file rely on it being empty then: on a disk whatever they succeed in
# writing stands there as in a file, followed by zeros. What is refused changes nothing.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command tar

mib=16
image=$(image_make disk.img $mib random)
cp "$image" "$WORK/random"
cp "$image" "$WORK/ro.img"
head -c 1M /dev/urandom >"$WORK/big.img"
truncate -s 3G "$WORK/big.img"
fabric_start a b c
server_start --export "disk=$image,allow=any" --export "ro=$WORK/ro.img,ro,allow=any" \
	--export "big=$WORK/big.img,allow=any"
client_start
client_name=second client_function=c MNT=$WORK/mnt2 client_start --cache none

# A sparse file as long as the disk: a hole, data, a hole, data, a hole.
sparse=$WORK/sparse
truncate -s ${mib}M "$sparse"
printf hello | dd of="$sparse" bs=1M seek=4 conv=notrunc status=none
head -c 300000 /dev/urandom | dd of="$sparse" bs=1M seek=9 conv=notrunc status=none
tar -C "$WORK" -cSf "$WORK/sparse.tar" sparse

# What the disk holds before each: nothing but random bytes.
refill() {
	dd if="$WORK/random" of="$DISK" bs=1M conv=notrunc status=none
	cmp -s "$WORK/random" "$image" || fail "no random bytes"
}
# writes WANTED COMMAND...: it succeeds, and the disk is WANTED, then zeros; the size stays.
writes() {
	local wanted=$1
	shift
	refill
	bounded 60 "$@" >"$WORK/run.out" 2>&1 || fail "$*: status $?: $(cat "$WORK/run.out")"
	cp "$wanted" "$WORK/wanted"
	truncate -s ${mib}M "$WORK/wanted"
	cmp "$WORK/wanted" "$image" || fail "$*: the image is not what was written"
	cmp "$WORK/wanted" "$DISK" || fail "$*: the disk is not what was written"
}
# refused COMMAND...: it fails, and nothing has changed.
refused() {
	refill
	! bounded 60 "$@" >"$WORK/run.out" 2>&1 || fail "$* succeeds"
	cmp "$WORK/random" "$image" || fail "$* fails, and has changed the image"
	cmp "$WORK/random" "$DISK" || fail "$* fails, and has changed the disk"
}
sh_writes() {
	writes "$1" sh -c "$2"
}

printf 'a few bytes' >"$WORK/small"
for disk in "$DISK" "$WORK/mnt2/disk"; do
	writes "$sparse" cp "$sparse" "$disk"
	writes "$sparse" cp --sparse=always "$sparse" "$disk"
	writes "$WORK/small" cp "$WORK/small" "$disk"
	sh_writes "$sparse" "tar -xOf $WORK/sparse.tar >$disk"
	sh_writes "$sparse" "cat $sparse >$disk"
	sh_writes "$WORK/small" "cat $WORK/small >$disk"
	sh_writes /dev/null ": >$disk"
	writes "$WORK/small" dd if="$WORK/small" of="$disk" status=none
	writes "$sparse" dd if="$sparse" of="$disk" bs=64K conv=sparse status=none
	writes "$sparse" \
		python3 -c 'import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2])' \
		"$sparse" "$disk"
	writes /dev/null python3 -c 'import os, sys; os.truncate(sys.argv[1], 0)' "$disk"
done
if command -v zstd >/dev/null; then
	zstd -q "$sparse" -o "$WORK/sparse.zst"
	sh_writes "$sparse" "zstd -dqc --sparse $WORK/sparse.zst >$DISK"
fi
[ "$(stat -c %s "$DISK")" -eq $((mib << 20)) ] || fail "the size has changed"
[ "$(telemetry_value client /ismblk/mount emptied)" -ge 11 ] || fail "not counted"
grep -q 'disk disk was opened with O_TRUNC' "$WORK/client.err" || fail "no line tells of it"

# With times and mode, where the mode is the disk's.
chmod 600 "$sparse"
touch -d 2003-03-03 "$sparse"
writes "$sparse" cp -p "$sparse" "$DISK"
[ "$(stat -c %Y "$DISK")" -eq "$(stat -c %Y "$sparse")" ] || fail "cp -p: another time"
writes "$sparse" cp -a "$sparse" "$DISK"
writes "$sparse" python3 -c 'import shutil, sys; shutil.copy2(sys.argv[1], sys.argv[2])' "$sparse" \
	"$DISK"
! command -v rsync >/dev/null || writes "$sparse" rsync -a --inplace "$sparse" "$DISK"
{ chmod 600 "$DISK" && chown "$(id -u):$(id -g)" "$DISK"; } || fail "setting what is set"
for command in "chmod 640 $DISK" "chmod 601 $MNT" "chown 12345 $DISK" "chgrp 12345 $DISK"; do
	run_status 1 sh -c "$command"
	grep -q 'not permitted' "$WORK/run.err" || fail "$command: $(said run)"
done
python3 - "$DISK" <<'PYTHON' || fail "extended attributes"
import errno, os, sys
for call in (lambda: os.setxattr(sys.argv[1], 'user.x', b'1'),
             lambda: os.setxattr(sys.argv[1], 'system.posix_acl_access',
                                 bytes.fromhex('0200000001000600ffffffff'
                                               '04000000ffffffff20000000ffffffff'))):
    try:
        call()
        sys.exit('it has attributes')
    except OSError as err:
        assert err.errno == errno.EOPNOTSUPP, err
PYTHON
chmod 644 "$WORK/small"
refill
run_status 1 cp -p "$WORK/small" "$DISK"
grep -q 'preserving permissions.*not permitted' "$WORK/run.err" || fail "cp -p: $(said run)"
head -c 11 "$DISK" | cmp - "$WORK/small" || fail "cp -p: the content is not there"

# What reads along sees zeros, also through its maps and what the kernel has cached for it.
refill
cat >"$WORK/reader.py" <<'PYTHON'
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, 16 << 20)
old = os.pread(fd, 16 << 20, 0)
assert any(old) and m[:] == old
with open(sys.argv[1], 'wb') as f:
    pass
assert not any(m[:]), 'old bytes in a map'
assert not any(os.pread(fd, 16 << 20, 0)), 'old bytes in the cache'
assert os.fstat(fd).st_size == 16 << 20
PYTHON
bounded 60 python3 "$WORK/reader.py" "$DISK" || fail "who has it open sees old bytes"

# A disk of many pieces.
bounded 60 sh -c ": >$MNT/big" || fail "a long disk"
[ "$(stat -c %b "$WORK/big.img")" -eq 0 ] || fail "not all of a long disk is zeros"

# What is refused.
refused truncate -s 0 "$DISK"
refused truncate -s 1M "$DISK"
refused truncate -s 17M "$DISK"
refused python3 -c 'import os, sys; os.truncate(sys.argv[1], 4096)' "$DISK"
refused install "$WORK/small" "$DISK"
refused mv "$WORK/small" "$DISK"
refused rm -f "$DISK"
refill
bounded 20 truncate -s ${mib}M "$DISK" || fail "truncating to its size"
cmp "$WORK/random" "$DISK" || fail "truncating to its size changes the content"
run_status 1 cp "$sparse" "$MNT/ro"
cmp "$WORK/random" "$WORK/ro.img" || fail "a read-only disk was truncated"
run_status 1 dd if="$sparse" of="$MNT/ro" status=none
stop client
client_start --read-only
refill_from=$(sha256sum <"$image")
run_status 1 cp "$sparse" "$DISK"
[ "$(sha256sum <"$image")" = "$refill_from" ] || fail "truncated through a read-only mount"
stop client
stop second
stop server
stop fabric
