#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Clients give the fabric descriptors that make wait whoever closes them or asks them something, in
# every way in which one can come. Another client does not notice, the function of the
# hostile one is held back, and the fabric ends when it is told to, or killed.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_root # to mount what only this user can reach
need_fuse

attacker=$build_dir/tests/hostile_client_descriptors
victim=$build_dir/tests/hostile_client_victim
ways=(map irq message half many oob unread version)
mkdir "$WORK/fuse"
allow_log 'memory is not taken|broke the protocol|its last clients|has asked nothing'
allow_log 'no whole VERSION|whose descriptors do not close'

# Killed, it lets go of all that waits for it: first of all on the way out.
start_load hung "$attacker" fuse "$WORK/fuse"
wait_for 20 "the file system is mounted" mountpoint -q "$WORK/fuse"

# attack KIND FUNCTION WAY
attack() {
	start_foreign "$1-$3" "$attacker" give "${SOCKET[$2]}" "$3" "$1" "$WORK/fuse/file"
	given() { grep -qx given "$WORK/$1.out"; }
	wait_for 20 "$1 $3 is given" given "$1-$3"
}

fabric_start victim "${ways[@]/#/f-}" "${ways[@]/#/l-}" e-irq e-replaced
start_foreign victim "$victim" "${SOCKET[victim]}" 20
wait_ready victim
for way in "${ways[@]}"; do
	attack linger "l-$way" "$way"
done
attack epoll e-irq irq
attack epoll e-replaced replaced
for way in "${ways[@]}"; do
	attack fuse "f-$way" "$way"
done
wait_exit victim 40
[ "$stop_status" -eq 0 ] || fail "the other client: $(cat "$WORK/victim.out")"
note "$(tail -n 1 "$WORK/victim.out")"
longest=$(sed -nE 's/.*longest ([0-9]+) ms/\1/p' "$WORK/victim.out")
[ "$longest" -lt 2000 ] || fail "the other client waited $longest ms"

# Its own function stays held back: what it gave does not close.
bounded 20 "$victim" "${SOCKET[f-many]}" 1 >"$WORK/again.out" 2>"$WORK/again.err" &&
	fail "whoever gave what does not close goes on with the next one"
grep -q 'busy' "$WORK/again.err" || fail "$(cat "$WORK/again.err")"

# Killed: its clients see the end, though what hangs keeps their connections open.
start_foreign victim "$victim" "${SOCKET[victim]}" 60
wait_ready victim
stop fabric KILL
wait_exit victim 10
[ "$stop_status" -eq 1 ] || fail "a client of a killed fabric: $(cat "$WORK/victim.out")"

# Told to end, in the middle of it.
for name in "${!child_pid[@]}"; do
	[[ $name != *-* ]] || { kill -KILL "${child_pid[$name]}"; unset "child_pid[$name]"; }
done
fabric_start victim f-map f-unread
attack fuse f-map map
attack fuse f-unread unread
start_foreign victim "$victim" "${SOCKET[victim]}" 60
wait_ready victim
begin=$SECONDS
stop fabric TERM
[ $((SECONDS - begin)) -lt 5 ] || fail "SIGTERM ended it after $((SECONDS - begin)) s"
for name in victim f-map f-unread; do
	[ ! -e "$WORK/fab/$name.sock" ] || fail "left behind: $name.sock"
done
wait_exit victim 10
[ "$stop_status" -eq 1 ] || fail "a client of an ended fabric: $(cat "$WORK/victim.out")"
kill -KILL "${child_pid[hung]}"
unset "child_pid[hung]"
