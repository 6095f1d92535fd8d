#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/bench console measures, prints and cleans up.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"

export ISM_BUILD_DIR=$build_dir
bounded 300 "$source_dir/tools/bench" console --rounds 1 --keys 200 --size 8 \
	--json "$WORK/bench.json" >"$WORK/bench.out" 2>&1 ||
	fail "$(grep -a FAILED "$WORK/bench.out" || true)
$(tail -n 20 "$WORK/bench.out")"
cat "$WORK/bench.out"
python3 - "$WORK/bench.json" <<'PYTHON' || fail "no figures"
import json, sys
peers = json.load(open(sys.argv[1]))['peers']
assert set(peers) == {'pty', 'ismcons', 'socat', 'ssh'}, peers.keys()
assert 'median' in peers['ismcons'], peers['ismcons']
for name, peer in peers.items():
    if 'skipped' in peer:
        continue
    figures = peer['median']
    assert 0 < figures['fast_p50'] <= figures['fast_p99'] <= figures['fast_max'], figures
    assert 0 < figures['paced_p50'] <= figures['paced_p99'] <= figures['paced_max'], figures
    assert figures['terminal'] > 0 and (name == 'pty' or figures['pipe'] > 0), figures
PYTHON
