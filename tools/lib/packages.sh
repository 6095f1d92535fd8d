# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # shared with the tool that sources this
#
# The packages that deps/packages* list, installed through apt when missing.

# Print the package names in the given list files.
list_packages() {
	sed -E 's/[[:space:]]*#.*//; /^$/d' "$@"
}

# Print those of the listed packages that are not installed.
missing_packages() {
	local name
	list_packages "$@" | sort -u | while read -r name; do
		dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null |
			grep -qx installed || echo "$name"
	done
}

# Install what the list files name and the machine does not have, or end the tool.
install_packages() {
	try_packages "$@" || die "$packages_why"
}

# try_packages FILE...: the same; returns 1 with the reason in $packages_why when they
# cannot be had.
packages_why=
try_packages() {
	local -a missing as_root=()
	local log

	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		say "no apt on this machine: assuming that these are installed:" \
			"$(list_packages "$@" | tr '\n' ' ')"
		return 0
	fi
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		as_root=(sudo -n)
		"${as_root[@]}" true 2>/dev/null || {
			packages_why="packages are missing and only root may install them:"
			packages_why+=" apt-get install ${missing[*]}"
			return 1
		}
	fi
	say "installing ${#missing[@]} packages: ${missing[*]}"
	log=$top/build-logs/apt.log
	packages_why="apt could not read the package lists, see $log"
	run_logged "$log" "apt-get update" "${as_root[@]}" apt-get update || return 1
	packages_why="apt could not install: ${missing[*]}, see $log"
	run_logged "$log" "apt-get install" "${as_root[@]}" \
		env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "${missing[@]}"
}
