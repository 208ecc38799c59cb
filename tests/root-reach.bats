#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What a guest can reach of the host, way by way, as qemu-run(1) has it under WHAT IS
# TRUSTED: each guest tries to reach more.

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
	# shellcheck disable=SC2154 # by coproc
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

@test '--root: below the overlay, /proc, /sys, /dev, /run and /tmp of the host are empty' {
	needs_9p
	local who secret top_of_here
	[[ $PWD == /tmp/* ]] || skip 'the tests do not run below /tmp'
	unshare -m true && unshare -r true || skip 'no namespaces here'
	mkdir here
	secret=$(mktemp /tmp/secret.XXXXXX)
	top_of_here=${PWD#/tmp/}
	top_of_here=${top_of_here%%/*}
	cd here
	# Root of the guest leaves its root, and lists what init mounted below it.
	cat >below.py <<-'P'
		import ctypes, os
		libc = ctypes.CDLL(None)
		here = "/.lower" + os.getcwd()
		namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
		assert libc.umount2(b"/", 2) == 0 and libc.setns(namespace, 0) == 0
		assert "etc" in os.listdir("/.lower")
		for directory in "proc", "sys", "dev", "run":
		    print(directory, os.listdir("/.lower/" + directory))
		print("tmp", os.listdir("/.lower/tmp"))
		# And what is there cannot be written, whatever the guest says of its mount.
		assert libc.mount(b"root", b"/.lower", None, 32, None) == 0
		for attempt in lambda: open(here + "/below.py", "w"), lambda: os.mkdir(here + "/made"):
		    try:
		        print("written", attempt())
		    except OSError as error:
		        print(error.strerror)
	P
	for who in qemu_run as_nobody; do
		"$who" --root / -- python3 below.py
		assert_equal "$status" 0
		# What the user stands in is there, since the guest starts there, and no more of /tmp.
		assert_equal "$(tail -n 7 <<<"$output")" $'proc []\nsys []\ndev []\nrun []\n'"tmp ['$top_of_here']"$'\nRead-only file system\nRead-only file system'
	done
	# A host without namespaces: QEMU has all of the root, and -v says so.
	# shellcheck disable=SC2016 # bash's to expand
	run unshare -r bash -c 'for what in mnt user; do echo 0 >/proc/sys/user/max_${what}_namespaces; done
		qemu-run -n -v --root / -- python3 below.py 2>stderr'
	assert_success
	assert_line --partial "sys ['"
	rm "$secret"
	assert_line --partial "${secret#/tmp/}"
	grep -F -- '--root: its guest can read /tmp, /run and /proc of this host: ' stderr
}

@test 'without options: the modules of the kernel to read, and no other directory, disk or network' {
	needs_9p
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run -- sh -c '
		cat /sys/bus/virtio/drivers/9pnet_virtio/virtio*/mount_tag | tr -d "\0"
		echo
		ls /sys/class/net
		ls /sys/block | grep "^[vsh]d"
		modules=/lib/modules/$(uname -r)
		ls "$modules" >/dev/null
		mount -o remount,rw "$modules" && ! touch "$modules/here" && ! rm "$modules/modules.dep" && echo kept'
	assert_outcome 0 exit
	assert_output $'modules\nlo\nkept'
	[[ -e $KERNEL_DIR/modules/modules.dep ]]
	assert_stderr 'Read-only file system'
}

@test '--rw: a lock binds the processes of one guest, and not the host' {
	needs_9p
	local held
	touch lock
	exec {held}<lock
	flock -n "$held"
	mkdir shared
	mv lock shared/lock
	qemu_run --root / --rw shared -- bash -c \
		'exec 8>shared/lock 9>shared/lock; flock -n 8 && ! flock -n 9 && ! flock -n shared/lock true && echo held'
	assert_outcome 0 exit
	assert_output held
	exec {held}<&-
}
