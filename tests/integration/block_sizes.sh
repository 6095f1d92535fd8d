#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Requests of any offset and length, next to a plain file that gets the same ones.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

# Not a multiple of a page, but of a sector: the last page is a short one.
image=$(image_make disk.img 8 random)
truncate -s $((8 * 1024 * 1024 + 3 * 512)) "$image"
pair_start "$image"
cp "$image" "$WORK/shadow"
shadow=$source_dir/tests/lib/shadow_io.py
bounded 120 "$shadow" --ops 1500 --punch --zero "$DISK" "$WORK/shadow" ||
	fail "through the page cache"
bounded 120 "$shadow" --ops 1500 --punch --zero --direct "$DISK" "$WORK/shadow" ||
	fail "around the page cache"
stop client
same "$image" "$WORK/shadow" "the image differs after the client has gone"
stop server
stop fabric
