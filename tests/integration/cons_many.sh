#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# As many consoles as one server may have, and several clients at once: each gets its own
# bytes, observers get all of them.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"

head -c 3000000 /dev/urandom >"$WORK/data"
busy=$(far_script busy <<-EOT
	stty raw -echo
	echo "\$1"
	cat "$WORK/data"
	until [ -e "$WORK/end" ]; do sleep 0.1; done
EOT
)
consoles=()
for i in $(seq 64); do
	consoles+=(--console "console-$i=exec:$busy $i,allow=any,desc=number $i")
done
fabric_start a b c d e f g
run_status 2 "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- "${consoles[@]}" \
	--console "one=exec:true,allow=any"
grep -q '64' "$WORK/run.err" || fail "one console too many: $(said run)"
server_start "${consoles[@]}" --scrollback 4M

# The list is whole, in the order of the command line.
console_run 0 b /dev/null --list --json
python3 - "$WORK/run.out" <<'PYTHON' || fail "list: $(head -c 500 "$WORK/run.out")"
import json, sys
found = json.load(open(sys.argv[1]))['consoles']
assert [one['name'] for one in found] == [f'console-{i}' for i in range(1, 65)], found
assert [one['description'] for one in found] == [f'number {i}' for i in range(1, 65)], found
PYTHON
console_run 0 b /dev/null --list
[ "$(grep -c '^console-' "$WORK/run.out")" -eq 64 ] || fail "list: $(cat "$WORK/run.out")"
console_run "$CONS_REFUSED" b /dev/null
grep -q 'console-1\b' "$WORK/run.err" || fail "which are there? $(said run)"

# Writers on consoles of their own, then observers of one of them.
declare -A on=([b]=1 [c]=17 [d]=64)
for function in "${!on[@]}"; do
	console_start "$function" "$function" /dev/null --console "console-${on[$function]}"
done
for function in e f g; do
	console_start "$function" "$function" /dev/null --console console-64 --observe --history 4M
	on[$function]=64
done
# all_there NAME: with its number's line in front.
all_there() {
	[ "$(stat -c %s "$WORK/$1.out")" -ge $((3000000 + ${#on[$1]} + 1)) ]
}
for function in "${!on[@]}"; do
	wait_for 60 "all output at $function" all_there "$function"
done
: >"$WORK/end"
for function in "${!on[@]}"; do
	console_ends "$function" 0
	{
		echo "${on[$function]}"
		cat "$WORK/data"
	} | cmp - "$WORK/$function.out" || fail "$function has got something else"
done
stop server
stop fabric
