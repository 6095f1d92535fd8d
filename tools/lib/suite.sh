# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # shared with the tool that sources this
#
# Running tests: a line for each, and the summary. The tool sets $logs, the folder for
# logs, $results, the file in which results are kept, and $names, the tests that were
# asked for (none: all). $run is put into the environment of every test.
#
# A tool that runs another one for its tests (run_tool) sets ISM_TEST_RESULTS and
# ISM_TEST_DIR for it: a file to count in, and a folder to work in. Who counts for
# another prints no summary.

# selected NAME: is it one that was asked for?
selected() {
	[ ${#names[@]} -eq 0 ] || [[ " ${names[*]} " == *" $1 "* ]]
}

# show SUITE NAME STATUS SECONDS: the line of one test.
show() {
	printf '%-8s %-40s %8.2f s\n' "${3,,}" "$1/$2" "$4"
}

# record STATUS SUITE NAME SECONDS NOTE: count it.
record() {
	(IFS=$'\t' && printf '%s\n' "$*") >>"$results"
}

# run_one SUITE NAME COMMAND...: a test that meson does not know.
run_one() {
	local suite=$1 name=$2 log=$logs/$1-$2.log start=$EPOCHREALTIME status=0 seconds
	local result note=
	shift 2
	"$@" >"$log" 2>&1 </dev/null || status=$?
	seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
	case $status in
	0) result=ok ;;
	77) result=skip note=$(tail -n 1 "$log") ;;
	*) result=fail note="status $status, whole log: $log" ;;
	esac
	show "$suite" "$name" "$result" "$seconds"
	[ -z "$note" ] || printf '  %s: %s\n' "$name" "$note"
	[ "$result" != fail ] || python3 "$top/tools/lib/testlog.py" tail "$log"
	case $result in
	ok) record passed "$suite" "$name" "$seconds" "" ;;
	skip) record skipped "$suite" "$name" "$seconds" "$note" ;;
	fail) record failed "$suite" "$name" "$seconds" "$note" ;;
	esac
}

# run_meson DIR SUITE NAMES... [-- OPTION...]: tests that meson knows. Its lines
# are shown as they come; its log says what is counted.
run_meson() {
	local dir=$1 suite=$2 base status name seconds note
	local -a wanted=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		wanted+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	base=$dir/meson-logs/testlog-$suite
	rm -f "$base".*
	env "$run" PYTHONUNBUFFERED=1 meson test -C "$dir" --no-rebuild \
		--logbase "testlog-$suite" "$@" "${wanted[@]}" 2>&1 </dev/null |
		tee "$logs/meson-$suite.log" |
		show_meson "$suite" || true # failures are read from the log
	if [ ! -s "$base.json" ]; then
		record failed "$suite" meson 0 "did not run, whole log: $logs/meson-$suite.log"
		show "$suite" meson failed 0
		tail -n 10 "$logs/meson-$suite.log" | sed 's/^/    /'
		return
	fi
	while IFS=$'\t' read -r status _ name seconds note; do
		record "$status" "$suite" "$name" "$seconds" "$note"
		case $status in
		skipped) printf '  %s: %s\n' "$name" "$note" ;;
		failed)
			printf '  %s: %s\n' "$name" "$note"
			python3 "$top/tools/lib/testlog.py" output "$base.json" "$name"
			;;
		esac
	done < <(python3 "$top/tools/lib/testlog.py" results "$base.json" "$suite" "$base.txt")
}

# Turn meson's line of each test into ours.
show_meson() {
	local suite=$1 line
	while IFS= read -r line; do
		[[ $line =~ ^\ *[0-9]+/[0-9]+\ +(.*[^\ ])\ +([A-Z]+)\ +([0-9.]+)s ]] || continue
		show "$suite" "${BASH_REMATCH[1]##*[ :]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
	done
}

# run_tool SUITE TOOL ARGUMENT...: the tests that another tool runs, counted as if
# they were this one's. It ends with 77 when it cannot run them here, and its
# last line says why.
run_tool() {
	local suite=$1 name=$2 log=$logs/$1.log status=0 note
	shift 2
	: >"$log.results"
	{
		env "$run" ISM_TEST_RESULTS="$log.results" "$top/tools/$name" "$@" \
			</dev/null 2>&1 || status=$?
		echo "$status" >"$log.status"
	} | tee "$log"
	status=$(cat "$log.status")
	cat "$log.results" >>"$results"
	[ "$status" -ne 0 ] || return 0
	note=$(tail -n 1 "$log")
	if [ "$status" -eq 77 ]; then
		show "$suite" "$name" skip 0
		record skipped "$suite" "$name" 0 "$note"
	elif ! grep -q '^failed' "$log.results"; then
		show "$suite" "$name" fail 0
		record failed "$suite" "$name" 0 "status $status, whole log: $log"
	fi
}

# Where the tests work: in memory when there is room. Short, because the names
# of sockets below it have to fit into 108 bytes.
work_dir() {
	local base=/tmp room
	if [ -n "${ISM_TEST_DIR:-}" ]; then
		TMPDIR=$(mktemp -d "$ISM_TEST_DIR/XXXXXX")
	else
		room=$(df --output=avail -BM /dev/shm 2>/dev/null | tail -n 1 | tr -dc 0-9) || true
		[ ! -w /dev/shm ] || [ "${room:-0}" -lt 2048 ] || base=/dev/shm
		TMPDIR=$(mktemp -d "$base/ism-test.XXXXXX")
	fi
	chmod 755 "$TMPDIR" # tests of ordinary users work below it too
	export TMPDIR ISM_TEST_DIR="$TMPDIR"
}

# Print the last line. Returns 1 when a test failed.
summary() {
	awk -F '\t' '
		{ n[$1]++ }
		END {
		line = n["passed"] + 0 " passed, " n["failed"] + 0 " failed"
		if (n["skipped"])
			line = line ", " n["skipped"] " skipped"
		print line
		exit n["failed"] > 0
	}' "$results"
}

# Print the tests that failed, with the reasons, and the last line. Returns 1 when
# there are any.
conclude() {
	if [ -n "${ISM_TEST_RESULTS:-}" ]; then
		cat "$results" >>"$ISM_TEST_RESULTS"
		! grep -q '^failed' "$results"
		return
	fi
	if grep -q '^failed' "$results"; then
		echo
		awk -F '\t' '$1 == "failed" { print "failed: " $2 "/" $3 " (" $5 ")" }' \
			"$results"
	fi
	echo
	summary
}
