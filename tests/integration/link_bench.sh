#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/bench link measures, prints and cleans up.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"

export ISM_BUILD_DIR=$build_dir
run_status 2 "$source_dir/tools/bench" link --keys 3
run_status 2 "$source_dir/tools/bench" link --only nbdfuse
bounded 300 "$source_dir/tools/bench" link --rounds 1 --seconds 1 --json "$WORK/bench.json" \
	>"$WORK/bench.out" 2>&1 || fail "$(grep -a FAILED "$WORK/bench.out" || true)
$(tail -n 20 "$WORK/bench.out")"
cat "$WORK/bench.out"
python3 - "$WORK/bench.json" <<'PYTHON' || fail "no figures"
import json, sys
peers = json.load(open(sys.argv[1]))['peers']
assert set(peers) == {'ismstat', 'memif', 'unix', 'limits'}, peers.keys()
for name, peer in peers.items():
    # memif is another's program: left out with a reason where it is not there.
    assert 'median' in peer or (name == 'memif' and peer['skipped']), (name, peer)
    for size in (64, 1500, 4096) if 'median' in peer else ():
        assert peer['median'][f'stream-{size}'] > 0, (name, peer)
ours = peers['ismstat']['median']
assert 0 < ours['ping-64-min'] <= ours['ping-64-p50'] <= ours['ping-64-max'], ours
# What a store carries is no matter of speed.
assert ours['stream-64-stores'] < 0.1 and 1.9 < ours['ping-64-stores'] < 2.1, ours
assert peers['unix']['median']['ping-64'] > 0 and peers['limits']['median']['line'] > 0, peers
PYTHON
