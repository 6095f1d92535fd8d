#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A peer that is refused, and one that is allowed, call with DMBs that are long and have no pages.
# Who stores there or maps them would pay for them: the server pays for the few that it stores a
# refusal into.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

# rss KIND: of the server, in KiB.
rss() {
	awk -v kind="$1:" '$1 == kind { print $2 }' "/proc/${child_pid[server]}/status"
}

image_make disk.img 64 >/dev/null
fabric_start a b c
server_start --export "disk=$WORK/disk.img,allow=${GID[b]}"
client_start
before=$(rss VmRSS)
for function in refused=c allowed=b; do
	[ "$function" = refused=c ] || stop client
	bounded 30 "$build_dir/tests/hostile_peer_flood" "${SOCKET[${function#*=}]}" "${GID[a]}" \
		calls 4 >"$WORK/calls.out" 2>"$WORK/calls.err" || fail "$(cat "$WORK/calls.err")"
	calls=$(sed -n 's/^calls=\([0-9]*\) .*/\1/p' "$WORK/calls.out")
	resident=$(sed -n 's/.* resident=//p' "$WORK/calls.out")
	note "${function%=*}: $calls calls, $resident bytes of the DMBs have pages," \
		"server $before -> $(rss VmRSS) KiB, at most $(rss VmHWM)"
	[ "$calls" -gt 20 ] || fail "only $calls calls in 4 s"
	# HELLO and CLOSE are in the first page.
	[ "$resident" -le $((calls * 8192)) ] || fail "pages of a peer's DMBs were taken for it"
	[ $(($(rss VmRSS) - before)) -lt 20000 ] || fail "the server has grown"
done
[ "$(telemetry_value server /link/stats refused)" -gt 20 ] || fail "nobody was refused"
stop server
stop fabric
