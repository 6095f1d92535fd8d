#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# One function a side: three mounts, of two peers, beside an export, and a console, all served by
# one runtime. What is chosen: a runtime or a function of one's own. Mounts come and go while others
# are in use.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/borrow.sh
. "$(dirname "$0")/../lib/borrow.sh"
need_fuse
need_root
need_command fio

one=$(image_make one.img 32 random)
two=$(image_make two.img 16 random)
mine=$(image_make mine.img 4 random)
fabric_start a b c d
server_start --name left --export "one=$one,allow=any" --export "two=$two,allow=any"
runtime_start third c --export "third=$two,ro,force,allow=any"
runtime_start right b --export "mine=$mine,allow=any" --console "sh=exec:cat,allow=any"

# Nobody says which of three; a name that nobody has.
run_status "$EXIT_DEVICE" "$(program dpdk-ismblk)" --peer "${GID[a]}" --list
grep -q 'several runtimes are there: .*--runtime NAME' "$WORK/run.err" || fail "$(said run)"
run_status "$EXIT_DEVICE" "$(program dpdk-ismblk)" --runtime none --peer "${GID[a]}" --list
grep -q "runtime 'none': there is none of that name" "$WORK/run.err" || fail "$(said run)"
run_status "$EXIT_USAGE" "$(program dpdk-ismblk)" --runtime right --own --peer "${GID[a]}" --list
# A named device is owned, whatever runtimes there are.
run_status 0 "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[d]}" -- \
	--peer "${GID[a]}" --list

# A list, over the function of the runtime.
run_status 0 "$(program dpdk-ismblk)" --runtime right --peer "${GID[a]}" --list
grep -qE "^${GID[a]} +one +33554432 +rw" "$WORK/run.out" || fail "no list: $(cat "$WORK/run.out")"
run_status 0 "$(program dpdk-ismblk)" -l 0-1 -- --runtime right --peer "${GID[c]}" --list --json
python3 -c 'import json, sys
assert [e["name"] for e in json.load(open(sys.argv[1]))["exports"]] == ["third"]' "$WORK/run.out"
# What goes wrong is said where it was asked for, with the same status as ever.
run_status "$EXIT_PEER" "$(program dpdk-ismblk)" --runtime right --peer 0xe28e000000000999 --list
grep -q 'is unreachable' "$WORK/run.err" || fail "$(said run)"
mkdir "$WORK/m"
run_status "$EXIT_EXPORT" "$(program dpdk-ismblk)" --runtime right --peer "${GID[a]}" \
	--mount "$WORK/m" --export none
run_status "$EXIT_MOUNT" "$(program dpdk-ismblk)" --runtime right --peer "${GID[a]}" \
	--mount "$WORK/nowhere"
run_status "$EXIT_PEER" "$(program dpdk-ismblk)" --runtime right --peer "${GID[b]}" \
	--mount "$WORK/m"

fds_before=$(fd_count right)
borrow_start m1 right --peer "${GID[a]}"
borrow_start m2 right --peer "${GID[a]}" --read-only
borrow_start m3 right --peer "${GID[c]}"
same "$WORK/m1/one" "$one" "the first mount"
same "$WORK/m2/two" "$two" "the second"
same "$WORK/m3/third" "$two" "that of the other peer"
! dd if=/dev/zero of="$WORK/m2/one" bs=4k count=1 conv=notrunc status=none 2>/dev/null ||
	fail "a mount is not read-only"
runtime=right ctl list | grep -cE '^mount +[0-9]+ +running' | grep -qx 3 ||
	fail "not three mounts: $(runtime=right ctl list)"
# One session for the two.
[ "$(runtime=right ctl sessions | grep -cE ' to +blk ')" -eq 2 ] ||
	fail "sessions: $(runtime=right ctl sessions)"
run_status "$EXIT_USAGE" "$(program dpdk-ismblk)" --runtime right --peer "${GID[a]}" \
	--mount "$WORK/m" --depth 32
grep -q 'is mounted with another --depth already' "$WORK/run.err" || fail "$(said run)"

# All at once; the one who leaves and comes disturbs nobody.
start_verify_load "$WORK/m1/one"
other_disk="$WORK/other"
for _ in 1 2 3; do
	stop m2
	borrow_start m2 right --peer "${GID[a]}"
	bounded 20 dd if="$WORK/m2/two" of="$other_disk" bs=1M status=none
	cmp "$other_disk" "$two" || fail "the disk beside it"
done
bounded 20 "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[d]}" -- \
	--peer "${GID[b]}" --list >"$WORK/list" || fail "the runtime's own export"
grep -q mine "$WORK/list" || fail "no export: $(cat "$WORK/list")"
wait_verify_load
bounded 20 sync "$WORK/m1/one"
same "$WORK/m1/one" "$one" "the first mount after the load"

# Its holder is killed; it is unmounted; it is taken away by hand; all that ends it.
kill_holder m3
bounded 20 umount "$WORK/m2"
wait_exit m2 10
[ "$stop_status" -eq 0 ] || fail "status $stop_status: $(said m2)"
job=$(runtime=right ctl list | awk '$1 == "mount" { print $2 }')
[ "$job" = "${child_pid[m1]}" ] || fail "other jobs are left: $(runtime=right ctl list)"
runtime=right ctl remove mount "$job"
wait_exit m1 10
[ "$stop_status" -eq 0 ] || fail "status $stop_status: $(said m1)"
! grep -q " $WORK/m[123] " /proc/self/mounts || fail "a mount is left"
wait_for 10 "no descriptor is left" fds_are right "$fds_before"
runtime=right ctl list | grep -q '^mount' && fail "a job is left"
for name in right third server; do stop "$name"; done
[ ! -e "$WORK/run/right.state" ] || fail "a state file is left"
stop fabric
