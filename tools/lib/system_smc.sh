# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # shared with who sources this
#
# The kernel with SMC that tools/build-smc-kernel makes and tests/system/smcd.sh boots:
# where it is. Needs $system.

# What builds it, on top of what tools/lib/system.sh unpacks; what these depend on comes along.
smc_tools=(
	gcc libc6-dev gcc-s390x-linux-gnu make bison flex bc perl-base libelf-dev xz-utils
	gzip base-files bash dash mawk sed grep coreutils findutils diffutils
)

# Raise this number when a change of tools/build-smc-kernel changes what is made.
smc_recipe=1

# smc_suite FOLDER: the name of the kernel's suite, as guest_start takes it. FOLDER is where
# config and edit.py are, which decide about it, as does Debian's version of the source.
smc_suite() {
	local sum
	sum=$({
		printf '%s\n' "$smc_recipe" "${smc_tools[@]}"
		grep '^linux-source-' "$system/packages"
		cat "$1/config" "$1/edit.py"
	} | sha256sum)
	printf 'smc-%.16s\n' "$sum"
}
