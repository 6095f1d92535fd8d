#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The page of counters is what the lists make; each number has one meaning; man reads it.
set -euo pipefail
src=${ISM_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${ISM_BUILD_DIR:-$src/build}
page=$src/docs/man/dpdk-ism-counters.7

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail=0

"$build/tests/docs_counters" >"$work/page"
if ! diff "$page" "$work/page" >"$work/diff"; then
	echo "docs/man/dpdk-ism-counters.7 (<) and the lists (>) disagree;" \
		"build/tests/docs_counters writes it:"
	cat "$work/diff"
	fail=1
fi

"$build/tests/docs_counters" --tsv >"$work/rows"
[ "$(wc -l <"$work/rows")" -gt 150 ] || { echo "only $(wc -l <"$work/rows") numbers"; fail=1; }
# A key has one kind and one unit wherever it stands, and a sample of OpenMetrics is one number.
cut -f 2-4 "$work/rows" | LC_ALL=C sort -u | cut -f 1 | uniq -d >"$work/twice"
cut -f 5 "$work/rows" | grep . | LC_ALL=C sort | uniq -d >>"$work/twice"
if [ -s "$work/twice" ]; then
	echo "two meanings: $(tr '\n' ' ' <"$work/twice")"
	fail=1
fi

# What other pages say of single numbers, they say of numbers that there are.
# shellcheck disable=SC2016 # backquotes of Markdown
while read -r key; do
	cut -f 2 "$work/rows" | grep -qxF -- "$key" ||
		{ echo "docs/pmd.md: no number $key"; fail=1; }
done < <(sed -n '/^| counter /,/^$/s/^| `\([a-z_]*\)` |.*/\1/p' "$src/docs/pmd.md")

if command -v man >/dev/null; then
	MANWIDTH=80 man --warnings=w -l "$page" >"$work/text" 2>"$work/warnings" ||
		{ echo "man cannot read $page"; fail=1; }
	[ ! -s "$work/warnings" ] || { cat "$work/warnings"; fail=1; }
fi
echo "$(wc -l <"$work/rows") numbers compared"
exit "$fail"
