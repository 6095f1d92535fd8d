# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with tools/bench
#
# What the peers of all benchmarks need: $peer_children are the names of a peer's
# processes, $peer_reason says why there is none.

# Clients go before their servers.
peer_stop() {
	local name
	for name in "${peer_children[@]}"; do
		[ "${child_kind[$name]}" = program ] || {
			stop_foreign "$name"
			continue
		}
		stop "$name"
	done
}

stop_foreign() {
	kill "${child_pid[$1]}" 2>/dev/null || true
	wait_exit "$1" 30
}

has_command() {
	command -v "$1" >/dev/null && return
	peer_reason="no $1 on this machine"
	return 1
}
