#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An idle pair costs less than 1 % of a core each.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

seconds=10
pair_start "$(image_make disk.img 4 random)"
cmp "$DISK" "$WORK/disk.img" # it has worked, so it is not idle by being dead
sleep 2
declare -A before=()
for name in fabric server client; do before[$name]=$(cpu_ns "${child_pid[$name]}"); done
ticks() {
	awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}
declare -A ticks_before=()
for name in fabric server client; do ticks_before[$name]=$(ticks "${child_pid[$name]}"); done
sleep $seconds
for name in fabric server client; do
	pid=${child_pid[$name]}
	permyriad=$((($(cpu_ns "$pid") - before[$name]) / (seconds * 100000)))
	note "$name: $((permyriad / 100)).$(printf %02d $((permyriad % 100))) % of a core," \
		"$(($(ticks "$pid") - ticks_before[$name])) ticks (utime + stime) in $seconds s"
	[ "$permyriad" -lt 100 ] || fail "$name costs too much when idle"
done
bounded 5 cmp "$DISK" "$WORK/disk.img" || fail "not awake again"
pair_stop
