# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # shared with tools/bench
#
# The rounds of `tools/bench block`. What is measured goes to $WORK/results, one folder
# for each peer, round and cell; report.py reads all of it.

# Name, then fio's rw, bs and iodepth.
cells=(
	"randread-1 randread 4k 1"
	"randwrite-1 randwrite 4k 1"
	"randread-32 randread 4k 32"
	"randwrite-32 randwrite 4k 32"
	"read-1m read 1m 4"
	"write-1m write 1m 4"
)
fio_options=(--thread --ioengine=libaio --direct=1 --time_based "--runtime=$seconds" --norandommap
	--randrepeat=0 --eta=never --output-format=json)

# CPU time of the peer's processes together, in nanoseconds.
peer_cpu_ns() {
	local name sum=0
	for name in "${peer_children[@]}"; do
		sum=$((sum + $(cpu_ns "${child_pid[$name]}")))
	done
	echo "$sum"
}

# counters DIR WHEN: store counters of both programs.
counters() {
	local name
	[ "$peer" = ismblk ] || return 0
	for name in client server; do
		telemetry $name /ism/xstats,0 >"$1/xstats.$name.$2"
	done
}

run_cell() {
	local name=$1 rw=$2 bs=$3 depth=$4 dir=$WORK/results/$peer/$round/$1
	mkdir -p "$dir"
	counters "$dir" before
	peer_cpu_ns >"$dir/cpu.before"
	bounded $((seconds + 60)) fio --name="$name" --filename="$peer_file" --rw="$rw" --bs="$bs" \
		--iodepth="$depth" --size="${size_mib}m" "${fio_options[@]}" \
		--output="$dir/fio.json" >"$dir/fio.err" 2>&1 || fail "fio: $(cat "$dir/fio.err")"
	peer_cpu_ns >"$dir/cpu.after"
	counters "$dir" after
}

# What the three programs cost while nobody asks them for anything.
measure_idle() {
	local name dir=$WORK/results/idle
	mkdir -p "$dir"
	note "idle pair for $idle_seconds s"
	sleep 2
	for name in client server fabric; do cpu_ns "${child_pid[$name]}" >"$dir/$name.before"; done
	sleep "$idle_seconds"
	for name in client server fabric; do cpu_ns "${child_pid[$name]}" >"$dir/$name.after"; done
	echo "$idle_seconds" >"$dir/seconds"
}

run_peer() {
	local cell
	note "round $round of $rounds: $peer"
	if ! peer_start "$peer"; then
		note "$peer is left out: $peer_reason"
		mkdir -p "$WORK/results/$peer"
		echo "$peer_reason" >"$WORK/results/$peer/skipped"
		return
	fi
	for cell in "${cells[@]}"; do
		# shellcheck disable=SC2086 # the words of a cell
		run_cell $cell
	done
	[ "$peer" != ismblk ] || [ "$round" != 1 ] || measure_idle
	peer_stop
}

bench_block() {
	local free
	free=$(df --output=avail -m "$WORK" | tail -n 1)
	[ "$free" -gt $((size_mib + 64)) ] || fail "$WORK has $free MiB free, $size_mib are needed"
	image=$WORK/disk.img
	# Not zeros: nobody may get away with not moving them.
	head -c "${size_mib}M" /dev/urandom >"$image"
	mkdir -p "$WORK/results"
	printf '%s\n' "fio ${fio_options[*]} --size=${size_mib}m" >"$WORK/results/fio_options"
	printf '%s\n' "${cells[@]}" >"$WORK/results/cells"
	printf '%s\n' "${peers[@]}" >"$WORK/results/peers"
	for round in $(seq "$rounds"); do
		for peer in "${peers[@]}"; do
			[ -f "$WORK/results/$peer/skipped" ] || run_peer
		done
	done
}
