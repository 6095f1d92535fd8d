#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every system call that the fabric's serving thread makes under load and fault is one of those
# that cannot wait for a client, whatever the client does.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_command strace fio
need_fuse
strace -o /dev/null true 2>/dev/null || skip "strace may not trace here"

# What each may do: epoll_pwait2 is the one place to wait, for all clients at once. Sockets and
# eventfds that it writes do not block; close, munmap and madvise are of our own descriptors and of
# tmpfs; fcntl asks.
allowed='epoll_pwait2 epoll_pwait epoll_ctl accept4 recvmsg sendmsg setsockopt shutdown close fcntl
fstat newfstatat munmap mmap mprotect madvise brk mremap futex io_submit io_getevents
write wait4 rt_sigreturn rt_sigprocmask clock_nanosleep restart_syscall sched_yield getpid
gettid getrandom getrusage clock_gettime'

allow_log 'memory is not taken|broke the protocol|has asked nothing|no whole VERSION'
allow_log 'newer one|has a client'
allow_log "$log_peer_gone"
exe=$(program ism-fabric)
mkdir "$WORK/fab"
start fabric "$exe" --dir "$WORK/fab" --function a --function b --function x --function y
wait_ready fabric
for name in a b x y; do SOCKET[$name]=$WORK/fab/$name.sock; done
while read -r name gid _; do GID[$name]=${gid#gid=}; done <"$WORK/fabric.out"

# Its first thread only: the others write lines, and other processes close.
start_foreign trace strace -qq -o "$WORK/calls" -p "${child_pid[fabric]}"
traced() { grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/${child_pid[fabric]}/status"; }
wait_for 20 "it is traced" traced

image=$(image_make disk.img 8)
device_options=,direct=0
server_start --export "disk=$image,allow=any"
client_start
fio_run load --filename="$DISK" --rw=randrw --bs=4k --size=4M --iodepth=4 \
	--ioengine=libaio --direct=1
start_foreign silent "$build_dir/tests/hostile_client_silent" "${SOCKET[x]}" 8 10 4
start_foreign eventfd "$build_dir/tests/hostile_client_eventfd" "${SOCKET[y]}" 3
wait_exit silent 30
wait_exit eventfd 30
for way in map irq message half many oob unread version; do
	start_foreign give "$build_dir/tests/hostile_client_descriptors" give "${SOCKET[x]}" \
		$way linger
	given() { grep -qx given "$WORK/give.out" || ! is_running "${child_pid[give]}"; }
	wait_for 20 "$way" given
	kill -KILL "${child_pid[give]}"
	wait_exit give 20
done
kill -USR1 "${child_pid[fabric]}"
stop client KILL
bounded 20 umount -l "$MNT"
stop server KILL
sleep 1
kill "${child_pid[trace]}"
wait_exit trace 20
stop fabric

grep -oE '^[a-z_0-9]+\(' "$WORK/calls" | tr -d '(' | sort | uniq -c | sort -rn >"$WORK/counted"
[ "$(awk '{ sum += $1 } END { print sum }' "$WORK/counted")" -gt 1000 ] || fail "nothing was traced"
for call in recvmsg sendmsg io_submit accept4 epoll_ctl mmap; do
	grep -qw "$call" "$WORK/counted" || fail "no load: $call was not seen"
done
while read -r count call; do
	[[ " ${allowed//$'\n'/ } " == *" $call "* ]] || fail "$call, $count times: it may wait"
done <"$WORK/counted"
# No send or receive without MSG_DONTWAIT, no wait4 that waits, no question to foreign files.
! grep -E '^(sendmsg|recvmsg)\(' "$WORK/calls" | grep -v MSG_DONTWAIT | head -n 3 | grep . ||
	fail "a socket may block"
! grep -E '^wait4\(' "$WORK/calls" | grep -v WNOHANG | grep . || fail "wait4() may wait"
note "$(awk '{ printf "%s%s %s", sep, $2, $1; sep = ", " }' "$WORK/counted")"
