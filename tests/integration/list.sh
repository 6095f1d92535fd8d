#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# --list for people, --list --json for programs; --export chooses.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image_make one.img 1 random >/dev/null
image_make two.img 3 random >/dev/null
fabric_start a b
server_start --export "one=$WORK/one.img,allow=any" --export "two=$WORK/two.img,ro,allow=any"
blk=$(program dpdk-ismblk)
list() {
	bounded 20 "$blk" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- --peer "${GID[a]}" --list "$@" \
		>"$WORK/list" 2>"$WORK/list.err" || fail "--list $*: $(cat "$WORK/list.err")"
}

list
grep -qw one "$WORK/list" || fail "export one is not listed: $(cat "$WORK/list")"
grep -w two "$WORK/list" | grep -qiE '\bro\b|read-only' ||
	fail "two is not marked read-only: $(cat "$WORK/list")"
list --json
python3 - "$WORK/list" <<'PYTHON' || fail "JSON: $(cat "$WORK/list")"
import json, sys
answer = json.load(open(sys.argv[1]))
exports = {e['name']: e for e in answer['exports']}
assert set(exports) == {'one', 'two'}, exports
assert exports['one']['size'] == 1 << 20 and exports['two']['size'] == 3 << 20, exports
assert exports['one']['read_only'] is False and exports['two']['read_only'] is True, exports
PYTHON

client_start
[ "$(cd "$MNT" && echo *)" = "one two" ] || fail "the mount shows $(ls "$MNT")"
cmp "$MNT/two" "$WORK/two.img"
stop client
client_start --export two
[ "$(cd "$MNT" && echo *)" = two ] || fail "--export two shows $(ls "$MNT")"
[ ! -e "$MNT/one" ] || fail "one can be opened in spite of --export two"
pair_stop
