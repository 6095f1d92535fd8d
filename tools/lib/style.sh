# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # shared with the tool that sources this
#
# The tests of the sources themselves. Each function is one test: it prints
# what is wrong and returns 1, or 77 with the reason when it cannot say.

style_tests=(clang-format clang-tidy columns shellcheck spdx)

# Print the files of the source tree that match the patterns, except ignored
# ones and what was deleted.
sources() {
	(
		cd "$top" || exit 1
		git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
			[ ! -f "$file" ] || printf '%s\n' "$file"
		done
	)
}

# Print the shell scripts: by name, or by first line for those without one.
shell_scripts() {
	sources '*.sh'
	sources tools deps .ci tests | while read -r file; do
		[[ $file == *.sh ]] || ! head -n 1 "$top/$file" | grep -qaE '^#!.*\b(ba)?sh$' ||
			printf '%s\n' "$file"
	done
}

# Versions format differently: the tree is formatted by one of them.
format_version=14

style_clang-format() {
	local format
	format=$(first_tool "clang-format-$format_version" clang-format)
	[[ $("$format" --version 2>/dev/null) == *"version $format_version."* ]] || {
		echo "no clang-format $format_version on this machine, which alone judges"
		return 77
	}
	(cd "$top" && sources '*.[ch]' | xargs -r "$format" --dry-run -Werror)
}

# A file is checked with the flags it is compiled with: fuzz targets are known
# to build-fuzz/ only, everything else to build/.
style_clang-tidy() {
	local file tidy status=0
	local -a files=()
	tidy=$(first_tool clang-tidy-14 clang-tidy)
	command -v "$tidy" >/dev/null || {
		echo "no clang-tidy on this machine"
		return 77
	}
	while read -r file; do
		grep -q "\"file\": \"../$file\"" "$top/build/compile_commands.json" &&
			files+=("$file")
	done < <(sources '*.c')
	[ ${#files[@]} -gt 0 ] || return 0
	(
		cd "$top" &&
			printf '%s\0' "${files[@]}" |
			xargs -0 -n 1 -P "$(nproc)" "$tidy" --quiet -p build \
				--extra-arg=-Wno-unknown-warning-option
	) || status=1
	return "$status"
}

# No line is wider than 100 columns, with tabs of 8.
style_columns() {
	local file status=0
	while read -r file; do
		expand "$top/$file" | awk -v file="$file" '
			length($0) > 100 {
				printf "%s:%d: %d columns, 100 allowed\n", file, NR, length($0)
				bad = 1
			}
			END { exit bad }' || status=1
	done < <(
		sources '*.[ch]'
		shell_scripts
	)
	return "$status"
}

style_shellcheck() {
	(cd "$top" && shell_scripts | xargs -r shellcheck -x)
}

# Every source file says its licence once, in its first three lines: BSD-3-Clause,
# but for the kernel module.
style_spdx() {
	local file count licence status=0
	while read -r file; do
		licence=BSD-3-Clause
		[[ $file != kmod/* ]] || licence=GPL-2.0-only
		count=$(head -n 3 "$top/$file" |
			grep -acE "SPDX-License-Identifier: $licence( \*/)?\$" || true)
		[ "$count" -eq 1 ] && continue
		echo "$file: expected one SPDX line, $licence, at the top, found $count"
		status=1
	done < <(sources | grep -vE \
		'\.(md|json|lspci|svg|png)$|^LICENSE$|COPYING$|\.gitignore$|/corpus/|\.patch$')
	return "$status"
}
