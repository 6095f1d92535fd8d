#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The tools share build/: what one of them has configured stays when another one needs less,
# and warnings are errors for those who test only.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"

### A tree, a meson and a ninja that write down how they are called ###

tree=$WORK/tree
mkdir -p "$tree"/{tests,docs,tools/lib,deps/dpdk} "$WORK/dpdk/lib" "$WORK/bin"
cp "$source_dir"/tools/lib/{common,build}.sh "$tree/tools/lib/"
: >"$WORK/dpdk/lib/libdpdk.pc"
printf '#!/bin/sh\necho "%s"\n' "$WORK/dpdk" >"$tree/deps/dpdk/build"
cat >"$WORK/bin/meson" <<'MESON'
#!/bin/bash
[ "$1" != --version ] || { echo "${MESON_VERSION:-1.0}"; exit; }
echo "$*" >>"$WORK/calls"
[[ $* != *-Dwerror=* ]] || sed 's/.*-Dwerror=\([a-z]*\).*/\1/' <<<"$*" >"$WORK/werror"
mkdir -p "$WORK/tree/build"
: >"$WORK/tree/build/build.ninja"
MESON
cat >"$WORK/bin/ninja" <<'NINJA'
#!/bin/bash
[ ! -f "$WORK/warning" ] || [ "$(cat "$WORK/werror")" != true ] || {
	echo "FAILED: x.o"
	echo "x.c:1:1: error: something new [-Werror=new]"
	exit 1
}
[ ! -f "$WORK/error" ] || { echo "x.c:1:1: error: no"; exit 1; }
NINJA
chmod +x "$WORK"/bin/* "$tree/deps/dpdk/build"
export WORK PATH=$WORK/bin:$PATH

# calls FUNCTION [OPTION...]: what a tool does with build/; the calls of meson are in
# $WORK/calls.
calls() {
	: >"$WORK/calls"
	# shellcheck disable=SC2016 # for that shell
	run_status "$want" bash -c 'set -euo pipefail; tool=tool
		. "$0/tools/lib/common.sh"; . "$0/tools/lib/build.sh"
		"$1" "$0/build" "${@:2}"' "$tree" "$@"
}
want=0

# meson_with REGEX...: it was called as often, in that order, and like that.
meson_with() {
	local regex i=0
	[ "$(wc -l <"$WORK/calls")" -eq $# ] || fail "meson was called: $(cat "$WORK/calls")"
	for regex in "$@"; do
		i=$((i + 1))
		sed -n "${i}p" "$WORK/calls" | grep -E -e "$regex" >/dev/null ||
			fail "no /$regex/: $(cat "$WORK/calls")"
	done
}

tests=(-Dtests=true -Dwerror=true)
programs() { calls build_programs; }
tests() { calls build_setup "${tests[@]}"; }

programs
meson_with "^setup $tree/build $tree "
! grep -E 'tests|werror' "$WORK/calls" || fail "who only builds gets tests"
programs
meson_with
tests
meson_with '^setup --reconfigure .*-Dtests=true -Dwerror=true'
for _ in 1 2; do
	programs
	meson_with
	tests
	meson_with
done

# Each file that is globbed counts, and each thing that a folder is made for.
: >"$tree/tests/new"
programs
meson_with '^setup --reconfigure '
tests
meson_with
CC=true programs
meson_with '^setup --wipe '
CC=true tests
meson_with
MESON_VERSION=1.1 CC=true tests
meson_with '^setup --wipe '
tests
meson_with '^setup --wipe '
calls build_setup --cross-file x
meson_with '^setup --wipe .*--cross-file x'
calls build_setup --cross-file x
meson_with

# A new warning: for those who test an error, for the others not.
: >"$WORK/warning"
programs
meson_with '^setup --reconfigure .*-Dwerror=false'
programs
meson_with
tests
meson_with '^setup --reconfigure .*-Dtests=true -Dwerror=true'
rm "$WORK/warning"
: >"$WORK/error"
want=1
programs
meson_with
