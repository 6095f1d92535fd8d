#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# /tmp belongs to everybody: another user's folders and links there neither make a program remove
# files that are not its own, nor keep it from starting. RUNTIME_DIRECTORY means what systemd means.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
unset ISM_RUNTIME_DIR # a folder of root
need_root
need_command setpriv unshare mount
unshare -m true 2>/dev/null || skip "no mount namespace can be made here"

uid=54321
exe=$(program dpdk-ismd)
image=$(image_make disk.img 1)
chmod 666 "$image"
chmod 711 "$WORK"
fabric_start a
chown "$uid" "$WORK/fab" "${SOCKET[a]}"
mkdir -m 777 "$WORK/tmp" "$WORK/victim"
touch "$WORK/victim/precious" "$WORK/victim/config"
chown -R "$uid" "$WORK/victim"

# in_tmp COMMAND...: as that user, with a /tmp of our own.
cat >"$WORK/in_tmp" <<'SH'
#!/usr/bin/env bash
if [ "$1" = inside ]; then
	mount --bind "$2" /tmp
	exec setpriv --reuid="$3" --regid="$3" --clear-groups \
		env -u XDG_RUNTIME_DIR -u RUNTIME_DIRECTORY "${@:4}"
fi
SH
chmod +x "$WORK/in_tmp"
in_tmp=(unshare -m "$WORK/in_tmp" inside "$WORK/tmp" "$uid")

serve_in_tmp() {
	start server "${in_tmp[@]}" "$@" "$exe" "--vdev=raw_ism0,socket=${SOCKET[a]}" -- \
		--export "disk=$image,allow=any"
	wait_ready server
}

intact() {
	[ "$(ls "$WORK/victim")" = $'config\nprecious' ] ||
		fail "$1: files behind the link are gone"
}

# The name is somebody else's: a folder, a link, a file; what is swept is not behind a link.
lay() {
	rm -rf "$WORK/tmp"/*
	case $1 in
	folder)
		mkdir -m 755 "$WORK/tmp/dpdk-ism-$uid"
		mkdir -m 777 "$WORK/tmp/dpdk"
		ln -s "$WORK/victim" "$WORK/tmp/dpdk/ismd-999999"
		;;
	link) ln -s "$WORK/victim" "$WORK/tmp/dpdk-ism-$uid" ;;
	file) : >"$WORK/tmp/dpdk-ism-$uid" ;;
	open) # ours, and everybody may write into it
		mkdir -m 777 "$WORK/tmp/dpdk-ism-$uid"
		chown "$uid" "$WORK/tmp/dpdk-ism-$uid"
		mkdir "$WORK/tmp/dpdk-ism-$uid/dpdk"
		ln -s "$WORK/victim" "$WORK/tmp/dpdk-ism-$uid/dpdk/ismd-999999"
		;;
	inner) # ours; in it a link that another process of ours was made to leave
		mkdir -m 700 "$WORK/tmp/dpdk-ism-$uid"
		mkdir -m 700 "$WORK/tmp/dpdk-ism-$uid/dpdk"
		ln -s "$WORK/victim" "$WORK/tmp/dpdk-ism-$uid/dpdk/ismd-999999"
		chown -R -h "$uid" "$WORK/tmp/dpdk-ism-$uid"
		;;
	esac
}
for what in folder link file open inner; do
	lay "$what"
	serve_in_tmp
	intact "$what"
	stop server
	intact "$what, at the end"
done

# Dead processes of ours are swept: the same name is used again and again.
rm -rf "$WORK/tmp"/*
for _ in 1 2 3; do
	serve_in_tmp
	stop server KILL
done
[ "$(find "$WORK/tmp/dpdk-ism-$uid/dpdk" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ] ||
	fail "more is left than the last start's: $(ls "$WORK/tmp/dpdk-ism-$uid/dpdk")"

# systemd's variable: the first of a list, swept as well; empty is none.
mkdir "$WORK/first" "$WORK/second"
chown "$uid" "$WORK/first" "$WORK/second"
for _ in 1 2 3; do
	serve_in_tmp "RUNTIME_DIRECTORY=$WORK/first:$WORK/second"
	stop server KILL
done
[ "$(find "$WORK/first/dpdk" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ] ||
	fail "RUNTIME_DIRECTORY is not swept: $(ls "$WORK/first/dpdk")"
[ -z "$(ls "$WORK/second")" ] || fail "the second of the list was used"
serve_in_tmp RUNTIME_DIRECTORY= XDG_RUNTIME_DIR=
stop server
[ ! -e /dpdk ] || fail "an empty variable made /dpdk"

# refused STATUS REGEX VARIABLE=VALUE: with a line that names the variable.
refused() {
	local status=0
	bounded 20 "${in_tmp[@]}" "$3" "$exe" "--vdev=raw_ism0,socket=${SOCKET[a]}" -- \
		--export "disk=$image,allow=any" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
	[ "$status" -eq "$1" ] || fail "$3: status $status, not $1: $(cat "$WORK/err")"
	grep -qE "^dpdk-ismd: RUNTIME_DIRECTORY=.*$2" "$WORK/err" ||
		fail "$3: $(cat "$WORK/err")"
}
refused 2 "is [0-9]+ bytes long" "RUNTIME_DIRECTORY=/$(printf 'x%.0s' {1..200})"
refused 2 "absolute" RUNTIME_DIRECTORY=relative
refused 1 "cannot make" "RUNTIME_DIRECTORY=$WORK/nowhere"
chown 0 "$WORK/first/dpdk"
refused 1 "only we may write" "RUNTIME_DIRECTORY=$WORK/first"
stop fabric
