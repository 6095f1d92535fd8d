#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every system call that the serving threads make, under load and while peers, programs and the
# fabric come and go, is one that cannot wait for anybody else: no file is opened, no name is looked
# up, no stream written, no lock waited for, and what is read or written does not block.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"
need_root
need_loop
need_command strace python3
strace -o /dev/null true 2>/dev/null || skip "strace cannot trace here"

# trace NAME: all threads of it, with descriptors as paths, until trace_end.
trace() {
	start_foreign "trace-$1" strace -f -yy -qq -e signal=none -s 0 -o "$WORK/$1.trace" \
		-p "$(worker_pid "$1")"
	wait_for 20 "strace follows $1" traced "$1"
}

traced() {
	local task
	for task in "/proc/$(worker_pid "$1")/task/"*/status; do
		grep -q '^TracerPid:[[:space:]]*[1-9]' "$task" || return 1
	done
}

# The threads that serve: the first, and EAL's workers. Threads of EAL and of ours for what may wait
# have names of their own.
serving() {
	local task name
	for task in "/proc/$(worker_pid "$1")/task/"*; do
		read -r name <"$task/comm" || continue
		case $name in
		ism-* | eal-* | rte_mp* | telemetry*) ;;
		dpdk-telemet* | dpdk-intr* | dpdk-mp* | iou-*) ;;
		*) echo "${task##*/}" ;;
		esac
	done
}

cat >"$WORK/judge" <<'PY'
import re, sys
trace, images = sys.argv[1], sys.argv[2].split(':')
threads = set(sys.argv[3].split())
memory = [path for path in images if not path.startswith('/dev/loop')]
# Never waits, whatever its arguments are.
FREE = set('''sched_yield getrusage clock_gettime gettimeofday getpid gettid
mmap munmap mremap madvise mprotect brk memfd_create ftruncate fcntl fcntl64 timer_settime
eventfd2 io_uring_enter io_uring_register epoll_ctl epoll_create1 timerfd_settime
rt_sigprocmask rt_sigaction rt_sigreturn restart_syscall membarrier
pidfd_open pidfd_send_signal kill tgkill close pipe2 dup3 socketpair
sched_getaffinity sched_setaffinity sched_getscheduler sched_getparam prlimit64
getuid geteuid getgid getegid setsid getpgid setpgid prctl getrandom rseq
set_robust_list gettid'''.split())
# Ends after a time that we give.
TIMED = {'clock_nanosleep', 'nanosleep', 'ppoll', 'poll', 'pselect6', 'epoll_pwait',
         'epoll_pwait2', 'epoll_wait'}
bad = {}
line_re = re.compile(r'^(\d+) +(\w+)\((.*)$')
started = {} # thread -> a call that strace had to interrupt
for line in open(trace, errors='replace'):
    tid, _, text = line.rstrip().partition(' ')
    text = text.lstrip()
    if text.endswith('<unfinished ...>'):
        started[tid] = text[:-len('<unfinished ...>')]
        continue
    resumed = re.match(r'<\.\.\. \w+ resumed>(.*)', text)
    if resumed:
        text = started.pop(tid, '') + resumed.group(1)
    line = f'{tid} {text}'
    m = line_re.match(line)
    if not m or tid not in threads:
        continue
    call, rest = m.group(2), m.group(3)
    ok = call in FREE or call in TIMED
    if call == 'futex':
        ok = 'FUTEX_WAKE' in rest
    elif call in ('wait4', 'waitid'):
        ok = 'WNOHANG' in rest
    elif call in ('ppoll', 'poll'):
        # A time, and not "for ever".
        ok = not re.search(r'\], \d+, (NULL|-1)', rest)
    elif call == 'ioctl':
        ok = True
    elif call in ('sendmsg', 'recvmsg', 'sendto', 'recvfrom'):
        # Or the device itself, the only stream: a command is a message to the fabric and its
        # answer, as it is an instruction on hardware.
        ok = 'MSG_DONTWAIT' in rest or '<UNIX-STREAM:' in rest
    elif call == 'statx':
        ok = 'AT_STATX_DONT_SYNC' in rest
    elif call in ('newfstatat', 'fstat', 'fstatfs'):
        ok = '</memfd:' in rest
    elif call in ('clone3', 'clone'):
        # posix_spawn() waits for the exec of /bin/sh, which looks for the program by itself.
        ok = 'CLONE_VFORK' in rest
    elif call == 'openat':
        ok = '"/dev/ptmx"' in rest
    elif call == 'fdatasync': # an image in memory; others go through io_uring
        ok = re.match(r'\d+<([^>]*)', rest).group(1) in memory
    elif call in ('read', 'readv', 'write', 'writev', 'pread64', 'pwrite64', 'preadv', 'pwritev',
                  'preadv2', 'pwritev2', 'fallocate', 'lseek', 'copy_file_range'):
        fd = re.match(r'\d+<([^>]*)', rest)
        path = fd.group(1) if fd else '?'
        ok = (path.startswith(('/dev/fuse', 'anon_inode:[eventfd]', 'anon_inode:[timerfd]',
                               'anon_inode:[pidfd]', '/dev/ptmx', '/dev/pts/ptmx', '/memfd:'))
              or path in images)
    if not ok:
        bad.setdefault(call, []).append(line.rstrip()[:160])
for call, lines in sorted(bad.items()):
    print(f'{call}: {len(lines)} times, for example')
    for line in lines[:3]:
        print('   ', line)
sys.exit(1 if bad else 0)
PY

# judge NAME IMAGES: the program must still run.
judge() {
	local threads
	threads=$(serving "$1" | tr '\n' ' ')
	kill -INT "${child_pid[trace-$1]}"
	wait_exit "trace-$1" 20
	[ "$(grep -c . "$WORK/$1.trace")" -gt 1000 ] || fail "nothing was traced of $1"
	python3 "$WORK/judge" "$WORK/$1.trace" "$2" "$threads" >"$WORK/$1.judged" ||
		problems+="$1: $(cat "$WORK/$1.judged")"$'\n'
}
problems=

# An image in memory, and one behind a block device, which goes through io_uring.
memory=$(image_make memory.img 8 random)
truncate -s 8M "$WORK/device.img"
loop_attach "$WORK/device.img"
server_eal=(--lcores '0@(0,1),1@(0,1)')
client_eal=(--lcores '0@(0,1),1@(0,1)')
allow_log "$log_peer_gone"

fabric_start a b c d
server_start --export "disk=$memory,allow=any" --export "device=$loop_device,allow=any" \
	--console "c=exec:cat,allow=any" --console "short=exec:echo done,allow=any"
client_start
trace server
trace client

work() {
	bounded 60 dd if=/dev/urandom of="$DISK" bs=64k count=16 conv=notrunc,fsync status=none ||
		fail "$1"
	bounded 60 dd if="$MNT/device" of=/dev/null bs=64k count=16 iflag=direct status=none ||
		fail "$1"
	bounded 60 fallocate -p -o 65536 -l 65536 "$DISK" || fail "$1"
	bounded 60 stat "$DISK" >/dev/null || fail "$1"
}
echo words >"$WORK/words"
work "at first"
# Somebody else comes and goes, politely and not.
MNT=$WORK/other client_name=other client_function=c
client_start
stop other KILL
bounded 20 umount -l "$MNT"
client_start
stop other
MNT=$WORK/mnt client_name=client client_function=b
for _ in 1 2; do
	console_run 0 d "$WORK/words" --console c
	console_run 0 d /dev/null --console short
done
# What is not there.
status=0
bounded 60 "$(program dpdk-ismcons)" "--vdev=raw_ism0,socket=${SOCKET[d]}" -- \
	--peer "${GID[a]}" --console none </dev/null 2>"$WORK/run.err" || status=$?
[ "$status" -ne 0 ] || fail "a console that is not there"
truncate -s 9M "$memory"
sleep 2
work "later"

judge server "$memory:$loop_device"
judge client ""
[ -z "$problems" ] || fail "system calls that may wait:"$'\n'"$problems"
loop_detach_later=$loop_device
stop client
stop server
stop fabric
loop_detach "$loop_detach_later"
