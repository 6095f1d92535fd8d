#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Bad input gets one clear line, the documented exit status, and changes nothing.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

fabric=$(program ism-fabric)
ismd=$(program dpdk-ismd)
ismblk=$(program dpdk-ismblk)
image=$(image_make disk.img 1 random)
truncate -s 1M "$WORK/spare.img"
: >"$WORK/empty.img"
mkdir "$WORK/full" "$MNT" "$WORK/folder" "$WORK/busy"
touch "$WORK/full/file"

allow_log 'has a client already'
fabric_start a b c
server_start --export "disk=$image,allow=${GID[b]}"
a=--vdev=raw_ism0,socket=${SOCKET[a]}
b=--vdev=raw_ism0,socket=${SOCKET[b]}
c=--vdev=raw_ism0,socket=${SOCKET[c]}
spare=--vdev=raw_ism0,socket=${SOCKET[c]} # for servers: a is taken
tried=0

# All that a failed run could have changed.
world() {
	find "$WORK" -mindepth 1 -name user -prune -o ! -name '*.err' ! -name 'run.*' \
		! -name 'world*' -printf '%P %y %s %m\n' | sort
	sha256sum "$image"
	grep -F " $WORK/" /proc/self/mounts || true
	losetup --noheadings --output NAME,BACK-FILE | grep -F "$WORK" || true
	telemetry server /ism/xstats,0 | grep -oE '"(dmbs|windows)": [0-9]+'
}
# The server needs a moment to give back what a client had.
settles() {
	local tries=200
	until world >"$WORK/world.now" && cmp -s "$WORK/world" "$WORK/world.now"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}
world >"$WORK/world"

# bad STATUS REGEX COMMAND...: the line on stderr has to match, and to name what
# was wrong. What a program says about itself while it starts is no complaint.
# Goes on after a failure: the whole table is judged in one run.
bad() {
	local want=$1 regex=$2 status=0 program lines left
	shift 2
	tried=$((tried + 1))
	program=$(printf '%s\n' "$@" | grep -m 1 -oE '/(dpdk-ism[a-z]+|ism-fabric)$')
	program=${program#/}
	bounded 20 "$@" >"$WORK/run.out" 2>"$WORK/run.err" </dev/null || status=$?
	grep -vE "^$program: $facts" "$WORK/run.err" >"$WORK/run.line" || true
	lines=$(wc -l <"$WORK/run.line")
	[ "$status" -eq "$want" ] || wrong "status $status, expected $want" "$@"
	[ "$lines" -eq 1 ] || wrong "$lines lines, expected 1" "$@"
	grep -q "^$program: " "$WORK/run.line" || wrong "not from $program" "$@"
	grep -qiE -- "$regex" "$WORK/run.line" || wrong "expected /$regex/" "$@"
	! grep -qx ready "$WORK/run.out" || wrong "said that it was ready" "$@"
	settles || wrong "something has changed: $(diff "$WORK/world" "$WORK/world.now")" "$@"
	left=$(find /var/run/dpdk -mindepth 1 -maxdepth 1 -name "*-$bounded_pid" 2>/dev/null) ||
		true
	[ -z "$left" ] || wrong "left behind: $left" "$@"
}
wrong() {
	note "$1: ${*:2}: $(cat "$WORK/run.line")"
	problems=$((problems + 1))
}
problems=0
facts='(raw_ism[0-9]: gid|link: session (up|down)|peer 0x[0-9a-f]*: disk)'

# The command line.
bad 2 '--nonsense' "$fabric" --dir "$WORK/fab2" --function a --nonsense
bad 2 'dir' "$fabric" --function a
bad 2 'function' "$fabric" --dir "$WORK/fab2"
bad 2 'function a: another' "$fabric" --dir "$WORK/folder" --function a --function a
bad 2 'xyz.*hex' "$fabric" --dir "$WORK/folder" --function a,gid=xyz
bad 2 'function b: another' "$fabric" --dir "$WORK/folder" --function a,gid=7 --function b,gid=7
bad 2 'vlan' "$fabric" --dir "$WORK/folder" --function a,vlan=99999
bad 2 'nonsense' "$fabric" --dir "$WORK/folder" --function a --quirk nonsense
bad 2 'nonsense' "$fabric" --dir "$WORK/folder" --function a --fault nonsense
bad 1 "$WORK/missing" "$fabric" --dir "$WORK/missing/deep" --function a
bad 1 'fab/a.sock: another fabric' "$fabric" --dir "$WORK/fab" --function a

bad 2 '--nonsense' "$ismd" "$spare" -- --export "x=$image,allow=any" --nonsense
bad 2 'export' "$ismd" "$spare" --
bad 2 'export' "$ismd" "$spare" -- --export
bad 2 'NAME=PATH' "$ismd" "$spare" -- --export nonsense
bad 2 'nonsense' "$ismd" "$spare" -- --export "x=$image,nonsense"
bad 2 'xyz.*hex' "$ismd" "$spare" -- --export "x=$image,allow=xyz"
bad 2 'name' "$ismd" "$spare" -- --export "a/b=$image,allow=any"
bad 2 'allow=any.*hex' "$ismd" "$spare" -- --probe any
bad 2 "'allow=xyz'" "$ismd" "$spare" -- --probe allow=xyz
bad 2 'stray' "$ismd" "$spare" -- --export "x=$image,allow=any" stray

bad 2 '--nonsense' "$ismblk" "$b" -- --peer "${GID[a]}" --mount "$MNT" --nonsense
bad 2 'peer' "$ismblk" "$b" -- --mount "$MNT"
bad 2 'mount' "$ismblk" "$b" -- --peer "${GID[a]}"
bad 2 'xyz.*hex' "$ismblk" "$b" -- --peer xyz --mount "$MNT"
bad 2 'hex' "$ismblk" "$b" -- --peer 11112222333344445 --mount "$MNT"
bad 2 'hex' "$ismblk" "$b" -- --peer '' --mount "$MNT"
bad 2 'soon.*number' "$ismblk" "$b" -- --peer "${GID[a]}" --mount "$MNT" --fast-io-fail soon
bad 2 'stray' "$ismblk" "$b" -- --peer "${GID[a]}" --mount "$MNT" stray

# EAL options.
bad 2 '--bogus' "$ismblk" --bogus "$b" -- --peer "${GID[a]}" --mount "$MNT"
bad 2 '4095' "$ismblk" -l 4095 "$b" -- --peer "${GID[a]}" --mount "$MNT"
bad 2 'nonsense' "$ismblk" -l nonsense "$b" -- --peer "${GID[a]}" --mount "$MNT"
bad 2 'nonsense' "$ismd" --lcores nonsense "$spare" -- --export "x=$image,allow=any"
bad 2 'queues 4.*lcore' "$ismblk" -l 0 "$b" -- --peer "${GID[a]}" --mount "$MNT" --queues 4
bad 2 'stray' "$ismblk" stray "$b" -- --peer "${GID[a]}" --mount "$MNT"

# The device.
bad 3 'no ISM function' "$ismblk" -- --own --peer "${GID[a]}" --mount "$MNT"
bad 3 "$WORK/none.sock" "$ismblk" "--vdev=raw_ism0,socket=$WORK/none.sock" -- \
	--peer "${GID[a]}" --mount "$MNT"
bad 3 "$image" "$ismd" "--vdev=raw_ism0,socket=$image" -- --export "x=$image,allow=any"
bad 3 'nonsense' "$ismblk" "$b,nonsense=1" -- --peer "${GID[a]}" --mount "$MNT"
bad 3 'device' "$ismblk" "$b" "--vdev=raw_ism1,socket=${SOCKET[c]}" -- \
	--peer "${GID[a]}" --mount "$MNT"
bad 3 'raw_ism7' "$ismblk" "$b" -- --device raw_ism7 --peer "${GID[a]}" --mount "$MNT"
# The server's own function is in use.
bad 3 "${SOCKET[a]}" "$ismblk" "$a" -- --peer "${GID[b]}" --mount "$MNT"

# The peer.
bad 4 'own' "$ismblk" "$b" -- --peer "${GID[b]}" --mount "$MNT"
bad 4 'dead' "$ismblk" "$b" -- --peer dead --mount "$MNT"
bad 4 "${GID[c]}" "$ismblk" "$b" -- --peer "${GID[c]}" --mount "$MNT"
bad 4 "${GID[a]}.*allow|allow.*${GID[a]}" "$ismblk" "$c" -- --peer "${GID[a]}" --mount "$MNT"
bad 4 'dead' "$ismblk" "$b" -- --peer dead --list

# Exports.
bad 5 'unknown' "$ismblk" "$b" -- --peer "${GID[a]}" --mount "$MNT" --export unknown
# An image that is not in use: the server's is locked.
bad 5 'disk.*twice|duplicate|already' "$ismd" "$spare" -- \
	--export "disk=$WORK/spare.img,allow=any" --export "disk=$WORK/spare.img,allow=any"
bad 5 "$WORK/missing" "$ismd" "$spare" -- --export "x=$WORK/missing,allow=any"
bad 5 "$WORK/folder" "$ismd" "$spare" -- --export "x=$WORK/folder,allow=any"
bad 5 "$WORK/empty.img" "$ismd" "$spare" -- --export "x=$WORK/empty.img,allow=any"
bad 5 /dev/null "$ismd" "$spare" -- --export x=/dev/null,allow=any
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null &&
	setpriv --reuid=65534 --clear-groups test -x "$ismd"; then
	chmod 600 "$image"
	chmod 777 "${SOCKET[c]}"
	mkdir -m 777 "$WORK/user"
	world >"$WORK/world"
	bad 5 "$image" setpriv --reuid=65534 --clear-groups env "XDG_RUNTIME_DIR=$WORK/user" \
		"$ismd" "$spare" -- --export "x=$image,allow=any"
fi

# The mount point.
bad 6 "$WORK/missing" "$ismblk" "$b" -- --peer "${GID[a]}" --mount "$WORK/missing"
bad 6 "$WORK/full/file" "$ismblk" "$b" -- --peer "${GID[a]}" --mount "$WORK/full/file"
MNT=$WORK/busy
client_start
world >"$WORK/world"
bad 6 "$WORK/busy" "$ismblk" "$c" -- --peer "${GID[a]}" --mount "$WORK/busy"
stop client
stop server
stop fabric
[ "$problems" -eq 0 ] || fail "$problems problems with $tried wrong command lines"
note "$tried wrong command lines"
