#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A runtime's configuration: read at the start, and its changes by SIGHUP.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

for name in one two; do image_make $name.img 4 random >/dev/null; done
fabric_start a b
printf 'right %s\n' "${GID[b]}" >"$WORK/peers"
conf() {
	cat >"$WORK/conf"
}
hup() {
	kill -HUP "${child_pid[server]}"
	wait_for 10 "the configuration is read" eval \
		"[ \$(grep -c 'dpdk-ismd: configuration' '$WORK/server.err') -ge $1 ]"
}
allow_log 'configuration: '
allow_log "$log_peer_gone"
conf <<'EOF'
export one=/nonexistent
EOF
run_status "$EXIT_EXPORT" "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[a]}" -- \
	--config "$WORK/conf"
conf <<'EOF'
export one=/dev/null,what
EOF
run_status "$EXIT_USAGE" "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[a]}" -- \
	--config "$WORK/conf"
printf 'x y\n' >"$WORK/bad"
run_status "$EXIT_USAGE" "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[a]}" -- \
	--peers "$WORK/bad" --name x

conf <<EOF
# all that this system gives away
export one=$WORK/one.img,\\
	allow=right
console sh=exec:cat,allow=right
EOF
server_start --config "$WORK/conf" --peers "$WORK/peers" --export "typed=$WORK/two.img,allow=any"
client_start
same "$MNT/one" "$WORK/one.img" "the configured disk is wrong"
pid_of_session() {
	telemetry_value server /link/stats ups
}
ups=$(pid_of_session)

# The same again changes nothing.
hup 1
grep -q 'configuration .*: 0 begun, 0 changed, 0 ended, 2 as they were' "$WORK/server.err" ||
	fail "$(said server)"

# A difference: one more, one less, one allow list; what was typed stays.
cp "$WORK/two.img" "$WORK/more.img"
conf <<EOF
export one=$WORK/one.img,allow=any
export more=$WORK/more.img,allow=right
EOF
hup 2
grep -q 'configuration .*: 1 begun, 1 changed, 1 ended, 0 as they were' "$WORK/server.err" ||
	fail "$(said server)"
wait_for 5 "the new disk is there" [ -f "$MNT/more" ]
[ -f "$MNT/typed" ] || fail "a job of the command line went with the file"
[ "$(pid_of_session)" = "$ups" ] || fail "the session broke"
ctl list | grep -q '^console' && fail "the console is still there"

# A file that is not in order changes nothing, and says where.
conf <<EOF
export one=$WORK/one.img,allow=any
nonsense
EOF
hup 3
grep -q "configuration: $WORK/conf:2: 'nonsense' is no kind of job" "$WORK/server.err" ||
	fail "$(said server)"
[ -f "$MNT/more" ] || fail "a wrong file changed something"
! ctl check "$WORK/conf" 2>"$WORK/ctl.err" || fail "a wrong file is in order"
grep -q "conf:2: 'nonsense'" "$WORK/ctl.err" || fail "$(cat "$WORK/ctl.err")"
printf 'export x=/nonexistent,allow=right\n' >"$WORK/good"
ctl check "$WORK/good"
! ctl reload 2>"$WORK/ctl.err" || fail "reload of a wrong file succeeds"
grep -q ':2: ' "$WORK/ctl.err" || fail "$(cat "$WORK/ctl.err")"

# One that cannot be had does not keep the others.
conf <<EOF
export lost=/nonexistent,allow=any
export last=$WORK/more.img,ro,allow=any
EOF
! ctl reload 2>"$WORK/ctl.err" || fail "reload with a job that cannot be had succeeds"
grep -q nonexistent "$WORK/ctl.err" || fail "$(cat "$WORK/ctl.err")"
wait_for 5 "the other disk is there" [ -f "$MNT/last" ]
[ ! -e "$MNT/one" ] || fail "a disk that is not configured any more is there"
stop client
stop server
stop fabric
