#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A system that may use a console tries to get what another one has opened by a password there:
# while it writes, when it leaves, when its client dies. Another one starts programs as fast as it
# can.
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"

login=$(far_script login <<-'EOT'
	stty -echo
	echo go
	read -r word
	echo "open for $word"
	while read -r word; do echo "did $word"; done
EOT
)
allow_log "$log_peer_gone|refused"
fabric_start a b c d
server_start --console "login=exec:$login,allow=any,keep=5" \
	--console "quick=exec:true,allow=${GID[b]},observe=any"
thief() {
	start_foreign "$1" "$build_dir/tests/hostile_peer_console_thief" \
		--vdev="raw_ism0,socket=${SOCKET[$2]}" -- "${GID[a]}" "${@:3}"
}
mkfifo "$WORK/typed"
exec 8<>"$WORK/typed"
console_start victim b "$WORK/typed" --console login
wait_for 20 "the victim is asked" file_shows "$WORK/victim.out" '^go'
echo secret >&8
wait_for 20 "the victim is in" file_shows "$WORK/victim.out" 'open for secret'
thief taker c login take 25
thief starter d quick observe 10
for i in $(seq 20); do
	echo "work-$i" >&8
	wait_for 20 "the victim works on" file_shows "$WORK/victim.out" "did work-$i"
	sleep 0.2
done
check_running victim
stop victim KILL
exec 8>&-
wait_exit starter 30
wait_exit taker 40
note "$(tail -n 1 "$WORK/taker.out"); starts: $(
	telemetry_value server /cons/consoles consoles 1 started
)"
grep -qE '^attached [1-9]' "$WORK/taker.out" || fail "the console is never free again"
! grep -qE 'secret|work-' "$WORK/taker.out" || fail "the thief has seen what was the victim's"
[ "$(telemetry_value server /cons/consoles consoles 1 started)" -le 20 ] ||
	fail "an observer starts programs without end"
stop server
stop fabric
