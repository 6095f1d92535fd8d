#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A transcript's disk fills up: one line says so, the console goes on to its end, and what was
# recorded until then can be replayed.
if [ -z "${ISM_TEST_UNSHARED:-}" ]; then
	if [ "$(id -u)" -ne 0 ] || ! unshare --mount true 2>/dev/null; then
		echo "needs root and a mount namespace, for a disk that is small"
		exit 77
	fi
	ISM_TEST_UNSHARED=1 exec unshare --mount "$0"
fi
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_root
need_command scriptreplay

seq -f 'line %07g' 40000 >"$WORK/text" # 520,000 bytes
program=$(far_script far <<-EOT
	stty raw -echo
	cat "$WORK/text"
	exit 3
EOT
)
fabric_start a b
server_start --console "text=exec:$program,allow=any" --console "none=exec:exit 4,allow=any"
mkdir "$WORK/small"
mount -t tmpfs -o size=128k small "$WORK/small"

# The console itself misses nothing, and the line comes once.
console_run 3 b /dev/null --console text --transcript "$WORK/small/log"
same "$WORK/run.out" "$WORK/text" "output is missing"
grep -qE 'the transcript ends here: .*/log: No space left on device\]' "$WORK/run.err" ||
	fail "nothing was said: $(said run)"
[ "$(grep -c 'No space left' "$WORK/run.err")" -eq 1 ] || fail "said again: $(said run)"

# Each line of the timing has its bytes, and those are the beginning.
bytes=$(awk 'NF != 2 { exit 1 } { sum += $2 } END { print sum }' "$WORK/small/log.timing") ||
	fail "half a line of timing: $(tail -n 1 "$WORK/small/log.timing")"
[ "$bytes" -gt 20000 ] || fail "only $bytes bytes are in the transcript"
bounded 20 scriptreplay --divisor 1000 --timing "$WORK/small/log.timing" "$WORK/small/log" \
	>"$WORK/replayed" || fail "scriptreplay: $(tail -n 1 "$WORK/replayed")"
head -c "$bytes" "$WORK/replayed" | cmp - <(head -c "$bytes" "$WORK/text") ||
	fail "what is replayed is not what was shown"

# Full from the start; and with nothing to record but the heading.
console_run 3 b /dev/null --console text --transcript "$WORK/small/other"
same "$WORK/run.out" "$WORK/text" "output is missing"
grep -q 'the transcript ends here' "$WORK/run.err" || fail "nothing was said: $(said run)"
console_run 4 b /dev/null --console none --transcript "$WORK/small/none"
grep -q 'small/none: No space left on device' "$WORK/run.err" ||
	fail "nothing was said: $(said run)"
stop server
stop fabric
