#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# copy_file_range() from disk to disk of one server is done there: no payload crosses the link, and
# what another system has written is what is copied, whatever the kernel has in its cache.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_root

disk_dir=$(mktemp -d "${TMPDIR:-/tmp}/ism-copy.XXXXXX")
at_end() {
	local status=$?
	set +e
	rm -rf "$disk_dir"
	(exit "$status") # cleanup looks at it
	cleanup
}
trap at_end EXIT
image=$(image_make disk.img 16 random)
head -c 16M /dev/urandom >"$disk_dir/other.img"
cp "$image" "$WORK/ro.img"
fabric_start a b c
server_start --export "disk=$image,allow=any" --export "other=$disk_dir/other.img,allow=any" \
	--export "ro=$WORK/ro.img,ro,allow=any" --export "alias=$image,allow=any"
client_start
client_name=second client_function=c MNT=$WORK/mnt2 client_start --cache none

# The same calls on the disks and on plain files; the bytes must be the same after.
cat >"$WORK/copy.py" <<'PYTHON'
import errno, os, random, sys
mount, shadow, direct = sys.argv[1], sys.argv[2], sys.argv[3] == 'direct'
names = 'disk', 'other'
def opened(folder, flags=0):
    return {n: os.open(f'{folder}/{n}', os.O_RDWR | flags) for n in names}
disks, files = opened(mount, os.O_DIRECT if direct else 0), opened(shadow)
size, rnd = 16 << 20, random.Random(7)
def copy(fds, a, b, length, off_a, off_b):
    done = 0
    while done < length:
        n = os.copy_file_range(fds[a], fds[b], length - done, off_a + done, off_b + done)
        assert n > 0
        done += n
for i in range(150):
    a, b = rnd.choice(names), rnd.choice(names)
    length = rnd.choice((1, 511, 4096, 65536, 65537, 1 << 20, 3000001))
    off_a, off_b = rnd.randrange(size - length), rnd.randrange(size - length)
    if i % 3 == 0:
        off_a, off_b, length = off_a & ~4095, off_b & ~4095, length
    if a == b and abs(off_a - off_b) < length:
        continue
    copy(disks, a, b, length, off_a, off_b)
    copy(files, a, b, length, off_a, off_b)
    if not direct and i % 10 == 0: # through the page cache, just after
        assert os.pread(disks[b], length, off_b) == os.pread(files[b], length, off_b), i
def fails(what, *args):
    try:
        os.copy_file_range(*args)
    except OSError as err:
        assert err.errno == what, (err, args)
    else:
        sys.exit(f'{args} succeeds')
d, o = disks['disk'], disks['other']
assert os.copy_file_range(d, o, 4096, size, 0) == 0
assert os.copy_file_range(d, o, 8192, size - 4096, 0) == 4096
os.copy_file_range(files['disk'], files['other'], 4096, size - 4096, 0)
fails(errno.EINVAL, d, d, 8192, 0, 4096)
fails(errno.ENOSPC, d, o, 4096, 0, size)
assert os.copy_file_range(d, o, 8192, 0, size - 4096) == 4096
os.copy_file_range(files['disk'], files['other'], 4096, 0, size - 4096)
alias = os.open(f'{mount}/alias', os.O_RDWR)
fails(errno.EINVAL, d, alias, 8192, 0, 4096)
ro = os.open(f'{mount}/ro', os.O_RDONLY)
assert os.copy_file_range(ro, o, 4096, 0, 0) == 4096
os.pwrite(files['other'], os.pread(ro, 4096, 0), 0)
PYTHON
mkdir "$WORK/shadow"
moved() {
	local name sum=0
	for name in client second; do
		sum=$((sum + $(telemetry_value "$name" /ismblk/mount payload_in) +
			$(telemetry_value "$name" /ismblk/mount payload_out)))
	done
	echo "$sum"
}
for run in "$MNT cached" "$WORK/mnt2 none" "$MNT direct"; do
	cp "$image" "$WORK/shadow/disk"
	cp "$disk_dir/other.img" "$WORK/shadow/other"
	# shellcheck disable=SC2086 # two words
	bounded 120 python3 "$WORK/copy.py" ${run% *} "$WORK/shadow" "${run#* }" || fail "$run"
	same "$WORK/shadow/disk" "$image" "$run: the disk is not what files are"
	same "$WORK/shadow/other" "$disk_dir/other.img" "$run: the other disk is not what files are"
done
python3 - "$WORK/mnt2" <<'PYTHON' &
import os, sys
d, o = (os.open(f'{sys.argv[1]}/{n}', os.O_RDWR) for n in ('disk', 'other'))
done = 0
while done < 16 << 20:
    done += os.copy_file_range(d, o, 16 << 20, done, done)
PYTHON
pid=$!
before=$(moved)
wait "$pid" || fail "a long copy"
[ $(($(moved) - before)) -eq 0 ] || fail "payload crossed the link: $(($(moved) - before)) bytes"
same "$image" "$disk_dir/other.img" "a long copy"
[ "$(telemetry_value server /blk/exports exports 1 copy ops)" -gt 50 ] ||
	fail "the server has copied nothing"

# What copies files does it so.
fallocate --punch-hole --offset 3M --length 2M "$DISK"
bounded 60 cp "$DISK" "$MNT/other" || fail "cp"
same "$image" "$disk_dir/other.img" "cp from disk to disk"

# Another system writes; the cache of this one has the old bytes.
cat >"$WORK/stale.py" <<'PYTHON'
import os, subprocess, sys
mount, second = sys.argv[1:3]
d, o = os.open(f'{mount}/disk', os.O_RDWR), os.open(f'{mount}/other', os.O_RDWR)
r, w = os.pipe()
assert os.splice(d, w, 4096, 0) == 4096 and len(os.read(r, 4096)) == 4096
new = os.urandom(4096)
fd = os.open(f'{second}/disk', os.O_RDWR)
os.pwrite(fd, new, 0)
assert os.copy_file_range(d, o, 4096, 0, 8192) == 4096
assert os.pread(os.open(f'{second}/other', os.O_RDONLY), 4096, 8192) == new, 'old bytes copied'
direct = os.open(f'{mount}/disk', os.O_RDONLY | os.O_DIRECT)
assert os.splice(direct, w, 4096, 0) == 4096 and os.read(r, 4096) == new, 'old bytes spliced'
anew = os.open(f'{mount}/disk', os.O_RDONLY)
assert os.splice(anew, w, 4096, 0) == 4096 and os.read(r, 4096) == new, 'old bytes after open'
PYTHON
bounded 60 python3 "$WORK/stale.py" "$WORK/mnt2" "$MNT" || fail "another system's write"

# Shared maps of files past the page cache, where the kernel has them (6.6).
cat >"$WORK/map.py" <<'PYTHON'
import errno, mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | (os.O_DIRECT if sys.argv[2] == 'direct' else 0))
try:
    m = mmap.mmap(fd, 1 << 20)
except OSError as err:
    sys.exit(3 if err.errno == errno.ENODEV else str(err))
m[5000:5007] = b'through'
m.flush()
page = mmap.mmap(-1, 4096)
os.preadv(fd, [page], 4096)
assert page[904:911] == b'through', page[900:920]
os.pwrite(fd, page, 8192)
assert m[8192 + 904:8192 + 911] == b'through'
PYTHON
for run in "$WORK/mnt2/disk none" "$DISK direct"; do
	status=0
	# shellcheck disable=SC2086 # two words
	bounded 60 python3 "$WORK/map.py" $run || status=$?
	if [ "$status" -eq 3 ] &&
		[ "$(printf '%s\n' 6.6 "$(uname -r)" | sort -V | head -n 1)" != 6.6 ]; then
		note "this kernel has no shared maps of such files"
	elif [ "$status" -ne 0 ]; then
		fail "a shared map of ${run#* }: status $status"
	fi
done
same "$image" "$WORK/mnt2/disk" "after the maps"

# qemu-img writes into a disk that is there (-n), and cannot make one.
if command -v qemu-img >/dev/null; then
	qemu-img create -q -f qcow2 "$WORK/src.qcow2" 16M
	before=$(sha256sum <"$image")
	! qemu-img convert -O raw "$WORK/src.qcow2" "$DISK" 2>"$WORK/qemu.err" ||
		fail "qemu-img convert makes a disk"
	[ "$(sha256sum <"$image")" = "$before" ] || fail "qemu-img convert has changed the disk"
	bounded 60 qemu-img convert -f raw -O qcow2 "$DISK" "$WORK/dst.qcow2" || fail "convert from"
	bounded 60 qemu-img compare -q -f raw -F qcow2 "$DISK" "$WORK/dst.qcow2" || fail "compare"
	bounded 60 qemu-img convert -n -O raw "$WORK/src.qcow2" "$DISK" || fail "convert -n"
	cmp -n $((16 << 20)) /dev/zero "$image" || fail "convert -n leaves old bytes"
fi
stop client
stop second
stop server
stop fabric
