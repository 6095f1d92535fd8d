# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with tools/bench
#
# The rounds of `tools/bench fair`: a victim that reads 4 KiB at depth 1 and types into a console,
# beside one attacker at a time. What is measured goes to $WORK/results, one folder for each
# attacker and round; fair_report.py reads all of it.

# Functions: the server, the victims, the attacker's, and those of the crowd.
fair_functions=(a v w x)
fair_crowd=64

fair_start() {
	local i functions=("${fair_functions[@]}")
	for ((i = 0; i < fair_crowd; i++)); do functions+=("p$i"); done
	fabric_start "${functions[@]}"
	server_function=a
	server_start --export "disk=$WORK/disk.img,allow=${GID[v]}" \
		--export "other=$WORK/other.img,allow=${GID[x]}" \
		--console "keys=exec:$far_keys,allow=${GID[w]}"
	client_function=v
	client_start
	console_command w
}

fair_stop() {
	stop client
	stop server
	stop fabric
}

# Start the attacker $1 for about $2 seconds.
attacker_start() {
	case $1 in
	none) ;;
	commands | maps | dmbs)
		start_foreign attacker "$build_dir/tests/hostile_client_greedy" \
			"$1" "${SOCKET[x]}" "$2" "${GID[a]}"
		;;
	refused)
		# A peer that no allow list names calls without end.
		start_foreign attacker "$build_dir/tests/hostile_peer_flood" \
			"${SOCKET[p0]}" "${GID[a]}" churn "$2"
		;;
	crowd) crowd_start ;;
	*)
		start_foreign attacker "$build_dir/tests/hostile_peer_flood" \
			"${SOCKET[x]}" "${GID[a]}" "$1" "$2"
		;;
	esac
}

# Clients that wait for a peer that is not there.
crowd_start() {
	local i exe
	exe=$(program dpdk-ismblk)
	for ((i = 0; i < fair_crowd; i++)); do
		start_foreign "crowd.$i" "$exe" "--vdev=raw_ism0,socket=${SOCKET[p$i]}" -- \
			--peer 1234 --connect-timeout-ms 600000 --list
	done
	sleep 3
}

attacker_stop() {
	local name
	for name in "${!child_pid[@]}"; do
		[[ $name != attacker && $name != crowd.* ]] || {
			kill "${child_pid[$name]}" 2>/dev/null || true
			wait_exit "$name" 30
		}
	done
}

run_victims() {
	local attacker=$1 dir=$WORK/results/$1/$round status=0
	mkdir -p "$dir"
	note "round $round of $rounds: beside $attacker"
	attacker_start "$attacker" $((seconds + 90))
	sleep 1
	bounded $((seconds + 60)) fio --name=victim --filename="$DISK" --rw=randread --bs=4k \
		--iodepth=1 --thread --ioengine=psync --direct=1 --time_based "--runtime=$seconds" \
		--norandommap --randrepeat=0 --size=64m --percentile_list=50:99:99.9 --eta=never \
		--output-format=json --output="$dir/disk.json" >"$dir/fio.err" 2>&1 || status=$?
	[ "$status" -eq 0 ] || echo "fio ended with $status" >"$dir/disk.failed"
	status=0
	bounded 180 output_to "$dir/console.json" python3 "$here/bench.d/console.py" keys \
		--count "$keys" --pace 10,30 "${console_command[@]}" --quiet --console keys ||
		status=$?
	[ "$status" -eq 0 ] ||
		echo "the console ended with $status: $(tail -n 1 "$WORK/measure.err")" \
			>"$dir/console.failed"
	attacker_stop
}

output_to() {
	local file=$1
	shift
	exec "$@" >"$file" 2>"$WORK/measure.err"
}

bench_fair() {
	local attacker
	head -c 64M /dev/urandom >"$WORK/disk.img"
	truncate -s 64M "$WORK/other.img"
	mkdir -p "$WORK/results"
	printf '%s\n' "${peers[@]}" >"$WORK/results/peers"
	far_programs
	for round in $(seq "$rounds"); do
		for attacker in "${peers[@]}"; do
			# What one left behind is not the next one's.
			fair_start
			run_victims "$attacker"
			fair_stop
		done
	done
}
