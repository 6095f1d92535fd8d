#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every wrong command line and every wrong command of dpdk-ismstat gets one line that names what was
# wrong, and the documented exit status.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/ismstat.sh
. "$(dirname "$0")/../lib/ismstat.sh"

fabric_start a b
stat_listen listener b
ismstat=$(program dpdk-ismstat)
a=--vdev=raw_ism0,socket=${SOCKET[a]}
problems=0
tried=0

# judge WANT STATUS REGEX WHAT: one line of its own on stderr, but for start-up facts; nothing on
# stdout. Goes on after a failure: the whole table is judged in one run.
judge() {
	local lines
	tried=$((tried + 1))
	grep -vE '^dpdk-ismstat: (raw_ism0: gid|link: session) ' "$WORK/run.err" >"$WORK/line" ||
		true
	lines=$(wc -l <"$WORK/line")
	if [ "$1" -eq "$2" ] && [ "$lines" -eq 1 ] && [ ! -s "$WORK/run.out" ] &&
		grep -qE -- "^dpdk-ismstat: .*$3" "$WORK/line"; then
		return
	fi
	note "$4: status $2 (expected $1), $lines lines: $(cat "$WORK/line" "$WORK/run.out")"
	problems=$((problems + 1))
}

# bad STATUS REGEX ARGUMENT...: a command line.
bad() {
	local status=0
	bounded 20 "$ismstat" "${@:3}" >"$WORK/run.out" 2>"$WORK/run.err" </dev/null || status=$?
	judge "$1" "$status" "$2" "${*:3}"
}

bad 2 '--nonsense' "$a" -- --nonsense
bad 2 "'-x'" "$a" -- -x
bad 2 '--bogus' --bogus "$a" -- show link info
bad 2 '--command: .*one line' "$a" -- --command $'show\nall'
bad 2 '--command: .*511' "$a" -- --command "$(head -c 600 /dev/zero | tr '\0' x)"
bad 2 '--command' "$a" -- --command
bad 2 "$WORK/missing: No such" "$a" -- --cmdline-file "$WORK/missing"
bad 2 '--stats-period 0: .*1 to 86400' "$a" -- --stats-period 0
bad 2 '--stats-period soon: .*number' "$a" -- --stats-period soon
bad 2 '--peer xyz: .*GID' "$a" -- --peer xyz
bad 2 '--listen all: .*any' "$a" -- --listen all
bad 2 '--listen 1:: ' "$a" -- --listen 1:
bad 2 '--listen 1:0: ' "$a" -- --listen 1:0
bad 2 '--keepalive-ms 1: ' "$a" -- --keepalive-ms 1
bad 2 '--idle-max-us 0: ' "$a" -- --idle-max-us 0
bad 2 'exclude' "$a" -- --top --openmetrics
bad 2 'exclude' "$a" -- --top -i
bad 2 'exclude' "$a" -- --openmetrics --json
bad 2 'exclude' "$a" -- --openmetrics show link info
bad 2 'excludes --stats-period' "$a" -- --openmetrics --stats-period 1
bad 2 '-i and --stats-period exclude' "$a" -- -i --stats-period 1
bad 2 '--attach only reads' --attach 1 --listen any
bad 2 '--attach only reads' --attach 1 --peer "${GID[b]}"
bad 2 '--attach only reads' --attach 1 --device raw_ism0
bad 2 "--attach ''" --attach ''
bad 1 'no running program .nobody' --attach nobody show link info
bad 1 'no running program .99999999' --attach 99999999 show link info
bad 3 'no ISM function' show link info
bad 3 "$WORK/none.sock" "--vdev=raw_ism0,socket=$WORK/none.sock" -- show link info
bad 3 'raw_ism7' "$a" -- --device raw_ism7 show link info
bad 4 'own' "$a" -- --peer "${GID[a]}" show link info

# wrong REGEX WORDS...: a command, over an own function.
wrong() {
	local status=0
	bounded 20 "$ismstat" "$a" -- --command "${*:2}" >"$WORK/run.out" 2>"$WORK/run.err" \
		</dev/null || status=$?
	judge 1 "$status" "$1" "${*:2}"
}

wrong "unknown word 'shwo': did you mean 'show link stats all'" shwo link stats
wrong "unknown word 'likn': did you mean 'show link stats all'\?" show likn stats
wrong "unknown word 'devise': did you mean 'show device info 0'\?" show devise info 0
wrong "unknown word 'staat': did you mean 'show fwd stats'\?" show fwd staat
wrong 'expected device, dmb, sba' show nonsense
wrong "incomplete: expected .* after 'show'" show
wrong "incomplete: expected info, stats or xstats after 'show link'" show link
wrong "too many words: nothing may follow .*'now'" quit now
wrong "unknown word '70000'" show device info 70000
wrong 'no ISM function has the id 7' show device info 7
wrong 'this program has no blk exports' show blk exports
wrong 'this program has no cons consoles' show cons consoles
wrong "unknown word 'info'" clear link info
wrong "did you mean 'set fwd stream'\?" set fwd strem
wrong "unknown word 'walk': expected ping, stream" set fwd walk
wrong 'set size .0.: expected' set size 0
wrong 'set size .many.: expected' set size many
wrong 'set window .1000.: expected' set window 1000
wrong 'set burst .-1.: expected' set burst -1
wrong 'set time .soon.: expected' set time soon
wrong 'set rate .1e9.: expected' set rate 1e9
wrong "did you mean 'set copy on'\?|expected on or off" set copy no
wrong "unknown word 'szie': did you mean 'set size 64'\?" set szie 64
wrong 'incomplete: expected' set size
wrong 'GID \(link open GID\)' link open xyz
wrong 'GID' link open 0
wrong 'own' link open "${GID[a]}"
wrong 'incomplete: expected GID' link open
wrong 'no link' link close
wrong 'link' start
wrong 'no test' stop
wrong "'soon': expected SECONDS" wait soon
wrong 'at most 86400 seconds' wait 100000
wrong "link open GID" wait link
wrong "unknown word 'everything'" help everything
wrong "unknown word '\?\[2J" $'\033[2J'
wrong 'too long a line: .* 8 words' 1 2 3 4 5 6 7 8 9
[ "$problems" -eq 0 ] || fail "$problems of $tried"
note "$tried tried"

# What the words behind the options say is judged in the same way, at a source too.
bad 1 "did you mean 'show link stats all'" --attach "${child_pid[listener]}" show likn stats
bad 1 'no link stat|did you mean' --attach "${child_pid[listener]}" show link stat
bad 1 'needs a function of its own' --attach "${child_pid[listener]}" start
bad 1 'needs a function of its own' --attach "${child_pid[listener]}" link close
bad 1 'needs a function of its own' --attach "${child_pid[listener]}" set fwd ping
bad 1 'needs a function of its own' --attach "${child_pid[listener]}" wait test
[ "$problems" -eq 0 ] || fail "$problems of $tried"

# Output that nobody can take ends the program.
stat_status=0
"$ismstat" --attach "${child_pid[listener]}" show all >/dev/full 2>"$WORK/run.err" || stat_status=$?
[ "$stat_status" -eq 1 ] || fail "status $stat_status with a full disk"
stat_said 'cannot write the output'
stop listener
stop fabric
