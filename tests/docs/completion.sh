#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The shell completes every program's name to every option of its --help, and files after
# options that take one.
set -euo pipefail
src=${ISM_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${ISM_BUILD_DIR:-$src/build}
# shellcheck source=docs/completion/dpdk-ism.bash
. "$src/docs/completion/dpdk-ism.bash"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/folder"

# offered PROGRAM WORD BEFORE: what the shell would offer, one a line.
offered() {
	COMP_WORDS=("$1" -- "$3" "$2")
	COMP_CWORD=3
	_dpdk_ism "$1" "$2" "$3"
	printf '%s\n' "${COMPREPLY[@]}"
}

count=0
for man in "$src"/docs/man/*.[18]; do
	name=$(basename "$man" | sed 's/\.[18]$//')
	exe=$(find "$build/apps" -type f -name "$name" -perm -u+x | head -1)
	[ -n "$exe" ] || { echo "$name is not built"; exit 1; }
	complete -p "$name" >/dev/null || { echo "$name has no completion"; exit 1; }
	for option in $("$exe" --help | grep -oE -- '^ *--[a-z][a-z-]+'); do
		count=$((count + 1))
		offered "$exe" "${option%?}" -- | grep -qx -- "$option" || {
			echo "$name: $option is not offered for ${option%?}"
			exit 1
		}
	done
done
[ "$(offered dpdk-ismblk "$work/fol" --mount)" = "$work/folder" ] || {
	echo "--mount does not offer folders"
	exit 1
}
[ "$(offered dpdk-ismd allow --probe)" = allow=any ] || {
	echo "--probe does not offer allow=any"
	exit 1
}
echo "$count options"
[ "$count" -gt 20 ]
