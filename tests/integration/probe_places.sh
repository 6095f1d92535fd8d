#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Link tests keep neither disks nor consoles out, and have few places of their own.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"
need_fuse

# hold FUNCTION: a session for link tests, until it is stopped.
hold() {
	stat_command "$1"
	start "test_$1" "${stat_command[@]}" --peer "${GID[a]}" --command "wait link 20" \
		--command "show link info" --command "wait 600"
	wait_for 20 "$1 has a session" grep -q . "$WORK/test_$1.out"
}

fabric_start a b c d e
# Four sessions: one is kept for disks, one for consoles.
server_start --sessions 4 --export "disk=$(image_make disk.img 4),allow=any" \
	--console "shell=exec:cat,allow=any" --probe allow=any
hold c
hold d
# A tester is found by the peer that it asks.
[ "$(telemetry_value test_d "/fwd/stats,${GID[a]}" state)" = ready ] || fail "no test of a"
[ "$(telemetry_value test_d "/fwd/config,${GID[a]}" peer)" = "${GID[a]}" ] || fail "whose is it?"
! telemetry_value test_d "/fwd/stats,${GID[c]}" state 2>/dev/null || fail "nobody asks c"
allow_log 'all sessions are in use|all 16 places'
stat_run 1 e --peer "${GID[a]}" --command "wait link 3"
stat_said 'all sessions are in use'
[ "$(telemetry_value server /fwd/stats received sessions)" -eq 2 ] || fail "not two tests"

# The live view tells of them, and of no test of the server's own.
stat_attach 0 server --top
stat_printed '^TESTS of others \(2\)'
! grep -q '^TEST ' "$WORK/run.out" || fail "a test that nobody runs is shown"

# The disk comes in beside them, and works.
client_start
dd if=/dev/urandom of="$DISK" bs=64k count=16 conv=notrunc,fsync status=none
same "$DISK" "$WORK/disk.img" "the write has not reached the image"
stop client
# One goes, and the place is another one's.
stop test_c
hold e
stop test_d
stop test_e
stop server

# 16 places of their own, however many sessions there may be.
functions=(a)
for ((i = 1; i <= 17; i++)); do functions+=("t$i"); done
stop fabric
fabric_start "${functions[@]}"
server_start --export "disk=$WORK/disk.img,allow=any" --probe allow=any
for ((i = 1; i <= 16; i++)); do hold "t$i"; done
stat_run 1 t17 --peer "${GID[a]}" --command "wait link 3"
stat_said 'all 16 places for link tests are in use'
client_function=t17
client_start
same "$DISK" "$WORK/disk.img" "the disk differs"
stop client
for ((i = 1; i <= 16; i++)); do stop "test_t$i"; done
stop server
stop fabric
