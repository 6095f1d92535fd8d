# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # shared with who sources this
#
# Running what tools/lib/system.sh has prepared in $system.

system_root=$system/root

# Print the words of a command that runs a program of root/ with its own C library,
# one a line. It sees the machine's files and needs no privileges.
root_command() {
	local loader libs
	for loader in "$system_root"/usr/lib64/ld-linux-*.so.2 \
		"$system_root"/usr/lib/ld-linux-*.so.1; do
		[ ! -e "$loader" ] || break
	done
	libs=("$system_root"/usr/lib/*-linux-gnu)
	printf '%s\n' "$loader" --library-path "$(IFS=: && echo "${libs[*]}")" \
		--argv0 "$1" "$system_root/usr/$1"
}

# root_program PATH ARGUMENT...
root_program() {
	local -a command
	mapfile -t command < <(root_command "$1")
	shift
	"${command[@]}" "$@"
}

qemu_command() {
	root_command bin/qemu-system-s390x
	printf '%s\n' -L "$system_root/usr/share/qemu"
}

# in_root COMMAND: run a shell command inside root/ as if that were the machine; with
# namespaces of its own, so that nothing is left mounted. Ordinary users can too.
in_root() {
	local how=(unshare --mount)
	[ "$(id -u)" -eq 0 ] || how=(unshare --map-root-user --mount)
	# shellcheck disable=SC2016 # for the shell in there
	nice -n 10 "${how[@]}" bash -c \
		'mount --rbind /dev "$1/dev" && exec chroot "$1" /bin/sh -c "$2"' \
		in_root "$system_root" "$1"
}

# module_build SUITE DIR [MAKE-ARGUMENT...]: make the modules of the folder DIR, which is below
# root/, for the kernel of that suite.
module_build() {
	local release dir=${2#"$system_root"}
	release=$(cat "$system/kernel-$1/release")
	shift 2
	in_root "make -C '/usr/src/linux-headers-$release' M='$dir' ARCH=s390 \
		CROSS_COMPILE=s390x-linux-gnu- CC=s390x-linux-gnu-gcc $* modules"
}
