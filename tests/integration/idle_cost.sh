#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An idle pair costs less than 1 % of a core each.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

pair_start "$(image_make disk.img 4 random)"
cmp "$DISK" "$WORK/disk.img" # it has worked, so it is not idle by being dead
sleep 2
costs_little 10 "fabric=${child_pid[fabric]}" "server=${child_pid[server]}" \
	"client=${child_pid[client]}"
bounded 20 cmp "$DISK" "$WORK/disk.img" || fail "not awake again"
pair_stop
