# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # shared with tests/lib/integration.sh
#
# For tests in which the process that serves a mount dies and the mount goes on (DESIGN D24).

allow_log 'was ended by signal|has ended with status|; the next one goes on'

# Linux 6.9 sends requests again.
need_resend() {
	local major minor
	IFS=.- read -r major minor _ <<<"$(uname -r)"
	((major > 6 || (major == 6 && minor >= 9))) || skip "Linux before 6.9 sends nothing again"
}

# Kill -9 the process that works for the client; it is gone when this ends.
kill_worker() {
	local name=$client_name pid
	pid=$(worker_pid "$name")
	[ "$pid" != "${child_pid[$name]}" ] || fail "$name has no process that works for it"
	kill -KILL "$pid"
	wait_for 10 "process $pid is gone" gone "$pid"
}

gone() {
	[ ! -e "/proc/$1" ]
}

# Until there is a process that answers telemetry, that is, serves.
next_serves() {
	wait_for 30 "the next process serves" serves_now
}

serves_now() {
	telemetry "$client_name" /ismblk/mount >/dev/null 2>&1
}

# meter_start FILE: read it now and then, past the page cache; the longest wait is what
# meter_stop gives, in ms.
meter_start() {
	cat >"$WORK/meter.py" <<'PYTHON'
import mmap, os, signal, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
page = mmap.mmap(-1, 4096)
worst, end = 0, []
signal.signal(signal.SIGUSR1, lambda *_: end.append(1))
while not end:
    start = time.monotonic()
    if os.preadv(fd, [page], 0) != 4096:
        sys.exit('a short read')
    worst = max(worst, time.monotonic() - start)
    time.sleep(0.005)
print(round(worst * 1000))
PYTHON
	start_load meter python3 "$WORK/meter.py" "$1"
}

# meter_stop LIMIT: fails if something waited for LIMIT ms.
meter_stop() {
	local worst
	check_running meter
	kill -USR1 "${child_pid[meter]}"
	wait_exit meter 30
	[ "$stop_status" -eq 0 ] || fail "a read failed: $(said meter)"
	worst=$(cat "$WORK/meter.out")
	note "longest pause: $worst ms"
	[ "$worst" -lt "$1" ] || fail "a read took $worst ms"
}

# verify_start FILE: fio at depth 16, each block written and read back, until verify_stop.
verify_start() {
	cat >"$WORK/verify" <<'SH'
#!/bin/sh
while [ ! -e "$WORK/stop" ]; do
	fio --thread --name=verify --filename="$1" --rw=randwrite --bs=4k --iodepth=16 \
		--ioengine=libaio --direct=1 --size=16M --fsync=64 --rate_iops=,2500 \
		--verify=crc32c --verify_fatal=1 --eta=never --aux-path="$WORK" || exit 1
done
SH
	chmod +x "$WORK/verify"
	rm -f "$WORK/stop"
	export WORK
	start_load verify "$WORK/verify" "$1"
}

# loop_start FILE: an ext4 on a loop device on it, in which files are written and read back,
# until loop_stop.
loop_start() {
	loop_attach "$1" --direct-io=on
	bounded 60 mkfs.ext4 -qF "$loop_device" || fail "mkfs.ext4"
	mkdir -p "$WORK/ext4"
	bounded 60 mount "$loop_device" "$WORK/ext4" || fail "no ext4 on the loop device"
	cat >"$WORK/files.py" <<'PYTHON'
import hashlib, mmap, os, random, sys
dir, stop = sys.argv[1], sys.argv[2]
sums, n, page = {}, 0, mmap.mmap(-1, 1 << 20)

def check(path):
    with open(path, 'rb') as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if hashlib.sha256(file.read()).digest() != sums[path]:
            sys.exit(f'{path} is not what was written')

while not os.path.exists(stop):
    data = os.urandom(random.randrange(1, 400000))
    path = f'{dir}/{n}'
    with open(path, 'wb') as file:
        file.write(data)
        os.fsync(file.fileno())
    sums[path] = hashlib.sha256(data).digest()
    check(random.choice(list(sums)))
    if len(sums) > 60:
        path = random.choice(list(sums))
        os.unlink(path)
        del sums[path]
    n += 1
for path in sums:
    check(path)
print(n)
PYTHON
	start_load files python3 "$WORK/files.py" "$WORK/ext4" "$WORK/stop"
}

# End both, and judge what they saw.
loads_stop() {
	check_running files verify
	touch "$WORK/stop"
	wait_exit verify 90
	[ "$stop_status" -eq 0 ] || fail "fio: $(tail -n 20 "$WORK/verify.err" "$WORK/verify.out")"
	wait_exit files 90
	[ "$stop_status" -eq 0 ] || fail "files: $(said files)"
	note "$(cat "$WORK/files.out") files written and read back"
	bounded 60 umount "$WORK/ext4" || fail "the ext4 cannot be unmounted"
	bounded 60 e2fsck -fn "$loop_device" >"$WORK/e2fsck.out" 2>&1 ||
		fail "e2fsck: $(cat "$WORK/e2fsck.out")"
	loop_detach "$loop_device"
}
