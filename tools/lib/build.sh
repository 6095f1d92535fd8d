# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # shared with the tool that sources this
#
# Configure and compile the project in a build folder.

# Print everything that tests and documents are globbed from: when this changes,
# meson has to look again.
globbed_files() {
	(cd "$top" && find tests docs -type f ! -name '*.swp' ! -name '.*' | LC_ALL=C sort)
}

# What build_setup is asked for by those who test: programs alone need neither.
test_options=(-Dtests=true -Dwerror=true)

# build_setup DIR [MESON-OPTION...]: configure DIR unless it is already configured like
# that, or so that more is built: the tools share build/, and none of them undoes what
# another one needs. CC in the environment is part of it. A tool may set dpdk_options to
# options of deps/dpdk/build.
dpdk_options=()
build_setup() {
	local dir=$1 prefix base pkgconfig files how=()
	local -a options=()
	shift
	prefix=$("$top/deps/dpdk/build" "${dpdk_options[@]}") ||
		die "DPDK is needed and could not be built"
	pkgconfig=$(dirname "$(find "$prefix" -name libdpdk.pc)")
	# shellcheck disable=SC2086 # CC may be several words
	base=$(printf '%s\n' "CC=${CC:-}" "$(${CC:-cc} --version | head -n 1)" \
		"$(meson --version)" "$pkgconfig")
	files=$(globbed_files)
	if [ ! -f "$dir/build.ninja" ]; then
		rm -rf "$dir"
	elif [ "$base" != "$(cat "$dir/.setup" 2>/dev/null)" ] || misses_other "$dir" "$@"; then
		# What was remembered wins over what is new: start again.
		how=(--wipe)
	elif [ -n "$(missing_options "$dir" "$@")" ] ||
		[ "$files" != "$(cat "$dir/.setup-files" 2>/dev/null)" ]; then
		how=(--reconfigure)
	else
		return 0
	fi
	say "configuring ${dir#"$top/"}"
	mapfile -t options < <(all_options "$dir" "$@")
	run_logged "$top/build-logs/setup.log" "meson setup" meson setup "${how[@]}" "$dir" "$top" \
		--pkg-config-path="$pkgconfig" "$@" || die "configuring $dir failed"
	printf '%s\n' "${options[@]}" >"$dir/.setup-options"
	printf '%s\n' "$files" >"$dir/.setup-files"
	printf '%s\n' "$base" >"$dir/.setup"
}

# missing_options DIR OPTION...: print those that DIR is not configured with.
missing_options() {
	local dir=$1 option
	shift
	for option in "$@"; do
		grep -qsxF -e "$option" "$dir/.setup-options" || printf '%s\n' "$option"
	done
}

# misses_other DIR OPTION...: is one of those of another kind than -DNAME=VALUE? meson
# takes the others for a new folder only.
misses_other() {
	missing_options "$@" | grep -v '^-D' >/dev/null
}

# all_options DIR OPTION...: print what DIR is configured with once these are added.
all_options() {
	local dir=$1 option
	shift
	printf '%s\n' "$@"
	while read -r option; do
		[[ " $* " == *" ${option%%=*}="* ]] ||
			[[ " $* " == *" $option "* ]] ||
			printf '%s\n' "$option"
	done < <(grep -s . "$dir/.setup-options")
}

# build_programs DIR: set up and compile for somebody who wants the programs. A folder in
# which the tests took warnings for errors, and stopped at one, stops doing that.
build_programs() {
	local dir=$1
	build_setup "$dir"
	! build_compile "$dir" || return 0
	grep -qs '\[-Werror' "$top/build-logs/${dir##*/}.log" || return 1
	say "once more, warnings being no errors"
	build_setup "$dir" -Dwerror=false
	build_compile "$dir"
}

# build_compile DIR [TARGET...]
build_compile() {
	local dir=$1 name log
	shift
	name=${dir##*/}
	log=$top/build-logs/$name.log
	mkdir -p "$top/build-logs"
	: >"$log"
	NINJA_STATUS='[%f/%t] ' run_logged "$log" "compiling ${dir#"$top/"}" ninja -C "$dir" "$@"
}
