#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A server changes output while its client shows it: the record is what was shown, all the same.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"

fabric_start a b
start_foreign liar "$build_dir/tests/hostile_peer_console_rewrites" \
	--vdev="raw_ism0,socket=${SOCKET[a]}" --
wait_ready liar
console_run 0 b /dev/null --quiet --transcript "$WORK/record"
note "$(wc -c <"$WORK/run.out") bytes"
[ "$(wc -c <"$WORK/run.out")" -ge 1000000 ] || fail "too few bytes to judge by"
tail -n +2 "$WORK/record" >"$WORK/body"
same "$WORK/run.out" "$WORK/body" "the record is not what was shown"
wait_exit liar 10
stop fabric
