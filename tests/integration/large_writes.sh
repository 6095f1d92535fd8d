#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Long writes go from the writer's pages straight into the server's memory. Other requests between
# them come to no harm, and what a killed server had in its memory is written all the same.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

image=$(image_make disk.img 64)
other=$(image_make other.img 16 random)
cp "$other" "$WORK/shadow"
server_up() {
	server_start --export "disk=$image,allow=any" --export "other=$other,allow=any"
}
fabric_start a,gid=a1 b,gid=b2
server_up
client_start

placed() {
	telemetry_value client /ismblk/mount placed
}
# large NAME OPTION...: options of a load of long writes that are checked.
large=(--thread --filename="$DISK" --rw=write --bs=1M --iodepth=4 --ioengine=libaio --direct=1
	--size=64M --verify=crc32c --verify_fatal=1 --eta=never --aux-path="$WORK")
fio_run alone "${large[@]:1}"
# The first of a streak is not one yet.
[ "$(placed)" -ge 8 ] || fail "$(placed) of 64 writes were placed"
[ "$(telemetry_value client /ismblk/mount copies)" -eq 0 ] || fail "payload was copied"
same "$DISK" "$image" "the image is not what the mount shows"

# Requests of other kinds, and to another disk, between long writes: names and
# attributes that do not fit where a WRITE's payload begins, reads, short writes.
cat >"$WORK/mixed.py" <<'PYTHON'
import errno, os, sys
mount, stop = sys.argv[1:]
rounds = 0
def fails(want, call, *args):
    try:
        call(*args)
    except OSError as e:
        assert e.errno in want, (call, e)
    else:
        raise AssertionError(f'{call} should have failed')
while rounds < 20 or not os.path.exists(stop):
    fails([errno.ENOENT], os.stat, f'{mount}/{rounds:0250}')
    fails([errno.ENOTSUP], os.setxattr, f'{mount}/disk', 'user.x', bytes(60000))
    assert sorted(os.listdir(mount)) == ['disk', 'other']
    assert os.stat(f'{mount}/disk').st_size == 64 << 20
    fails([errno.EPERM], os.chown, f'{mount}/disk', 1, 1)
    rounds += 1
print(rounds, 'rounds')
PYTHON
start_load mixed python3 "$WORK/mixed.py" "$MNT" "$WORK/enough"
start_load shadow "$source_dir/tests/lib/shadow_io.py" --direct --ops 1500 "$MNT/other" \
	"$WORK/shadow"
before=$(placed)
fio_run mixed "${large[@]:1}" --loops=4
: >"$WORK/enough"
for name in mixed shadow; do
	wait_exit $name 90
	[ "$stop_status" -eq 0 ] || fail "$name: $(tail -qn 5 "$WORK/$name.err" "$WORK/$name.out")"
done
[ "$(placed)" -gt "$before" ] || fail "nothing was placed among other requests"
same "$DISK" "$image" "the image after mixed requests"
same "$MNT/other" "$WORK/shadow" "the second disk after mixed requests"

# The server dies in the middle of it.
allow_log "$log_peer_gone"
replays() {
	telemetry_value client /blk/client/queue replays
}
start_load load fio --name=load "${large[@]}" --rate=,24M --loops=2
for round in 1 2 3 4; do
	before=$(placed)
	more_placed() { [ "$(placed)" -gt "$before" ] || ! is_running "${child_pid[load]}"; }
	wait_for 20 "round $round: long writes" more_placed
	stop server KILL
	server_up
done
wait_exit load 120
[ "$stop_status" -eq 0 ] || fail "fio: $(tail -qn 5 "$WORK/load.err" "$WORK/load.out")"
same "$DISK" "$image" "the image after the kills"
note "$(placed) writes placed, $(replays) requests sent again"
pair_stop
