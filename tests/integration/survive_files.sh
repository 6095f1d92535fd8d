#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Open files outlive the process that serves the mount: their positions, flags, maps and locks, and
# what their next fsync has to say. An EIO that is owed is told by the next process, once.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_fuse
need_root
need_command unshare python3
need_resend

image=$(image_make disk.img 4 random)
# The server in a mount namespace where the system's boot id is the one in $WORK/boot.
cat >"$WORK/booted" <<'SH'
#!/bin/sh
mount --bind "$BOOT_ID" /proc/sys/kernel/random/boot_id && exec "$@"
SH
chmod +x "$WORK/booted"
new_boot() {
	cat /proc/sys/kernel/random/uuid >"$WORK/boot"
}
new_boot
BOOT_ID=$WORK/boot unshare --mount "$WORK/booted" grep -qf "$WORK/boot" \
	/proc/sys/kernel/random/boot_id || skip "no mount namespaces"
boot_server() {
	as_user=(env "BOOT_ID=$WORK/boot" unshare --mount "$WORK/booted")
	server_start --export "disk=$image,allow=any" --export "other=$WORK/other.img,allow=any"
	as_user=()
}
image_make other.img 4 random >/dev/null

# Open files, driven line by line: "NAME COMMAND"; answers 0 or errno.
cat >"$WORK/file.py" <<'PYTHON'
import errno, mmap, os, sys
disk, image = sys.argv[1], sys.argv[4]
flags = {'plain': os.O_RDWR, 'second': os.O_RDWR, 'direct': os.O_RDWR | os.O_DIRECT,
         'dsync': os.O_RDWR | os.O_DIRECT | os.O_DSYNC, 'reader': os.O_RDONLY}
files = {name: os.open(disk, flags[name]) for name in flags}
maps = {name: mmap.mmap(files[name], 1 << 20) for name in ('plain', 'direct')}
place = {name: (i + 1) * 65536 for i, name in enumerate(flags)}
behind = {name: os.lseek(fd, 3 << 20, os.SEEK_SET) for name, fd in files.items()}
last = {}
page = mmap.mmap(-1, 4096)
answers = open(sys.argv[3], 'w')

def of_image(at):
    with open(image, 'rb') as file:
        return os.pread(file.fileno(), 4096, at)

def expect(what, is_so):
    if not is_so:
        print(what, file=sys.stderr, flush=True)
        raise OSError(1, what)

def do(name, how):
    fd = files[name]
    if how == 'write':
        page[:] = last[name] = os.urandom(4096)
        expect('short write', os.pwrite(fd, page, place[name]) == 4096)
        expect('not at the server', of_image(place[name]) == last[name])
    elif how == 'append':  # where the file's own position is
        page[:] = data = os.urandom(4096)
        expect('short write', os.write(fd, page) == 4096)
        expect('elsewhere', of_image(behind[name]) == data)
        behind[name] += 4096
    elif how == 'read':
        expect('other bytes', os.preadv(fd, [page], 1 << 21) == 4096 and
               page[:] == of_image(1 << 21))
    elif how == 'again':
        expect('not what was written', os.preadv(fd, [page], place[name]) == 4096 and
               page[:] == last[name])
    elif how == 'map':
        data = os.urandom(4096)
        maps[name][4096 * 40:4096 * 41] = data
        maps[name].flush(4096 * 40, 4096)
        expect('not at the server', of_image(4096 * 40) == data)
    elif how == 'punch':
        expect('data', os.lseek(fd, 0, os.SEEK_DATA) == 0)
        os.lseek(fd, behind[name], os.SEEK_SET)
    elif how == 'zero':
        try:
            os.write(fd, b'x')
            expect('written', False)
        except OSError as err:
            expect('another error', err.errno == errno.EBADF)
    else:
        os.fsync(fd)

for line in open(sys.argv[2]):
    try:
        do(*line.split())
        print(0, file=answers, flush=True)
    except OSError as err:
        print(err.errno, file=answers, flush=True)
PYTHON
# expect WHEN NAME COMMAND ANSWER
expect() {
	local answer
	echo "$2 $3" >&7
	read -r -t 30 answer <&8 || fail "$1: $2 $3 does not end"
	[ "$answer" = "$4" ] || fail "$1: $2 $3 answers $answer, expected $4: $(said file)"
}
all_work() {
	local name
	for name in plain second direct dsync; do
		expect "$1" $name write 0
		expect "$1" $name again 0
		expect "$1" $name append 0
		expect "$1" $name punch 0
		expect "$1" $name fsync 0
	done
	for name in plain direct; do expect "$1" $name map 0; done
	expect "$1" reader read 0
	expect "$1" reader zero 0
	expect "$1" reader fsync 0
}

fabric_start a b
boot_server
client_start
allow_log "$log_peer_gone"
allow_log 'unflushed writes may be lost|another one now'
mkfifo "$WORK/asks" "$WORK/answers"
start_load file python3 "$WORK/file.py" "$DISK" "$WORK/asks" "$WORK/answers" "$image"
exec 7<>"$WORK/asks" 8<>"$WORK/answers"
ino=$(stat -c %i "$MNT/other")
all_work "at first"
kill_worker
all_work "after a death"
kill_worker
next_serves
all_work "after another one"
# The kernel takes the answer to stat from what it knows, for a second.
sleep 1.1
[ "$(stat -c %i "$MNT/other")" = "$ino" ] || fail "a file has another number"
same "$MNT/other" "$WORK/other.img" "the other disk"

# Times that were set by hand stay.
touch -d 2001-02-03 "$MNT/other"
kill_worker
[ "$(stat -c %y "$MNT/other" | cut -c 1-10)" = 2001-02-03 ] || fail "a time is forgotten"

# A process died, the server's system was rebooted, and nothing was unflushed.
expect "before both" plain write 0
expect "before both" plain fsync 0
kill_worker
stop server KILL
new_boot
boot_server
for name in plain second direct reader; do expect "after both, flushed" $name fsync 0; done

# The same, and something was: every open file is told once.
expect "before both" plain write 0
kill_worker
stop server KILL
new_boot
boot_server
for name in plain second direct reader; do expect "after both" $name fsync 5; done
for name in plain second direct reader; do expect "told once" $name fsync 0; done

# First the reboot, of which one file hears; then the death.
expect "before a reboot" second write 0
stop server KILL
new_boot
boot_server
expect "after a reboot" second fsync 5
kill_worker
for name in plain direct reader; do expect "after a reboot and a death" $name fsync 5; done
for name in plain second direct reader; do expect "told once" $name fsync 0; done

# Nobody has heard of it when the process dies: a file that is opened later, too, is told.
expect "before a reboot" plain write 0
stop server KILL
new_boot
boot_server
expect "a new session" reader read 0
kill_worker
! sync "$DISK" 2>"$WORK/sync.err" || fail "a file that was opened later is not told"
expect "after that" plain fsync 5
sync "$DISK" || fail "told twice"

# The process dies in the middle of the answer EIO: the next one has to give it.
die_answering() {
	start_foreign strace strace -f -qq -o "$WORK/strace.out" -e trace=writev \
		-e inject=writev:signal=SIGKILL:when=1 -p "$(worker_pid client)"
	wait_for 20 "strace follows" grep -q '^TracerPid:[[:space:]]*[1-9]' \
		"/proc/$(worker_pid client)/status"
	old=$(worker_pid client)
}
if strace -o /dev/null true 2>/dev/null; then
	expect "before a reboot" plain write 0
	stop server KILL
	new_boot
	boot_server
	expect "a new session" second write 0
	die_answering
	expect "an answer that was cut off" plain fsync 5
	[ "$(worker_pid client)" != "$old" ] || fail "it has not died"
	wait_exit strace 20
	expect "told once" plain fsync 0
	die_answering
	expect "another answer that was cut off" plain again 0
	[ "$(worker_pid client)" != "$old" ] || fail "it has not died"
	wait_exit strace 20
	expect "that was not of them" second fsync 5
fi

# A write with O_DSYNC before a death is on stable storage.
for name in plain second direct reader dsync; do
	echo "$name fsync" >&7
	read -r -t 30 _ <&8 || fail "the last fsync of $name does not end"
	expect "all was told" $name fsync 0
done
expect "before a death" dsync write 0
kill_worker
stop server KILL
new_boot
boot_server
expect "after a synchronous write" dsync fsync 0
expect "after a synchronous write" dsync again 0

exec 7>&- 8<&-
stop file KILL
pair_stop
