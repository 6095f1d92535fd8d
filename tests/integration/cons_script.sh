#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Without a terminal the client is a command of scripts: input from a pipe or a file,
# nothing but output on stdout, the far program's exit status as its own.
# shellcheck disable=SC2016 # what is typed is for the far shell
# shellcheck source=tests/lib/integration.sh
. "$(dirname "$0")/../lib/integration.sh"
# shellcheck source=tests/lib/console.sh
. "$(dirname "$0")/../lib/console.sh"

raw=$(far_script raw <<-EOT
	stty raw -echo
	echo go
	exec cat
EOT
)
plain=$(far_script plain <<-EOT
	stty -echo -onlcr
	echo go
	exec sh +i
EOT
)
sturdy=$(far_script sturdy <<-'EOT'
	trap 'echo interrupted' INT
	echo go
	until read -r line; do :; done
	exit 4
EOT
)
killed=$(far_script killed <<-'EOT'
	kill -KILL $$
EOT
)
# plain_run STATUS [OPTION...]: a shell that neither shows what is typed nor prompts gets
# $WORK/in once it is there; its output is in $WORK/shown.
plain_run() {
	local status=$1
	shift
	typist_start plain "$WORK/in"
	console_start plain b "$WORK/typed" --console plain "$@"
	console_ends plain "$status"
	wait_exit typist 20
	head -n 1 "$WORK/plain.out" | grep -qx go || fail "output: $(head "$WORK/plain.out")"
	tail -n +2 "$WORK/plain.out" >"$WORK/shown"
}

fabric_start a b
server_start --console "sh=exec:sh,allow=any" --console "plain=exec:$plain,allow=any" \
	--console "raw=exec:$raw,allow=any" --console "killed=exec:$killed,allow=any" \
	--console "sturdy=exec:$sturdy,allow=any" --console "login=exec:,allow=any" \
	--console "status=exec:exit 42,allow=any" \
	--console "term=exec:echo \"[\$TERM]\",allow=any" \
	--console "size=exec:stty size,allow=any" \
	--console "tty=exec:tty; exec </dev/tty; tty,allow=any" \
	--console "quick=exec:seq 1 20000,allow=any"

# Statuses: of the last command of a script, of exit, of a signal.
console_run 0 b <(echo true) --console sh
console_run 1 b <(echo false) --console sh
console_run 3 b <(printf 'true\nexit 3\nfalse\n') --console sh
console_run 143 b <(echo "sh -c 'kill -TERM \$\$'") --console sh
console_run 127 b <(echo no-such-command-here) --console sh
console_run 42 b /dev/null --console status
console_run 137 b /dev/null --console killed
printf 'false' >"$WORK/in"
console_run 1 b "$WORK/in" --console sh

# A program that takes Ctrl-C as a command decides itself how it ends.
typist_start sturdy <(printf '\003\n')
console_start sturdy b "$WORK/typed" --console sturdy
console_ends sturdy 4
wait_exit typist 20
grep -q interrupted "$WORK/sturdy.out" || fail "no interrupt: $(cat "$WORK/sturdy.out")"

# Nothing on stdout but what the program wrote.
cat >"$WORK/in" <<'EOT'
for word in one two three; do
	echo $word
done
echo error >&2
printf 'no newline'
EOT
plain_run 0
printf 'one\ntwo\nthree\nerror\nno newline' | cmp - "$WORK/shown" ||
	fail "output: $(cat "$WORK/shown")"
plain_run 0 --quiet
[ ! -s "$WORK/plain.err" ] || fail "--quiet says: $(cat "$WORK/plain.err")"
console_run 0 b /dev/null --console term
grep -q "^\[${TERM:-dumb}\]" "$WORK/run.out" || grep -q '^\[dumb\]' "$WORK/run.out" ||
	fail "TERM: $(cat "$WORK/run.out")"
TERM='no; such' console_run 0 b /dev/null --console term
grep -q '^\[dumb\]' "$WORK/run.out" || fail "TERM: $(cat "$WORK/run.out")"
console_run 0 b /dev/null --console size
grep -q '^24 80' "$WORK/run.out" || fail "no size of its own: $(cat "$WORK/run.out")"
console_run 0 b /dev/null --console tty
[ "$(grep -c '^/dev/' "$WORK/run.out")" -eq 2 ] || fail "no terminal: $(cat "$WORK/run.out")"

# A program that ends at once has all its output shown, every time.
for _ in $(seq 20); do
	console_run 0 b /dev/null --console quick
	[ "$(tail -n 1 "$WORK/run.out" | tr -d '\r')" = 20000 ] ||
		fail "the end of the output is missing"
done

# Long scripts, lines as they come; more than a terminal's line buffer at once.
seq -f 'echo line %g' 3000 >"$WORK/in"
echo 'exit 11' >>"$WORK/in"
plain_run 11
seq -f 'line %g' 3000 | cmp - "$WORK/shown" || fail "a long script differs"
console_run 5 b <(sleep 0.3; echo 'echo a-$((1 + 1))'; sleep 0.3; echo 'exit 5') --console sh
grep -q '^a-2' "$WORK/run.out" || fail "a slow script: $(cat "$WORK/run.out")"

# Every byte value goes through in both directions; the escape is no prefix in a pipe.
python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 64)' >"$WORK/bytes"
typist_start raw "$WORK/bytes" 60
console_start raw b "$WORK/typed" --console raw
all_back() {
	[ "$(stat -c %s "$WORK/raw.out")" -ge $((3 + 16384)) ]
}
wait_for 20 "all bytes are back" all_back
tail -c +4 "$WORK/raw.out" >"$WORK/back"
same "$WORK/back" "$WORK/bytes" "bytes have changed on the way"
stop raw KILL
kill_kind load KILL || true # its status is 137

# Nothing to read from, nothing to write to; an output that is full.
console_command b
status=0
# shellcheck disable=SC2016 # for that shell
bounded 20 bash -c '"$@" --console status <&- >&- 2>&-' client "${console_command[@]}" || status=$?
[ "$status" -eq 42 ] || fail "status $status without standard files"
status=0
bounded 20 bash -c '"$@" --console quick </dev/null >/dev/full 2>"$0"' "$WORK/run.err" \
	"${console_command[@]}" || status=$?
[ "$status" -eq "$CONS_FAILED" ] || fail "status $status when stdout is full"
grep -q 'No space left' "$WORK/run.err" || fail "stdout is full: $(said run)"

# The program that is the default.
if [ "$(id -u)" -eq 0 ] && [ -x /bin/login ]; then
	typist_start login /dev/null 60
	console_start login b "$WORK/typed" --console login
	wait_for 20 "login asks" file_shows "$WORK/login.out" 'login:'
	console_stop login
fi

# A reader that goes away ends the client.
console_command b
status=0
# shellcheck disable=SC2016 # for that shell
bounded 20 bash -c '"$@" --console quick </dev/null 2>"$0" | head -n 1 >/dev/null
	exit ${PIPESTATUS[0]}' "$WORK/run.err" "${console_command[@]}" || status=$?
note "status with stdout closed early: $status"
console_said run
stop server
stop fabric
