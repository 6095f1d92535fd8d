#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every header compiles alone: whoever includes one needs to know no other.
set -euo pipefail
src=${ISM_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${ISM_BUILD_DIR:-$src/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The flags of a file that sees every folder are the flags of this check.
python3 - "$build/compile_commands.json" >"$work/flags" <<'PY'
import json, shlex, sys
commands = json.load(open(sys.argv[1]))
best = max(commands, key=lambda c: c["command"].count(" -I"))
print("\n".join(a for a in shlex.split(best["command"])
                if a.startswith(("-I", "-D", "-m", "-std", "-isystem")) or a in ("-include", "rte_config.h")
                or a.startswith("/") and "include" in a))
PY
mapfile -t flags <"$work/flags"
fail=0
count=0
while read -r header; do
	dir=$(dirname "$header")
	printf '#include "%s"\nint headers_alone;\n' "$src/$header" >"$work/one.c"
	count=$((count + 1))
	if ! (cd "$build" && cc "${flags[@]}" -I"$src/$dir" -fsyntax-only -Wall -Werror "$work/one.c") \
		2>"$work/log"; then
		echo "$header does not compile alone:"
		head -5 "$work/log"
		fail=1
	fi
done < <(cd "$src" && find lib pmd apps -name '*.h' | LC_ALL=C sort)
echo "$count headers"
[ "$count" -gt 0 ] && exit "$fail"
