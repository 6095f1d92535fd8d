# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # shared with the tool that sources this
#
# The packages that deps/packages* list, installed through apt when missing.

# Print what the given list files name: a package a line, or several of which one will do
# ("a | b"), the preferred one first.
list_packages() {
	sed -E 's/[[:space:]]*#.*//; /^$/d' "$@"
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Print the lines of the lists of which nothing is installed.
missing_packages() {
	local line name
	list_packages "$@" | sort -u | while read -r line; do
		for name in ${line//|/ }; do
			! is_installed "$name" || continue 2
		done
		printf '%s\n' "$line"
	done
}

# choose_package "NAME [| NAME]...": print the first one that apt can install; if there is
# none, the first one of all, whose name apt puts into its complaint.
choose_package() {
	local name candidate
	for name in ${1//|/ }; do
		candidate=$(apt-cache policy "$name" 2>/dev/null | sed -n 's/^ *Candidate: //p')
		case $candidate in
		'' | '(none)') ;;
		*)
			printf '%s\n' "$name"
			return
			;;
		esac
	done
	printf '%s\n' "${1%% *}"
}

# Install what the list files name and the machine does not have, or end the tool.
install_packages() {
	try_packages "$@" || die "$packages_why"
}

# try_packages FILE...: the same; returns 1 with the reason in $packages_why when they
# cannot be had.
packages_why=
try_packages() {
	local -a missing names=() as_root=()
	local log line

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
			packages_why+=" apt-get install"
			for line in "${missing[@]}"; do
				packages_why+=" $(choose_package "$line")"
			done
			return 1
		}
	fi
	log=$top/build-logs/apt.log
	# One archive of several that cannot be read may not be the one that is needed.
	run_logged "$log" "apt-get update" "${as_root[@]}" apt-get update ||
		say "apt could not read all package lists; trying those that it has"
	for line in "${missing[@]}"; do
		names+=("$(choose_package "$line")")
	done
	say "installing ${#names[@]} packages: ${names[*]}"
	packages_why="apt could not install: ${names[*]}, see $log"
	run_logged "$log" "apt-get install" "${as_root[@]}" \
		env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "${names[@]}"
}
