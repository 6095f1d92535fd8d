#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The fabric fails stores, loses events and breaks a function: the session is made
# anew each time, and fio reads back what it wrote.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command fio

image=$(image_make disk.img 32)
allow_log "$log_peer_gone|store|fault"
for fault in store-fail:b:1% store-fail:a:1% store-fail:b:1500:9 store-fail:a:1500:9 \
	event-lose:a:2 event-lose:b:1 kill:b:2000 kill:a:2000; do
	# Faults are counted where the fabric sees each store.
	fabric_options=("--fault=$fault" --no-direct)
	fabric_start a b "${fabric_options[@]}"
	server_start --export "disk=$image,allow=any"
	client_start
	fio_run verify --filename="$DISK" --rw=randwrite --bs=4k --iodepth=32 --ioengine=libaio \
		--direct=1 --size=8M --verify=crc32c --verify_fatal=1 --fsync=100
	same "$DISK" "$image" "$fault: the image is not what the mount shows"
	case $fault in
	event*) ;;
	store-fail:?:1%)
		downs=$(telemetry_value client /link/stats downs)
		[ "$downs" -eq 0 ] || fail "$fault: the session went down $downs times"
		;;
	*)
		ups=$(telemetry_value client /link/stats ups)
		[ "$ups" -ge 2 ] || fail "$fault: the session has never gone down"
		;;
	esac
	pair_stop
	note "$fault: fine"
done
