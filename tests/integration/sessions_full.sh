#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# When all sessions are in use, one more client is told so at once, people learn of it from the log,
# consoles are reached all the same, and the next client gets the place of one that has left.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image_make disk.img 4 >/dev/null
fabric_start a b c d e f
server_start --sessions 4 --export "disk=$WORK/disk.img,allow=any" \
	--console "sh=exec:/bin/sh,allow=${GID[f]}"
base=$MNT
for function in b c d; do
	client_function=$function client_name=client_$function MNT=$base.$function client_start
done
allow_log 'no session for .*: all sessions are in use'
client=("$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[e]}" -- --peer "${GID[a]}" --list)
started=$SECONDS
run_status "$EXIT_PEER" "${client[@]}" --connect-timeout-ms 60000
[ $((SECONDS - started)) -lt 20 ] || fail "it was told after $((SECONDS - started)) s"
grep -q 'all sessions are in use' "$WORK/run.err" || fail "not the reason: $(cat "$WORK/run.err")"
grep -q 'no session for .*: all sessions are in use' "$WORK/server.err" || fail "the log is silent"
[ "$(telemetry_value server /link/stats refused_full)" -gt 0 ] || fail "not counted"
[ "$(telemetry_value server /link/stats held_dmbs)" -gt 6 ] || fail "no DMBs are held"
run_status 0 "$(program dpdk-ismcons)" "--vdev=raw_ism0,socket=${SOCKET[f]}" -- \
	--peer "${GID[a]}" --list
grep -q '^sh' "$WORK/run.out" || fail "no console: $(cat "$WORK/run.out")"
stop client_b
run_status 0 "${client[@]}"
stop client_c
stop client_d
stop server
stop fabric
