#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# kmod/ is a DKMS package: dkms itself, as Debian has it, builds the module from it.
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
need_kernel testing

version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$source_dir/kmod/dkms.conf")
grep -q "version: '$version'," "$source_dir/meson.build" ||
	fail "dkms.conf says $version, meson.build another"
release=$(kernel_release testing)
mkdir -p "$build_area/tree" "$build_area/src"
cp -r "$source_dir/kmod" "$build_area/src/ism-vfio-pci-$version"
area=${build_area#"$system_root"}
in_root "export PATH=/usr/sbin:/usr/bin ARCH=s390 CROSS_COMPILE=s390x-linux-gnu-
	dkms build ism-vfio-pci/$version -k $release -a s390x --dkmstree $area/tree \
		--sourcetree $area/src --kernelsourcedir /usr/src/linux-headers-$release" \
	>"$WORK/dkms.log" 2>&1 ||
	fail "dkms: $(cat "$WORK/dkms.log" "$build_area"/tree/ism-vfio-pci/*/build/make.log)"
module=$(find "$build_area/tree" -name 'ism-vfio-pci.ko*')
[ -s "$module" ] || fail "dkms has made no module: $(cat "$WORK/dkms.log")"
