#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Product code keeps to one dialect of atomics and one way to count, as CONTRIBUTING.md says.
set -euo pipefail
src=${ISM_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$src"
folders=(lib pmd fabric apps examples)
fail=0

# none WHAT REGEX [NOT]: no line of product code has that, besides those in files that match NOT.
none() {
	if grep -rnE --include='*.[ch]' -- "$2" "${folders[@]}" | grep -vE "^(${3:-nothing}):" \
		>"$work/found"; then
		echo "$1:"
		cat "$work/found"
		fail=1
	fi
}

none "atomics that are not C11's" '__atomic_|__ATOMIC_|__sync_|rte_atomic[0-9_]|rte_smp_[rwm]'
none "a cast to _Atomic besides base_shared()" '\([a-z ]*_Atomic[^()]*(\([^()]*\))?[^()]*\*\)' \
	'lib/base/base_shared\.h'
# The fabric counts for itself alone, in one thread.
none "a counter that is counted without base_counter.h" \
	'\b(stats|counts|counters)\.[a-z_]+(\[[^]]*\])?(\+\+|--| [-+]= )' 'fabric/.*'
files=$(find "${folders[@]}" -name '*.[ch]' | wc -l)
echo "$files files looked at"
[ "$files" -gt 200 ] && exit "$fail"
