#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What is cited exists: each "SPEC-ism section 7.2", each decision of DESIGN.md, in code, tests,
# man pages and documents. And each number of a specification is given once.
set -euo pipefail
src=${ISM_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check.py TREE: a line for each citation of what is not there, then how many were looked at.
cat >"$work/check.py" <<'PY'
import os, re, sys
top = sys.argv[1]
NUMBER = r"\d+(?:\.\d+)*"
errors = []


def files():
    for folder, subs, names in os.walk(top):
        subs[:] = sorted(s for s in subs if not s.startswith((".", "build")))
        for name in sorted(names):
            path = os.path.join(folder, name)
            # Texts of others, and this test, which holds wrong citations.
            skip = name in ("LICENSE", "COPYING", "citations.sh") or name.endswith(".patch")
            if not skip and not os.path.islink(path):
                yield path


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError:
        return ""


# A citation may go on in the next line of a comment: leaders become blanks, places stay.
def joined(text):
    return re.sub(r"\n[ \t]*(?:\*(?!/)|#+|//|\.\\\")?[ \t]*", lambda m: " " * len(m[0]), text)


# The numbers of a specification: headings, items, and first columns of tables.
def sections(path):
    known, section = set(), None
    text = read(path)
    places = rf"^(?:(##+) ({NUMBER})\.? |- \*\*({NUMBER})\*\* |\| (\d+\.\d+) \|)"
    for m in re.finditer(places, text, re.M):
        number = m[2] or m[3] or m[4]
        line = text.count("\n", 0, m.start()) + 1
        if m[1] == "##":
            section = number
        if number in known:
            errors.append(f"{path}:{line}: {number} is given twice")
        if number != section and not number.startswith(f"{section}."):
            errors.append(f"{path}:{line}: {number} stands in section {section}")
        known.add(number)
    for m in re.finditer(r"^##+ (?!\d).*", text, re.M):
        line = text.count("\n", 0, m.start()) + 1
        errors.append(f"{path}:{line}: \"{m[0]}\" has no number to cite it by")
    return known


docs = os.path.join(top, "docs")
spec = {name[:-3]: sections(os.path.join(docs, name)) for name in sorted(os.listdir(docs))
        if re.fullmatch(r"SPEC-[a-z]+\.md", name)}
decisions = set(re.findall(r"^\*\*(D\d+) ", read(os.path.join(docs, "DESIGN.md")), re.M))
seen = 0


def look(path):
    global seen
    text = read(path)
    flat = joined(text)
    own = os.path.basename(path)[:-3] if path.endswith(".md") else ""

    def wrong(m, what):
        errors.append(f"{path}:{text.count(chr(10), 0, m.start()) + 1}: {what}")

    for m in re.finditer(r"\b(SPEC-[a-z]+)(?:\.md)?`?(,?\s*\"[A-Z])?", flat):
        if m[1] not in spec:
            wrong(m, f"there is no {m[1]}")
        elif m[2]:
            wrong(m, f"{m[1]} is cited by number, as in \"{m[1]} section 1\"")
    for m in re.finditer(rf"(?:\b(SPEC-[a-z]+)(?:\.md)?`?,?\s+)?\b[Ss]ection(s?)\s+({NUMBER})"
                         rf"((?:(?:,|,?\s+and|\s+or|\s+to)\s+{NUMBER})*)", flat):
        name = m[1] or (own if own in spec else None)
        numbers = re.findall(NUMBER, m[3] + (m[4] if m[2] else ""))
        seen += len(numbers)
        if name is None:
            wrong(m, f"section {m[3]} of which document?")
        for number in numbers if name in spec else ():
            if number not in spec[name]:
                wrong(m, f"{name} has no section {number}")
    # A specification's own facts: "(8.4)", "see 8.4".
    for m in re.finditer(r"(?:\(|see )(\d+\.\d+)\b(?=[):,. |])", flat) if own in spec else ():
        seen += 1
        if m[1] not in spec[own]:
            wrong(m, f"there is no {m[1]} here")
    for m in re.finditer(r"\bD[1-9]\d?\b", flat):
        seen += 1
        if m[0] not in decisions:
            wrong(m, f"DESIGN has no {m[0]}")
    for m in re.finditer(r"\bHARDWARE\b", flat):
        wrong(m, "HARDWARE is no document of this tree: SPEC-ism")


for path in files():
    look(path)
if errors:
    print("\n".join(errors))
    sys.exit(1)
print(f"{seen} citations, {sum(map(len, spec.values()))} numbers, {len(decisions)} decisions")
PY

# A tree of a few lines, in which one citation after the other is wrong.
mkdir -p "$work/tree/docs" "$work/tree/lib"
printf '## 1. A\n\n- **1.1** b\n\n### 1.2 C\n\n| 1.3 | d |\n\n## 2. D, as 1.1 says (1.2)\n' \
	>"$work/tree/docs/SPEC-made.md"
printf '**D1 One.** And (D1).\n' >"$work/tree/docs/DESIGN.md"

# tried EXPECTED LINE: what the check says of a file with that line; nothing: all is well.
tried() {
	printf '%b\n' "$2" >"$work/tree/lib/file.c"
	if python3 "$work/check.py" "$work/tree" >"$work/said"; then
		[ -z "$1" ] || { echo "not found wrong: $2"; exit 1; }
	elif [ -z "$1" ] || ! grep -qF "lib/file.c:1: $1" "$work/said"; then
		echo "of \"$2\" it was said:"
		cat "$work/said"
		exit 1
	fi
}
tried "" '/* SPEC-made section 1.3, docs/SPEC-made.md, SPEC-made sections 1,\n * 1.1 and 2. */
/* DESIGN D1, "docs/SPEC-made.md", SPEC-made section 1.2. */'
tried 'SPEC-made has no section 3' '/* SPEC-made section 3 */'
tried 'SPEC-made has no section 1.4' '# (SPEC-made.md\n# section 1.4)'
tried 'SPEC-made has no section 2.1' ' * SPEC-made sections 1.1, 2\n * and 2.1.'
tried 'SPEC-made is cited by number' '/* (docs/SPEC-made.md, "A") */'
tried 'SPEC-made is cited by number' '/* SPEC-made "A" */'
tried 'there is no SPEC-other' '/* SPEC-other section 1 */'
tried 'section 1.1 of which document?' '/* as section 1.1 has it */'
tried 'DESIGN has no D2' '/* (DESIGN D1, D2) */'
tried 'HARDWARE is no document' "/* HARD""WARE.md section 2 */"
tried "" '/* fine again */'
printf '## 1. A\n- **1.1** a\n- **1.1** (1.5)\n## B\n| 2.1 | b |\n' >"$work/tree/docs/SPEC-made.md"
if python3 "$work/check.py" "$work/tree" >"$work/said"; then
	echo "a specification with wrong numbers is not found wrong"
	exit 1
fi
for what in '1.1 is given twice' 'there is no 1.5 here' '2.1 stands in section 1' \
	'"## B" has no number'; do
	grep -qF "$what" "$work/said" || { echo "not found: $what"; cat "$work/said"; exit 1; }
done

python3 "$work/check.py" "$src" >"$work/said" || { sed "s|^$src/||" "$work/said"; exit 1; }
cat "$work/said"
# All that there are today are some hundred; a check that finds none checks nothing.
[ "$(cut -d ' ' -f 1 "$work/said")" -gt 50 ]
