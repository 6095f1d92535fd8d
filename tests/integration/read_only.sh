#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Read-only, by the server's word and by the client's wish.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse

image=$(image_make disk.img 4 random)
sum=$(sha256sum <"$image")
# try_write WHAT: no way of writing may work, and EROFS is the reason.
try_write() {
	python3 - "$DISK" <<'PYTHON' || fail "$1"
import errno, os, sys
path = sys.argv[1]
try:
    fd = os.open(path, os.O_RDWR)
except OSError as err:
    # Ordinary permission bits may speak first, for ordinary users.
    assert err.errno in (errno.EROFS, errno.EACCES), err
    assert err.errno == errno.EROFS or os.getuid() != 0, err
    sys.exit(0)
for what in (lambda: os.pwrite(fd, b'x' * 512, 0), lambda: os.ftruncate(fd, 0),
             lambda: os.posix_fallocate(fd, 0, 4096)):
    try:
        what()
        os.fsync(fd)
    except OSError as err:
        assert err.errno == errno.EROFS, err
        continue
    sys.exit('a change went through')
PYTHON
	cmp "$DISK" "$image" || fail "$1: content differs"
}

fabric_start a b
server_start --export "disk=$image,ro,allow=any"
client_start
try_write "exported read-only"
[ ! -w "$DISK" ] || [ "$(id -u)" -eq 0 ] || fail "the mode says that it can be written"
[ "$(stat -c %A "$DISK" | tr -d -c w)" = "" ] || fail "mode with w: $(stat -c %A "$DISK")"
stop client
stop server

server_start --export "disk=$image,allow=any"
client_start --read-only
try_write "mounted read-only"
stop client
# And it was only the wish: the same export can be written.
client_start
printf x | dd of="$DISK" conv=notrunc,fsync status=none
pair_stop
[ "$(sha256sum <"$image")" != "$sum" ] || fail "the last write is lost"
