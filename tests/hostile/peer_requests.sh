#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# One client keeps all of its slots full of what is dear to serve, on the same export: another
# one's reads, one at a time, go on.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

# A file on a disk: in memory all is stable at once, and nobody waits.
dir=$(mktemp -d /var/tmp/ism-requests.XXXXXX)
at_end() {
	local status=$?
	set +e
	rm -rf "$dir"
	(exit "$status") # cleanup looks at it
	cleanup
}
trap at_end EXIT
[ "$(stat -f -c %T "$dir")" != tmpfs ] || skip "/var/tmp is in memory"
# In memory the search for a hole looks at every page of data: 128 MiB of it, and a hole.
image_make memory.img 144 >/dev/null
head -c 128M /dev/urandom | dd of="$WORK/memory.img" bs=1M conv=notrunc status=none
head -c 48M /dev/urandom >"$dir/disk.img"
fabric_start a b c

# reads NAME: 4 KiB, one at a time, for 3 s; their median in us and the longest in ms.
reads() {
	fio_run "$1" --filename="$DISK" --rw=randread --bs=4k --direct=1 --iodepth=1 --size=16M \
		--time_based --runtime=3 --output-format=json
	python3 -c 'import json, sys
lat = json.load(open(sys.argv[1]))["jobs"][0]["read"]["clat_ns"]
print(lat["percentile"]["50.000000"] // 1000, lat["max"] // 1000000)' "$WORK/$1.fio"
}

# beside MODE: are they served beside that flood? What else the machine does can only add.
beside() {
	local mode=$1 alone median longest answered
	read -r alone longest < <(reads alone)
	note "alone: median $alone us, longest $longest ms"
	start_foreign flood "$build_dir/tests/hostile_peer_flood" "${SOCKET[c]}" "${GID[a]}" \
		"$mode" 6
	wait_ready flood
	read -r median longest < <(reads "beside_$mode")
	wait_exit flood 30
	[ "$stop_status" -eq 0 ] || fail "$(said flood)"
	note "beside $mode: median $median us, longest $longest ms; $(tail -n 1 "$WORK/flood.out")"
	answered=$(sed -n 's/.* answered=//p' "$WORK/flood.out")
	[ "$answered" -gt 10 ] || fail "$mode: the flood itself was not served: $answered"
	[ "$median" -lt $((4 * alone + 3000)) ] && [ "$longest" -lt 1000 ]
}

for mode in status fua flush zero; do
	case $mode in
	status) image=$WORK/memory.img ;;
	*) image=$dir/disk.img ;;
	esac
	server_start --export "disk=$image,allow=any"
	client_start
	beside "$mode" || beside "$mode" || beside "$mode" || fail "$mode holds up the others"
	[ "$(telemetry_value server /blk/workers 0 waits_heavy)" -gt 0 ] || fail "$mode never waits"
	stop client
	stop server
done
stop fabric
