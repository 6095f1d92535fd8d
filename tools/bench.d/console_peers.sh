# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with tools/bench
#
# The peers of `tools/bench console`: peer_start NAME makes the far side ready and
# sets $peer_keys, $peer_flood, commands that show a terminal with these programs at
# the far side, and $peer_pipe, the same as $peer_flood without a terminal here; or
# it returns 1 with the reason in $peer_reason. peer_stop ends it.

peer_start() {
	peer_keys=()
	peer_flood=()
	peer_pipe=()
	peer_children=()
	peer_reason=
	"peer_start_$1"
}

# The two programs of the far side: one whose terminal shows what is typed, one that
# writes as fast as it is let.
far_programs() {
	far_keys=$(far_script keys <<-EOT
		echo ready
		exec cat
	EOT
	)
	far_flood=$(far_script flood <<-EOT
		stty raw -echo
		exec cat "$WORK/flood.data"
	EOT
	)
}

peer_start_pty() {
	peer_keys=(--local "$far_keys")
	peer_flood=("$far_flood")
}

peer_start_ismcons() {
	read -ra client_eal <<<"${CLIENT_EAL:-}"
	read -ra server_eal <<<"${SERVER_EAL:-}"
	fabric_start a b
	server_start --console "keys=exec:$far_keys,allow=any" \
		--console "flood=exec:$far_flood,allow=any"
	peer_children=(server fabric)
	console_command b
	peer_keys=("${console_command[@]}" --quiet --console keys)
	peer_flood=("${console_command[@]}" --quiet --console flood)
	peer_pipe=("${peer_flood[@]}")
}

peer_start_socat() {
	local name
	has_command socat || return
	for name in keys flood; do
		rm -f "$WORK/$name.sock"
		start_foreign "socat.$name" socat "UNIX-LISTEN:$WORK/$name.sock,fork" \
			"EXEC:$WORK/$name,pty,setsid,ctty,stderr"
		wait_for 20 "socat listens" test -S "$WORK/$name.sock"
		peer_children+=("socat.$name")
	done
	peer_keys=(socat "STDIO,rawer" "UNIX-CONNECT:$WORK/keys.sock")
	peer_flood=(socat "STDIO,rawer" "UNIX-CONNECT:$WORK/flood.sock")
	peer_pipe=(socat STDIO "UNIX-CONNECT:$WORK/flood.sock")
}

# An sshd of our own: own keys, own port, one user.
peer_start_ssh() {
	local sshd=/usr/sbin/sshd alone=() ssh
	[ -x "$sshd" ] || {
		peer_reason="no $sshd on this machine (openssh-server)"
		return 1
	}
	has_command ssh && has_command ssh-keygen || return
	[ "$(id -u)" -ne 0 ] || {
		# It wants /run/sshd: in a /run of its own, so that the machine's stays.
		unshare --mount true 2>/dev/null || {
			peer_reason="sshd of root needs a mount namespace"
			return 1
		}
		# shellcheck disable=SC2016 # for that shell
		alone=(unshare --mount sh -c
			'mount -t tmpfs run /run && mkdir /run/sshd && exec "$@"' sshd)
	}
	[ -f "$WORK/ssh.host" ] || {
		ssh-keygen -q -t ed25519 -N '' -f "$WORK/ssh.host"
		ssh-keygen -q -t ed25519 -N '' -f "$WORK/ssh.user"
	}
	ssh_port=$(python3 -c 'import socket
sock = socket.socket()
sock.bind(("127.0.0.1", 0))
print(sock.getsockname()[1])')
	cat >"$WORK/sshd.conf" <<-EOT
		ListenAddress 127.0.0.1:$ssh_port
		HostKey $WORK/ssh.host
		AuthorizedKeysFile $WORK/ssh.user.pub
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin prohibit-password
		StrictModes no
		UsePAM no
		PrintMotd no
		PrintLastLog no
		PidFile none
	EOT
	start_foreign sshd "${alone[@]}" "$sshd" -D -e -f "$WORK/sshd.conf"
	wait_for 20 "sshd listens" file_shows "$WORK/sshd.err" 'Server listening'
	peer_children=(sshd)
	ssh=(ssh -F none -p "$ssh_port" -i "$WORK/ssh.user" -o IdentitiesOnly=yes -o LogLevel=ERROR
		-o "UserKnownHostsFile=$WORK/ssh.known" -o StrictHostKeyChecking=no
		-o BatchMode=yes)
	peer_keys=("${ssh[@]}" -tt 127.0.0.1 "$far_keys")
	peer_flood=("${ssh[@]}" -tt 127.0.0.1 "$far_flood")
	peer_pipe=("${peer_flood[@]}")
}
