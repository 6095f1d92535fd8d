#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An ext4 file system on the mounted disk: a real tree of files goes in, and comes
# out of a fresh client with every byte as it was.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_loop

# The tree: the project's own files and some of the system's.
tree=$WORK/tree
mkdir "$tree" "$WORK/fs"
cp -a "$source_dir/lib" "$source_dir/pmd" "$source_dir/apps" "$source_dir/tests" "$tree/"
cp -a /usr/include/linux "$tree/"
head -c 9000001 /dev/urandom >"$tree/big"
ln -s big "$tree/link"
(cd "$tree" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2) >"$WORK/sums"
files=$(wc -l <"$WORK/sums")
[ "$files" -gt 100 ] || fail "only $files files to copy"

pair_start "$(image_make disk.img 128)"
loop_attach "$DISK"
bounded 60 mkfs.ext4 -q "$loop_device"
bounded 30 mount "$loop_device" "$WORK/fs"
bounded 60 cp -a "$tree" "$WORK/fs/"
bounded 60 sync -f "$WORK/fs"
bounded 60 umount "$WORK/fs"
bounded 60 e2fsck -fn "$loop_device" >"$WORK/fsck" 2>&1 || fail "e2fsck: $(cat "$WORK/fsck")"
loop_detach "$loop_device"
stop client

# The image on its own, without any of us in between.
bounded 60 e2fsck -fn "$WORK/disk.img" >"$WORK/fsck" 2>&1 ||
	fail "e2fsck of the image: $(cat "$WORK/fsck")"

client_start
loop_attach "$DISK"
bounded 30 mount -o ro "$loop_device" "$WORK/fs"
(cd "$WORK/fs/tree" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2) >"$WORK/sums.now"
diff "$WORK/sums" "$WORK/sums.now" >"$WORK/diff" || fail "files differ: $(head -n 3 "$WORK/diff")"
[ "$(readlink "$WORK/fs/tree/link")" = big ] || fail "the symbolic link is gone"
bounded 60 umount "$WORK/fs"
loop_detach "$loop_device"
pair_stop
note "$files files came back"
