#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A guest mounts what its host serves: ext4 made by the host, filled by the guest on a
# loop device of it, comes back with every byte; then the guest makes sure of what
# the host has put there. Little-endian server, big-endian client.
# shellcheck disable=SC2016 # scripts are for the guest's shell
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
need_kernel testing
need_command mkfs.ext4 e2fsck debugfs

# What goes in: files of many sizes, and what is known of them.
mkdir "$WORK/files" "$WORK/files/tree"
for size in 0 1 511 4095 4096 4097 65537 1000003 5000001; do
	head -c "$size" /dev/urandom >"$WORK/files/tree/$size"
done
cp -r "$source_dir/pmd" "$source_dir/lib/link" "$WORK/files/tree/"
sums() {
	(cd "$1" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2)
}
sums "$WORK/files/tree" >"$WORK/files/sums"
count=$(wc -l <"$WORK/files/sums")

image=$(image_make disk.img 64)
mkfs.ext4 -q "$image"
fabric_start host guest --quirk=qemu-pcistb
server_function=host
server_start --export "disk=$image,allow=${GID[guest]}" --export "other=$(image_make other.img 1)"
allow_log "export 'other' is allowed to nobody"
machine_start guest guest -- "$WORK/files"
machine_bind guest guest

machine_says guest 0 ' disk ' "/ism/dpdk-ismblk -- --peer ${GID[host]} --list"
! grep -q ' other ' "$WORK/guest.run" || fail "an export for others is shown"
machine_spawn guest client "/ism/dpdk-ismblk -- --peer ${GID[host]} --mount /mnt"
machine_ready guest client
guest_run guest 300 'losetup /dev/loop0 /mnt/disk && mkdir /ext4 &&
	mount -t ext4 /dev/loop0 /ext4 && cp -r /files/tree /ext4/ && sync &&
	umount /ext4 && losetup -d /dev/loop0'
e2fsck -fn "$image" >"$WORK/fsck" 2>&1 || fail "e2fsck: $(cat "$WORK/fsck")"

# What is there now, without any of us in between; and through a new mount in the guest.
mkdir "$WORK/back"
debugfs -R "rdump /tree $WORK/back" "$image" >"$WORK/debugfs" 2>&1
sums "$WORK/back/tree" >"$WORK/sums.back"
diff "$WORK/files/sums" "$WORK/sums.back" || fail "the host has other files than the guest wrote"
guest_run guest 300 'echo 3 >/proc/sys/vm/drop_caches
	losetup -r /dev/loop0 /mnt/disk && mount -t ext4 -o ro /dev/loop0 /ext4 &&
	cd /ext4/tree && sha256sum -c /files/sums >/tmp/check; s=$?; cd /
	grep -v ": OK$" /tmp/check
	umount /ext4 && losetup -d /dev/loop0 && exit $s'
machine_end guest client
stop server
guest_stop guest
stop fabric
e2fsck -fn "$image" >"$WORK/fsck" 2>&1 || fail "e2fsck: $(cat "$WORK/fsck")"
note "$count files came back"
