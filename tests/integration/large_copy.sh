#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A file as large as the disk goes in and comes out, through the page cache and around it.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image=$(image_make disk.img 160)
source=$(image_make source 160 random)
pair_start "$image"
# copy WHAT OPTION...
copy() {
	bounded 120 dd status=none "${@:2}" || fail "$1"
}
copy "copying in" if="$source" of="$DISK" bs=4M conv=notrunc,fsync
same "$source" "$image" "the image differs"
same "$DISK" "$source" "through the page cache"
copy "copying out" if="$DISK" of="$WORK/out" iflag=direct bs=1M
same "$WORK/out" "$source" "around the page cache"
# And around it on the way in, where nothing can hide.
fallocate --punch-hole --offset 0 --length 160M "$image"
copy "copying in, direct" if="$source" of="$DISK" oflag=direct bs=1M conv=notrunc
same "$source" "$image" "the image differs after direct writes"
pair_stop
