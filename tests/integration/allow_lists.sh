#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Exports are seen by the GIDs that they allow, and by no other.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

for name in all both onlyb nobody; do image_make $name.img 1 random >/dev/null; done
fabric_start a b c d
allow_log "'nobody' is allowed to nobody"
server_start --export "all=$WORK/all.img,allow=any" --export "nobody=$WORK/nobody.img" \
	--export "both=$WORK/both.img,allow=${GID[b]}:${GID[c]}" \
	--export "onlyb=$WORK/onlyb.img,allow=${GID[b]}"

# sees FUNCTION NAMES: a client on that function, which then goes on running.
sees() {
	client_name=$1 client_function=$1 MNT=$WORK/mnt.$1
	client_start
	[ "$(cd "$MNT" && echo *)" = "$2" ] || fail "$1 sees $(ls "$MNT"), expected $2"
	cmp "$MNT/all" "$WORK/all.img"
}
sees b "all both onlyb"
sees c "all both"
sees d "all"

# Two at once write to the same disk, each its own half.
dd if=/dev/urandom of="$WORK/new" bs=1M count=1 status=none
start_load first dd if="$WORK/new" of="$WORK/mnt.b/both" bs=512K count=1 conv=notrunc,fsync
start_load second dd if="$WORK/new" of="$WORK/mnt.c/both" bs=512K count=1 skip=1 seek=1 \
	conv=notrunc,fsync
for name in first second; do
	wait_exit $name 20
	[ "$stop_status" -eq 0 ] || fail "writing on two mounts: $(cat "$WORK/$name.err")"
done
same "$WORK/new" "$WORK/both.img" "two writers: the image is wrong"
for name in b c d; do stop $name; done

# Asking by name does not help.
run_status "$EXIT_EXPORT" "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[d]}" -- \
	--peer "${GID[a]}" --export onlyb --mount "$WORK/mnt.d"
grep -q onlyb "$WORK/run.err" || fail "the line does not name the export: $(said run)"
stop server
stop fabric
