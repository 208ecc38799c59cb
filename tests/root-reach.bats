#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What a guest can reach of the host, way by way, as qemu-run(1) has it under WHAT A GUEST
# REACHES: each guest tries to reach more.

load root

# listen: has a process on this host listen on $port, which writes to heard who connects.
listen()
{
	coproc listener { exec python3 -u -c 'import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1])
while True:
    server.accept()
    open(sys.argv[1], "w").close()' "$PWD/heard"; }
	read -r port <&"${listener[0]}"
}

@test 'a template while it is made: no directory of the host, no network, whatever its modules try' {
	needs_9p
	local port
	own_cache
	mkdir shared
	listen
	qemu_run -v --root / --rw shared --nic e1000 -m e1000 -m "$(module_file preloaded),port=$port" \
		--preload -- true
	kill "$listener_PID"
	rmdir /qemu-run-was-here 2>/dev/null && fail 'it made a directory in / of this host'
	assert_outcome 0 exit
	# It looked, and found each device.
	for said in 'mounted modules' 'mounted root' 'mounted share0' looked; do
		grep -q "^| $said" stderr
	done
	refute grep -qE '^[|] (etc|usr|made|connected)' stderr
	[[ ! -e heard ]]
}
