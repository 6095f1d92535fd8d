#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What server and client of consoles tell over telemetry, and that it is true.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"

size=1000000
head -c $size /dev/urandom >"$WORK/data"
both=$(far_script both <<-EOT
	stty raw -echo
	echo go
	head -c 300000 >/dev/null
	cat "$WORK/data"
	until [ -e "$WORK/end" ]; do sleep 0.1; done
EOT
)
fabric_start a b c d e
server_start --scrollback 4M --console "both=exec:$both,allow=any" \
	--console "other=exec:sleep 1000,allow=${GID[d]},observe=any"
head -c 300000 /dev/zero >"$WORK/zeros"
telemetry server / >"$WORK/commands"
for command in /cons/consoles /cons/clients /cons/stats; do
	grep -q "\"$command\"" "$WORK/commands" || fail "the server does not know $command"
done
telemetry server /cons/consoles >"$WORK/consoles.idle"
typist_start writer "$WORK/zeros" 60
console_start writer b "$WORK/typed" --console both
all_there() {
	[ "$(stat -c %s "$WORK/$1.out")" -eq $((size + 3)) ]
}
wait_for 20 "all output" all_there writer
console_start watcher c /dev/null --console both --observe --history 2M
wait_for 20 "all output at the observer" all_there watcher
same "$WORK/writer.out" "$WORK/watcher.out" "the observer has seen something else"
console_run "$CONS_REFUSED" d /dev/null --console both
console_run "$CONS_REFUSED" e /dev/null --console other --quiet
for command in consoles clients stats; do
	telemetry server "/cons/$command" >"$WORK/$command.server"
done
telemetry writer /cons/client >"$WORK/client.writer"
telemetry watcher /cons/client >"$WORK/client.watcher"
telemetry watcher /cons/terminals >"$WORK/terminals"
telemetry writer /link/sessions >"$WORK/sessions"
python3 - "$WORK" "$size" "${GID[b]}" "${GID[c]}" <<'PYTHON' || fail "what is told is not true"
import json, sys
work, size = sys.argv[1], int(sys.argv[2])
writer, watcher = sys.argv[3:]
def load(name):
    out = json.load(open(f'{work}/{name}'))
    print(name, out)
    return out
def consoles(name):
    return {one['name']: one for one in load(name)['consoles'].values()}
out, typed = size + 3, 300000 # with "go"
idle = consoles('consoles.idle')
assert set(idle) == {'both', 'other'}, idle
assert all(one['state'] == 'idle' and one['writer'] == 'none' and one['started'] == 0
           for one in idle.values()), idle
now = consoles('consoles.server')
both = now['both']
assert both['state'] == 'running' and int(both['instance'], 16) != 0, both
assert both['writer'] == writer and both['observers'] == 1, both
assert both['out_pos'] == both['bytes_out'] == both['scrollback'] == out, both
assert both['bytes_in'] == typed and both['cut'] == 0, both
assert both['started'] == 1 and both['ended'] == 0, both
assert now['other'] == idle['other'], now # nobody may have started it
clients = {one['gid']: one for one in load('clients.server')['clients'].values()}
assert set(clients) == {writer, watcher}, clients
for gid, role, in_pos in ((writer, 'writer', typed), (watcher, 'observer', 0)):
    one = clients[gid]
    assert one['console'] == 'both' and one['role'] == role, one
    assert one['version'] == 2 and one['unit'] == 1, one
    assert one['instance'] == both['instance'] and one['lag'] == 0, one
    assert one['out_pos'] == out and one['in_pos'] == in_pos, one
    assert one['credits'] > 0 and one['typing'] == 0, one
stats = load('stats.server')
assert stats['attaches'] == 2 and stats['refusals'] == 2, stats
assert stats['take_overs'] == stats['protocol_errors'] == 0, stats
assert stats['bytes_in'] == typed and stats['bytes_out'] == 2 * out, stats
assert stats['started'] == 1 and stats['ended'] == 0, stats
for name, role, in_pos in (('writer', 'writer', typed), ('watcher', 'observer', 0)):
    one = load(f'client.{name}')
    assert one['state'] == 'attached' and one['console'] == 'both' and one['role'] == role, one
    assert one['output_position'] == one['bytes_out'] == out, one
    assert one['input_position'] == one['bytes_in'] == in_pos, one
    assert one['unacknowledged'] == one['reconnects'] == 0, one
    assert one['cut_bytes'] == one['dropped_bytes'] == 0, one
    assert one['reads'] >= size // 16384 and (one['writes'] > 0) == (in_pos > 0), one
terminals = load('terminals')
assert terminals['count'] == 1 and terminals['terminals']['0']['role'] == 'observer', terminals
sessions = list(load('sessions').values())
assert len(sessions) == 1 and sessions[0]['state'] == 'up', sessions
PYTHON
: >"$WORK/end"
console_ends writer 0
console_ends watcher 0
end_is_told() {
	[ "$(telemetry_value server /cons/stats ended)" -eq 1 ] &&
		[ "$(console_value both state)" = idle ]
}
wait_for 20 "the end is counted, and the console idle again" end_is_told
stop server
stop fabric
