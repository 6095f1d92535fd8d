# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What every tests/system/*.sh sources first: tests/lib/integration.sh, and guests:
# QEMU's s390x machine with a kernel of Debian and functions of the fabric as PCI
# functions. tools/test-system runs these tests; tests/system/README.md is the manual.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib/integration.sh
. "$here/../../lib/integration.sh"
system_tests=${here%/lib}

[ -n "${ISM_SYSTEM_DIR:-}" ] || fail "ISM_SYSTEM_DIR is not set: run tools/test-system"
system=$ISM_SYSTEM_DIR
# shellcheck disable=SC2034 # for tools/lib
tool=$test_name
# shellcheck source=tools/lib/system_use.sh
. "$source_dir/tools/lib/system_use.sh"

guest_boot_seconds=${ISM_GUEST_BOOT:-180} # a guest boots in 6 s on an idle machine
guest_memory=512 # MiB
guest_cpus=1
guest_devices=() # more options for QEMU
guest_append= # more parameters for its kernel
# What QEMU always says: the fabric offers no vector for bus errors, as there is no bus. And
# it says when the fabric refuses a store: whoever stores into a buffer may do so just when
# its owner takes it back.
guest_noise='warning: .*Could not enable error recovery for the device$'
guest_noise+='|vfio_region_write\(.*:region0\+.* failed: Input/output error$'
job_status=0 # of the last guest_run
declare -A job_in=() job_out=() # descriptors, by guest

# need_kernel SUITE
need_kernel() {
	[ -f "$system/kernel-$1/vmlinuz" ] ||
		skip "no kernel of Debian $1: $(cat "$system/kernel-$1.missing" 2>/dev/null)"
}

kernel_release() {
	cat "$system/kernel-$1/release"
}

### Building for the guest ###

# module_folder NAME FILE...: a folder to build modules in, with copies of the files;
# prints its path. It is removed with $WORK.
module_folder() {
	local dir=$build_area/$1
	shift
	mkdir -p "$dir"
	cp -r "$@" "$dir"
	echo "$dir"
}

# guest_program SOURCE OUTPUT [OPTION...]: compile one C file statically for guests.
guest_program() {
	local dir source=$1 output=$2
	shift 2
	dir=$(module_folder program "$source")
	in_root "cd '${dir#"$system_root"}' && s390x-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE -O2 \
		-Wall -Wextra -Werror -static -o program $* '${source##*/}'" >"$WORK/cc.log" 2>&1 ||
		fail "compiling $source: $(tail -n 20 "$WORK/cc.log")"
	mv "$dir/program" "$output"
}

# guest_binary NAME: one of the project's programs, built for guests.
guest_binary() {
	local path
	for path in "${ISM_S390X_DIR:-$source_dir/build-s390x}"/apps/*/"$1"; do
		[ ! -f "$path" ] || {
			echo "$path"
			return
		}
	done
	skip "no $1 for s390x: tools/build-s390x makes it"
}

# kernel_modules SUITE DIR [MAKE-ARGUMENT...]: make the modules of DIR; they must build without a
# warning.
kernel_modules() {
	local log=$WORK/modules-$1.log
	module_build "$@" >"$log" 2>&1 || fail "modules for $1: $(tail -n 30 "$log")"
	! grep -i warning "$log" || fail "modules for $1: warnings"
}

# our_module SUITE DIR: kmod/, built for that kernel, into DIR.
our_module() {
	local dir
	dir=$(module_folder "ours-$1" "$source_dir"/kmod/{Kbuild,*.c})
	kernel_modules "$1" "$dir"
	cp "$dir/ism-vfio-pci.ko" "$2/"
}

# upstream_module SUITE DIR: the kernel's own, which Debian's kernels leave switched off.
upstream_module() {
	local dir
	dir=$(module_folder "upstream-$1/ism" "$system/source/drivers/vfio/pci/ism/main.c")
	cp "$system/source/drivers/vfio/pci/vfio_pci_priv.h" "${dir%/ism}/"
	printf 'obj-m := ism-vfio-pci.o\nism-vfio-pci-y := main.o\n' >"$dir/Kbuild"
	kernel_modules "$1" "$dir"
	cp "$dir/ism-vfio-pci.ko" "$2/"
}

# kernel_ism_modules DIR [FILE.c...]: the kernel's own ism and dibs drivers, and a module of
# each FILE beside them, into DIR.
#
# Not quite as they are: QEMU refuses a store block of 8 bytes, with which the driver sends every
# command. For tests alone it sends them as one PCI store, in the byte order in which QEMU would
# hand on a block (SPEC-ism section 10.5). Nothing else is changed.
kernel_ism_modules() {
	local dir out=$1 file
	shift
	dir=$(module_folder kernel-ism "$system"/source/drivers/s390/net/ism{.h,_drv.c} \
		"$system"/source/drivers/dibs/dibs_{main.c,loopback.h} "$@")
	printf '%s\n' 'obj-m := dibs.o ism.o' 'dibs-y := dibs_main.o' 'ism-y := ism_drv.o' \
		>"$dir/Kbuild"
	for file in "$@"; do
		printf 'obj-m += %s.o\n' "$(basename "$file" .c)" >>"$dir/Kbuild"
	done
	python3 - "$dir/ism.h" <<'PY'
import sys

path = sys.argv[1]
text = open(path).read()
old = "\tif (len)\n\t\t__zpci_store_block(data, req, offset);\n"
assert text.count(old) == 1, "the kernel's driver has changed: look at __ism_write_cmd()"
new = ("\tif (len == 8)\n\t\t__zpci_store(swab64(*(u64 *)data), req, offset);\n"
       "\telse " + old.lstrip())
open(path, "w").write(text.replace(old, new))
PY
	kernel_modules testing "$dir"
	cp "$dir"/*.ko "$out/"
}

### Guests ###

# guest_image NAME SUITE FILE...: the file system in memory that it boots with: Debian's busybox
# and pciutils, the modules, our init, and FILEs, in /.
guest_image() {
	local tree=$WORK/$1.tree suite=$2
	shift 2
	mkdir -p "$tree"
	cp -r "$system/kernel-$suite/lib" "$tree/"
	cp "$system_tests/lib/init" "$tree/init"
	[ $# -eq 0 ] || cp -r "$@" "$tree/"
	# Debian's part has /lib as a symbolic link, the kernel's as a folder.
	mkdir -p "$tree/usr"
	mv "$tree/lib" "$tree/usr/lib"
	{
		cpio_of "$system/guest"
		cpio_of "$tree"
	} >"$tree.cpio"
	rm -rf "$tree"
}

cpio_of() {
	(cd "$1" && find . -mindepth 1 \( -path ./usr/share/doc -o -path ./usr/share/locale \
		-o -path ./usr/share/man \) -prune -o -print |
		LC_ALL=C sort | root_program bin/cpio --quiet -o -H newc -R 0:0)
}

# The PCI function of QEMU for a function of the fabric. Posted writes would let a store
# return before the device has acted on it.
guest_device() {
	printf '{"driver":"vfio-user-pci","id":"%s","x-no-posted-writes":true,' "ism-$1"
	printf '"socket":{"path":"%s","type":"unix"}}' "${SOCKET[$1]}"
}

# guest_start NAME SUITE FUNCTION... [-- FILE...]: boot, with functions of the fabric
# in this order, and FILEs in /.
guest_start() {
	local name=$1 suite=$2 qemu in out
	local -a devices=("${guest_devices[@]}")
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		devices+=(-device "$(guest_device "$1")")
		shift
	done
	[ $# -eq 0 ] || shift
	guest_image "$name" "$suite" "$@"
	mkfifo "$WORK/$name.job.in" "$WORK/$name.job.out"
	exec {in}<>"$WORK/$name.job.in" {out}<>"$WORK/$name.job.out"
	job_in[$name]=$in job_out[$name]=$out
	mapfile -t qemu < <(qemu_command)
	start_foreign "$name" nice -n 10 "${qemu[@]}" -accel tcg -cpu max -smp "$guest_cpus" \
		-nodefaults -display none -no-reboot \
		-m "$guest_memory" -M s390-ccw-virtio,memory-backend=mem \
		-object "memory-backend-memfd,id=mem,size=${guest_memory}M,share=on" \
		-chardev "file,id=console,path=$WORK/$name.console" \
		-device sclpconsole,chardev=console \
		-chardev "pipe,id=job,path=$WORK/$name.job" -device virtio-serial-ccw \
		-device virtserialport,chardev=job,name=job \
		-kernel "$system/kernel-$suite/vmlinuz" -initrd "$WORK/$name.tree.cpio" \
		-append "panic=-1 loglevel=7 ism_guest=$name $guest_append" "${devices[@]}"
	guest_run "$name" "$guest_boot_seconds" true
	rm -f "$WORK/$name.tree.cpio"
}

# guest_job NAME SECONDS SCRIPT: run a shell script in the guest; its output is in
# $WORK/NAME.run, its exit status in $job_status. SECONDS are for a machine that does nothing
# else; on an overbooked one it may take three times as long.
guest_job() {
	local name=$1 end=$((SECONDS + $2 * 3)) nonce=job-$RANDOM$RANDOM line blank=
	printf '%s %s\n' "$nonce" "$(base64 -w 0 <<<"$3")" >&"${job_in[$name]}"
	: >"$WORK/$name.run"
	while :; do
		# What is there of a line when the time is up would be lost: it is kept.
		if IFS= read -r -t 1 line <&"${job_out[$name]}"; then
			line=$blank$line
			blank=
			if [[ $line =~ ^$nonce\ ([0-9]+)$ ]]; then
				job_status=${BASH_REMATCH[1]}
				# The empty line before it is the agent's.
				sed -i '${/^$/d}' "$WORK/$name.run"
				return
			fi
			printf '%s\n' "$line" >>"$WORK/$name.run"
			continue
		fi
		blank+=$line
		is_running "${child_pid[$name]}" ||
			fail "$name: QEMU has ended: $(guest_said "$name")"
		[ "$SECONDS" -lt "$end" ] ||
			fail "$name: not within $(($2 * 3)) s: ${3:0:200}: $(guest_said "$name")"
	done
}

# guest_run NAME SECONDS SCRIPT: the same; its exit status must be 0.
guest_run() {
	guest_job "$@"
	[ "$job_status" -eq 0 ] ||
		fail "$1: status $job_status: ${3:0:200}: $(tail -n 20 "$WORK/$1.run")"
}

# What is known about a guest that does not do what it should.
guest_said() {
	tail -n 10 "$WORK/$1.run" 2>/dev/null
	tail -n 10 "$WORK/$1.err"
	tail -n 15 "$WORK/$1.console" 2>/dev/null | tr -d '\r'
}

# Nothing in a guest's kernel log may say that something is broken in it.
guest_check_kernel() {
	local name=$1
	guest_run "$name" 30 dmesg
	! grep -E 'BUG|WARNING|Oops|Unable to handle|Call Trace|refcount|use-after-free' \
		"$WORK/$name.run" || fail "$name: its kernel complains"
}

# guest_stop NAME: switch it off; it must end by itself.
guest_stop() {
	local name=$1 in=${job_in[$1]} out=${job_out[$1]}
	guest_check_kernel "$name"
	printf 'x %s\n' "$(base64 -w 0 <<<'poweroff -f')" >&"${job_in[$name]}"
	wait_exit "$name" 60
	exec {in}>&- {out}>&-
	[ "$stop_status" -eq 0 ] ||
		fail "$name: QEMU ended with status $stop_status: $(said "$name")"
	! grep -vE "$guest_noise" "$WORK/$name.err" || fail "$name: QEMU says more than expected"
}

build_area=$system_root/build/$test_name.$$
guest_cleanup() {
	local status=$?
	set +e
	rm -rf "$build_area"
	(exit "$status") # cleanup looks at it
	cleanup
}
trap guest_cleanup EXIT
