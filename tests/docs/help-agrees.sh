#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The options that --help prints are the options of the man page, both ways.
set -euo pipefail
src=${ISM_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${ISM_BUILD_DIR:-$src/build}

# Option names of a text, one a line: --word.
options() {
	grep -oE -- '(^|[^a-zA-Z0-9-])--[a-z][a-z-]+' | grep -oE -- '--[a-z][a-z-]+' | LC_ALL=C sort -u
}
# The man page as plain text, its own sections only (EAL options are DPDK's to document).
page() {
	MANWIDTH=200 man --encoding=ascii -l "$1" 2>/dev/null | col -b | sed '/^EAL OPTIONS/,/^[A-Z]/d'
}
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
	"$exe" --help >/tmp/help.$$ || { echo "$program --help fails"; fail=1; }
	if ! diff <(options </tmp/help.$$ | grep -vxE -- '--(vdev|lcores|file-prefix|no-huge|no-pci|in-memory|allow|socket-mem|log-level)') \
		<(page "$man" | options | grep -vxE -- '--(vdev|lcores|file-prefix|no-huge|no-pci|in-memory|allow|socket-mem|log-level)') \
		>/tmp/diff.$$; then
		echo "$program: --help (<) and man page (>) disagree:"
		cat /tmp/diff.$$
		fail=1
	fi
	rm -f /tmp/help.$$ /tmp/diff.$$
done
while read -r exe; do
	program=$(basename "$exe")
	compgen -G "$src/docs/man/$program.*" >/dev/null || { echo "$program has no man page"; fail=1; }
done < <(find "$build/apps" -type f -perm -u+x ! -name '*.so*' ! -name '*.a')
echo "$seen programs compared"
[ "$seen" -gt 0 ] && exit "$fail"
