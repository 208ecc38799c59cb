#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# --root /: what people do with a machine, on the kernel under test.

load root

# as_the_guest COMMAND...: on this machine, with the variables that the guest has.
as_the_guest()
{
	env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 USER=root LOGNAME=root SHELL=/bin/bash \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

@test '--root: thirty commands give the same bytes and statuses as on the host' {
	needs_9p
	# Each on its own line; what a machine lacks is "not found" on both sides.
	cat >commands <<-'E'
		echo $((2 ** 62)) "$BASH_VERSION" "${LINENO}"; false
		printf '%s\n' {a..e}{1..3} | shuf --random-source=/etc/passwd
		python3 -c 'import json, hashlib, sys; print(json.dumps([sys.version, hashlib.sha512(b"x").hexdigest()]))'
		python3 -c 'import os; print(sorted(os.listdir("/usr/include"))[:50])'
		perl -e 'print join(",", map { $_ ** 3 } 1 .. 20), "\n"; exit 7'
		awk -F: '{ n += $3 } END { print NR, n }' /etc/passwd
		sed -E 's/([a-z]+):x/\1:y/' /etc/group
		grep -rc root /etc/pam.d
		sort -t : -k 3 -n -r /etc/passwd
		find /usr/share/doc -maxdepth 1 -name 'lib*' -printf '%p %m %u %s %T@ %l\n' | sort
		find /usr/bin -type l -printf '%p -> %l\n' | sort | md5sum
		ls -lnL --time-style=full-iso /bin/sh /etc/hostname /etc/passwd /etc/shadow
		ls -l /no/such/file
		stat -c '%n %s %a %U %G %h %Y %F' /bin /usr/bin/env /etc/mtab
		cat /usr/bin/bash | sha256sum
		cksum /usr/lib/x86_64-linux-gnu/*.so.6
		tar -C /etc --sort=name -cf - pam.d | sha256sum
		gzip -nc /etc/services | sha256sum
		xz -c /etc/passwd | xz -dc | diff - /etc/passwd && echo same
		od -A x -t x1z -N 200 /bin/true
		cmp /bin/true /bin/false
		diff -u /etc/passwd /etc/group
		readelf -hld /bin/ls
		objdump -d /bin/true | sha256sum
		strings -n 8 /bin/cat
		gcc -dumpmachine; echo '#include <stdio.h>' | gcc -E - | sha256sum
		printf 'all: a b\n\t@cat $^\na b:\n\t@echo $@ >$@\n' | make -C "$(mktemp -d)" --no-print-directory -f -
		jq -n '[range(20)] | map(. * .) | add'
		git --version; git -C / status
		getent passwd root nobody; id; id nobody
		locale; date -d @1000000000; printf '%(%F)T\n' 0
		dpkg-query -W -f '${Package} ${Version}\n' | sort | sha256sum
		getconf ARG_MAX PAGE_SIZE LONG_BIT PATH_MAX 2>&1
		base64 /etc/hostname; tr a-z A-Z </etc/hostname; rev /etc/hostname; factor 1234567890
		find / -xdev -maxdepth 1 | sort
	E
	cat >all <<-'E'
		while IFS= read -r command; do
			printf '%s\n' "== $command"
			bash -c "$command" </dev/null 2>&1
			echo "status $?"
		done <commands
	E
	as_the_guest bash all >host
	qemu_run --root / --memory 1024 -- bash all
	assert_outcome 0 exit
	diff host - <<<"$output"
	(($(grep -c '^status' host) >= 30))
	# They were here to be run.
	(($(grep -c '^status 127' host) < 5))
}

@test '--root: Python: what it imports, processes, threads, sockets, a data base, and a run of unittest' {
	needs_9p
	cat >test_it.py <<-'E'
		import asyncio, bz2, concurrent.futures, csv, ctypes, curses, datetime, decimal, email, fcntl
		import hashlib, http.server, json, lzma, mmap, multiprocessing, pathlib, re, select, shutil
		import socket, sqlite3, ssl, subprocess, tempfile, threading, unittest, urllib.request, uuid
		import xml.etree.ElementTree, zipfile, zlib

		def square(n):
		    return n * n

		class It(unittest.TestCase):
		    def test_processes(self):
		        with multiprocessing.Pool(2) as pool:
		            self.assertEqual(sum(pool.map(square, range(10))), 285)
		    def test_threads(self):
		        with concurrent.futures.ThreadPoolExecutor(4) as pool:
		            self.assertEqual(sum(pool.map(square, range(10))), 285)
		    def test_http(self):
		        server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
		        threading.Thread(target=server.handle_request).start()
		        url = f"http://127.0.0.1:{server.server_port}/test_it.py"
		        self.assertEqual(urllib.request.urlopen(url).read(), pathlib.Path("test_it.py").read_bytes())
		    def test_database(self):
		        with sqlite3.connect("it.db") as base:
		            base.execute("create table t (n)")
		            base.executemany("insert into t values (?)", [(n,) for n in range(100)])
		        self.assertEqual(sqlite3.connect("it.db").execute("select sum(n) from t").fetchone(), (4950,))
		    def test_kernel(self):
		        self.assertEqual(subprocess.check_output(["uname", "-r"], text=True), pathlib.Path("release").read_text())
		    def test_ctypes(self):
		        self.assertEqual(ctypes.CDLL(None).abs(-5), 5)
		    def test_that_fails(self):
		        self.assertEqual(1, 2)
	E
	cp "$KERNEL_DIR/release" release
	qemu_run --root / --memory 1024 -- python3 -m unittest -v
	assert_outcome 1 exit
	assert_stderr 'Ran 7 tests'
	assert_stderr 'FAILED (failures=1)'
	assert_stderr 'test_that_fails (test_it.It.test_that_fails) ... FAIL'
	[[ ! -e it.db ]]
	# Without the one that fails.
	qemu_run --root / --memory 1024 -- python3 -m unittest test_it.It.test_threads test_it.It.test_http
	assert_outcome 0 exit
}

# bats test_tags=slow
@test '--root: git in a checkout, as its owner and for its owner, and not for another' {
	needs_9p
	needs git
	((EUID == 0)) || skip 'not root: cannot become another user'
	# QEMU passes through none that its user may not read.
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_SUITE_TMPDIR"
	mkdir checkout cache
	cd checkout
	git init -q
	echo committed >file
	git add file
	git -c user.name=me -c user.email=me@example.org commit -q -m 'the first'
	echo changed >>file
	touch new
	# Root's own.
	qemu_run --root / -- git status --porcelain
	assert_outcome 0 exit
	assert_output $' M file\n?? new'
	qemu_run --root / -- bash -c 'git add -A && git -c user.name=me -c user.email=me@example.org commit -q -m 2nd &&
		git log --format=%s && git status --porcelain && git fsck 2>&1'
	assert_outcome 0 exit
	assert_output $'2nd\nthe first'
	assert_equal "$(git log --format=%s)" 'the first'
	# Another's: as git has it on this machine.
	chown -R nobody ../checkout ../cache
	qemu_run --root / -- git status --porcelain
	assert_outcome 128 exit
	assert_stderr 'dubious ownership'
	qemu_run --root / --user nobody -- git status --porcelain
	assert_outcome 0 exit
	assert_output $' M file\n?? new'
	# The owner's, who runs qemu-run.
	run setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$PWD/../cache" \
		XDG_CACHE_HOME="$PWD/../cache" BUILD="$PWD/../cache" QEMU_RUN_KERNEL="$KERNEL_DIR" \
		timeout 300 qemu-run --root / -- git status --porcelain
	assert_success
	assert_line ' M file'
	assert_line '?? new'
}

# bats test_tags=slow
@test '--root: a module of the kernel is made in the guest by make, and by DKMS, and loaded' {
	needs_9p
	needs dkms
	[[ -e $KERNEL_DIR/build/Makefile ]] || skip 'no headers of this kernel'
	cp -r "$top/examples/hello" mine
	printf '%s\n' PACKAGE_NAME=mine PACKAGE_VERSION=1 'BUILT_MODULE_NAME[0]=hello' \
		'DEST_MODULE_LOCATION[0]=/updates' >mine/dkms.conf
	cat >make.sh <<-'E'
		release=$(uname -r)
		grep -q ^CONFIG_MODULES=y "/boot/config-$release"
		cp -r mine /usr/src/mine-1
		make -C "/lib/modules/$release/build" M="$PWD/mine" modules
		insmod mine/hello.ko; lsmod | grep -o ^hello; rmmod hello
		dkms install --no-depmod mine/1
		# Of this module alone: to read all of them takes minutes.
		depmod "$release" "$(find "/lib/modules/$release/updates" -name 'hello.ko*')"
		modprobe hello; lsmod | grep -o ^hello
		modinfo -n hello
	E
	limit=600 qemu_run --root / --memory 1024 -- bash -euo pipefail make.sh
	assert_outcome 0 exit
	assert_equal "$(grep -cx hello <<<"$output")" 2
	assert_line --regexp '/updates/(dkms/)?hello.ko'
	[[ ! -e mine/hello.ko ]]
}

# bats test_tags=slow
@test '--root: podman runs a container, with a network, and with a limit of its memory' {
	needs_9p
	needs podman crun
	mkdir -p container/bin
	cp "$(type -P busybox)" container/bin/sh
	# shellcheck disable=SC2016 # the container's to expand
	limit=300 qemu_run --root / --memory 2048 --cpus 2 -- podman run --rm --memory 100m --rootfs "$PWD/container" \
		/bin/sh -c 'read -r max </sys/fs/cgroup/memory.max; echo "$$ $max"; [ -d /sys/class/net/eth0 ] && exit 42'
	assert_outcome 42 exit
	assert_output "1 $((100 << 20))"
}

@test '--root: perf counts, and bpftrace sees what the kernel does' {
	needs_9p
	local tool found=''
	for tool in perf bpftrace; do
		command -v "$tool" >/dev/null || continue
		case $tool in
		perf)
			qemu_run --root / -- perf stat -x , -e task-clock,page-faults true
			assert_outcome 0 exit
			assert_stderr page-faults
			;;
		bpftrace)
			kernel_has DEBUG_INFO_BTF || continue
			qemu_run --root / --memory 1024 -- bpftrace -c '/bin/cat /etc/hostname' -e \
				'tracepoint:syscalls:sys_enter_openat /str(args->filename) == "/etc/hostname"/ { printf("opened\n"); }'
			assert_outcome 0 exit
			assert_line opened
			;;
		esac
		found=1
	done
	[[ $found ]] || skip 'neither perf nor bpftrace is on this machine'
}

@test '--root: two network name spaces, a pair of veth between them, packets and connections' {
	needs_9p
	needs ip
	cat >net.py <<-'E'
		import socket, subprocess, sys
		server = socket.create_server(("10.9.0.1", 7))
		client = subprocess.Popen(["ip", "netns", "exec", "other", sys.executable, "-c",
		    "import socket; s = socket.create_connection(('10.9.0.1', 7)); s.sendall(b'x' * 1000000)"])
		connection, peer = server.accept()
		print(peer[0], len(connection.makefile("rb").read()), client.wait())
	E
	qemu_run --root / -- bash -euc '
		ip netns add other
		ip link add here type veth peer name there netns other
		ip addr add 10.9.0.1/24 dev here; ip link set here up
		ip -n other addr add 10.9.0.2/24 dev there; ip -n other link set there up; ip -n other link set lo up
		python3 net.py
		ip netns list
		ip -n other -br link show there | cut -c 1-5
		ip netns delete other
		! ip link show here 2>/dev/null'
	assert_outcome 0 exit
	assert_line '10.9.0.2 1000000 0'
	assert_line --partial other
}

# file_system TYPE CHECK...: made, mounted, filled, unmounted and checked in the guest.
file_system()
{
	needs_9p
	needs "mkfs.$1" "$2"
	compgen -G "$KERNEL_DIR/modules/kernel/fs/$1/$1.ko*" >/dev/null || skip "a kernel without $1"
	truncate -s 400M image
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --root / --memory 1024 --disk image -- bash -euc '
		type=$1; shift
		"mkfs.$type" -q /dev/vda >&2
		mount /dev/vda /mnt
		findmnt -no FSTYPE /mnt
		cp -a /usr/share/doc/[a-d]* /mnt
		mkdir /mnt/many; for n in {1..300}; do echo "$n" >"/mnt/many/$n"; done
		ln -s many /mnt/link; setfattr -n user.x -v y /mnt/many 2>/dev/null || true
		before=$(cd /mnt && find . -type f -exec cksum {} + | sort | sha256sum)
		umount /mnt
		"$@" /dev/vda >/root/check 2>&1 || { cat /root/check; exit 60; }
		mount /dev/vda /mnt
		[ "$before" = "$(cd /mnt && find . -type f -exec cksum {} + | sort | sha256sum)" ]
		umount /mnt' bash "$@"
	assert_outcome 0 exit
	assert_output "$1"
}

# bats test_tags=slow
@test '--root: ext4, made, mounted and checked' {
	file_system ext4 e2fsck -fn
}

@test '--root: xfs, made, mounted and checked' {
	file_system xfs xfs_repair -n
}

# bats test_tags=slow
@test '--root: btrfs, made, mounted and checked' {
	file_system btrfs btrfs check --readonly
}

# bats test_tags=slow
@test '--root: modprobe of fifty modules, picked by SEED' {
	needs_9p
	local seed=${SEED:-1}
	echo "# SEED=$seed" >&3
	# Not those whose purpose is to torture or to crash a kernel, or to test it for minutes.
	sed -nE 's#^kernel/(.*/)?([^/]+)\.ko.*:.*#\2#p' "$KERNEL_DIR/modules/modules.dep" |
		grep -vE 'torture|^test_|_test$|kunit|^lkdtm|selftest|benchmark|_perf$|^qemu_poweroff' |
		python3 -c 'import random, sys
names = sorted(sys.stdin.read().split())
print(*random.Random(int(sys.argv[1])).sample(names, 50), sep="\n")' "$seed" >names
	cat >load <<-'E'
		while read -r name; do
			said=$(modprobe "$name" 2>&1) && said=loaded
			echo "$name: $said"
		done <names
	E
	limit=600 qemu_run --root / --memory 1024 --allow-splat -- bash load
	assert_outcome 0 exit
	assert_equal "${#lines[@]}" 50
	# A machine without the device is reason enough for a module not to load.
	grep -vE ': (loaded$|.*: (No such device|Operation not supported|Operation not permitted|Input/output error|Invalid argument|Device or resource busy)$)' \
		<<<"$output" >others || true
	assert_equal "$(<others)" ''
	(($(grep -c ': loaded$' <<<"$output") >= 25))
}

# bats test_tags=slow
@test '--root: sixty-four runs, eight at a time' {
	needs_9p
	# shellcheck disable=SC2016 # the script's to expand
	printf '#!/bin/sh\nqemu-run -n --root / -- bash -c "echo $1; exit $(($1 %% 50))"; echo "$1 $?" >>statuses\n' >one
	chmod +x one
	run bash -c 'seq 64 | xargs -P 8 -n 1 ./one | sort -n'
	assert_success
	assert_output "$(seq 64)"
	assert_equal "$(sort -n statuses)" "$(for n in {1..64}; do echo "$n $((n % 50))"; done)"
}
