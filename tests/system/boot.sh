#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A guest boots with two functions of the fabric, and its lspci sees in both what
# boot.lspci has: the config space of ISM, as foreign eyes read it.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
need_kernel testing

fabric_start a b --quirk=qemu-pcistb
guest_start guest testing a b

# What the kernel hands out (addresses of BARs, slots) is not the fabric's.
seen() {
	guest_run guest 30 "lspci -vv -xx -n -s $1 2>/dev/null"
	sed -E "s/^$1/SLOT/; /Physical Slot:|IOMMU group:/d; s/at [0-9a-f]+ \(/at ADDRESS (/" \
		"$WORK/guest.run"
}
guest_run guest 30 'lspci -n -D'
mapfile -t slots < <(awk '$3 == "1014:04ed" { print $1 }' "$WORK/guest.run")
[ "${#slots[@]}" -eq 2 ] || fail "2 functions expected: $(cat "$WORK/guest.run")"
for slot in "${slots[@]}"; do
	seen "$slot" >"$WORK/lspci"
	diff -u "$system_tests/boot.lspci" "$WORK/lspci" || fail "lspci sees another device"
done
guest_stop guest
stop fabric
