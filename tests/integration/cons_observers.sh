#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# One writes, others look on: all see the same bytes, only one can type; the place of
# the writer is taken over where that is asked for, and both sides are told.
# shellcheck disable=SC2016 # what is typed is for the far shell
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command tmux pgrep

fabric_start a b c d e f
server_start --console "sh=exec:$(far_shell),allow=any,share"
for name in here look1 look2 other; do screen_open "$name"; done
screen_attach here b '--transcript log.here'
screen_wait here '^far\$ *$'
screen_attach look1 c '--observe --transcript log.look1'
screen_attach look2 d '--observe --transcript log.look2'
for name in look1 look2; do screen_wait "$name" '^far\$ *$'; done

screen_type here 'echo seen-$((1 + 1)); seq 1 3000; printf "\001\033[1mbold\033[0m\n"'
for name in here look1 look2; do screen_wait "$name" '^.?bold'; done
screen_type look1 'touch nope'
screen_keys look2 C-c
screen_type look2 'exit'
screen_type here 'echo "typed: $(ls -d nope 2>&1)"'
for name in here look1 look2; do screen_wait "$name" '^typed: .*(cannot access|No such)'; done
! screen_all here | grep -q 'touch nope' || fail "an observer has typed"

# Who is there: as text, and as JSON.
console_run 0 e /dev/null --list
for name in b c d; do
	grep -q "${GID[$name]}" "$WORK/run.out" ||
		fail "${GID[$name]} is attached, not in: $(cat "$WORK/run.out")"
done
console_run 0 e /dev/null --list --json
python3 - "$WORK/run.out" "${GID[a]}" "${GID[b]}" "${GID[c]}" "${GID[d]}" <<'PYTHON' ||
import json, sys
found = json.load(open(sys.argv[1]))
a, b, c, d = (int(gid, 16) for gid in sys.argv[2:])
gid = lambda text: int(text, 16)
assert gid(found['peer']) == a, found
assert len(found['consoles']) == 1, found
one = found['consoles'][0]
assert one['name'] == 'sh' and one['kind'] == 'program' and one['running'] is True, one
assert gid(one['writer']) == b, one
assert sorted(map(gid, one['observers'])) == sorted((c, d)), one
assert one['observer_count'] == 2 and one['may_write'] is True, one
assert (one['rows'], one['cols']) == (24, 80), one
PYTHON
	fail "--list --json: $(cat "$WORK/run.out")"

# The place is taken; the second one is told by whom.
console_run "$CONS_REFUSED" e /dev/null --quiet
grep -q "${GID[b]}" "$WORK/run.err" || fail "not told who writes: $(cat "$WORK/run.err")"
[ "$(wc -l <"$WORK/run.err")" -eq 1 ] || fail "not one line: $(cat "$WORK/run.err")"
[ ! -s "$WORK/run.out" ] || fail "a refused client has output"

screen_attach other e '--take-over'
screen_wait here "^\\[dpdk-ismcons: .*${GID[e]}"
screen_status here "$CONS_TAKEN"
screen_wait other '^far\$ *$'
screen_type other 'echo now-$((1 + 1))-here'
for name in other look1 look2; do screen_wait "$name" '^now-2-here$'; done
console_run 0 b /dev/null --list --json
grep -q "\"writer\": *\"\(0x\)\?0*${GID[e]}\"" "$WORK/run.out" ||
	fail "the new writer is not in the list: $(cat "$WORK/run.out")"

# The old writer comes back as an observer, and takes over again.
screen_attach here b '--observe'
screen_wait here '^now-2-here$'
screen_keys here C-_ '.'
screen_status here 0
screen_attach here b '--take-over'
screen_status other "$CONS_TAKEN"
screen_wait here '^far\$ *$'

# An observer that keeps a log, under nohup(1): its terminal may go.
trap '' HUP
console_start log f /dev/null --observe --history 4K
trap - HUP
screen_type here 'echo before-$((1 + 1))'
wait_for 20 "the log is kept" file_shows "$WORK/log.out" 'before-2'
kill -HUP "${child_pid[log]}"
screen_type here 'echo after-$((1 + 1))'
wait_for 20 "the log is kept after a hangup" file_shows "$WORK/log.out" 'after-2'

# The end is everybody's, with the status of the program.
screen_type here 'echo last-$((1 + 1)); exit 9'
for name in here look1 look2; do screen_status "$name" 9; done
console_ends log 9
for name in here look1 look2; do
	tail -n +2 "$WORK/log.$name" >"$WORK/bytes.$name" # without the heading
	[ -s "$WORK/bytes.$name" ] || fail "no transcript of $name"
done
same "$WORK/bytes.look1" "$WORK/bytes.look2" "two observers have seen different bytes"
# The writer was away for a while: what it has seen, all have.
head -c "$(stat -c %s "$WORK/bytes.here")" "$WORK/bytes.look1" >"$WORK/bytes.begin"
same "$WORK/bytes.here" "$WORK/bytes.begin" "writer and observers have seen different bytes"
stop server
stop fabric
