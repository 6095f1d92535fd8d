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

# build_setup DIR [MESON-OPTION...]: configure DIR unless it is already
# configured just so. CC in the environment is part of that. A tool may set
# dpdk_options to options of deps/dpdk/build.
dpdk_options=()
build_setup() {
	local dir=$1 prefix want pkgconfig how=()
	shift
	prefix=$("$top/deps/dpdk/build" "${dpdk_options[@]}") ||
		die "DPDK is needed and could not be built"
	pkgconfig=$(dirname "$(find "$prefix" -name libdpdk.pc)")
	want=$(printf '%s\n' "CC=${CC:-}" "$(meson --version)" "$pkgconfig" "$@" "$(globbed_files)")
	if [ -f "$dir/build.ninja" ]; then
		[ "$want" != "$(cat "$dir/.setup" 2>/dev/null)" ] || return 0
		how=(--reconfigure)
		# Options that were remembered win over new ones: start again.
		[ "$(head -n $((3 + $#)) <<<"$want")" = \
			"$(head -n $((3 + $#)) "$dir/.setup" 2>/dev/null)" ] || how=(--wipe)
	elif [ -d "$dir" ]; then
		rm -rf "$dir"
	fi
	say "configuring ${dir#"$top/"}"
	run_logged "$top/build-logs/setup.log" "meson setup" meson setup "${how[@]}" "$dir" "$top" \
		--pkg-config-path="$pkgconfig" "$@" || die "configuring $dir failed"
	printf '%s\n' "$want" >"$dir/.setup"
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
