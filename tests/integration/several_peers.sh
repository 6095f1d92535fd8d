#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Disks of two servers in one mount; one of them goes away, the other does not notice.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

one=$(image_make one.img 2 random)
two=$(image_make two.img 3 random)
fabric_start a b c
server_start --export "disk=$one,allow=any" --export "extra=$one,ro,allow=any"
start server2 "$(program dpdk-ismd)" "--vdev=raw_ism0,socket=${SOCKET[c]}" -- \
	--export "disk=$two,allow=any"
wait_ready server2

# The first peer is --peer of client_start.
client_start --peer "${GID[c]}"
[ "$(ls "$MNT")" = "$(printf '%s\n' "${GID[a]}" "${GID[c]}" | sort)" ] ||
	fail "folders: $(ls "$MNT")"
[ "$(cd "$MNT/${GID[a]}" && echo *)" = "disk extra" ] || fail "$(ls "$MNT/${GID[a]}")"
same "$MNT/${GID[a]}/disk" "$one" "the first server's disk"
same "$MNT/${GID[c]}/disk" "$two" "the second server's disk"
printf second | dd of="$MNT/${GID[c]}/disk" conv=notrunc,fsync status=none
[ "$(head -c 6 "$two")" = second ] || fail "the write went somewhere else"

allow_log "$log_peer_gone"
stop server KILL
same "$MNT/${GID[c]}/disk" "$two" "the second server's disk, without the first"
server_start --export "disk=$one,allow=any" --export "extra=$one,ro,allow=any"
same "$MNT/${GID[a]}/disk" "$one" "the first server's disk, back again"
stop client

# --export chooses among all peers; the list names each.
client_start --peer "${GID[c]}" --export extra
[ "$(cd "$MNT" && echo */*)" = "${GID[a]}/extra" ] || fail "--export extra shows $(echo "$MNT"/*/*)"
stop client
run_status 0 "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- \
	--peer "${GID[a]}" --peer "${GID[c]}" --list
[ "$(grep -c "^${GID[a]} " "$WORK/run.out")" -eq 2 ] || fail "list: $(cat "$WORK/run.out")"
[ "$(grep -c "^${GID[c]} " "$WORK/run.out")" -eq 1 ] || fail "list: $(cat "$WORK/run.out")"
run_status "$EXIT_USAGE" "$(program dpdk-ismblk)" "--vdev=raw_ism0,socket=${SOCKET[b]}" -- \
	--peer "${GID[a]}" --peer "${GID[a]}" --list
stop server2
pair_stop
