#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An image whose storage hangs does not hold up another one, however many requests wait for it, and
# the server ends in bounded time when it is told to, and says that it did not end well. The storage
# is a disk of ours whose own server was stopped.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

fabric_start a b c d
server_start --export "disk=$(image_make disk.img 4 random),allow=any"
client_start
# On a disk, if there is one: what is in memory takes another way.
free=$(mktemp /var/tmp/ism-hung_image.XXXXXX)
truncate -s 4M "$free"
start middle "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[c]}" -- \
	--export "disk=$DISK,allow=any" --export "free=$free,allow=any"
wait_ready middle
rm "$free"
mkdir "$WORK/outer"
start outer "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[d]}" -- \
	--peer "${GID[c]}" --mount "$WORK/outer"
wait_ready outer

allow_log "$log_peer_gone"
allow_log 'still in the kernel'
kill -STOP "${child_pid[server]}"
cat >"$WORK/readers.py" <<'PYTHON'
import mmap, os, sys, threading
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
pages = [mmap.mmap(-1, 4096) for _ in range(40)]
def read(i):
    os.preadv(fd, [pages[i]], i * 4096)
readers = [threading.Thread(target=read, args=(i,)) for i in range(len(pages))]
for reader in readers: reader.start()
for reader in readers: reader.join()
open(sys.argv[2], 'wb').write(b''.join(page[:] for page in pages))
PYTHON
start_load reader python3 "$WORK/readers.py" "$WORK/outer/disk" "$WORK/read"
all_in_flight() {
	[ "$(telemetry_value middle /blk/exports exports 0 inflight)" -eq 40 ]
}
wait_for 20 "reads that hang" all_in_flight
bounded 20 dd if=/dev/urandom of="$WORK/outer/free" bs=64k count=10 conv=notrunc,fsync status=none
bounded 20 fallocate -p -o 0 -l 1M "$WORK/outer/free"
kill -TERM "${child_pid[middle]}"
wait_exit middle 60
[ "$stop_status" -eq 1 ] || fail "status $stop_status, expected 1"
grep -q 'still in the kernel' "$WORK/middle.err" || fail "it does not say why"

kill -CONT "${child_pid[server]}"
start middle "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[c]}" -- \
	--export "disk=$DISK,allow=any"
wait_ready middle
wait_exit reader 30
head -c $((40 * 4096)) "$WORK/disk.img" | cmp - "$WORK/read" ||
	fail "what the reads that waited got"
stop outer
stop middle
pair_stop
