#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A line that is longer than a terminal holds arrives whole, whatever reads it: status 0 says so.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"

quiet=$(far_script quiet <<-EOT
	stty -echo
	echo go
	exec cat >"$WORK/out"
EOT
)
fabric_start a b
server_start --console "echo=exec:cat >$WORK/out,allow=any" \
	--console "quiet=exec:$quiet,allow=any" --console "sh=exec:sh,allow=any"
line() {
	head -c "$1" /dev/zero | tr '\0' a
	echo
}
for length in 4095 4096 6000 50000; do
	line $length >"$WORK/line"
	for console in echo quiet; do
		rm -f "$WORK/out"
		console_run 0 b "$WORK/line" --console $console
		same "$WORK/line" "$WORK/out" "a line of $length bytes on console $console"
	done
done
# Many of them, and short ones between.
for length in 10 9000 1 4096 100 5000; do line $length; done >"$WORK/line"
console_run 0 b "$WORK/line" --console quiet
same "$WORK/line" "$WORK/out" "lines of all lengths"
# A shell's line: what it makes of it, and its own status.
{
	printf 'x=%s; ' "$(line 7000)"
	# shellcheck disable=SC2016 # for the far shell
	echo 'exit $((${#x} / 1000))'
} >"$WORK/line"
console_run 7 b "$WORK/line" --console sh
[ "$(telemetry_value server /cons/stats long_lines)" -ge 10 ] || fail "not counted"
stop server
stop fabric
