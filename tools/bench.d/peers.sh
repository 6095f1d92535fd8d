# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with tools/bench
#
# The peers of `tools/bench block`: peer_start NAME mounts one and sets $peer_file, what
# fio opens, and $peer_children, whose CPU time counts; or it returns 1 with the
# reason in $peer_reason. peer_stop ends it.

peer_start() {
	peer_file=
	peer_children=()
	peer_reason=
	mkdir -p "$MNT"
	"peer_start_${1//-/_}" || return
	wait_for 20 "$1 shows its file" test -s "$peer_file"
}

peer_start_raw() {
	peer_file=$image
}

peer_start_ismblk() {
	read -ra client_eal <<<"${CLIENT_EAL:-}"
	read -ra server_eal <<<"${SERVER_EAL:-}"
	pair_start "$image"
	peer_children=(client server fabric)
	peer_file=$DISK
}

peer_start_nbdfuse() {
	has_command nbdkit && has_command nbdfuse || return
	rm -f "$WORK/nbd.sock"
	start_foreign nbdkit nbdkit -f -U "$WORK/nbd.sock" file "$image"
	wait_for 20 "nbdkit listens" test -S "$WORK/nbd.sock"
	start_foreign nbdfuse nbdfuse "$MNT/" --unix "$WORK/nbd.sock"
	peer_children=(nbdfuse nbdkit)
	peer_file=$MNT/nbd
}

peer_start_qsd() {
	has_command qemu-storage-daemon || return
	qemu-storage-daemon --help | grep -q type=.fuse || {
		peer_reason="this qemu-storage-daemon has no FUSE export"
		return 1
	}
	peer_file=$MNT/qsd
	: >"$peer_file"
	start_foreign qsd qemu-storage-daemon \
		--blockdev "driver=file,node-name=image,filename=$image" \
		--export "type=fuse,id=fuse,node-name=image,mountpoint=$peer_file,writable=on"
	peer_children=(qsd)
}

# fusemem_build: the floors' program, compiled when it is older than its source.
fusemem_build() {
	local source=$source_dir/tools/bench.d/fusemem.c
	fusemem=$build_dir/bench/fusemem
	[ "$fusemem" -ot "$source" ] || return 0
	mkdir -p "${fusemem%/*}"
	# shellcheck disable=SC2046 # pkg-config prints words
	"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Wshadow -Wno-unused-parameter -Werror \
		$(pkg-config --cflags fuse3) -o "$fusemem" "$source" $(pkg-config --libs fuse3)
}

peer_start_floor() {
	fusemem_build
	start_foreign floor "$fusemem" "$@" --size $((size_mib << 20)) "$MNT"
	peer_children=(floor)
	wait_ready floor
	peer_file=$MNT/disk
}

peer_start_floor_poll() {
	peer_start_floor --poll
}
