#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# All three programs as an ordinary user: fusermount3, no hugepages, no rights.
#
# Where /dev/fuse is root's alone (no udev), the test runs in a mount namespace
# that has an ordinary one; the machine keeps its own.
if [ -z "${ISM_TEST_UNSHARED:-}" ] && [ "$(id -u)" -eq 0 ] && [ -c /dev/fuse ] &&
	[ "$(stat -c %a /dev/fuse)" != 666 ]; then
	if unshare --mount true 2>/dev/null; then
		ISM_TEST_UNSHARED=1 exec unshare --mount "$0"
	fi
	echo "/dev/fuse is for root alone, and this folder (a chroot?) has no mount namespaces"
	exit 77
fi
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
unset ISM_RUNTIME_DIR # a folder of root
need_root
need_fuse
need_command setpriv fusermount3 fio
getent passwd nobody >/dev/null || skip "no user nobody"
[ -e /etc/mtab ] || skip "no /etc/mtab (a bare chroot?), without which fusermount3 cannot unmount"

if [ -n "${ISM_TEST_UNSHARED:-}" ]; then
	mkdir "$WORK/dev"
	mount -t tmpfs -o mode=755 devices "$WORK/dev"
	mknod -m 666 "$WORK/dev/fuse" c 10 229
	mount --bind "$WORK/dev/fuse" /dev/fuse
	umount -l "$WORK/dev"
fi
user=(setpriv --reuid=nobody "--regid=$(id -g nobody)" --clear-groups --inh-caps=-all
	env "HOME=$WORK" "XDG_RUNTIME_DIR=$WORK/run")
"${user[@]}" test -w /dev/fuse || skip "an ordinary user cannot open /dev/fuse"
mkdir -m 700 "$WORK/run" "$MNT" "$WORK/fab"
image=$(image_make disk.img 32)
chown nobody "$WORK/run" "$MNT" "$WORK/fab" "$image"

# The build folder may be where an ordinary user cannot look.
mkdir -p "$WORK/bin/apps/all"
for name in ism-fabric dpdk-ismd dpdk-ismblk; do
	cp "$(program $name)" "$WORK/bin/apps/all/"
done
build_dir=$WORK/bin
as_user=("${user[@]}")
fabric_start a b
server_start --export "disk=$image,allow=any"
client_start
for name in fabric server client; do
	[ "$(ps -o user= -p "${child_pid[$name]}")" = nobody ] || fail "$name is not nobody's"
done
bounded 60 "${user[@]}" fio --thread --name=user --filename="$DISK" --rw=randwrite --bs=4k \
	--iodepth=32 --ioengine=libaio --direct=1 --size=16M --verify=crc32c --eta=never \
	--aux-path="$WORK/run" \
	>"$WORK/fio.err" 2>&1 || fail "fio: $(cat "$WORK/fio.err")"
bounded 20 "${user[@]}" cmp "$DISK" "$image" || fail "the image is not what the mount shows"

# The process that serves is killed: the next one is the same user's, and takes the mount over.
resends() {
	local major minor
	IFS=.- read -r major minor _ <<<"$(uname -r)"
	((major > 6 || (major == 6 && minor >= 9)))
}
if resends; then
	allow_log "$log_peer_gone"
	allow_log 'was ended by signal 9'
	for _ in 1 2 3; do
		kill -KILL "$(worker_pid client)"
		bounded 20 "${user[@]}" dd if="$DISK" of=/dev/null bs=64k count=1 iflag=direct \
			status=none || fail "a read fails when the process that serves was killed"
	done
	[ "$(ps -o user= -p "$(worker_pid client)")" = nobody ] || fail "it is not nobody's"
fi
pair_stop
left=$(find "$WORK/run" -type s -o -name 'ism*' | head -n 3)
[ -z "$left" ] || fail "left in the runtime directory: $left"
