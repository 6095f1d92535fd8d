#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The times of a disk's file are the image's: whoever changes it, programs that look at times
# (rsync, tar, make, find) see it. Times set by hand stay until the next change. What a program
# writes does not make the kernel forget what it has read.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_root
need_command rsync make tar losetup

image=$(image_make disk.img 16 random)
fabric_start a b c d e
server_start --export "disk=$image,allow=any" --export "other=$(image_make other.img 1),allow=any"
client_start
client_name=second client_function=c MNT=$WORK/mnt2 client_start
second=$WORK/mnt2/disk

times_of() {
	stat -c '%.9Y %.9Z' "$1"
}
has_moved() {
	[ "$(times_of "$DISK")" != "$before" ]
}
# moves WHAT COMMAND...: both times move on with it, at once.
moves() {
	local what=$1 was now
	was=$(times_of "$DISK")
	sleep 0.02 # the image's own clock ticks every few milliseconds
	bounded 20 "${@:2}" >"$WORK/moves.out" 2>&1 || fail "$what: $(cat "$WORK/moves.out")"
	now=$(times_of "$DISK")
	awk -v was="$was" -v now="$now" 'BEGIN {
		split(was, a); split(now, b); exit !(b[1] > a[1] && b[2] > a[2]) }' ||
		fail "$what: the times were $was and are $now"
	[ "$now" = "$(times_of "$image")" ] ||
		fail "$what: $now, the image has $(times_of "$image")"
	[ "$now" = "$(times_of "$DISK")" ] || fail "$what: another time without a change"
}

[ "$(times_of "$DISK")" = "$(times_of "$image")" ] || fail "a fresh mount tells other times"
write=(dd if=/dev/urandom "of=$DISK" bs=4k count=1 conv=notrunc status=none)
moves "a write" "${write[@]}" seek=3
moves "a write with fsync" "${write[@]}" seek=5 conv=notrunc,fsync
moves "a write with O_DIRECT" "${write[@]}" seek=7 oflag=direct
moves "a write with O_DSYNC" "${write[@]}" seek=8 oflag=dsync
moves "an odd write" dd if=/dev/urandom "of=$DISK" bs=11 count=3 seek=77 conv=notrunc status=none
moves "a long write" dd if=/dev/urandom "of=$DISK" bs=1M count=4 conv=notrunc status=none
moves "a punched hole" fallocate --punch-hole --offset 1M --length 64K "$DISK"
moves "a zeroed range" fallocate --zero-range --offset 2M --length 64K "$DISK"
moves "a write through a map" python3 -c 'import mmap, sys
with open(sys.argv[1], "r+b") as f, mmap.mmap(f.fileno(), 1 << 20) as m:
    m[12345:12350] = b"mmap!"
    m.flush()' "$DISK"
loop_attach "$DISK"
moves "a write through a loop device" dd if=/dev/urandom of="$loop_device" bs=4k count=1 seek=9 \
	oflag=direct status=none
loop_detach "$loop_device"

# Nobody has written: nothing moves, and the other disk never did.
before=$(times_of "$DISK")
dd if="$DISK" of=/dev/null bs=1M status=none
sync "$DISK"
sleep 2.5
! has_moved || fail "reading moves the times"
[ "$(times_of "$MNT/other")" = "$(times_of "$WORK/other.img")" ] || fail "another disk's times"

# Changes that this mount has nothing to do with.
dd if=/dev/urandom of="$second" bs=4k count=1 seek=20 conv=notrunc status=none
wait_for 3 "a write of another mount shows" has_moved
before=$(times_of "$DISK")
dd if=/dev/urandom of="$image" bs=4k count=1 seek=21 conv=notrunc status=none
wait_for 3 "a write on the server's side shows" has_moved

# An image behind another mount, as behind a network: the server asks for its times now and then.
start far_server "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[d]}" -- \
	--export "disk=$MNT/other,allow=any"
wait_ready far_server
server_function=d client_name=far client_function=e MNT=$WORK/mnt3 client_start
far_moved() {
	[ "$(stat -c %.9Y "$WORK/mnt3/disk")" = "$(stat -c %.9Y "$WORK/other.img")" ]
}
sleep 0.02
dd if=/dev/urandom of="$WORK/mnt3/disk" bs=4k count=1 seek=2 conv=notrunc status=none
wait_for 4 "a write to a remote image shows" far_moved
printf remote | dd of="$WORK/other.img" bs=4k seek=3 conv=notrunc status=none
wait_for 4 "a write on a remote image's far side shows" far_moved
stop far
stop far_server

# Programs that go by times. (Most of them look at seconds only.)
mkdir "$WORK/backup"
backup() {
	bounded 60 rsync -a "$MNT/" "$WORK/backup" || fail "rsync"
	cmp "$image" "$WORK/backup/disk" || fail "$1: the backup misses the change"
}
backup "the first"
sleep 1.1
printf new | dd of="$DISK" bs=4k seek=3 conv=notrunc,fsync status=none
backup "a write"
[ "$(bounded 60 rsync -ai "$MNT/" "$WORK/backup" | grep -c '^>f')" -eq 0 ] ||
	fail "rsync copies what has not changed"
sleep 1.1
fallocate --punch-hole --offset 4M --length 1M "$DISK"
backup "a punched hole"
sleep 1.1
printf new | dd of="$second" bs=4k seek=4 conv=notrunc status=none
sleep 1.1 # the kernel trusts attributes for that long
backup "a write through another mount"

tar -C "$MNT" -g "$WORK/snapshot" -cf "$WORK/0.tar" .
tar -C "$MNT" -g "$WORK/snapshot" -cf "$WORK/1.tar" .
! grep -qx ./disk <<<"$(tar -tf "$WORK/1.tar")" || fail "tar -g stores what has not changed"
printf 'target: %s\n\tcp $< $@ && echo made\n' "$DISK" >"$WORK/Makefile"
makes() {
	make -s -C "$WORK" target >"$WORK/make.out" 2>&1
	grep -qx made "$WORK/make.out"
}
makes || fail "make: $(cat "$WORK/make.out")"
! makes || fail "make runs without a change"
touch "$WORK/reference"
sleep 1.1
"${write[@]}" seek=6
tar -C "$MNT" -g "$WORK/snapshot" -cf "$WORK/2.tar" .
grep -qx ./disk <<<"$(tar -tf "$WORK/2.tar")" || fail "tar -g misses a change"
makes || fail "make misses a change"
[ "$(find "$DISK" -newer "$WORK/reference")" = "$DISK" ] || fail "find -newer misses a change"
[ -z "$(find "$MNT/other" -newer "$WORK/reference")" ] || fail "find -newer finds another disk"

# Times set by hand.
touch -d '2001-02-03 04:05:06.789' "$WORK/old"
touch -r "$WORK/old" "$DISK" || fail "touch"
[ "$(stat -c %.9Y "$DISK")" = "$(stat -c %.9Y "$WORK/old")" ] || fail "touch has no effect"
sleep 2.5
[ "$(stat -c %.9Y "$DISK")" = "$(stat -c %.9Y "$WORK/old")" ] || fail "a time set does not stay"
moves "a write after touch" "${write[@]}"
touch -d '1969-07-20 20:17:40' "$DISK"
[ "$(stat -c %Y "$DISK")" -eq "$(date -d '1969-07-20 20:17:40' +%s)" ] || fail "before 1970"
touch "$DISK" "$MNT"
[ $(($(date +%s) - $(stat -c %Y "$DISK"))) -le 2 ] || fail "touch to now"
touch -a -d '2002-02-02 02:02:02' "$DISK"
[ "$(stat -c %X "$DISK")" -eq "$(date -d '2002-02-02 02:02:02' +%s)" ] || fail "a time of access"

# What was read stays in the page cache, whatever is written beside it.
cat >"$WORK/cached.py" <<'PYTHON'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
os.pread(fd, 8 << 20, 0)
for i in range(20):
    os.pwrite(fd, b'x' * 4096, (i << 18))
    os.fstat(fd)
    os.pread(fd, 8 << 20, 0)
PYTHON
read_before=$(telemetry_value client /ismblk/mount payload_out)
bounded 60 python3 "$WORK/cached.py" "$DISK"
read_bytes=$(($(telemetry_value client /ismblk/mount payload_out) - read_before))
[ "$read_bytes" -le $((10 << 20)) ] ||
	fail "a program's own writes drop its cache: $read_bytes bytes were read"

# A mount made anew tells the same, and one whose server is away tells the last times known.
"${write[@]}"
before=$(times_of "$DISK")
stop client
client_start
! has_moved || fail "a new mount tells other times: $(times_of "$DISK"), had $before"
allow_log "$log_peer_gone"
stop server KILL
bounded 20 stat "$DISK" >/dev/null || fail "stat waits for a server that is away"
bounded 20 ls -l "$MNT" >/dev/null || fail "ls waits for a server that is away"
! has_moved || fail "times move while the server is away"
server_start --export "disk=$image,allow=any" --export "other=$WORK/other.img,allow=any"
wait_for 20 "the session is back" "${write[@]}"
has_moved || fail "no times after the session was lost"
stop client
stop second
stop server
stop fabric
