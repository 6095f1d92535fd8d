# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # shared with tools/bench
#
# The rounds of `tools/bench console`. What is measured goes to $WORK/results, one
# folder for each peer and round; console_report.py reads all of it.

# output_to FILE COMMAND...: in place of this (sub)shell.
output_to() {
	local file=$1
	shift
	exec "$@" >"$file" 2>"$WORK/measure.err"
}

# measure NAME ARGUMENT...: one run of console.py.
measure() {
	local name=$1
	shift
	bounded 180 output_to "$dir/$name.json" python3 "$here/bench.d/console.py" "$@" ||
		fail "$peer: $name: $(tail -n 5 "$WORK/measure.err")"
}

run_console_peer() {
	local dir=$WORK/results/$peer/$round
	note "round $round of $rounds: $peer"
	mkdir -p "$dir"
	if ! peer_start "$peer"; then
		note "$peer is left out: $peer_reason"
		rmdir "$dir"
		echo "$peer_reason" >"$WORK/results/$peer/skipped"
		return
	fi
	measure fast keys --count "$keys" "${peer_keys[@]}"
	measure paced keys --count "$paced_keys" --pace 50,100 "${peer_keys[@]}"
	measure terminal flood --bytes $((size_mib << 20)) "${peer_flood[@]}"
	[ ${#peer_pipe[@]} -eq 0 ] ||
		measure pipe flood --pipe --bytes $((size_mib << 20)) "${peer_pipe[@]}"
	peer_stop
}

bench_console() {
	local paced_keys=$((keys / 30 + 1))
	# Not zeros: nobody may get away with not moving them.
	head -c "${size_mib}M" /dev/urandom >"$WORK/flood.data"
	mkdir -p "$WORK/results"
	printf '%s\n' "${peers[@]}" >"$WORK/results/peers"
	printf '%s\n' "keys $keys" "paced_keys $paced_keys" "size_mib $size_mib" \
		>"$WORK/results/load"
	far_programs
	for round in $(seq "$rounds"); do
		for peer in "${peers[@]}"; do
			[ -f "$WORK/results/$peer/skipped" ] || run_console_peer
		done
	done
}
