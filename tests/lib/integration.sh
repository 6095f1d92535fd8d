# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What every tests/integration/*.sh sources first. It gives the test a working
# directory of its own ($WORK), starts and ends the programs, bounds each wait,
# judges their logs, and leaves nothing behind however the test ends.
#
# tests/integration/README.md is the manual.

set -euo pipefail

test_name=${0##*/}
test_name=${test_name%.sh}
source_dir=${ISM_SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
build_dir=${ISM_BUILD_DIR:-$source_dir/build}
: "${ISM_TEST_KEEP:=}" # not empty: keep $WORK of a failed test

# Exit codes of the programs (lib/run/run.h).
# shellcheck disable=SC2034 # the tests use them
{
	EXIT_USAGE=2
	EXIT_DEVICE=3
	EXIT_PEER=4
	EXIT_EXPORT=5
	EXIT_MOUNT=6
}

declare -A child_pid=() # what runs now, by the name it was started under
declare -A child_kind=() # "program", "load", or "foreign": a program that is not ours
declare -A GID=() SOCKET=() # by function name, filled by fabric_start
log_allowed=() # regular expressions, see allow_log
loops=() # loop devices that loop_attach made
bounded_pid= # what bounded ran last
bounded_runs= # the same while it runs
stop_status=0 # exit status of what stop or wait_exit saw end last

note() {
	printf '%s: %s\n' "$test_name" "$*"
}

# Without this file a test has no reason to fail, so every test ends through
# one of these two or at its last line.
fail() {
	printf '%s: FAILED: %s\n' "$test_name" "$*" >&2
	exit 1
}

skip() {
	printf '%s: skipped: %s\n' "$test_name" "$*"
	exit 77
}

### What the machine must have ###

need_command() {
	local name
	for name in "$@"; do
		command -v "$name" >/dev/null || skip "no $name on this machine"
	done
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}

need_fuse() {
	[ -c /dev/fuse ] || skip "no /dev/fuse (is the fuse module loaded?)"
	[ -r /dev/fuse ] || skip "no access to /dev/fuse"
}

need_loop() {
	need_root
	need_command losetup mkfs.ext4 e2fsck mount umount
	[ -c /dev/loop-control ] || skip "no loop devices (is the loop module loaded?)"
}

### Bounded waits ###

# wait_for SECONDS WHAT COMMAND...: run the command until it succeeds.
wait_for() {
	local seconds=$1 what=$2 end=$((SECONDS + $1))
	shift 2
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "$what: not within $seconds s"
		sleep 0.1
	done
}

# bounded SECONDS COMMAND...: run it, and kill it when it takes longer: that is said, and status
# 124. (Not the end of the test: its words would go where the command's output goes.)
# A process that hangs inside the kernel cannot be killed, so nothing waits for it.
bounded() {
	local seconds=$1 pid status=0
	shift
	"$@" &
	pid=$!
	# shellcheck disable=SC2034 # for tests
	bounded_pid=$pid
	bounded_runs=$pid
	if ! ended_within "$seconds" "$pid"; then
		kill -KILL "$pid" 2>/dev/null || true
		printf '%s: took longer than %s s: %s\n' "$test_name" "$seconds" "$*" >&2
		return 124
	fi
	wait "$pid" || status=$?
	bounded_runs=
	return "$status"
}

# Is this child (not yet waited for) still running? A process whose first thread is
# a zombie goes on while another one hangs in the kernel, and so would wait.
is_running() {
	local stat tasks
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	[ "${stat:0:1}" = Z ] || return 0
	tasks=("/proc/$1/task/"*)
	[ "${#tasks[@]}" -gt 1 ]
}

# ended_within SECONDS PID
ended_within() {
	local tenths=$(($1 * 10))
	while is_running "$2"; do
		[ "$tenths" -gt 0 ] || return 1
		tenths=$((tenths - 1))
		sleep 0.1
	done
}

### Processes ###

# Path of one of the project's programs.
program() {
	local path
	for path in "$build_dir"/apps/*/"$1"; do
		[ ! -x "$path" ] || {
			echo "$path"
			return
		}
	done
	fail "$1 is not in $build_dir: build first"
}

# start NAME COMMAND...: in the background; output in $WORK/NAME.out and .err.
start() {
	start_kind program "$@"
}

# The same for what loads the mount: on the way out it is killed first.
start_load() {
	start_kind load "$@"
}

# The same for servers of others, whose logs are not judged.
start_foreign() {
	start_kind foreign "$@"
}

start_kind() {
	local kind=$1 name=$2
	shift 2
	[ -z "${child_pid[$name]:-}" ] || fail "$name was started twice"
	printf '%s\n' "$*" >"$WORK/$name.cmd"
	: >"$WORK/$name.out" # waited for before the child has opened it
	"$@" >"$WORK/$name.out" 2>"$WORK/$name.err" </dev/null &
	child_pid[$name]=$!
	child_kind[$name]=$kind
}

is_ready() {
	grep -qx ready "$WORK/$1.out" || ! is_running "${child_pid[$1]}"
}

# wait_ready NAME [SECONDS]: until it has printed "ready".
wait_ready() {
	local name=$1
	wait_for "${2:-20}" "$name is ready" is_ready "$name"
	grep -qx ready "$WORK/$name.out" || fail "$name ended before it was ready: $(said "$name")"
}

# wait_exit NAME SECONDS: until it has ended; its exit status is in $stop_status.
wait_exit() {
	local name=$1 seconds=$2 pid=${child_pid[$1]}
	stop_status=0
	# The shell would say "Killed" when it notices.
	{
		ended_within "$seconds" "$pid" && { wait "$pid" || stop_status=$?; }
	} 2>/dev/null || fail "$name does not end within $seconds s"
	unset "child_pid[$name]"
	check_log "$name"
}

# stop NAME [SIGNAL]: end it; it must end well and soon, and have kept its log clean.
stop() {
	local name=$1 signal=${2:-TERM}
	kill "-$signal" "${child_pid[$name]}" 2>/dev/null ||
		fail "$name has ended already: $(said "$name")"
	wait_exit "$name" 30
	[ "$signal" = KILL ] || [ "$stop_status" -eq 0 ] ||
		fail "$name ended with status $stop_status after SIG$signal: $(said "$name")"
}

check_running() {
	local name
	for name in "$@"; do
		is_running "${child_pid[$name]}" ||
			fail "$name has ended: $(said "$name")"
	done
}

### Logs ###

# The newest lines of its stderr.
said() {
	tail -n 10 "$WORK/$1.err"
}

# allow_log REGEX: from now on such a line is no fault. For what a test provokes.
allow_log() {
	log_allowed+=("$1")
}

# check_log NAME: every line must come from the program itself and must not
# complain, unless the test said that it may.
check_log() {
	local name=$1 line regex program
	[ "${child_kind[$name]}" = program ] || return 0
	program=$(grep -oE '(dpdk-ism[a-z]+|ism-fabric)' "$WORK/$name.cmd" | head -n 1)
	while IFS= read -r line; do
		for regex in "${log_allowed[@]}"; do
			[[ ! $line =~ $regex ]] || continue 2
		done
		[[ $line =~ ^\[?"$program: " ]] || fail "noise in the log of $name: $line"
		! grep -qiE "$log_complaint" <<<"${line//"$WORK"/}" || fail "$name complains: $line"
	done <"$WORK/$name.err"
}
log_complaint='error|fail|cannot|could not|invalid|warn|assert|unexpected|refused|lost|leak'
log_complaint+='|broke|timed? ?out|corrupt'

# What the programs may say when the other side or the fabric goes away.
# shellcheck disable=SC2034 # the tests use it
log_peer_gone='session|peer|function|reconnect|fabric|: request [0-9]+ failed'

### The programs as most tests use them ###

# What stands before "--", and what pair_start gives the client and the fabric; a
# test may set them before it starts a program.
server_eal=()
client_eal=()
client_options=()
fabric_options=()
device_options= # what follows socket=PATH: ",direct=0" for example
as_user=() # a command in front of each program
server_function=a
client_function=b
client_name=client # under which client_start starts it

# fabric_start NAME[,gid=HEX]... [--OPTION=VALUE]...: fills GID and SOCKET.
fabric_start() {
	local arg name gid path exe args=()
	mkdir -p "$WORK/fab"
	for arg in "$@"; do
		case $arg in
		--*) args+=("$arg") ;;
		*) args+=(--function "$arg") ;;
		esac
	done
	exe=$(program ism-fabric)
	start fabric "${as_user[@]}" "$exe" --dir "$WORK/fab" "${args[@]}"
	wait_ready fabric
	while read -r name gid path; do
		[ "$name" != ready ] || break
		GID[$name]=${gid#gid=}
		SOCKET[$name]=${path#socket=}
		[ -S "${SOCKET[$name]}" ] || fail "fabric named a socket that is not there: $path"
	done <"$WORK/fabric.out"
}

# server_start OPTION...: dpdk-ismd on function $server_function, until ready.
server_start() {
	local exe
	exe=$(program dpdk-ismd)
	start server "${as_user[@]}" "$exe" "${server_eal[@]}" \
		"--vdev=raw_ism0,socket=${SOCKET[$server_function]}$device_options" -- "$@"
	wait_ready server
}

# client_start [OPTION...]: dpdk-ismblk on $client_function, mounted on $MNT, until
# ready. A second client needs another $client_name, $client_function and $MNT.
client_start() {
	local exe
	exe=$(program dpdk-ismblk)
	mkdir -p "$MNT"
	start "$client_name" "${as_user[@]}" "$exe" "${client_eal[@]}" \
		"--vdev=raw_ism0,socket=${SOCKET[$client_function]}$device_options" -- \
		--peer "${GID[$server_function]}" --mount "$MNT" "$@"
	wait_ready "$client_name"
}

# pair_start IMAGE [EXPORT-OPTIONS]: fabric, server and client; IMAGE is $DISK then.
pair_start() {
	local options=${2:-allow=any}
	fabric_start a b "${fabric_options[@]}"
	server_start --export "disk=$1,$options"
	client_start "${client_options[@]}"
	[ -f "$DISK" ] || fail "ready, but $DISK is not there"
}

# End client, server and fabric, as far as they run. Each must end well.
pair_stop() {
	local name
	for name in client server fabric; do
		[ -z "${child_pid[$name]:-}" ] || stop "$name"
	done
	! grep -F " $WORK/" /proc/self/mounts || fail "a mount is left"
}

### Images, mounts, loop devices ###

# image_make NAME MIB [zero|random]: prints its path. Sparse when zero.
image_make() {
	local path=$WORK/$1
	if [ "${3:-zero}" = random ]; then
		head -c "$2M" /dev/urandom >"$path"
	else
		truncate -s "$2M" "$path"
	fi
	echo "$path"
}

# loop_attach FILE [LOSETUP-OPTION...]: the device is in $loop_device then.
loop_attach() {
	local file=$1
	shift
	loop_device=$(losetup --find --show "$@" "$file")
	loops+=("$loop_device")
	# Nobody knows how its last user left it.
	[ $# -gt 0 ] || blockdev --setrw "$loop_device"
}

loop_detach() {
	local i
	# The kernel would keep blockdev --setro for the next user of the device.
	blockdev --setrw "$1"
	bounded 30 losetup -d "$1"
	for i in "${!loops[@]}"; do
		[ "${loops[i]}" != "$1" ] || unset "loops[i]"
	done
}

# fio_run NAME OPTION...: one job that must end without error.
fio_run() {
	local name=$1
	shift
	bounded "${fio_bound:-120}" fio --thread --name="$name" --output="$WORK/$name.fio" \
		--eta=never --aux-path="$WORK" "$@" >"$WORK/$name.fio.err" 2>&1 ||
		fail "fio $name: $(cat "$WORK/$name.fio.err" "$WORK/$name.fio" | head -n 20)"
}

# A load for kill tests, about 8 s: each block written once, slowly, then all of
# them read back and checked. wait_verify_load judges it.
# start_verify_load FILE
start_verify_load() {
	verify_load_file=$1
	start_load load fio --thread --name=load --filename="$1" --rw=randwrite --bs=4k \
		--iodepth=32 --ioengine=libaio --direct=1 --size=32M --rate_iops=,1200 --fsync=200 \
		--verify=crc32c --verify_fatal=1 --eta=never --aux-path="$WORK"
}

wait_verify_load() {
	wait_exit load 90
	[ "$stop_status" -eq 0 ] || fail "fio: $(tail -n 20 "$WORK/load.err" "$WORK/load.out")"
}

# under_verify_load CLIENT: until the load moves bytes over that client. Where a test has
# taken longer than the load, that one is judged and another one started.
under_verify_load() {
	wait_for 20 "the load goes on" load_moves "$1" "$(load_bytes "$1")"
}

load_moves() {
	is_running "${child_pid[load]}" || {
		wait_verify_load
		start_verify_load "$verify_load_file"
	}
	[ "$(load_bytes "$1")" -gt "$2" ]
}

load_bytes() {
	telemetry "$1" /ismblk/mount | python3 -c 'import json, sys
mount = json.load(sys.stdin)
print(mount["payload_in"] + mount["payload_out"])'
}

# worker_pid NAME: the process that does the work: the child of one that holds a mount, or the
# program itself.
worker_pid() {
	held_pid "${child_pid[$1]}" || echo "${child_pid[$1]}"
}

# held_pid PID: of a process that is held, if there is one.
held_pid() {
	local child comm
	comm=$(cat "/proc/$1/comm") || return 1
	[ "$comm" = dpdk-ismblk ] || return 1
	for child in $(pgrep -P "$1"); do
		[ "$(cat "/proc/$child/comm" 2>/dev/null)" = "$comm" ] || continue
		echo "$child"
		return 0
	done
	return 1
}

# CPU time of a program with all its threads, in nanoseconds; both processes of one that holds a
# mount.
cpu_ns() {
	local cpu_pid cpu_accounts=()
	for cpu_pid in "$1" $(held_pid "$1"); do
		cpu_accounts+=("/proc/$cpu_pid/task/"*/schedstat)
	done
	cat "${cpu_accounts[@]}" | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

# costs_little SECONDS NAME=PID...: each costs less than 1 % of a core in one of three spans
# of time: what else the machine does can add to that, and never take away.
costs_little() {
	local seconds=$1 tries=3 name permyriad dear
	local -A idle_pids=() idle_before=()
	shift
	for name in "$@"; do idle_pids[${name%%=*}]=${name#*=}; done
	while true; do
		dear=
		for name in "${!idle_pids[@]}"; do
			idle_before[$name]=$(cpu_ns "${idle_pids[$name]}")
		done
		sleep "$seconds"
		for name in "${!idle_pids[@]}"; do
			permyriad=$((($(cpu_ns "${idle_pids[$name]}") - idle_before[$name]) /
				(seconds * 100000)))
			note "$name: $((permyriad / 100)).$(printf %02d $((permyriad % 100)))" \
				"% of a core"
			[ "$permyriad" -lt 100 ] || dear=$name
		done
		[ -n "$dear" ] || return 0
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "$dear costs too much when idle"
	done
}

# same FILE FILE WHAT: their bytes are equal.
same() {
	bounded 60 cmp "$1" "$2" || fail "$3"
}

# run_status STATUS COMMAND...: one run that must end by itself with that exit
# status; output in $WORK/run.out and .err.
run_status() {
	local want=$1 status=0
	shift
	bounded 60 "$@" >"$WORK/run.out" 2>"$WORK/run.err" </dev/null || status=$?
	[ "$status" -eq "$want" ] || fail "status $status, expected $want: $*: $(said run)"
}

# telemetry_value NAME COMMAND KEY...: one value of the answer.
telemetry_value() {
	telemetry "$1" "$2" | python3 -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]:
    value = value[int(key) if isinstance(value, list) else key]
print(value)' "${@:3}"
}

# telemetry NAME COMMAND: JSON answer of a program started under that name.
telemetry() {
	python3 "$source_dir/tools/lib/telemetry.py" --pid "${child_pid[$1]}" "$2"
}

# ctl ARGUMENT...: dpdk-ismctl, for the runtime $runtime or the only one.
ctl() {
	local exe
	exe=$(program dpdk-ismctl)
	bounded 20 "$exe" ${runtime:+--runtime "$runtime"} "$@"
}

### The way out ###

# kill_kind KIND SIGNAL: all children of that kind, and KILL after 3 s. What still
# runs hangs in the kernel until the program under it has ended: try again then.
kill_kind() {
	local name pid
	for name in "${!child_pid[@]}"; do
		[ "${child_kind[$name]}" != "$1" ] || kill "-$2" "${child_pid[$name]}" 2>/dev/null
	done
	for name in "${!child_pid[@]}"; do
		[ "${child_kind[$name]}" = "$1" ] || continue
		pid=${child_pid[$name]}
		ended_within 3 "$pid" || kill -KILL "$pid" 2>/dev/null
		ended_within 1 "$pid" || continue
		wait "$pid" 2>/dev/null
		unset "child_pid[$name]"
	done
}

# The terminals of tests/lib/console.sh, and what runs in them.
terminals_end() {
	local pid pids
	[ -S "$WORK/tmux.sock" ] || return 0
	mapfile -t pids < <(tmux -S "$WORK/tmux.sock" list-panes -a -F '#{pane_pid}' |
		while read -r pid; do echo "$pid" && pgrep -P "$pid"; done)
	tmux -S "$WORK/tmux.sock" kill-server
	for pid in "${pids[@]}"; do
		ended_within 3 "$pid" || kill -KILL "$pid"
	done 2>/dev/null
}

# Unmount what is below $WORK, newest first; $1: more options of umount.
umount_work() {
	local dir pid
	while read -r dir; do
		# shellcheck disable=SC2086 # $1 is a list of options
		umount $1 "$dir" 2>/dev/null &
		pid=$!
		ended_within 5 "$pid" || true
	done < <(awk -v work="$WORK/" 'index($2, work) == 1 { print $2 }' /proc/self/mounts | tac)
}

show_logs() {
	local file
	for file in "$WORK"/*.err; do
		[ -s "$file" ] || continue
		printf -- '--- %s\n' "${file##*/}" >&2
		tail -n 15 "$file" >&2
	done
}

cleanup() {
	local status=$? device name
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ] || show_logs
	[ -z "$bounded_runs" ] || kill -KILL "$bounded_runs" 2>/dev/null
	terminals_end
	kill_kind load KILL
	for device in "${loops[@]}"; do
		umount_device "$device"
		blockdev --setrw "$device" 2>/dev/null
	done
	for device in "${loops[@]}"; do
		losetup -d "$device" 2>/dev/null &
		ended_within 5 $!
	done
	kill_kind program TERM
	kill_kind foreign TERM
	umount_work ""
	umount_work -l
	kill_kind load KILL
	for device in "${loops[@]}"; do
		losetup -d "$device" 2>/dev/null
	done
	for name in "${!child_pid[@]}"; do
		note "left behind: $name (pid ${child_pid[$name]})" >&2
	done
	if [ -n "$ISM_TEST_KEEP" ] && [ "$status" -ne 0 ]; then
		note "kept: $WORK"
	else
		rm -rf --one-file-system "$WORK"
	fi
	exit "$status"
}

# File systems on a loop device go before the client under it does.
umount_device() {
	local dir
	while read -r dir; do
		umount "$dir" 2>/dev/null &
		ended_within 5 $! || umount -l "$dir"
	done < <(awk -v device="$1" '$1 == device { print $2 }' /proc/self/mounts)
}

work_base=${ISM_TEST_DIR:-/dev/shm}
[ -w "$work_base" ] || work_base=${TMPDIR:-/tmp}
WORK=$(mktemp -d "$work_base/ism-$test_name.XXXXXX")
export ISM_RUNTIME_DIR=$WORK/run # sockets of runtimes: no other program of this machine finds them
chmod 755 "$WORK"
# shellcheck disable=SC2034 # the tests use them
{
	MNT=$WORK/mnt
	DISK=$MNT/disk
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
