#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Options that change how the link is used, and may not change a byte: no page
# cache, checksums, small slots, few requests in flight, several queues.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image=$(image_make disk.img 6 random)
cp "$image" "$WORK/shadow"
fabric_start a b
for options in "--cache none" "--digest" "--slot-size 8K --depth 128" "--queues 4" \
	"--slot-size 256K --depth 8 --digest"; do
	read -ra words <<<"$options"
	server_start --export "disk=$image,allow=any" --slot-size 128K
	client_eal=()
	[ "$options" != "--queues 4" ] || client_eal=(--lcores "0@0,1@0,2@0,3@0")
	client_start "${words[@]}"
	[ "$options" != "--queues 4" ] ||
		[ "$(telemetry_value client /link/sessions 0 queues)" -eq 4 ] || fail "not 4 queues"
	[ "${words[*]: -1}" != --digest ] ||
		[ "$(telemetry_value client /link/sessions 0 features)" -ne 0 ] || fail "no digest"
	for direct in "" --direct; do
		# shellcheck disable=SC2086 # none or one option
		bounded 120 "$source_dir/tests/lib/shadow_io.py" $direct --ops 300 --punch --zero \
			"$DISK" "$WORK/shadow" || fail "$options $direct"
	done
	stop client
	stop server
	note "$options: fine"
done
same "$image" "$WORK/shadow" "the image differs"
stop fabric
