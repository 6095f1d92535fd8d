#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Exports come, change and go at a runtime that serves a mount under load.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

for name in one two three; do image_make $name.img 32 >/dev/null; done
fabric_start a b c
# The administrator's names; of clients as well.
printf 'left %s\nright %s\nthird %s\n' "${GID[a]}" "${GID[b]}" "${GID[c]}" >"$WORK/peers"
export ISM_PEERS=$WORK/peers
allow_log "$log_peer_gone"

# A runtime may begin with nothing to do; then nobody gets a session.
server_start --name left --queues 4
ctl info | grep -qx 'jobs: 0' || fail "a runtime without jobs has some"
run_status "$EXIT_PEER" "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- \
	--peer left --list

ctl add export "one=$WORK/one.img,allow=right"
# Who wants the runtime's function is told who has it.
run_status "$EXIT_DEVICE" "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[a]}" -- \
	--peer right --list
grep -q "belongs to runtime 'left' (process ${child_pid[server]})" "$WORK/run.err" ||
	fail "$(cat "$WORK/run.err")"

GID[a]=left # the client asks for it by name
client_start
ctl list | grep -qE '^export +one +running +' || fail "the list lacks a job: $(ctl list)"
ctl sessions | grep -qE '^right +from +blk +' || fail "no session: $(ctl sessions)"

# fio writes and checks one disk while others come and go beside it.
start_verify_load "$MNT/one"
for round in 1 2 3 4 5; do
	ctl add export "two=$WORK/two.img,allow=right"
	wait_for 5 "disk two is there (round $round)" [ -f "$MNT/two" ]
	head -c 64K /dev/urandom >"$WORK/data"
	dd if="$WORK/data" of="$MNT/two" conv=notrunc,fsync status=none
	cmp -n 65536 "$WORK/data" "$WORK/two.img"
	ctl remove export two
	# Free at once: somebody else may have it.
	flock -n "$WORK/two.img" true
	python3 -c 'import fcntl, sys
fcntl.lockf(open(sys.argv[1], "r+b"), fcntl.LOCK_EX | fcntl.LOCK_NB)' "$WORK/two.img" ||
		fail "the image of a removed export is still locked"
	wait_for 5 "disk two is gone (round $round)" [ ! -e "$MNT/two" ]
done
wait_verify_load

# What is open when its export goes gets errors; when it comes again, it goes on.
ctl add export "two=$WORK/two.img,allow=right"
wait_for 5 "disk two is there" [ -f "$MNT/two" ]
exec 9<>"$MNT/two"
ctl remove export two
! dd if=/dev/zero of=/dev/fd/9 bs=4k count=1 oflag=direct conv=notrunc status=none \
	2>"$WORK/dd.err" || fail "a write to an export that is gone succeeds"
ctl add export "two=$WORK/two.img,allow=right"
wait_for 5 "disk two is there again" [ -f "$MNT/two" ]
dd if="$WORK/data" of=/dev/fd/9 bs=64k count=1 conv=notrunc,fsync status=none
exec 9>&-
cmp -n 65536 "$WORK/data" "$WORK/two.img"

# Who may: more, less, nobody.
ctl allow export one third
ctl deny export two right
wait_for 5 "disk two is taken away" [ ! -e "$MNT/two" ]
[ -f "$MNT/one" ] || fail "the other disk went with it"
ctl deny export one right
wait_for 5 "the session is lost" eval "! ctl sessions | grep -q '^right.*up'"
ctl allow export one right
wait_for 20 "the session is back" eval "ctl sessions | grep -q '^right.*up'"
dd if="$MNT/one" of=/dev/null bs=1M iflag=direct status=none

# A session that is dropped comes back by itself, and nobody's data is lost.
ups=$(telemetry_value server /link/stats ups)
head -c 1M /dev/urandom >"$WORK/data"
dd if="$WORK/data" of="$MNT/one" bs=1M conv=notrunc status=none
ctl drop right | grep -qx 'dropped: 1' || fail "not one session was dropped"
dd if="$MNT/one" of=/dev/null bs=4k count=1 iflag=direct status=none
sync "$MNT/one"
[ "$(telemetry_value server /link/stats ups)" -gt "$ups" ] || fail "the session was not dropped"
cmp -n 1048576 "$WORK/data" "$WORK/one.img"
ctl drop third | grep -qx 'dropped: 0' || fail "somebody who is not there was dropped"
ctl peers | grep -qE "^third +${GID[c]}\$" || fail "peers: $(ctl peers)"

# What cannot be had says why, and changes nothing.
refused() {
	local word=$1
	shift
	! ctl "$@" 2>"$WORK/ctl.err" || fail "accepted: $*"
	grep -q -- "$word" "$WORK/ctl.err" || fail "'$(cat "$WORK/ctl.err")' lacks '$word'"
}
refused 'given twice' add export "one=$WORK/three.img"
refused 'No such file' add export three=/nonexistent
refused 'unknown option' add export "three=$WORK/three.img,nonsense"
refused 'no kind of job' add thing x
refused 'no export' remove export three
refused 'expected' allow export one nobody-knows
refused 'no configuration' reload
refused 'expected' drop nobody-knows
[ "$(ctl --json list | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')" = 2 ] ||
	fail "jobs: $(ctl list)"
run_status "$EXIT_USAGE" "$(program dpdk-ismctl)" nonsense
run_status "$EXIT_USAGE" "$(program dpdk-ismctl)" allow export one
run_status "$EXIT_DEVICE" "$(program dpdk-ismctl)" --runtime other list

stop client
ctl stop
wait_exit server 20
[ "$stop_status" -eq 0 ] || fail "the runtime ended with status $stop_status"
run_status "$EXIT_DEVICE" "$(program dpdk-ismctl)" list
stop fabric
