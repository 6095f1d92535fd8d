#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every header compiles alone: whoever includes one needs to know no other.
set -euo pipefail
src=${ISM_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${ISM_BUILD_DIR:-$src/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The include folders of all files together: the check is about headers, not about targets.
python3 - "$build/compile_commands.json" >"$work/flags" <<'PY'
import json, shlex, sys
flags = []
for entry in json.load(open(sys.argv[1])):
    words = iter(shlex.split(entry["command"]))
    for word in words:
        one = [word]
        if word in ("-include", "-isystem"):
            one.append(next(words))
        elif not word.startswith(("-I", "-D", "-m", "-std", "-isystem")):
            continue
        if one not in flags:
            flags.append(one)
print("\n".join(word for one in flags for word in one))
PY
mapfile -t flags <"$work/flags"
fail=0
count=0
while read -r header; do
	dir=$(dirname "$header")
	printf '#include "%s"\nint headers_alone;\n' "$src/$header" >"$work/one.c"
	count=$((count + 1))
	if ! (cd "$build" && cc "${flags[@]}" -I"$src/$dir" -fsyntax-only -Wall -Werror \
		"$work/one.c") 2>"$work/log"; then
		echo "$header does not compile alone:"
		head -5 "$work/log"
		fail=1
	fi
done < <(cd "$src" && find lib pmd fabric apps -name '*.h' | LC_ALL=C sort)
echo "$count headers"
[ "$count" -gt 0 ] && exit "$fail"
