#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/guest gives a machine to try things in: a line runs there, over ISM, with a second
# function that works, and its exit status comes back; nothing is left.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
need_kernel testing

ISM_S390X_DIR=${ISM_S390X_DIR:-$source_dir/build-s390x}
[ -d "$ISM_S390X_DIR" ] || skip "no programs for s390x: tools/build-s390x makes them"
export ISM_S390X_DIR ISM_BUILD_DIR=$build_dir ISM_TEST_DIR=$WORK ISM_TEST_RESULTS=

# guest STATUS ARGUMENT...
guest() {
	local want=$1 status=0
	shift
	bounded 600 "$source_dir/tools/guest" "$@" </dev/null >"$WORK/run.out" 2>"$WORK/run.err" ||
		status=$?
	[ "$status" -eq "$want" ] || fail "tools/guest $*: status $status: $(said run)"
}

guest 2 --kernel sid true
grep -q "no kernel of 'sid', expected testing or trixie" "$WORK/run.err" || fail "$(said run)"
guest 2
grep -q 'a shell needs a terminal; or give a COMMAND' "$WORK/run.err" || fail "$(said run)"

# shellcheck disable=SC2016 # for the guest's shell
guest 7 'uname -m; free=$(bind status | awk "/ready/ || /ism_vfio_pci/ { a = \$1 } END { print a }")
	dpdk-ismstat -a "$free" -- --json show device info && exit 7'
grep -qx s390x "$WORK/run.out" || fail "no line of its own: $(cat "$WORK/run.out")"
grep -q '"state":"open"' "$WORK/run.out" || fail "no function: $(cat "$WORK/run.out")"
[ -z "$(find "$WORK" -mindepth 1 -type d)" ] || fail "left: $(find "$WORK" -mindepth 1 -type d)"
