#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Wrong command lines and refusals of both ends of a console: one clear line, the
# documented exit status, and the console goes on as if nothing had been.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"

ismd=$(program dpdk-ismd)
cons=$(program dpdk-ismcons)
: >"$WORK/file"
allow_log "'nobody' is allowed to nobody"
fabric_start a b c d
server_start --console "sh=exec:sh,allow=${GID[b]},observe=${GID[c]}" \
	--console "two=exec:sh,allow=${GID[b]}" --console "nobody=exec:sh" \
	--console "absent=exec:exec $WORK/no-such-program,allow=any"
b=--vdev=raw_ism0,socket=${SOCKET[b]}
spare=--vdev=raw_ism0,socket=${SOCKET[d]} # for servers: a is taken
peer=(--peer "${GID[a]}")
tried=0
problems=0
wrong() {
	note "$1: ${*:2}: $(cat "$WORK/run.line")"
	problems=$((problems + 1))
}

# bad STATUS REGEX COMMAND...: goes on after a failure, so that one run judges all.
bad() {
	local want=$1 regex=$2 status=0 program
	shift 2
	tried=$((tried + 1))
	program=${1##*/}
	bounded 20 "$@" >"$WORK/run.out" 2>"$WORK/run.err" </dev/null || status=$?
	# Facts of the start are no complaint.
	grep -vE "^\[?$program: (raw_ism[0-9]: gid|link: session)" "$WORK/run.err" \
		>"$WORK/run.line" || true
	[ "$status" -eq "$want" ] || wrong "status $status, expected $want" "$@"
	[ "$(wc -l <"$WORK/run.line")" -eq 1 ] || wrong "not one line" "$@"
	grep -qE "^\[?$program: " "$WORK/run.line" || wrong "not from $program" "$@"
	grep -qiE -- "$regex" "$WORK/run.line" || wrong "expected /$regex/" "$@"
	[ ! -s "$WORK/run.out" ] || wrong "something on stdout" "$@"
}

# The server's command line.
bad 2 'NAME=exec:' "$ismd" "$spare" -- --console nonsense
bad 2 'NAME=exec:' "$ismd" "$spare" -- --console x=sh
bad 2 'NAME=exec:' "$ismd" "$spare" -- --console =exec:sh
bad 2 'NAME=exec:' "$ismd" "$spare" -- --console x=tty:
bad 2 'nonsense' "$ismd" "$spare" -- --console x=exec:sh,nonsense
bad 2 'xyz.*hex' "$ismd" "$spare" -- --console x=exec:sh,allow=xyz
bad 2 'hex' "$ismd" "$spare" -- --console x=exec:sh,observe=
bad 2 'name' "$ismd" "$spare" -- --console a/b=exec:sh,allow=any
bad 2 'console' "$ismd" "$spare" -- --console
bad 2 'scrollback' "$ismd" "$spare" -- --console x=exec:sh,allow=any --scrollback 1
bad 2 'scrollback' "$ismd" "$spare" -- --console x=exec:sh,allow=any --scrollback much
bad 5 'x.*(twice|duplicate|already)' "$ismd" "$spare" -- --console x=exec:sh,allow=any \
	--console x=exec:sh,allow=any
bad 5 "$WORK/missing" "$ismd" "$spare" -- --console "x=tty:$WORK/missing,allow=any"
bad 5 "$WORK/file" "$ismd" "$spare" -- --console "x=tty:$WORK/file,allow=any"
bad 5 "/dev/null" "$ismd" "$spare" -- --console "x=tty:/dev/null,allow=any"

# The client's command line.
bad "$CONS_USAGE" 'peer' "$cons" "$b" --
bad "$CONS_USAGE" '--nonsense' "$cons" "$b" -- "${peer[@]}" --nonsense
bad "$CONS_USAGE" 'xyz.*hex' "$cons" "$b" -- --peer xyz
bad "$CONS_USAGE" 'stray' "$cons" "$b" -- "${peer[@]}" stray
for value in '' ab '^ab' '^c' '^C' '^D' '^Z' '^Q' '^S' '^é' nonsense; do
	bad "$CONS_USAGE" 'escape' "$cons" "$b" -- "${peer[@]}" --escape "$value"
done
for value in '' much -1 1x 99999999999999999999; do
	bad "$CONS_USAGE" 'history' "$cons" "$b" -- "${peer[@]}" --history "$value"
	bad "$CONS_USAGE" 'wait' "$cons" "$b" -- "${peer[@]}" --wait "$value"
done
bad "$CONS_USAGE" 'console' "$cons" "$b" -- "${peer[@]}" --console a/b
bad "$CONS_USAGE" 'console' "$cons" "$b" -- "${peer[@]}" --console ''
bad "$CONS_USAGE" 'console' "$cons" "$b" -- "${peer[@]}" --console "$(printf 'x%.0s' $(seq 64))"
bad "$CONS_USAGE" 'json' "$cons" "$b" -- "${peer[@]}" --json
bad "$CONS_USAGE" 'observe' "$cons" "$b" -- "${peer[@]}" --observe --take-over
bad "$CONS_USAGE" 'list' "$cons" "$b" -- "${peer[@]}" --list --console sh
bad "$CONS_USAGE" 'transcript' "$cons" "$b" -- "${peer[@]}" --transcript ''
bad "$CONS_USAGE" 'argument|value' "$cons" "$b" -- "${peer[@]}" --console
bad "$CONS_USAGE" '--bogus' "$cons" --bogus "$b" -- "${peer[@]}"

# The device.
bad "$CONS_DEVICE" 'no ISM function' "$cons" -- "${peer[@]}"
for path in "$WORK/none.sock" "${SOCKET[a]}"; do
	bad "$CONS_DEVICE" "$path" "$cons" "--vdev=raw_ism0,socket=$path" -- --peer "${GID[b]}"
done

# The peer.
bad "$CONS_REFUSED" 'own' "$cons" "$b" -- --peer "${GID[b]}"
bad "$CONS_REFUSED" 'dead' "$cons" "$b" -- --peer dead --wait 1
bad "$CONS_REFUSED" "${GID[c]}" "$cons" "$b" -- --peer "${GID[c]}" --wait 1
bad "$CONS_REFUSED" 'dead' "$cons" "$b" -- --peer dead --list --wait 1

# What this GID may do.
refused() {
	local function=$1 regex=$2
	shift 2
	bad "$CONS_REFUSED" "$regex" "$cons" "--vdev=raw_ism0,socket=${SOCKET[$function]}" -- \
		"${peer[@]}" "$@"
}
refused b 'unknown' --console unknown
refused b 'nobody' --console nobody # not for us: as if it were not there
refused b '\bsh\b.*two|which|--console' # several: one has to be named
refused c 'observe' --console sh
refused c 'two' --console two
refused c 'two' --console two --observe
refused d '\bsh\b' --console sh --observe

# A command that the shell does not find is an exit status as any.
console_run 127 b /dev/null --console absent

# The list shows what one may see, and no more.
listed() {
	console_run 0 "$1" /dev/null --list --json
	python3 -c 'import json, sys
one = json.load(open(sys.argv[1]))["consoles"]
print(*(x["name"] + ("" if x["may_write"] else "(ro)") for x in one))' "$WORK/run.out"
}
[ "$(listed b)" = "sh two absent" ] || fail "b sees: $(listed b)"
[ "$(listed c)" = "sh(ro) absent" ] || fail "c sees: $(listed c)"
[ "$(listed d)" = "absent" ] || fail "d sees: $(listed d)"

# After all that, the console is there for whom it is for.
console_run 3 b <(echo 'exit 3') --console sh
check_running server
stop server
stop fabric
[ "$problems" -eq 0 ] || fail "$problems problems with $tried wrong command lines"
note "$tried wrong command lines"
