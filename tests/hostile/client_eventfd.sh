#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A client takes O_NONBLOCK from its eventfd and fills it while the fabric raises it: the fabric
# does not wait, and ends when it is told to.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"

fabric_start victim attacker
start_foreign victim "$build_dir/tests/hostile_client_victim" "${SOCKET[victim]}" 16
wait_ready victim
start_foreign attacker "$build_dir/tests/hostile_client_eventfd" "${SOCKET[attacker]}" 15
wait_exit victim 40
[ "$stop_status" -eq 0 ] || fail "the other client: $(cat "$WORK/victim.out")"
note "$(tail -n 1 "$WORK/victim.out")"
longest=$(sed -nE 's/.*longest ([0-9]+) ms/\1/p' "$WORK/victim.out")
[ "$longest" -lt 2000 ] || fail "the other client waited $longest ms"
wait_exit attacker 40
note "$(cat "$WORK/attacker.out")"
fired=$(sed -nE 's/^([0-9]+) interrupts/\1/p' "$WORK/attacker.out")
[ "${fired:-0}" -gt 1000 ] || fail "no race: $(cat "$WORK/attacker.out" "$WORK/attacker.err")"
stop fabric
