#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The options that --help prints are the options of the man page, both ways.
set -euo pipefail
src=${ISM_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${ISM_BUILD_DIR:-$src/build}

# Options of DPDK that both texts may mention as they like.
eal='--(vdev|lcores|file-prefix|no-huge|no-pci|in-memory|allow|socket-mem|log-level)'

# Option names of a text, one a line: --word.
options() {
	grep -oE -- '(^|[^a-zA-Z0-9-])--[a-z][a-z-]+' | grep -oE -- '--[a-z][a-z-]+' |
		grep -vxE -- "$eal" | LC_ALL=C sort -u
}

# The man page as plain text, without bold and underline.
page() {
	MANWIDTH=200 man --no-hyphenation --encoding=ascii -l "$1" 2>/dev/null | sed 's/.\x08//g'
}

if ! command -v man >/dev/null; then
	echo "no man(1) to read the pages with"
	exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail=0
seen=0
for man in "$src"/docs/man/*.[18]; do
	program=$(basename "$man" | sed 's/\.[18]$//')
	exe=$(find "$build/apps" -type f -name "$program" -perm -u+x | head -1)
	if [ -z "$exe" ]; then
		echo "$program has a man page and no program"
		fail=1
		continue
	fi
	seen=$((seen + 1))
	"$exe" --help >"$work/text" || { echo "$program --help fails"; fail=1; }
	options <"$work/text" >"$work/help"
	page "$man" | options >"$work/page"
	if ! diff "$work/help" "$work/page" >"$work/diff"; then
		echo "$program: --help (<) and man page (>) disagree:"
		cat "$work/diff"
		fail=1
	fi
done
while read -r exe; do
	program=$(basename "$exe")
	compgen -G "$src/docs/man/$program.*" >/dev/null ||
		{ echo "$program has no man page"; fail=1; }
done < <(find "$build/apps" -type f -perm -u+x ! -name '*.so*' ! -name '*.a')
echo "$seen programs compared"
[ "$seen" -gt 0 ] && exit "$fail"
