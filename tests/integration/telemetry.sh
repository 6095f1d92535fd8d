#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What the running programs tell over DPDK's telemetry socket, and that it is true.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

pair_start "$(image_make disk.img 8 random)"
for name in server client; do
	telemetry $name / >"$WORK/commands.$name"
	for command in /ism/info /ism/xstats /ism/dmbs /link/sessions; do
		grep -q "\"$command\"" "$WORK/commands.$name" || fail "$name does not know $command"
	done
done
# snapshot WHEN: what is counted now.
snapshot() {
	local name
	for name in server client; do
		telemetry $name /ism/xstats,0 >"$WORK/xstats.$name.$1"
		telemetry $name /ism/info,0 >"$WORK/info.$name"
		telemetry $name /link/sessions >"$WORK/sessions.$name"
	done
}
snapshot before
dd if=/dev/urandom of="$DISK" bs=64K count=64 oflag=direct conv=notrunc status=none
dd if="$DISK" of=/dev/null bs=64K count=64 iflag=direct status=none
snapshot after
python3 - "$WORK" "${GID[a]}" "${GID[b]}" <<'PYTHON' || fail "what is told is not true"
import json, sys
work, gid = sys.argv[1], {'server': int(sys.argv[2], 16), 'client': int(sys.argv[3], 16)}
def load(name):
    return json.load(open(f'{work}/{name}'))
moved = 64 * 65536
for name, peer in (('server', 'client'), ('client', 'server')):
    before, after = load(f'xstats.{name}.before'), load(f'xstats.{name}.after')
    delta = {key: after[key] - before[key] for key in before}
    print(name, {key: value for key, value in delta.items() if value})
    # Each side has stored the payload of its direction, and little else.
    assert moved <= delta['store_bytes'] < moved * 1.05, delta['store_bytes']
    assert moved / 4096 <= delta['stores'] < moved / 4096 * 1.3, delta['stores']
    for key in ('err_access', 'err_inval', 'err_lost', 'command_errors', 'reopens'):
        assert after[key] == 0, (key, after[key])
    assert delta['polls'] >= delta['polls_empty'] > 0
    assert after['dmbs'] > 0 and after['windows'] > 0
    info = load(f'info.{name}')
    assert int(info['gid'], 16) == gid[name] and info['state'] == 'open', info
    sessions = load(f'sessions.{name}')
    print(name, sessions)
    assert list(sessions) == ['0'] and sessions['0']['state'] == 'up', sessions
    assert int(sessions['0']['rgid'], 16) == gid[peer], sessions
PYTHON
pair_stop
