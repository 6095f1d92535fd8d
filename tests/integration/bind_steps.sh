#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A step of tools/bind that fails or has no effect is undone: the function has its driver and
# its driver_override again, the others are done all the same, and each is reported.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"

root=$WORK/root
pci=$root/sys/bus/pci
a=0001:00:00.0 b=0002:00:00.0

### A kernel ###

# Two functions that the driver ism has, as the kernel shows them.
kernel_boot() {
	local name
	rm -rf "$root"
	mkdir -p "$root/dev/vfio" "$pci"/drivers/{ism,vfio-pci,ism_vfio_pci}
	ln -s /dev/null "$root/dev/vfio/vfio"
	for name in "$a" "$b"; do
		mkdir "$pci/devices" 2>/dev/null || true
		mkdir "$pci/devices/$name"
		echo 0x1014 >"$pci/devices/$name/vendor"
		echo 0x04ed >"$pci/devices/$name/device"
		echo '(null)' >"$pci/devices/$name/driver_override"
		ln -s "/groups/${name%%:*}" "$pci/devices/$name/iommu_group"
		ln -s "$pci/drivers/ism" "$pci/devices/$name/driver"
	done
	: >"$root/log"
	: >"$root/faults"
}

# fault TIMES FILE VALUE ERROR: so often, writing that value to a file of that name fails
# with that error; or has no effect, when it is "silent".
fault() {
	local i
	for ((i = 0; i < $1; i++)); do
		printf '%s|%s|%s\n' "${@:2}" >>"$root/faults"
	done
}

# tools/bind writes through tee: this one does what the kernel does in a write to sysfs.
mkdir "$WORK/bin"
cat >"$WORK/bin/tee" <<'TEE'
#!/bin/bash
file=$1 name=${1##*/}
IFS= read -r value
printf '%s %s\n' "$name" "$value" >>"$ISM_BIND_ROOT/log"
number=$(grep -nm 1 -F "$name|$value|" "$ISM_BIND_ROOT/faults")
if [ -n "$number" ]; then
	sed -i "${number%%:*}d" "$ISM_BIND_ROOT/faults"
	error=${number##*|}
	case $error in
	silent) exit 0 ;;
	SIG*) kill -s "${error#SIG}" "$(cat "$ISM_BIND_ROOT/pid")" ;;
	*)
		echo "tee: $file: $error" >&2
		exit 1
		;;
	esac
fi
devices=$ISM_BIND_ROOT/sys/bus/pci/devices
drivers=$ISM_BIND_ROOT/sys/bus/pci/drivers
link=$devices/$value/driver
case $name in
driver_override) echo "${value:-(null)}" >"$file" ;;
unbind) rm "$link" ;;
bind) ln -s "${file%/bind}" "$link" ;;
drivers_probe)
	[ ! -L "$link" ] || exit 0
	driver=$(cat "$devices/$value/driver_override")
	[ "$driver" != '(null)' ] || driver=ism
	ln -s "$drivers/$driver" "$link"
	;;
esac
TEE
chmod +x "$WORK/bin/tee"

# says STATUS ARGUMENT...: tools/bind ends with that status and speaks for itself only.
says() {
	local status=0 want=$1
	shift
	PATH=$WORK/bin:$PATH ISM_BIND_ROOT=$root bounded 60 env --default-signal=INT,HUP \
		sh -c "echo \$\$ >'$root/pid'
		exec $shell '$source_dir/tools/bind' $*" 2>"$WORK/err" >"$WORK/out" || status=$?
	[ "$status" -eq "$want" ] ||
		fail "$*: status $status, expected $want: $(cat "$WORK/err" "$root/log")"
	! grep -v '^bind: ' "$WORK/err" || fail "$*: somebody else speaks: $(cat "$WORK/err")"
}

# told REGEX
told() {
	grep -qE "^bind: $1" "$WORK/err" || fail "no /$1/: $(cat "$WORK/err")"
}

# is FUNCTION DRIVER OVERRIDE
is() {
	local driver
	driver=$(basename "$(readlink "$pci/devices/$1/driver" || echo none)")
	[ "$driver" = "$2" ] || fail "$1 has driver $driver, expected $2: $(cat "$WORK/err")"
	[ "$(cat "$pci/devices/$1/driver_override")" = "$3" ] || fail "$1: driver_override is" \
		"$(cat "$pci/devices/$1/driver_override"), expected $3: $(cat "$WORK/err")"
}

# bind_fails REGEX: bind of both; the first one fails for that reason, and has its driver again.
bind_fails() {
	says 1 bind --force "$a" "$b"
	told "$a could not be bound to ism_vfio_pci: $1.*it is as it was \(driver: ism\)"
	told "$b is bound to ism_vfio_pci now"
	is "$a" ism '(null)'
	is "$b" ism_vfio_pci ism_vfio_pci
	[ ! -s "$root/faults" ] || fail "steps that were not taken: $(cat "$root/faults")"
}

steps() {
	local error

	kernel_boot
	says 0 bind --force "$a" "$b"
	is "$a" ism_vfio_pci ism_vfio_pci
	is "$b" ism_vfio_pci ism_vfio_pci
	says 0 unbind "$a" "$b"
	is "$a" ism '(null)'
	told "$a is not bound to ism_vfio_pci any more \(now: ism\)"

	# Each write of bind in its turn: refused, and without effect.
	for error in 'Read-only file system' 'Permission denied' 'Device or resource busy'; do
		kernel_boot
		fault 1 driver_override ism_vfio_pci "$error"
		bind_fails "cannot write to .*/driver_override \($error\)"
		kernel_boot
		fault 1 unbind "$a" "$error"
		bind_fails "cannot write to .*/ism/unbind \($error\)"
		kernel_boot
		fault 1 drivers_probe "$a" "$error"
		bind_fails "cannot write to .*/drivers_probe \($error\)"
		[ "$(grep -c "^drivers_probe $a" "$root/log")" -eq 2 ] || fail "no second probe"
	done
	kernel_boot
	fault 1 driver_override ism_vfio_pci silent
	bind_fails "writing 'ism_vfio_pci' to .*/driver_override has no effect"
	kernel_boot
	fault 1 unbind "$a" silent
	bind_fails "writing to .*/ism/unbind has no effect"
	kernel_boot
	fault 1 drivers_probe "$a" silent
	bind_fails "ism_vfio_pci did not take it: dmesg says why"

	# Nor does the way back work at once, or at all.
	kernel_boot
	fault 2 drivers_probe "$a" 'No such device'
	bind_fails 'cannot write to .*/drivers_probe'
	grep -q "^bind $a" "$root/log" || fail "its driver was not asked"
	kernel_boot
	fault 2 drivers_probe "$a" silent
	fault 1 bind "$a" 'No such device'
	says 1 bind --force "$a" "$b"
	local lost='nor could it be given back to ism \(driver now: none\): try echo'
	told "$a could not be bound .*$lost"
	told "$b is bound to ism_vfio_pci now"
	kernel_boot
	fault 1 unbind "$a" 'Read-only file system'
	fault 1 driver_override '' 'Read-only file system'
	says 1 bind --force "$a" "$b"
	told "$a keeps its driver_override: cannot write"
	told "$b is bound to ism_vfio_pci now"

	# What it had before counts, not what is usual.
	kernel_boot
	ln -sfn "$pci/drivers/vfio-pci" "$pci/devices/$a/driver"
	echo vfio-pci >"$pci/devices/$a/driver_override"
	fault 1 drivers_probe "$a" 'Invalid argument'
	says 1 bind "$a"
	is "$a" vfio-pci vfio-pci
	kernel_boot
	rm "$pci/devices/$a/driver"
	fault 1 drivers_probe "$a" 'Invalid argument'
	says 1 bind --force "$a" "$b"
	is "$a" none '(null)'
	is "$b" ism_vfio_pci ism_vfio_pci

	# All of them, and those that are not to be had among others.
	kernel_boot
	fault 1 unbind "$a" silent
	fault 1 drivers_probe "$b" silent
	says 1 bind --force all
	told "$a could not be bound"
	told "$b could not be bound"
	is "$a" ism '(null)'
	is "$b" ism '(null)'
	rm "$pci/devices/$b/driver"
	says 1 bind "$a" "$b"
	told "$a is in use by the kernel's driver ism"
	told "$b is bound to ism_vfio_pci now"
	is "$a" ism '(null)'

	# An interrupt in the middle.
	for error in SIGTERM SIGINT SIGHUP; do
		kernel_boot
		fault 1 unbind "$a" "$error"
		says 1 bind --force "$a" "$b"
		is "$a" ism_vfio_pci ism_vfio_pci
		is "$b" ism '(null)'
		told "$b was not tried: interrupted"
	done

	# The other way: not done is not said to be done.
	for error in 'Read-only file system' 'Device or resource busy' silent; do
		for name in driver_override unbind; do
			kernel_boot
			says 0 bind --force "$a" "$b"
			fault 1 "$name" "$([ "$name" != unbind ] || echo "$a")" "$error"
			says 1 unbind "$a" "$b"
			told "$a could not be taken away from ism_vfio_pci: .*$name"
			told "$b is not bound to ism_vfio_pci any more \(now: ism\)"
			! grep "$a is not bound" "$WORK/err" || fail "said to be done"
			is "$a" ism_vfio_pci ism_vfio_pci
			is "$b" ism '(null)'
		done
	done
	kernel_boot
	says 0 bind --force "$a" "$b"
	fault 1 drivers_probe "$a" 'Read-only file system'
	says 1 unbind "$a" "$b"
	local unasked='no other driver could be asked to take it: cannot write'
	told "$a is not bound .* any more, but $unasked"
	told "$b is not bound to ism_vfio_pci any more \(now: ism\)"
}

# The shells of a system, of an initramfs, and bash.
shells=(sh "busybox sh" "bash --posix")
for shell in "${shells[@]}"; do
	command -v "${shell%% *}" >/dev/null || continue
	note "$shell"
	steps
done
