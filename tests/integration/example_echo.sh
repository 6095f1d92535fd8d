#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A program of somebody else builds and runs with what 'meson install' installs, and nothing of
# this tree: each header alone, as C and C++, and the service of examples/echo.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
need_command meson cc c++ make pkg-config

root=$WORK/root
bounded 120 env DESTDIR="$root" meson install -C "$build_dir" --no-rebuild --quiet ||
	fail "meson install does not install"
pc=$(find "$root" -name dpdk-ism.pc)
[ -f "$pc" ] || fail "there is no dpdk-ism.pc"
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root
# As somebody without this project and without its DPDK has it.
unset PKG_CONFIG_LIBDIR

### Nothing that is installed needs the source, the build or the cache of DPDK ###

# (One of DPDK's own headers says where it looks for plug-ins.)
for dir in "$source_dir" "$build_dir" "${XDG_CACHE_HOME:-$HOME/.cache}"; do
	find "$root" -type f ! -name '*.a' ! -path '*/bin/*' ! -name rte_build_config.h \
		-exec grep -lF -e "$dir" {} + >"$WORK/names" || true
	[ ! -s "$WORK/names" ] || fail "$dir is named in $(cat "$WORK/names")"
done
! find "$root" -type l -lname "$root*" | grep . || fail "a link into the temporary folder"
for exe in "$root"/*/*/bin/*; do
	! readelf -d "$exe" | grep -E 'R(UN)?PATH' || fail "$exe looks for libraries elsewhere"
done
! pkg-config --static --libs --cflags dpdk-ism | grep -F "$source_dir" ||
	fail "dpdk-ism.pc names the source"

### Each header alone ###

read -ra flags < <(pkg-config --cflags dpdk-ism)
headers=("$root"/*/*/include/dpdk-ism/*.h)
[ "${#headers[@]}" -ge 8 ] || fail "installed headers: ${headers[*]}"
for header in "${headers[@]}"; do
	name=${header##*/}
	[[ $name =~ ^(ism|rte_pmd_ism)[a-z_]*\.h$ ]] || fail "$name may be anybody's"
	printf '#include <%s>\n#include <%s>\nint alone;\n' "$name" "$name" >"$WORK/alone.c"
	run_status 0 cc -std=c11 -Wall -Wextra -Wpedantic -Werror "${flags[@]}" -fsyntax-only \
		"$WORK/alone.c"
	run_status 0 c++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror "${flags[@]}" \
		-fsyntax-only "$WORK/alone.c"
done
# All at once, beside a file of the C library whose name one of them has in this tree.
printf '#include <link.h>\n' >"$WORK/all.cc"
printf '#include <%s>\n' "${headers[@]##*/}" >>"$WORK/all.cc"
printf 'int main() { return link_why_str(LINK_WHY_NONE) == nullptr; }\n' >>"$WORK/all.cc"
read -ra libs < <(pkg-config --static --libs dpdk-ism)
run_status 0 c++ -std=c++17 -Wall -Wextra -Werror "${flags[@]}" -o "$WORK/all" "$WORK/all.cc" \
	"${libs[@]}"
run_status 0 "$WORK/all"
# DPDK's own headers, for who wants them.
read -ra flags < <(pkg-config --cflags dpdk-ism-dpdk)
printf '#include <rte_lcore.h>\nint main(void) { return rte_lcore_count() != 0; }\n' \
	>"$WORK/dpdk.c"
run_status 0 cc -std=gnu11 "${flags[@]}" -o "$WORK/dpdk" "$WORK/dpdk.c" "${libs[@]}"
run_status 0 "$WORK/dpdk"

### The example, from where it was installed ###

example=$(find "$root" -path '*/examples/echo')
[ "$(wc -l <"$example/echo.c")" -lt 200 ] || fail "echo.c is not short any more"
run_status 0 make -C "$example" CFLAGS='-O2 -Wall -Wextra -Wno-unused-parameter -Werror'
cp "$example/echo" "$WORK/echo"
rm -rf "$root"

fabric_start a b c

# echo_server NAME, echo_client NAME FUNCTION [TEXT...]: in the background.
echo_server() {
	start_foreign "$1" "$WORK/echo" "--vdev=raw_ism0,socket=${SOCKET[a]}" -- \
		--listen --allow "${GID[b]}"
	wait_ready "$1"
}
echo_client() {
	local name=$1 function=$2
	shift 2
	start_foreign "$name" "$WORK/echo" "--vdev=raw_ism0,socket=${SOCKET[$function]}" -- \
		--peer "${GID[a]}" "$@"
}
# client_run STATUS FUNCTION TEXT...: until it has ended.
client_run() {
	local status=$1 socket=${SOCKET[$2]}
	shift 2
	run_status "$status" "$WORK/echo" "--vdev=raw_ism0,socket=$socket" -- \
		--peer "${GID[a]}" "$@"
}

run_status 0 "$WORK/echo" --help
grep -F -- '--listen --allow GID' "$WORK/run.out" || fail "--help does not help"
run_status 0 "$WORK/echo" --version
[ "$(cat "$WORK/run.out")" = "echo 1.0" ] || fail "--version: $(cat "$WORK/run.out")"
client_run "$EXIT_USAGE" b
run_status "$EXIT_USAGE" "$WORK/echo" -- --listen --allow nobody-knows-this-name

echo_server server
slot=$(head -c 49152 /dev/urandom | base64 -w 0) # 65536 bytes
texts=('one' '' 'more than one word' "$slot" "${slot:0:4097}" 'last')
client_run 0 b "${texts[@]}"
printf '%s\n' "${texts[@]}" >"$WORK/texts"
same "$WORK/texts" "$WORK/run.out" "what came back is not what was sent"
# One byte more has no place.
client_run 1 b first "${slot}x" never
printf 'first\n' >"$WORK/texts"
same "$WORK/texts" "$WORK/run.out" "a text that is too long, or what follows it, was sent"
grep -F 'longer than a slot' "$WORK/run.err" || fail "said: $(said run)"

# Who is not on the list.
client_run "$EXIT_PEER" c hello
[ ! -s "$WORK/run.out" ] || fail "somebody who is not allowed was answered"
grep -F 'refused' "$WORK/run.err" || fail "said: $(said run)"
check_running server

### The server dies with a text under way: the next server answers it ###

# The client stands still while nobody reads its output; so a server that stands still as well
# has been sent a text, and has not answered it, once the output is read on.
mkfifo "$WORK/pipe"
exec 7<>"$WORK/pipe"
texts=(begin)
for i in {1..20}; do texts+=("$i ${slot:0:20000}"); done
printf '%s\n' "${texts[@]}" >"$WORK/texts"
# shellcheck disable=SC2016 # for that shell
start_foreign client bash -c 'exec "$@" >"$0"' "$WORK/pipe" "$WORK/echo" \
	"--vdev=raw_ism0,socket=${SOCKET[b]}" -- --peer "${GID[a]}" "${texts[@]}"
IFS= read -r -t 20 line <&7 || fail "the client gets no answer: $(said client)"
[ "$line" = begin ] || fail "the first answer is $line"
pipe_full() {
	! python3 -c 'import select, sys; sys.exit(7 not in select.select([], [7], [], 0)[1])'
}
wait_for 20 "the client's output has filled the pipe" pipe_full
kill -STOP "${child_pid[server]}"
# shellcheck disable=SC2016 # for that shell
start_foreign reader bash -c 'exec cat 7>&- <"$0"' "$WORK/pipe"
exec 7>&-
text_under_way() {
	[ "$(telemetry_value client /link/queues 0/0 inflight)" -eq 1 ]
}
wait_for 20 "the client has sent another text" text_under_way
stop server KILL
[ "$(wc -l <"$WORK/reader.out")" -lt 20 ] || fail "the client was done before its server died"
check_running client
echo_server server
wait_exit client 30
[ "$stop_status" -eq 0 ] || fail "client: status $stop_status: $(said client)"
wait_exit reader 20
cat <(echo begin) "$WORK/reader.out" >"$WORK/answers"
same "$WORK/texts" "$WORK/answers" "a text was lost or came twice over the server's end"
[ "$(grep -c 'session up' "$WORK/client.err")" -eq 2 ] || fail "said: $(said client)"
stop server
stop fabric
