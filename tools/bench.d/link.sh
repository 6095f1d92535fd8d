# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # shared with tools/bench
#
# The rounds of `tools/bench link`. What is measured goes to $WORK/results, one folder
# for each peer and round; link_report.py reads all of it.

run_link_peer() {
	local dir=$WORK/results/$peer/$round
	note "round $round of $rounds: $peer"
	mkdir -p "$dir"
	peer_reason=
	"link_$peer" && return
	note "$peer is left out: $peer_reason"
	rm -r "$dir"
	echo "$peer_reason" >"$WORK/results/$peer/skipped"
}

bench_link() {
	local round peer
	find_cpus
	linkfloor_build
	mkdir -p "$WORK/results"
	printf '%s\n' "${peers[@]}" >"$WORK/results/peers"
	printf '%s\n' "seconds $seconds" "cpus $cpu_a $cpu_b" >"$WORK/results/load"
	for round in $(seq "$rounds"); do
		for peer in "${peers[@]}"; do
			[ -f "$WORK/results/$peer/skipped" ] || run_link_peer
		done
	done
}
