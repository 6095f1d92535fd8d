#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# dpdk-ismd --user: root opens what is served, an ordinary user serves it. Nothing of root is left
# in any thread, and what was opened goes on: disks, a size that changes, clients that come back,
# consoles.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_root
need_fuse

allow_log "$log_peer_gone"
image=$(image_make disk.img 4 random)
chmod 600 "$image"
fabric_start a b c
server_start --export "disk=$image,allow=any" --console "id=exec:id -u; id -G; pwd,allow=any" \
	--user 54321:54322
client_start

# ids FIELD VALUE: of every thread.
ids() {
	local task
	for task in "/proc/${child_pid[server]}/task/"*; do
		[ "$(awk -v f="$1:" '$1 == f { $1 = ""; print substr($0, 2) }' "$task/status")" = \
			"$2" ] ||
			fail "$task: $(grep "^$1" "$task/status"), not $2"
	done
}
ids Uid "54321 54321 54321 54321"
ids Gid "54322 54322 54322 54322"
ids Groups "54322"
ids CapEff 0000000000000000
ids CapPrm 0000000000000000

dd if=/dev/urandom of="$DISK" bs=64k count=8 conv=notrunc,fsync status=none
same "$DISK" "$image" "a write"
truncate -s 8M "$image"
has_grown() {
	[ "$(stat -c %s "$DISK")" -eq 8388608 ]
}
wait_for 20 "the disk grows" has_grown
stop client KILL
bounded 20 umount -l "$MNT"
client_start
same "$DISK" "$image" "after the client came back"

run_status 0 bounded 30 "$(program dpdk-ismcons)" "--vdev=raw_ism0,socket=${SOCKET[c]}" -- \
	--peer "${GID[a]}" --console id </dev/null
[ "$(head -n 2 "$WORK/run.out" | tr -d '\r')" = $'54321\n54322' ] ||
	fail "the console's program is $(cat "$WORK/run.out")"
pair_stop

# refused STATUS REGEX USER
refused() {
	run_status "$1" "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[a]}" -- \
		--export "disk=$image" --user "$3"
	grep -qE "$2" "$WORK/run.err" || fail "--user $3: $(cat "$WORK/run.err")"
}
fabric_start a
refused 2 'expected a user' nobody-of-that-name
refused 2 'is root' root
refused 2 'expected a user' 0
refused 2 'expected a user' 12:x
# Who is not root cannot become another one.
chmod 644 "$image"
chmod 711 "$WORK"
chown -R 54321 "$WORK/fab"
run_status 1 setpriv --reuid=54321 --clear-groups env "XDG_RUNTIME_DIR=" "$(program dpdk-ismd)" \
	"--vdev=raw_ism0,socket=${SOCKET[a]}" -- --export "disk=$image,ro" --user 54323
grep -q 'cannot become user 54323' "$WORK/run.err" || fail "$(cat "$WORK/run.err")"
stop fabric
