# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # shared with guest.sh
#
# What tests/system/pmd_*.sh and job_*.sh source after guest.sh: our programs in guests,
# on functions that ism_vfio_pci has. The host's programs are those of integration.sh, on
# other functions of the same fabric.

declare -A address=() # PCI address, by function
machine_suite=testing # whose kernel it boots; a test may set it before its first machine
guest_seconds=120 # a program may take that long in a guest: it is emulated, and shares two cores

# guest_programs DIR: the programs, tools/bind and our module, for guest_start.
guest_programs() {
	local name path
	mkdir -p "$1"
	for name in dpdk-ismblk dpdk-ismcons dpdk-ismd dpdk-ismstat; do
		path=$(guest_binary "$name") || { echo "$path" && exit 77; }
		cp "$path" "$1/"
	done
	cp "$source_dir/tools/bind" "$1/"
	our_module "$machine_suite" "$1"
}

# machine_start NAME FUNCTION... [-- FILE...]: a guest with those functions of the fabric, the
# programs in /ism, the module loaded and no function bound; the functions' PCI addresses
# are in address[FUNCTION] then.
machine_start() {
	local name=$1 function slot
	local -a functions=() files=()
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		functions+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	files=("$@")
	[ -d "$WORK/ism" ] || guest_programs "$WORK/ism"
	guest_start "$name" "$machine_suite" "${functions[@]}" -- "$WORK/ism" "${files[@]}"
	guest_run "$name" 60 "mkdir -p /var/run /mnt &&
		modprobe vfio-pci-core && modprobe vfio_iommu_type1 && modprobe loop &&
		modprobe ext4 &&
		cp /ism/ism-vfio-pci.ko /lib/modules/*/ && depmod && modprobe ism-vfio-pci"
	# They come in the order in which QEMU was told of them.
	guest_run "$name" 30 "lspci -n -D | awk '\$3 == \"1014:04ed\" { print \$1 }'"
	[ "$(wc -l <"$WORK/$name.run")" -eq "${#functions[@]}" ] ||
		fail "$name: other functions than ${functions[*]}: $(cat "$WORK/$name.run")"
	for function in "${functions[@]}"; do
		read -r slot
		address[$function]=$slot
	done <"$WORK/$name.run"
}

# machine_bind NAME FUNCTION...: give them to ism_vfio_pci.
machine_bind() {
	local name=$1 function
	shift
	for function in "$@"; do
		guest_run "$name" 60 "/ism/bind bind ${address[$function]}"
	done
}

# machine_spawn NAME JOB COMMAND: a shell command in the background of the guest; output in
# /tmp/JOB.out and .err there, its process id in /tmp/JOB.pid.
machine_spawn() {
	guest_run "$1" 30 "$3 >/tmp/$2.out 2>/tmp/$2.err </dev/null & echo \$! >/tmp/$2.pid"
}

# machine_wait NAME SECONDS WHAT CONDITION: until that command of the guest's shell succeeds.
machine_wait() {
	local name=$1 seconds=$2 what=$3 condition=$4
	guest_job "$name" $((seconds + 30)) "n=$seconds
		until $condition; do n=\$((n - 1)); [ \$n -gt 0 ] || exit 1; sleep 1; done"
	[ "$job_status" -eq 0 ] ||
		fail "$name: $what: not within $seconds s: $(machine_said "$name")"
}

# machine_ready NAME JOB: until that program has said so.
machine_ready() {
	machine_wait "$1" "$guest_seconds" "$2 is ready" \
		"grep -qx ready /tmp/$2.out || ! kill -0 \$(cat /tmp/$2.pid)"
	guest_job "$1" 30 "grep -qx ready /tmp/$2.out"
	[ "$job_status" -eq 0 ] || fail "$1: $2 has ended: $(machine_said "$1")"
}

# machine_end NAME JOB [SIGNAL]: it must end, soon.
machine_end() {
	guest_run "$1" 30 "kill -${3:-TERM} \$(cat /tmp/$2.pid)"
	machine_wait "$1" 60 "$2 ends" "! kill -0 \$(cat /tmp/$2.pid) 2>/dev/null"
}

# What the programs in a guest have said.
machine_said() {
	guest_job "$1" 30 'tail -n 8 /tmp/*.err'
	cat "$WORK/$1.run"
}

# machine_says NAME STATUS REGEX COMMAND: that is its exit status, and one line of what it says.
machine_says() {
	local name=$1 status=$2 regex=$3 command=$4
	guest_job "$name" "$guest_seconds" "$command"
	[ "$job_status" -eq "$status" ] ||
		fail "$command: status $job_status, expected $status: $(cat "$WORK/$name.run")"
	grep -qE -- "$regex" "$WORK/$name.run" ||
		fail "$command: no /$regex/: $(cat "$WORK/$name.run")"
}

# guest_judge: prints the path of pmd_judge, which is a test's and no program.
guest_judge() {
	local path
	path=$(guest_binary dpdk-ismd) || { echo "$path" && exit 77; }
	echo "${path%/apps/*}/tests/pmd_judge"
}
