#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/bench measures, cleans up, and counts no more stores than DESIGN D7 grants.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

export ISM_BUILD_DIR=$build_dir
bounded 300 "$source_dir/tools/bench" block --rounds 1 --seconds 1 --idle 2 --size 64 \
	--only raw,ismblk,floor --json "$WORK/bench.json" >"$WORK/bench.out" 2>&1 ||
	fail "$(grep -a FAILED "$WORK/bench.out" || true)
$(tail -n 20 "$WORK/bench.out")"
cat "$WORK/bench.out"
python3 - "$WORK/bench.json" <<'PYTHON' || fail "too many stores, or no figures"
import json, sys
result = json.load(open(sys.argv[1]))
peers = result['peers']
assert set(peers) == {'raw', 'ismblk', 'floor'}, peers.keys()
for peer in peers.values():
    assert all(cell['median']['iops'] > 0 for cell in peer.values()), peer
figures = {cell: each['median'] for cell, each in peers['ismblk'].items()}
stores = {cell: each['stores_per_op'] for cell, each in figures.items()}
# Keepalives come on top, two a second: they count where others leave us few operations.
for cell, most in (('randread-1', 3), ('randwrite-1', 3), ('randread-32', 1.25),
                   ('randwrite-32', 1.25)):
    keepalives = 20 / figures[cell]['iops']
    assert 1 <= stores[cell] <= most * 1.01 + keepalives, (cell, stores)
PYTHON
