# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with tools/bench
#
# The peers of `tools/bench link`: link_NAME takes all figures of one round and puts them
# into $dir, one file for each figure; or it returns 1 with the reason in $peer_reason.

link_sizes=(64 1500 4096 65536)
memif_sizes=(64 1500 4096)

# Name, mode, size, burst, copy. All ends are on two CPUs, one for each process.
stat_cells=(
	"ping-64 ping 64 auto off"
	"stream-64 stream 64 auto off"
	"stream-1500 stream 1500 auto off"
	"stream-4096 stream 4096 auto off"
	"stream-65536 stream 65536 auto off"
	"copy-64 stream 64 auto on"
	"copy-1500 stream 1500 auto on"
	"copy-4096 stream 4096 auto on"
	"copy-65536 stream 65536 auto on"
	"single-64 stream 64 1 off"
)

# The first two CPUs that we may use; one stands for both where there is no second.
find_cpus() {
	local all
	all=$(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)))')
	read -r cpu_a cpu_b _ <<<"$all $all"
}

# --- two dpdk-ismstat over ism-fabric ---

link_ismstat() {
	local exe cell name mode size burst copy
	exe=$(program dpdk-ismstat)
	fabric_start a b
	start testee "$exe" --lcores "0@$cpu_a,1@$cpu_a" \
		"--vdev=raw_ism0,socket=${SOCKET[a]}" -- --quiet --listen any
	wait_ready testee
	{
		echo "wait link"
		echo "set time $seconds"
		for cell in "${stat_cells[@]}"; do
			read -r name mode size burst copy <<<"$cell"
			printf '%s\n' "set fwd $mode" "set size $size" "set burst $burst" \
				"set copy $copy" start "wait test $((seconds + 20))"
		done
	} >"$WORK/link.commands"
	printf '%s\n' "${stat_cells[@]}" >"$dir/cells"
	bounded $((60 + ${#stat_cells[@]} * (seconds + 5))) "$exe" \
		--lcores "0@$cpu_b,1@$cpu_b" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- --quiet \
		--json --peer "${GID[a]}" --cmdline-file "$WORK/link.commands" \
		>"$dir/stats" 2>"$WORK/link.err" ||
		fail "dpdk-ismstat: $(tail -n 5 "$WORK/link.err")"
	stop testee
	stop fabric
}

# --- DPDK's memif between two testpmd ---

# memif_end NAME CPU ROLE FORWARD-MODE SIZE [OPTION...]
memif_end() {
	local name=$1 cpu=$2 role=$3 forward=$4 buffer=2048 path=$WORK/memif.sock
	# A message is one buffer.
	[ "$5" -le 2048 ] || buffer=$(($5 + 128))
	shift 5
	start_foreign "$name" env "RUNTIME_DIRECTORY=$WORK" stdbuf -oL dpdk-testpmd \
		--lcores "0@$cpu,1@$cpu" --no-huge -m 512 --no-pci --no-telemetry \
		--file-prefix "$name" \
		"--vdev=net_memif0,role=$role,socket-abstract=no,socket=$path,bsize=$buffer" -- \
		"--forward-mode=$forward" --total-num-mbufs=16384 "--mbuf-size=$((buffer + 128))" \
		--nb-cores=1 --no-mlockall --auto-start --stats-period=1 "$@"
}

# memif_counts SECONDS: so many whole ones, or an end has ended.
memif_counts() {
	[ "$(grep -ac 'Rx-pps: *[1-9]' "$WORK/memif-rx.out")" -gt "$1" ] ||
		! is_running "${child_pid[memif-rx]}" || ! is_running "${child_pid[memif-tx]}"
}

link_memif() {
	local size
	has_command dpdk-testpmd || return
	for size in "${memif_sizes[@]}"; do
		rm -f "$WORK/memif.sock"
		memif_end memif-rx "$cpu_a" server rxonly "$size"
		wait_for 60 "testpmd listens" test -S "$WORK/memif.sock"
		memif_end memif-tx "$cpu_b" client txonly "$size" "--txpkts=$size"
		wait_for $((seconds + 60)) "testpmd counts" memif_counts "$seconds"
		if ! is_running "${child_pid[memif-rx]}" ||
			! is_running "${child_pid[memif-tx]}"; then
			peer_reason="dpdk-testpmd ends: $(tail -n 1 "$WORK/memif-tx.err")"
			return 1
		fi
		# The first second is not whole.
		grep -a 'Rx-pps: *[1-9]' "$WORK/memif-rx.out" | tail -n +2 |
			awk '{ sum += $2 } END { print sum / NR }' >"$dir/stream-$size"
		stop_foreign memif-tx
		stop_foreign memif-rx
	done
}

# --- a UNIX socket, and what the machine can do at all ---

# linkfloor_build: compiled when it is older than its source.
linkfloor_build() {
	local source=$source_dir/tools/bench.d/linkfloor.c
	linkfloor=$build_dir/bench/linkfloor
	[ "$linkfloor" -ot "$source" ] || return 0
	mkdir -p "${linkfloor%/*}"
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wshadow -Wno-unused-parameter \
		-Werror -o "$linkfloor" "$source"
}

floor() {
	bounded $((seconds + 20)) "$linkfloor" "$2" "$seconds" "${@:3}" >"$dir/$1" ||
		fail "linkfloor $2"
}

link_unix() {
	local size
	floor ping-64 ping 64
	for size in "${link_sizes[@]}"; do floor "stream-$size" stream "$size"; done
}

link_limits() {
	local size
	floor line line
	for size in "${link_sizes[@]}"; do floor "stream-$size" ring "$size"; done
}
