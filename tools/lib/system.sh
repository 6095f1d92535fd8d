# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # shared with the tool that sources this
#
# What tools/test-system needs from Debian: QEMU, kernels for s390x, and what
# builds modules for them. Packages are fetched by an apt configuration of its own and
# unpacked into a folder of the cache; nothing is installed, no script of a package runs,
# and the machine's apt and dpkg know nothing of it.
#
#	$system/root	programs of this machine's kind: QEMU, make, cross compiler, headers
#	$system/guest	what guests run: busybox, lspci and their libraries
#	$system/source	the files of linux-source that tests build
#	$system/kernel-NAME	for each kernel: image, release, modules
#
# Whatever fails here for want of a package leaves its reason in $system_skip.
system_skip=

system=
# shellcheck source=tools/lib/system_use.sh
. "$top/tools/lib/system_use.sh"
# shellcheck source=tools/lib/apt.sh
. "$top/tools/lib/apt.sh"

# Raise this number when a change of this script changes what is prepared.
system_recipe=2

# The suites whose kernels are tested, newest first. The first one also gives QEMU,
# the compilers and busybox.
system_suites=(testing trixie bookworm)

# For the machine that runs QEMU; what they depend on comes along.
system_tools=(
	qemu-system-s390x gcc-s390x-linux-gnu libc6-dev-s390x-cross make pahole base-files bash dash
	mawk sed grep coreutils findutils diffutils patch cpio kmod
)
# The same, without what they depend on.
system_alone=(dkms)
# For the guest.
system_guest=(busybox-static:s390x pciutils:s390x)

# Parts of linux-source: the drivers of the kernel that are built as they are.
system_source=(
	'*/drivers/vfio' '*/drivers/iommu/iommufd' '*/drivers/iommu/*.h' '*/lib/interval_tree.c'
	'*/drivers/s390/net/ism*' '*/drivers/dibs'
)

# Modules that guests load; what these need comes along.
system_modules=(vfio-pci vfio_iommu_type1 ext4 loop virtio_blk)

# The architecture of this machine, as dpkg calls it.
system_host() {
	dpkg --print-architecture
}

system_folder() {
	local sum
	sum=$(printf '%s\n' "$system_recipe" "$(system_host)" "${system_suites[@]}" \
		"${system_tools[@]}" "${system_alone[@]}" "${system_guest[@]}" \
		"${system_source[@]}" "${system_modules[@]}" | sha256sum)
	printf '%s/system-%.16s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/dpdk-ism" "$sum"
}

# apt_of SUITE COMMAND ARGUMENT...: with the configuration of that suite.
apt_of() {
	local suite=$1
	shift
	APT_CONFIG=$work/apt/$suite/apt.conf "$@"
}

# A configuration that knows one suite and two architectures and nothing that is
# installed here. Mirrors may lag behind: a Release file past its date is taken.
apt_configure() {
	local suite=$1 archive=$2 dir=$work/apt/$1
	mkdir -p "$dir"/{parts,lists/partial,cache/archives/partial}
	: >"$dir/status"
	echo "deb [signed-by=$debian_keys] $archive $suite main" >"$dir/parts/debian.list"
	cat >"$dir/apt.conf" <<CONF
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$dir/parts";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
APT::Architecture "$(system_host)";
APT::Architectures "$(system_host),s390x";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
CONF
	run_logged "$log" "package lists of $suite" \
		apt_of "$suite" apt-get -qq update
}

# fetch SUITE DIR PACKAGE...: these files and no others into DIR.
fetch() {
	local suite=$1 dir=$2
	shift 2
	mkdir -p "$dir"
	(cd "$dir" && run_logged "$log" "fetching from $suite" \
		apt_of "$suite" apt-get -q download "$@")
}

# fetch_all SUITE DIR PACKAGE...: with all that they depend on.
fetch_all() {
	local suite=$1 dir=$2
	shift 2
	mkdir -p "$dir/partial"
	run_logged "$log" "fetching from $suite" apt_of "$suite" apt-get -qy --download-only \
		-o "Dir::Cache::archives=$dir" install "$@"
}

# unpack DIR FILE...: without running anything of them.
unpack() {
	local dir=$1 file
	shift
	# Where /bin and the like point to is what Debian's own installer sets up.
	mkdir -p "$dir"/usr/{bin,sbin,lib,lib64} "$dir"/{dev,proc,sys,tmp,build,var/tmp}
	for file in bin sbin lib lib64; do
		ln -sfT "usr/$file" "$dir/$file"
	done
	for file in "$@"; do
		dpkg-deb --fsys-tarfile "$file" | tar -x -C "$dir" --keep-directory-symlink \
			--no-same-owner || return 1
	done
}

# depends SUITE PACKAGE PREFIX: the packages of that name that it depends on.
depends() {
	apt_of "$1" apt-cache show "$2" | sed -n 's/^Depends: //p' | head -n 1 | tr ',|' '\n' |
		awk '{ print $1 }' | grep -E "^linux-($3)-?[0-9]" | sort -u
}

# The packages of a suite's kernel: image and modules; headers for building others.
fetch_kernel() {
	local suite=$1 image headers
	local -a packages=()

	image=$(depends "$suite" linux-image-s390x:s390x image)
	headers=$(depends "$suite" linux-headers-s390x:s390x headers)
	[ -n "$image" ] && [ -n "$headers" ] || return 1
	echo "${image#linux-image-}" >"$work/apt/$suite/release"
	mapfile -t packages < <(depends "$suite" "$image:s390x" 'binary|modules' |
		sed 's/$/:s390x/')
	fetch "$suite" "$work/deb/kernel-$suite" "$image:s390x" "${packages[@]}" || return 1
	mapfile -t packages < <(depends "$suite" "$headers:s390x" 'headers|kbuild')
	fetch "$suite" "$work/deb/headers-$suite" "$headers:s390x" "${packages[@]}"
}

# Unpack them: the headers into root/.
prepare_kernel() {
	local suite=$1 release dir=$work/kernel-$1 file

	unpack "$work/image-$suite" "$work/deb/kernel-$suite"/*.deb || return 1
	unpack "$work/root" "$work/deb/headers-$suite"/*.deb || return 1
	release=$(cat "$work/apt/$suite/release")
	mkdir -p "$dir/lib/modules/$release"
	for file in "$work/image-$suite/boot/vmlinuz-$release" \
		"$work/image-$suite/usr/lib/modules/$release/vmlinuz"; do
		[ ! -f "$file" ] || cp "$file" "$dir/vmlinuz"
	done
	[ -f "$dir/vmlinuz" ] || return 1
	prepare_modules "$suite" "$release" || return 1
	echo "$release" >"$dir/release"
}

# The modules that guests load, uncompressed, with an index for modprobe.
prepare_modules() {
	local suite=$1 release=$2 dir=$work/kernel-$1 all=$work/image-$1 name file

	touch "$all/usr/lib/modules/$release"/modules.{order,builtin}
	root_program sbin/depmod -b "$all" "$release" >>"$log" 2>&1 || return 1
	for name in "${system_modules[@]}"; do
		name=${name//-/[-_]}
		# A kernel may lack some: tests say which they need.
		grep -E "(^|/)$name\.ko[^:]*:" "$all/usr/lib/modules/$release/modules.dep" |
			tr -d ':' | tr ' ' '\n' || true
	done | sort -u | grep . | while read -r file; do
		mkdir -p "$dir/lib/modules/$release/$(dirname "$file")"
		cp "$all/usr/lib/modules/$release/$file" "$dir/lib/modules/$release/$file"
		[[ $file != *.xz ]] || xz -d "$dir/lib/modules/$release/$file"
	done
	root_program sbin/depmod -b "$dir" "$release" >>"$log" 2>&1
}

# The reason why a suite's kernel is not there, for tests that need it.
kernel_missing() {
	echo "$2 when $system was made; remove that to try again" >"$work/kernel-$1.missing"
	say "kernel of $1: $2"
}

prepare_source() {
	mkdir -p "$work/source"
	dpkg-deb --fsys-tarfile "$work"/deb/source/*.deb |
		tar -x -C "$work/source" --wildcards './usr/src/*.tar.xz' || return 1
	tar -x -C "$work/source" --strip-components=1 --wildcards \
		-f "$work"/source/usr/src/*.tar.xz "${system_source[@]}" || return 1
	rm -rf "$work/source/usr"
}

prepare_parts() {
	local archive suite

	system_skip="apt knows no Debian archive on this machine, or not its keys"
	[ -f "$debian_keys" ] || return 1
	archive=$(debian_archive) || return 1
	suite=${system_suites[0]}
	system_skip="packages of Debian $suite cannot be had, see $log"
	apt_configure "$suite" "$archive" || return 1
	fetch_all "$suite" "$work/deb/tools" "${system_tools[@]}" || return 1
	fetch "$suite" "$work/deb/alone" "${system_alone[@]}" || return 1
	fetch_all "$suite" "$work/deb/guest" "${system_guest[@]}" || return 1
	fetch "$suite" "$work/deb/source" "$(depends "$suite" linux-source source)" || return 1
	system_skip=

	run_logged "$log" "unpacking" unpack "$work/root" "$work"/deb/{tools,alone}/*.deb ||
		return 1
	run_logged "$log" "unpacking" unpack "$work/guest" "$work"/deb/guest/*_{s390x,all}.deb ||
		return 1
	ln -sfT mawk "$work/root/usr/bin/awk" # what the package's own script does
	run_logged "$log" "unpacking the kernel's source" prepare_source || return 1
	for suite in "${system_suites[@]}"; do
		[ "$suite" = "${system_suites[0]}" ] || apt_configure "$suite" "$archive" || {
			kernel_missing "$suite" "its package lists could not be had"
			continue
		}
		fetch_kernel "$suite" || {
			kernel_missing "$suite" "its packages could not be had"
			continue
		}
		run_logged "$log" "kernel of $suite" prepare_kernel "$suite" || return 1
	done
	find "$work/deb" -name '*.deb' -printf '%f\n' | sort >"$work/packages"
}

# Make $system, unless it is there. Returns 1 with the reason in $system_skip when packages
# cannot be had; whatever else goes wrong is an error and ends the tool.
prepare() {
	local cache
	system=$(system_folder)
	[ ! -f "$system/packages" ] || return 0

	cache=$(dirname "$system")
	mkdir -p "$cache"
	exec 8>"$cache/system.lock"
	if ! flock -n 8; then
		say "waiting for another one that prepares"
		flock 8
	fi
	[ ! -f "$system/packages" ] || return 0
	rm -rf "$system" "$cache"/system-work.*
	work=$(mktemp -d "$cache/system-work.XXXXXX")
	log=$cache/system.log
	: >"$log"
	system_root=$work/root
	say "preparing $system (about 700 MB, some minutes; log: $log)"
	prepare_parts || {
		rm -rf "$work"
		[ -n "$system_skip" ] || die "cannot prepare the guests, see $log"
		return 1
	}
	rm -rf "$work"/{deb,apt} "$work"/image-*
	chmod 755 "$work"
	mv -T "$work" "$system"
	exec 8>&-
	say "ready after $SECONDS s"
}

# What is needed for guests: the packages and $system. Returns 1 with the reason in $system_skip.
system_ready() {
	try_packages "$top/deps/packages-system" || {
		system_skip=$packages_why
		return 1
	}
	prepare
}

# Our programs for guests, unless ISM_S390X_DIR says where they are. Returns 77 when the packages
# for that cannot be had.
system_programs() {
	[ -n "${ISM_S390X_DIR:-}" ] || "$top/tools/build-s390x"
}
