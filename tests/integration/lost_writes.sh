#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Answered writes that a reboot of the server's system may have lost, or that another image never
# had: the next fsync of each open file says EIO, once. A restart of the server alone loses nothing,
# and a synchronous write is on stable storage when it is answered, past the page cache, too.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_root
need_command unshare

image=$(image_make disk.img 4)
# The server in a mount namespace where the system's boot id is the one in $WORK/boot.
cat >"$WORK/booted" <<'SH'
#!/bin/sh
mount --bind "$BOOT_ID" /proc/sys/kernel/random/boot_id && exec "$@"
SH
chmod +x "$WORK/booted"
cat /proc/sys/kernel/random/uuid >"$WORK/boot"
BOOT_ID=$WORK/boot unshare --mount "$WORK/booted" grep -qf "$WORK/boot" \
	/proc/sys/kernel/random/boot_id || skip "no mount namespaces"
boot_server() {
	as_user=(env "BOOT_ID=$WORK/boot" unshare --mount "$WORK/booted")
	server_start --export "disk=$image,allow=any"
	as_user=()
}
reboot_server() {
	stop server KILL
	cat /proc/sys/kernel/random/uuid >"$WORK/boot"
	boot_server
}

# One open file, and others for synchronous writes, driven line by line; answers 0 or errno.
cat >"$WORK/file.py" <<'PYTHON'
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
direct = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
synced = {'sync': os.O_SYNC, 'direct-dsync': os.O_DSYNC | os.O_DIRECT,
          'direct-sync': os.O_SYNC | os.O_DIRECT}
for how in synced:
    synced[how] = os.open(sys.argv[1], os.O_RDWR | synced[how])
page = mmap.mmap(-1, 4096)
answers = open(sys.argv[3], 'w')
for line in open(sys.argv[2]):
    how = line.strip()
    page[:] = os.urandom(4096)
    try:
        if how == 'write':
            os.pwrite(fd, page, 8192)
        elif how in synced:
            os.pwrite(synced[how], page, 8192)
        elif how == 'direct-rwf-dsync':
            os.pwritev(direct, [page], 8192, os.RWF_DSYNC)
        elif how == 'read':
            with open(sys.argv[4], 'rb') as image:
                if os.pread(fd, 1 << 20, 1 << 20) != os.pread(image.fileno(), 1 << 20, 1 << 20):
                    raise OSError(1, 'not what is in the image')
        else:
            os.fsync(fd)
        print(0, file=answers, flush=True)
    except OSError as err:
        print(err.errno, file=answers, flush=True)
PYTHON
losses_are() {
	[ "$(telemetry_value client "/blk/client/disk,${GID[a]},disk" losses)" -eq "$1" ]
}
expect() {
	local answer
	echo "$2" >&7
	read -r -t 30 answer <&8 || fail "$1: $2 does not end"
	[ "$answer" = "$3" ] || fail "$1: $2 answers $answer, expected $3"
}

fabric_start a b
boot_server
client_start
allow_log "$log_peer_gone"
allow_log 'unflushed writes may be lost|another one now'
mkfifo "$WORK/asks" "$WORK/answers"
start_load file python3 "$WORK/file.py" "$DISK" "$WORK/asks" "$WORK/answers" \
	"$image"
exec 7<>"$WORK/asks" 8<>"$WORK/answers"
expect "a file" write 0
expect "a file" fsync 0

expect "before a restart" write 0
stop server KILL
boot_server
expect "after a restart" fsync 0

expect "before a reboot" write 0
expect "before a reboot" fsync 0
reboot_server
expect "after a reboot, all flushed" fsync 0

for how in sync direct-sync direct-dsync direct-rwf-dsync; do
	expect "before a reboot" "$how" 0
	reboot_server
	expect "after a reboot and a write with $how" fsync 0
done

expect "before a reboot" write 0
reboot_server
expect "after a reboot" fsync 5
expect "told once" fsync 0
losses_are 1 || fail "losses"

# Who wrote has gone, and nobody knows of the loss yet: whoever opens the disk next is told.
dd if=/dev/urandom of="$DISK" bs=4k count=1 conv=notrunc status=none
reboot_server
wait_for 20 "a second loss" losses_are 2
! sync "$DISK" 2>"$WORK/sync.err" || fail "nobody is told of a loss"
sync "$DISK" || fail "a loss is told again"
expect "a file that was open all the time" fsync 5

expect "before another image" write 0
expect "before another image" fsync 0
expect "before another image" read 0
stop server KILL
cp "$image" "$image.new"
dd if=/dev/urandom of="$image.new" bs=64k seek=20 count=1 conv=notrunc status=none
mv "$image.new" "$image"
boot_server
expect "another image" fsync 5
expect "another image, and not what was cached of the old one" read 0
expect "told once" fsync 0

exec 7>&- 8<&-
stop file KILL
pair_stop
