#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A transcript is what scriptreplay(1) replays to the same bytes, and never destroys
# what is there.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_command scriptreplay

# Each part comes a while after the transcript has the one before.
slow=$(far_script slow <<-EOT
	stty raw -echo
	for i in 1 2 3 4 5; do
		printf 'part %s \033[1m\001\377\n' \$i
		until grep -qa "^part \$i" "$WORK/log"; do sleep 0.05; done
		sleep 0.2
	done
	seq 1 30000
EOT
)
asks=$(far_script asks <<-'EOT'
	stty -echo
	echo go
	read -r secret
	echo "got-${#secret}"
EOT
)
fabric_start a b
server_start --console "slow=exec:$slow,allow=any" --console "asks=exec:$asks,allow=any"
start=$EPOCHREALTIME
console_run 0 b /dev/null --console slow --transcript "$WORK/log"
real=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
for name in log log.timing; do [ -s "$WORK/$name" ] || fail "no $name"; done
# The first line is a heading, as script(1) writes it; scriptreplay skips it.
head -n 1 "$WORK/log" | grep -q '^Script started on ' || fail "heading: $(head -n 1 "$WORK/log")"
tail -n +2 "$WORK/log" >"$WORK/log.bytes"
same "$WORK/log.bytes" "$WORK/run.out" "the transcript is not what was shown"
bounded 20 scriptreplay --divisor 1000 --timing "$WORK/log.timing" "$WORK/log" >"$WORK/replayed" ||
	fail "scriptreplay: $(cat "$WORK/replayed")"
echo >>"$WORK/log.bytes" # scriptreplay's own
same "$WORK/replayed" "$WORK/log.bytes" "what is replayed is not what was shown"
awk -v real="$real" '
	NF != 2 || $1 < 0 || $2 <= 0 { print "line " NR ": " $0; bad = 1 }
	{ sum += $1; bytes += $2 }
	END {
		printf "%d entries, %.2f s of %.2f s\n", NR, sum, real
		exit bad || sum < 0.7 || sum > real
	}' "$WORK/log.timing" || fail "the timing is not true"
[ "$(stat -c %a "$WORK/log")" = 600 ] || fail "others may read it: $(ls -l "$WORK/log")"

# It must not overwrite, whichever of the two is there, nor leave half of a pair.
cp "$WORK/log" "$WORK/kept"
console_run "$CONS_USAGE" b /dev/null --console slow --transcript "$WORK/log"
grep -q "$WORK/log" "$WORK/run.err" || fail "the file is not named: $(cat "$WORK/run.err")"
same "$WORK/log" "$WORK/kept" "a transcript was overwritten"
: >"$WORK/other.timing"
console_run "$CONS_USAGE" b /dev/null --console slow --transcript "$WORK/other"
[ ! -e "$WORK/other" ] || fail "half a transcript was made"
[ ! -s "$WORK/other.timing" ] || fail "a file of somebody else was written to"
console_run "$CONS_FAILED" b /dev/null --console slow --transcript "$WORK/none/log"
grep -q "$WORK/none/log" "$WORK/run.err" || fail "the file is not named: $(cat "$WORK/run.err")"
ln -s "$WORK/elsewhere" "$WORK/link"
console_run "$CONS_USAGE" b /dev/null --console slow --transcript "$WORK/link"
[ ! -e "$WORK/elsewhere" ] || fail "a link was followed"

# A start that fails leaves no files, which would be in the way of the next one.
run_status "$CONS_DEVICE" "$(program dpdk-ismcons)" "--vdev=raw_ism0,socket=$WORK/none.sock" -- \
	--peer "${GID[a]}" --transcript "$WORK/again"
console_run "$CONS_REFUSED" b /dev/null --console none --transcript "$WORK/again"
console_run 0 b /dev/null --console slow --transcript "$WORK/again"

# What was typed is not in it, but where the far side shows it.
echo secret-word >"$WORK/in"
typist_start asks "$WORK/in"
console_start asks b "$WORK/typed" --console asks --transcript "$WORK/asked"
console_ends asks 0
grep -q 'got-11' "$WORK/asked" || fail "the program has not read: $(cat "$WORK/asked")"
! grep -q secret-word "$WORK/asked" || fail "input is in the transcript"
stop server
stop fabric
