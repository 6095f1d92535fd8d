#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# OpenMetrics text of a server, a client and of our own function: valid for Prometheus' own
# parsers, and with every counter that there is.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"
need_fuse
need_command python3

# The module of Debian's package belongs to the system's python3.
python=
for candidate in python3 /usr/bin/python3; do
	! "$candidate" -c 'import prometheus_client' 2>/dev/null || python=$candidate
done
[ -n "$python" ] || skip "no python3-prometheus-client on this machine"

# valid FILE XSTATS: both parsers take it, names and units agree, and no counter is missing.
valid() {
	"$python" - "$1" "$2" <<-'EOT' || fail "not valid: $1: $(head -n 20 "$1")"
	import json, sys
	from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
	from prometheus_client.parser import text_string_to_metric_families as parse_old
	# Of each set of labels: buckets that grow, the last one for all; _count and _sum of them.
	def histogram(family):
	    series = {}
	    for s in family.samples:
	        labels = tuple(sorted(item for item in s.labels.items() if item[0] != 'le'))
	        series.setdefault(labels, []).append(s)
	    for samples in series.values():
	        buckets = [s for s in samples if s.name == family.name + '_bucket']
	        le = [float(s.labels['le']) for s in buckets]
	        counts = [s.value for s in buckets]
	        rest = {s.name[len(family.name):]: s.value for s in samples[len(buckets):]}
	        assert len(le) > 40 and le == sorted(set(le)), le
	        assert buckets[-1].labels['le'] == '+Inf' and counts == sorted(counts), counts
	        assert rest.keys() == {'_count', '_sum'} and rest['_count'] == counts[-1], rest
	        # No time is above its bucket's end: half as long again as its start at most.
	        if counts[0] == 0 and counts[-1] == counts[-2]:
	            each = [counts[0]] + [b - a for a, b in zip(counts, counts[1:])]
	            most = sum(n * end for n, end in zip(each, le[:-1]))
	            assert most / 2 <= rest['_sum'] <= most, (rest, most)
	text = open(sys.argv[1]).read()
	families = {family.name: family for family in parse(text)}
	samples = sum(len(family.samples) for family in families.values())
	assert samples == sum(len(family.samples) for family in parse_old(text)) > 50, samples
	for family in families.values():
	    assert family.documentation, family
	    assert family.name.startswith(
	        ('ism_', 'link_', 'blk_', 'cons_', 'fwd_', 'run_')), family
	    assert family.unit in ('', 'bytes', 'seconds'), family
	    if family.type == 'counter':
	        assert all(s.name == family.name + '_total' for s in family.samples), family
	    if family.type == 'histogram':
	        histogram(family)
	xstats = json.load(open(sys.argv[2]))
	told = {s.value for name, family in families.items() if name.startswith('ism_')
	        for s in family.samples}
	# Those that do not move while nobody asks the device for anything.
	for key in ('events', 'signals', 'dmbs', 'dmb_bytes', 'windows', 'reopens', 'err_access'):
	    assert xstats[key] in told, (key, xstats[key])
	assert sum(name.startswith('ism_') for name in families) >= len(xstats), families.keys()
	EOT
}

pair_start "$(image_make image 8 random)"
for name in server client; do
	telemetry $name /ism/xstats,0 >"$WORK/xstats.$name"
	stat_attach 0 $name --openmetrics
	valid "$WORK/run.out" "$WORK/xstats.$name"
done
stat_printed '^# TYPE blk_disk_latency_seconds histogram$'
stat_printed '^blk_disk_latency_seconds_bucket\{.*le="\+Inf"\} [1-9]'
stat_printed '^blk_mount_copies_total 0$'
stat_printed '^blk_mount_placed_total '
stat_printed '^link_session_state\{.*service="blk",role="initiator"\} 1$'

# A path is a label; what is special in it is escaped.
stop client
stop server
odd="$WORK/a\"b\\c"
cp "$WORK/image" "$odd"
server_start --export "disk=$odd,allow=any"
stat_attach 0 server --openmetrics
telemetry server /ism/xstats,0 >"$WORK/xstats.server"
valid "$WORK/run.out" "$WORK/xstats.server"

# Our own function, with another one's session.
stat_run 0 b --openmetrics
stat_printed '^ism_program_info\{program="dpdk-ismstat",'
stat_printed '^# EOF$'
[ ! -s "$WORK/run.err" ] || fail "it says more than metrics: $(said run)"
# A disk that is full is told.
[ -c /dev/full ] && {
	status=0
	bounded 20 "$(program dpdk-ismstat)" --attach "${child_pid[server]}" --openmetrics \
		>/dev/full 2>"$WORK/run.err" || status=$?
	[ "$status" -eq 1 ] || fail "a full disk: status $status"
	stat_said 'standard output'
}
stop server
stop fabric
