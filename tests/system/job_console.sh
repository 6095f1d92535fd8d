#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A console from the host into a guest: log in, run commands, see the size of the terminal
# change, leave and come back; scripts and exit status without a terminal.
# shellcheck disable=SC2016 # what is typed is for the far shell
# shellcheck source=tests/system/lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
# shellcheck source=tests/system/lib/programs.sh
. "$(dirname "$0")/lib/programs.sh"
# shellcheck source=tests/lib/console.sh
. "$source_dir/tests/lib/console.sh"
need_kernel testing
need_command tmux pgrep

fabric_start host guest --quirk=qemu-pcistb
server_function=guest
machine_start guest guest
machine_bind guest guest
# A user with a password ("ism"), as busybox's login knows it.
guest_run guest 60 'mkdir -p /etc && echo "root:x:0:0::/root:/bin/sh" >/etc/passwd &&
	echo "root:$(mkpasswd -m sha512 ism 2>/dev/null || cryptpw ism):1::::::" >/etc/shadow &&
	printf "#!/bin/sh\nexec login\n" >/ism/login && chmod 755 /ism/login &&
	printf "#!/bin/sh\nPS1=\"far\\$ \" exec sh -i\n" >/ism/shell && chmod 755 /ism/shell'
machine_spawn guest server "/ism/dpdk-ismd -- --console login=exec:/ism/login,allow=${GID[host]} \
	--console sh=exec:/ism/shell,allow=${GID[host]}"
machine_ready guest server

### Without a terminal ###
echo 'uname -m; exit 7' >"$WORK/script"
console_bound=90 console_run 7 host "$WORK/script" --console sh --wait 60
grep -q '^s390x' "$WORK/run.out" || fail "no shell of a guest: $(cat "$WORK/run.out")"

### Log in ###
screen_open here
screen_attach here host --console login --wait 60
screen_wait here 'login: *$' 60
screen_type here root
screen_wait here 'Password: *$' 60
screen_type here ism
screen_wait here '[#$] *$' 60
screen_type here 'echo $((6 * 7)) on $(uname -m) in $(tty)'
screen_wait here '^42 on s390x in /dev/pts/' 60
screen_type here 'stty size'
screen_wait here '^24 80' 60
screen_resize here 100 30
screen_type here 'sleep 1; stty size'
screen_wait here '^30 100' 60
screen_type here 'cat /proc/cpuinfo | head -n 1'
screen_wait here '^vendor_id +: IBM/S390' 60
screen_type here 'exit'
screen_status here 0 # what login ends with

### Leave, and come back to what goes on ###
screen_attach here host --console sh --wait 60
screen_wait here '^far\$ *$' 60
# Not at a prompt: busybox asks the terminal where it is, and the answer would come here.
screen_type here 'word=kept-$((1 + 1)); echo set-$((1 + 1)); sleep 5'
screen_wait here '^set-2$' 60
screen_keys here C-_ .
screen_until 60 here "the client has left" screen_prompt here
screen_clear here
screen_attach here host --console sh --wait 60 --history 0
screen_wait here '^far\$ *$' 60
screen_type here 'echo $word'
screen_wait here '^kept-2$' 60
screen_type here 'exit 3'
screen_until 60 here "the client has ended" screen_prompt here
screen_status here 3

# Credits that come when the client has gone are refused; QEMU says so.
guest_noise+='|vfio_region_write\(.*:region0\+.* failed: Input/output error'
machine_end guest server
guest_stop guest
stop fabric
