#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# fio writes random blocks with checksums, 32 at a time, and reads all of them
# back: around the page cache, and through it.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

pair_start "$(image_make disk.img 64)"
job=(--filename="$DISK" --verify=crc32c --verify_fatal=1 --rw=randwrite --iodepth=32 --size=64M)
fio_run direct "${job[@]}" --ioengine=libaio --direct=1 --bs=4k
fio_run buffered "${job[@]}" --ioengine=psync --direct=0 --bs=4k --fsync=512 --end_fsync=1
# Blocks from one sector to the longest request, in the same file.
fio_run mixed "${job[@]}" --ioengine=libaio --direct=1 --bsrange=512-1m 
fio_run mixed_read --filename="$DISK" --ioengine=libaio --direct=1 --rw=randread \
	--bssplit=512/20:4k/40:68k/20:1m/20 --iodepth=32 --size=64M --io_size=128M
# What the client shows is what the server's image holds.
bounded 30 sync "$DISK"
same "$DISK" "$WORK/disk.img" "the image is not what the mount shows"
pair_stop
