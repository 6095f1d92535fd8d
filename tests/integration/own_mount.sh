#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# At its end the client unmounts its own mount, wherever that is by then, and nothing that somebody
# else has mounted meanwhile: in its place, over it, inside it, or as a copy of it.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_root
need_command mount umount

image=$(image_make disk.img 4 random)
fabric_start a b c
server_start --export "disk=$image,allow=any"
elsewhere=$WORK/elsewhere
mkdir "$elsewhere"

# mounted_there DIR TYPE
mounted_there() {
	awk -v dir="$1" '$5 == dir { sub(/.* - /, ""); print $1 }' /proc/self/mountinfo |
		grep -qx "$2"
}

# The client ends well and says that it leaves something alone.
ends_with() {
	stop client
	grep -q "$1" "$WORK/client.err" || fail "no word of it: $(cat "$WORK/client.err")"
}

# Unmounted lazily while a file is open; then something else is there.
client_start
exec 5<"$DISK"
umount -l "$MNT"
mount -t tmpfs -o size=64k later "$MNT"
ends_with 'is there no more; nothing is unmounted'
mounted_there "$MNT" tmpfs || fail "a tmpfs that came later was unmounted"
exec 5<&-
umount "$MNT"

# The same, and another client is there.
client_start
exec 5<"$DISK"
umount -l "$MNT"
client_name=second client_function=c
client_start
ends_with 'is there no more; nothing is unmounted'
same "$DISK" "$image" "the second client's disk after the first one's end"
exec 5<&-
stop second
! mounted_there "$MNT" fuse.dpdk-ismblk || fail "the second client's mount is left"
client_name=client client_function=b

# Something is mounted over it.
client_start
mount -t tmpfs -o size=64k over "$MNT"
ends_with 'something else is mounted on our mount'
mounted_there "$MNT" tmpfs || fail "what is mounted over ours was unmounted"
umount "$MNT"
bounded 20 fusermount3 -u "$MNT"

# Something is mounted inside.
client_start
mount --bind "$image" "$DISK"
ends_with 'something else is mounted on our mount'
mounted_there "$DISK" "$(stat -f -c %T "$WORK")" || fail "what is mounted inside was unmounted"
umount "$DISK"
bounded 20 fusermount3 -u "$MNT"

# Moved, to a name with a blank; something else is where it was.
client_start
mkdir "$WORK/new place"
if mount --move "$MNT" "$WORK/new place" 2>"$WORK/move.err"; then
	mount -t tmpfs -o size=64k later "$MNT"
	same "$WORK/new place/disk" "$image" "after the move"
	stop client
	! grep -q 'new\\040place' /proc/self/mountinfo || fail "the moved mount is left"
	mounted_there "$MNT" tmpfs || fail "what is where it was has been unmounted"
	umount "$MNT"
else
	note "mounts here cannot be moved: $(cat "$WORK/move.err")"
	stop client
fi

# A copy elsewhere is somebody else's, too.
client_start
mount --bind "$MNT" "$elsewhere"
stop client
! mounted_there "$MNT" fuse.dpdk-ismblk || fail "our mount is left"
mounted_there "$elsewhere" fuse.dpdk-ismblk || fail "a copy was unmounted"
umount "$elsewhere"

# The usual end, with a file open.
client_start
exec 5<"$DISK"
stop client
exec 5<&-
pair_stop
