#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The server's kernel tells of lost writes once. At the client each open file's next fsync says
# EIO, whichever of them met it, and no fsync after that.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_fuse
need_command strace
strace -D -qq -f -e trace=none true 2>/dev/null || skip "strace may not trace"

cat >"$WORK/files.py" <<'PYTHON'
import os, sys
def fsync(fd):
    try:
        os.fsync(fd)
        return 0
    except OSError as err:
        return err.errno
files = [os.open(sys.argv[1], os.O_RDWR) for _ in range(3)]
os.pwrite(files[0], b'lost', 0)
print(*[fsync(fd) for fd in files + files])
files = [os.open(sys.argv[1], os.O_RDWR) for _ in range(2)]
print(*[fsync(fd) for fd in files])
PYTHON

# expect ERROR: what the server's first fdatasync says, and what the files are told.
expect() {
	# A sanitizer cannot look for leaks of what is being traced.
	as_user=(env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0"
		strace -D -qq -f -o "$WORK/strace" -e trace=fdatasync
		-e "inject=fdatasync:error=$1:when=1")
	server_start --export "disk=$image,allow=any"
	as_user=()
	client_start
	bounded 60 python3 "$WORK/files.py" "$DISK" >"$WORK/files.out"
	printf '%s\n' "$2 5 5 0 0 0" "0 0" | cmp -s - "$WORK/files.out" ||
		fail "after $1 fsync says: $(cat "$WORK/files.out")"
	stop client
	stop server
}

image=$(image_make disk.img 4)
allow_log 'a flush failed at the peer'
fabric_start a b
expect EIO 5
expect ENOSPC 28
stop fabric
