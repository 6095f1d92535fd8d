# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # shared with the tool that sources this
#
# What every tool needs: messages, and long commands that show progress.
# A tool sets `tool` to its own name before it sources this.

: "${tool:=${0##*/}}"
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

say() {
	printf '%s: %s\n' "$tool" "$*" >&2
}

die() {
	printf '%s: %s\n' "$tool" "$*" >&2
	exit 1
}

# What is needed cannot be had on this machine: nobody's error.
unavailable() {
	printf '%s: %s\n' "$tool" "$*" >&2
	exit 77
}

wrong_usage() {
	printf '%s: %s (see --help)\n' "$tool" "$*" >&2
	exit 2
}

# first_tool NAME...: print the first of these programs that the machine has; the first
# name if it has none.
first_tool() {
	local name
	for name in "$@"; do
		! command -v "$name" >/dev/null || {
			printf '%s\n' "$name"
			return
		}
	done
	printf '%s\n' "$1"
}

# run_job COMMAND...: run it so that an interrupt ends the tool at once, even
# when the command hangs inside the kernel: it is not waited for. Its output goes
# to $job_log, if set. A tool may set job_check to a function that gives up on it.
run_job() {
	local status=0
	set -m # a process group of its own, to be ended as a whole
	if [ -n "$job_log" ]; then
		"$@" </dev/null >>"$job_log" 2>&1 &
	else
		"$@" </dev/null &
	fi
	job=$!
	set +m
	while [ -n "$job_check" ] && kill -0 "$job" 2>/dev/null; do
		"$job_check"
		sleep 0.1
	done
	wait "$job" || status=$?
	job=
	return "$status"
}
job=
job_check=
job_log=

end_job() {
	[ -z "$job" ] || kill -TERM -- "-$job" 2>/dev/null || true
}
trap 'end_job; exit 130' INT
trap 'end_job; exit 143' TERM HUP

# Print what the log says about progress: ninja's "[7/90]" if there is one.
log_progress() {
	local status
	status=$(grep -aoE '^\[[0-9]+/[0-9]+\]' "$1" 2>/dev/null | tail -n 1) || true
	printf '%s' "$status"
}

# Report progress of the command that writes the log $1 until killed, or until
# the script is gone. On a terminal one line is rewritten each second; in a file
# a line is added each ten seconds.
watch_log() {
	local log=$1 what=$2 start=$SECONDS now
	while sleep 1 && kill -0 $$ 2>/dev/null; do
		now=$((SECONDS - start))
		if [ -t 2 ]; then
			printf '\r\033[K%s: %s %s %d s' \
				"$tool" "$what" "$(log_progress "$log")" "$now" >&2
		elif [ $((now % 10)) -eq 0 ] && [ "$now" -gt 0 ]; then
			say "$what $(log_progress "$log") $now s"
		fi
	done
}

# run_logged LOG WHAT COMMAND...: run a command that may take long, with its
# output appended to LOG. When it fails, show the end of that and return 1.
run_logged() {
	local log=$1 what=$2 status=0 watcher
	shift 2
	mkdir -p "$(dirname "$log")"
	printf '$ %s\n' "$*" >>"$log"
	watch_log "$log" "$what" &
	watcher=$!
	job_log=$log
	run_job "$@" || status=$?
	job_log=
	kill "$watcher" 2>/dev/null || true
	wait "$watcher" 2>/dev/null || true
	[ ! -t 2 ] || printf '\r\033[K' >&2
	[ "$status" -ne 0 ] || return 0
	say "$what failed (status $status): $*"
	{
		grep -a -A 20 -m 1 '^FAILED' "$log" || tail -n 25 "$log"
	} >&2
	say "the whole log is $log"
	return 1
}
