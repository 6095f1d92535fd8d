# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # shared with the tool that sources this
#
# A private configuration of apt: the machine's archives, asked for things that
# its own configuration does not name, with nothing of the system changed.

# Print apt's one-line entries of the files $2... as entries of type $1.
one_line_entries() {
	local type=$1
	shift
	sed -nE "s/^[[:space:]]*deb(-src)?[[:space:]]+/$type /p" "$@" |
		sed -E 's/(\[[^]]*)\barch=[^] ]*/\1/; s/\[ *\]//' | sort -u
}

# Print apt's deb822 stanzas of the files $2... as entries of type $1.
deb822_entries() {
	local type=$1 file
	shift
	for file in "$@"; do
		sed '/^#/d' "$file" | awk -v type="$type" 'BEGIN { RS = ""; ORS = "\n\n" }
			tolower($0) ~ /(^|\n)enabled:[ \t]*(no|false|0)/ { next }
			{
				n = split($0, line, "\n")
				text = "Types: " type
				for (i = 1; i <= n; i++)
					if (tolower(line[i]) !~ /^(types|architectures):/)
						text = text "\n" line[i]
				print text
			}'
	done
}

# What signs Debian's archive; the package debian-archive-keyring has it.
debian_keys=/usr/share/keyrings/debian-archive-keyring.gpg

# Print the address of the machine's archive of Debian, as its apt knows it.
debian_archive() {
	local files
	mapfile -t files < <(find /etc/apt -maxdepth 2 \
		\( -name '*.list' -o -name '*.sources' \) 2>/dev/null)
	[ ${#files[@]} -gt 0 ] || return 1
	sed -nE 's,^(URIs:|deb( +\[[^]]*\])?) +((https?|file|copy):[^ ]*/debian)/?( .*)?$,\3,p' \
		"${files[@]}" | head -n 1 | grep .
}

# private_apt DIR TYPE: make such a configuration in the folder DIR, with the
# machine's archives as entries of type "deb" or "deb-src". Its options are left in
# the array apt_options. Entries are not restricted to architectures. Returns 1 when
# the machine knows no archive.
private_apt() {
	local dir=$1 type=$2 etc sourcelist sourceparts
	local -a lists=() stanzas=()

	eval "$(apt-config shell etc Dir::Etc/d sourcelist Dir::Etc::sourcelist/f \
		sourceparts Dir::Etc::sourceparts/d)"
	: "${etc:=/etc/apt/}"
	shopt -s nullglob
	[ ! -f "${sourcelist:-}" ] || lists+=("$sourcelist")
	lists+=("${sourceparts:-$etc/sources.list.d}"/*.list)
	stanzas+=("${sourceparts:-$etc/sources.list.d}"/*.sources)
	shopt -u nullglob

	private_apt_options "$dir"
	[ ${#lists[@]} -eq 0 ] ||
		one_line_entries "$type" "${lists[@]}" >"$dir/parts/copied.list"
	[ ${#stanzas[@]} -eq 0 ] ||
		deb822_entries "$type" "${stanzas[@]}" >"$dir/parts/copied.sources"
	[ -n "$(cat "$dir"/parts/copied.* 2>/dev/null)" ]
}

# private_apt_debian DIR TYPE SUITE: the same with one suite of the machine's archive of
# Debian, which may be another release than the machine's. Release files past their date
# are taken: mirrors may lag behind. Returns 1 when the machine knows no such archive.
private_apt_debian() {
	local dir=$1 archive
	archive=$(debian_archive) || return 1
	[ -f "$debian_keys" ] || return 1
	private_apt_options "$dir"
	echo "$2 [signed-by=$debian_keys] $archive $3 main" >"$dir/parts/debian.list"
	apt_options+=(-o "Acquire::Check-Valid-Until=false")
}

# Make the folders of a configuration below DIR.
private_apt_options() {
	local dir=$1
	mkdir -p "$dir/parts" "$dir/lists/partial" "$dir/cache/archives/partial"
	apt_options=(
		-o "Dir::Etc::sourcelist=/dev/null"
		-o "Dir::Etc::sourceparts=$dir/parts"
		-o "Dir::Etc::preferences=/dev/null"
		-o "Dir::Etc::preferencesparts=/dev/null"
		-o "Dir::State::lists=$dir/lists"
		-o "Dir::Cache=$dir/cache"
		-o "APT::Sandbox::User=root"
	)
}
