#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What deps/dpdk/build builds DPDK from: what is in the cache, without asking anybody; a
# tarball, without asking anybody; the distribution's source of a series that is supported;
# Debian 12's.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_command apt-config meson ninja

home=${XDG_CACHE_HOME:-$HOME/.cache}/dpdk-ism
mkdir -p "$WORK/bin" "$WORK/none/lib"

### An apt ###

# It offers what $WORK/offers says, and Debian 12's archive what $WORK/offers.debian says, a
# version a line; "lost" after a version: it cannot be downloaded. It writes down each call.
cat >"$WORK/bin/apt-get" <<'APT'
#!/bin/bash
echo "$*" >>"$WORK/calls"
[[ $* != *' source '* ]] || {
	version=${!#}
	version=${version#dpdk=}
	! grep -qxF "$version lost" "$WORK/offers" "$WORK/offers.debian" || exit 100
	cp "$WORK/empty.tar" "dpdk_${version%-*}.orig.tar.xz"
}
APT
cat >"$WORK/bin/apt-cache" <<'APT'
#!/bin/bash
file=$WORK/offers
[[ $* != */debian/parts* ]] || file=$WORK/offers.debian
sed 's/^\([^ ]*\).*/Version: \1/' "$file"
APT
chmod +x "$WORK"/bin/*
export WORK PATH=$WORK/bin:$PATH
tar -cf "$WORK/empty.tar" -C "$WORK/none" lib

# builds STATUS ARGUMENT...
builds() {
	local status=0 want=$1
	shift
	: >"$WORK/calls"
	bounded 60 "$source_dir/deps/dpdk/build" "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
	[ "$status" -eq "$want" ] ||
		fail "$*: status $status, expected $want: $(cat "$WORK/err" "$WORK/out")"
}

asks_nobody() {
	[ ! -s "$WORK/calls" ] || fail "apt was asked: $(cat "$WORK/calls")"
}

### Where there is a choice ###

# takes VERSION: that is what is downloaded; it is no DPDK, which ends the build.
takes() {
	rm -rf "$XDG_CACHE_HOME"
	builds 1
	grep -q "downloading dpdk $1\$" "$WORK/err" || fail "not $1: $(cat "$WORK/err")"
	grep -q "dpdk_${1%-*}.orig.tar.xz is no DPDK source" "$WORK/err" ||
		fail "$(cat "$WORK/err")"
}

export XDG_CACHE_HOME=$WORK/cache
unset DPDK_TARBALL
echo 22.11.11-0+deb12u1 >"$WORK/offers.debian"
printf '%s\n' 26.03.1-1 25.11.4-1 24.11.8-1 >"$WORK/offers"
takes 25.11.4-1
printf '%s\n' 25.11~rc2-1 24.11.8-0+deb13u1 >"$WORK/offers"
takes 24.11.8-0+deb13u1
printf '%s\n' 23.11-1ubuntu0.1 >"$WORK/offers"
takes 23.11-1ubuntu0.1
printf '%s\n' 22.11.11-0+deb12u1 22.11.7-1~deb12u1 >"$WORK/offers"
takes 22.11.11-0+deb12u1
debian=$(
	# shellcheck source=tools/lib/apt.sh
	. "$source_dir/tools/lib/apt.sh"
	! debian_archive || [ ! -f "$debian_keys" ] || echo yes
)
for offer in 26.03-1 '25.11.4-1 lost' '21.11.9-0ubuntu1' ''; do
	echo "$offer" >"$WORK/offers"
	if [ -n "$debian" ]; then
		takes 22.11.11-0+deb12u1
	else
		rm -rf "$XDG_CACHE_HOME"
		builds 1
		grep -q 'knows no archive of Debian: give DPDK .* as --tarball' "$WORK/err" ||
			fail "$offer: $(cat "$WORK/err")"
	fi
done
echo '22.11.11-0+deb12u1 lost' >"$WORK/offers.debian"
rm -rf "$XDG_CACHE_HOME"
builds 1
grep -q 'give DPDK 25.11 24.11 23.11 22.11 as --tarball FILE' "$WORK/err" || fail "no advice"

### Where there is none ###

rm -rf "$XDG_CACHE_HOME"
builds 1 --tarball "$WORK/empty.tar"
asks_nobody
DPDK_TARBALL=$WORK/empty.tar builds 1
asks_nobody
DPDK_TARBALL=$WORK/missing.tar builds 1
asks_nobody
builds 2 --series 24.07

# What was built for these tests, as if somebody had built it from a tarball.
tarball=$(find "$home/src" -name 'dpdk_*.orig.tar.*' 2>/dev/null | sort -V | tail -n 1)
[ -n "$tarball" ] || skip "the cache has no source of DPDK: the rest was not tried"
ln -s "$tarball" "$WORK/release.tar"
XDG_CACHE_HOME=${home%/dpdk-ism} builds 0 --tarball "$WORK/release.tar"
asks_nobody
prefix=$(cat "$WORK/out")
mkdir -p "$XDG_CACHE_HOME/dpdk-ism"
ln -s "$prefix" "$XDG_CACHE_HOME/dpdk-ism/$(basename "$prefix")"
DPDK_TARBALL=$WORK/release.tar builds 0
asks_nobody
for how in "" "--series $(cut -d . -f 1-2 "$prefix/VERSION")"; do
	# shellcheck disable=SC2086 # no argument, or two
	builds 0 $how
	asks_nobody
	[ "$(cat "$WORK/out")" = "$XDG_CACHE_HOME/dpdk-ism/$(basename "$prefix")" ] ||
		fail "another build is taken: $(cat "$WORK/out")"
done
