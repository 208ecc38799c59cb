#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What the guest is given, and what comes back out of it.

load qemu-run

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

@test 'the kernel that was asked for runs, with the memory and processors asked for' {
	qemu_run --memory 300 --cpus 2 --append 'qemu_run_test=yes' -- sh -c \
		'uname -r; nproc; cat /proc/cmdline; grep MemTotal /proc/meminfo; grep bogomips /proc/cpuinfo'
	assert_equal "$status" 0
	assert_line "$(cat "$KERNEL_DIR/release")"
	assert_line 2
	assert_line --partial qemu_run_test=yes
	local kib
	kib=$(sed -nE 's/^MemTotal: *([0-9]+) kB/\1/p' <<<"$output")
	((kib > 150000 && kib < 307200))
	# The second is told, as the first is, how long its udelay() takes.
	assert_equal "$(grep -c '^bogomips' <<<"$output")" 2
	assert_equal "$(grep '^bogomips' <<<"$output" | sort -u | wc -l)" 1
}

@test '--cold boots from scratch and runs the same' {
	qemu_run --cold -f /etc/hostname -- sh -c 'cat hostname >&2; exit 12'
	assert_outcome 12 exit
	assert_equal "$(json .start)" cold
	assert_equal "$stderr" "$(cat /etc/hostname)"
}

@test 'a bzImage boots as well as a vmlinux' {
	[[ -e $KERNEL_DIR/vmlinuz ]] || skip 'this kernel has no bzImage'
	local file
	mkdir kernel
	for file in release modules config build vmlinuz; do
		ln -s "$(readlink -f "$KERNEL_DIR/$file")" "kernel/$file"
	done
	qemu_run -k ./kernel --bare -- uname -r
	assert_equal "$status" 0
	assert_output "$(cat "$KERNEL_DIR/release")"
}

@test 'clones have their own random numbers and the host time' {
	local one two
	qemu_run -- sh -c 'head -c 16 /dev/urandom | od -An -tx1; cat /proc/sys/kernel/random/uuid'
	one=$output
	qemu_run -- sh -c 'head -c 16 /dev/urandom | od -An -tx1; cat /proc/sys/kernel/random/uuid'
	two=$output
	[[ $one && $one != "$two" ]]
	qemu_run -- date +%s
	((output >= $(date +%s) - 10 && output <= $(date +%s)))
}

@test 'one run leaves nothing for the next' {
	qemu_run -- sh -c 'echo x >/root/left; echo x >/tmp/left; hostname left; ls /root /tmp; hostname'
	assert_equal "$status" 0
	assert_equal "$(grep -cx left <<<"$output")" 3
	qemu_run -- sh -c 'ls /root /tmp; hostname'
	assert_equal "$status" 0
	refute_output --partial left
}

# unpacked FILE: a module, whatever the distribution packed it with.
unpacked()
{
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -dcq "$1" ;;
	*) cat "$1" ;;
	esac
}

@test '-m: a module of the kernel, its dependencies, its parameters' {
	qemu_run -m loop,max_loop=3 -- cat /sys/module/loop/parameters/max_loop
	assert_equal "$status" 0
	assert_output 3
	# It needs others of the tree.
	qemu_run -m vfat -- grep -c vfat /proc/filesystems
	assert_equal "$status" 0
	# And others that it asks for by name, up to 6.12.
	if grep -q '^softdep jbd2 pre: crypto-crc32c' "$KERNEL_DIR/modules/modules.softdep"; then
		qemu_run -m jbd2 -- grep crc32c /proc/modules
		assert_equal "$status" 0
	fi
}

@test '-m: a file, with parameters, commas in a value among them' {
	local file
	file=$(echo "$KERNEL_DIR"/modules/kernel/drivers/block/loop.ko*)
	qemu_run -m "$file,max_part=7,max_loop=2" -- \
		sh -c 'cat /sys/module/loop/parameters/max_part /sys/module/loop/parameters/max_loop'
	assert_equal "$status" 0
	assert_output $'7\n2'
	qemu_run -m nf_conntrack_ftp,ports=21,2121,loose=1 -- \
		cat /sys/module/nf_conntrack_ftp/parameters/ports /sys/module/nf_conntrack_ftp/parameters/loose
	assert_output $'21,2121\nY'
}

@test '-m: a module built for another kernel is named with both versions' {
	local file
	file=$(echo "$KERNEL_DIR"/modules/kernel/drivers/block/loop.ko*)
	unpacked "$file" | sed "s/vermagic=[0-9]\.[0-9]/vermagic=9.9/" >other.ko
	qemu_run -m ./other.ko -- true
	assert_outcome 125 cannot-run
	assert_stderr 'built for kernel 9.9'
	assert_stderr "$(cat "$KERNEL_DIR/release")"
	head -c 5000 /dev/urandom >noise.ko
	qemu_run -m ./noise.ko -- true
	assert_outcome 125 cannot-run
	assert_stderr 'not a kernel module'
	# Nothing to wait for: nobody may ever write to it.
	mkfifo fifo.ko
	qemu_run -m ./fifo.ko -- true
	assert_outcome 125 cannot-run
	assert_stderr 'not a regular file'
}

@test '-m: what the kernel refuses is 125 with its reason' {
	qemu_run -m loop,max_part=text -- true
	assert_outcome 125 cannot-run
	assert_stderr 'Invalid argument'
}

@test '--preload: the modules are loaded once, and are there in each run' {
	local first
	# shellcheck disable=SC2016 # the guest's to expand
	local loaded='cat /sys/module/loop/parameters/max_loop; dmesg | grep "loop: module loaded"'
	own_cache
	qemu_run --preload -m loop,max_loop=3 -- sh -c "$loaded"
	assert_equal "$status" 0
	assert_line 3
	assert_equal "$(json '.start, .modules' | paste -sd ' ')" 'restored preloaded'
	# The kernel's own time stamp tells whether it is the same load.
	first=$output
	qemu_run --preload -m loop,max_loop=3 -- sh -c "$loaded"
	assert_output "$first"
	# With other parameters it is another template, and without one another load.
	qemu_run --preload -m loop,max_loop=5 -- sh -c "$loaded"
	assert_line 5
	qemu_run --cold --preload -m loop,max_loop=3 -- sh -c "$loaded"
	assert_line 3
	refute_output "$first"
	assert_equal "$(json '.start, .modules' | paste -sd ' ')" 'cold loaded'
	qemu_run --preload -- ls /sys/module
	refute_line loop
	assert_equal "$(json .modules)" none
}

# bats test_tags=slow
@test '--preload: a module that is built again is loaded again' {
	local module edition
	module=$(module_file edition)
	own_cache
	# In its place, of the same size and time.
	for edition in 1 2; do
		sed "s/edition 0/edition $edition/" "$module" >mine.ko
		touch -r "$module" mine.ko
		qemu_run --preload -m ./mine.ko -- cat /sys/module/edition/version
		assert_output "edition $edition"
	done
	# That of its former content has gone.
	assert_equal "$(find "$XDG_CACHE_HOME/qemu-run/templates" -mindepth 1 -maxdepth 1 -type d | wc -l)" 1
}

# bats test_tags=slow
@test '--preload: what the kernel complained of at the load, each run tells' {
	local fault
	fault=$(module_file fault)
	own_cache
	# It takes every slot there is for a callback, and the kernel warns of one more.
	for _ in 1 2; do
		qemu_run --preload -m "$fault,what=hotplug_states" -- true
		assert_outcome 120 splat
		assert_equal "$(json .modules)" preloaded
	done
	qemu_run -m "$fault,what=hotplug_states" -- true
	assert_outcome 120 splat
	assert_equal "$(json .modules)" loaded
}

@test '--preload: what does not load is 125, and no template' {
	own_cache
	qemu_run --preload -m loop,max_part=text -- true
	assert_outcome 125 cannot-run
	assert_stderr 'Invalid argument'
	assert_equal "$(ls "$XDG_CACHE_HOME/qemu-run/templates")" ''
	qemu_run --preload -m ./nothing.ko -- true
	assert_outcome 125 cannot-run
	assert_stderr 'No such file'
}

@test '-f: files, trees, modes, links, names' {
	mkdir -p suite/deep/er
	# shellcheck disable=SC2016 # the guest's to expand
	printf '#!/bin/sh\ncat "$(dirname "$0")/deep/er/data"; exit 7\n' >suite/run.sh
	chmod 755 suite/run.sh
	echo content >suite/deep/er/data
	ln -s deep/er/data suite/link
	mkfifo suite/fifo
	qemu_run -f suite -f suite/run.sh:renamed/here -- ./suite/run.sh
	assert_equal "$status" 7
	assert_output content
	qemu_run -f suite -f suite/run.sh:renamed/here -- sh -c \
		'readlink suite/link; stat -c %a suite/run.sh; ls suite; test -x renamed/here'
	assert_equal "$status" 0
	assert_output $'deep/er/data\n755\ndeep\nlink\nrun.sh'
}

@test '-f: each mode and time is kept, of directories too, whatever the umask' {
	mkdir -p tree/sticky tree/closed/below
	touch tree/{open,suid,sgid,none} tree/closed/file
	chmod 666 tree/open
	chmod 4755 tree/suid
	chmod 2751 tree/sgid
	chmod 0 tree/none
	chmod 1777 tree/sticky
	touch -d @1000000000 tree/open tree/closed/{file,below}
	touch -d @1100000000 tree/sticky tree/closed tree
	chmod 555 tree/closed
	chmod 2770 tree
	((EUID == 0)) || chmod 400 tree/none
	find tree -printf '%p %m %Ts\n' | sort >here
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run -f tree -f tree/sticky:made/on/the/way -- sh -c \
		'find tree | sort | while read -r path; do echo "$path $(stat -c "%a %Y" "$path")"; done; stat -c "%a %Y" made/on/the/way'
	assert_outcome 0 exit
	assert_equal "$output" "$(<here)"$'\n1777 1100000000'
	chmod 755 tree/closed
}

@test '-f: 50 MB arrive intact, and what does not fit is an error' {
	head -c 50000000 /dev/urandom >big
	qemu_run -f big -- sha256sum big
	assert_equal "$status" 0
	assert_output --partial "$(sha256sum big | cut -d ' ' -f 1)"
	truncate -s 100M big
	qemu_run --memory 128 -f big -- true
	assert_outcome 125 cannot-run
	assert_stderr '-f: No space left on device'
}

@test '--get: a file, into a directory, a tree; modes and links kept' {
	mkdir into tree
	# From an older run.
	ln -s older tree/link
	qemu_run --get out/file:here --get out/file:into --get out:tree --get /etc/passwd:into/passwd -- sh -c \
		'mkdir -p out/sub; seq 1 100000 >out/file; chmod 750 out/file; ln -s file out/link; : >out/sub/empty'
	assert_equal "$status" 0
	cmp here <(seq 1 100000)
	cmp into/file here
	cmp tree/file here
	assert_equal "$(stat -c %a tree/file)" 750
	assert_equal "$(readlink tree/link)" file
	[[ -f tree/sub/empty && ! -s tree/sub/empty && -s into/passwd ]]
}

@test '--get: works when the command failed, and keeps its status' {
	qemu_run --get log:log -- sh -c 'echo why >log; exit 3'
	assert_outcome 3 exit
	assert_equal "$(cat log)" why
}

@test '--get: what is not there, or cannot be written, is no success' {
	qemu_run --get nothing:here -- true
	assert_outcome 125 cannot-run
	assert_stderr '--get nothing:here: No such file'
	qemu_run --get /etc/passwd:no/such/place -- true
	assert_outcome 125 cannot-run
	qemu_run --get nothing:here -- sh -c 'exit 5'
	assert_outcome 5 exit
}

@test '--get: what is there already and is no regular file is neither replaced nor written through' {
	local kind get
	echo precious >precious
	mkdir -p tree outside into
	# By its own name, into a directory, and in a directory whose names are the guest's.
	for kind in link:/root/there:into/there fifo:there:into socket:d:into device:there:into/there; do
		get=${kind#*:}
		case $kind in
		link*) ln -s ../precious into/there ;;
		fifo*) mkfifo into/there ;;
		socket*) python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("into/there")' ;;
		device*) ((EUID == 0)) || continue; mknod into/there c 1 3 ;;
		esac
		stat -c '%F %i' into/there >before
		qemu_run --get "$get" -- sh -c 'mkdir d; echo evil | tee there >d/there'
		assert_outcome 125 cannot-run
		assert_stderr "--get $get: what is there already is nothing to replace"
		stat -c '%F %i' into/there | diff before -
		rm into/there
	done
	assert_equal "$(<precious)" precious
	# A link on the way to a file, at which the entry of its directory fails, or that of the file.
	ln -s ../outside tree/sub
	qemu_run --get d:tree -- sh -c 'mkdir -p d/sub; echo evil >d/sub/file'
	assert_outcome 125 cannot-run
	[[ ! -e outside/file && -L tree/sub ]]
}

@test '--get: what one brings leads no other one astray' {
	mkdir outside
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --get d:made --get file:made/link/file --get file:made/link --get file:made/sub/file -- sh -c \
		"mkdir d; ln -s '$PWD/outside' d/link; ln -s '$PWD/outside' d/sub; echo evil >file"
	assert_outcome 125 cannot-run
	[[ -L made/link ]]
	assert_equal "$(ls outside)" ''
	mkdir made/again
	qemu_run --get d:made --get file:made/again/file --get file:made/again/link -- sh -c \
		"mkdir d d/again; ln -s '$PWD/outside' d/again/link; echo evil >file"
	assert_outcome 125 cannot-run
	assert_equal "$(<made/again/file)" evil
	assert_equal "$(ls outside)" ''
}

@test '--get: a path that is too long is refused by name, and nothing else is brought' {
	local path=/root
	# /root/ddd... is a directory of the guest's, and what the path is without its last byte.
	for _ in {1..20}; do path+=/$(printf '%0200d' 0); done
	path+=/$(printf '%0*d' $((4095 - ${#path} - 1)) 0)
	assert_equal "${#path}" 4095
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --get "${path}x:whole" --get "${path#/root/}xx:relative" -- sh -c \
		'for _ in $(seq 20); do d=$(printf %0200d 0); mkdir $d; cd $d; done; echo other >'"${path##*/}"
	assert_outcome 125 cannot-run
	assert_stderr 'x:whole: File name too long'
	[[ ! -e whole && ! -e relative ]]
}

@test '--disk: read, written for this run alone, or kept with rw' {
	head -c 1048576 /dev/zero >disk
	printf 'hello disk' | dd of=disk conv=notrunc status=none
	qemu_run --disk disk -- sh -c 'head -c 10 /dev/vda; echo changed | dd of=/dev/vda conv=fsync 2>/dev/null'
	assert_equal "$status" 0
	assert_output 'hello disk'
	assert_equal "$(head -c 10 disk)" 'hello disk'
	qemu_run --disk disk,rw -- sh -c 'printf CHANGED | dd of=/dev/vda conv=fsync 2>/dev/null'
	assert_equal "$status" 0
	assert_equal "$(head -c 7 disk)" CHANGED
}

@test '--net: the guest reaches the host, and has a name server' {
	command -v python3 >/dev/null || skip 'python3 plays the server here'
	mkdir www
	echo served >www/file
	(cd www && exec python3 -c '
import http.server
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
open("../port", "w").write(f"{server.server_address[1]}\n")
server.serve_forever()' >/dev/null 2>&1 3>&-) &
	local server=$!
	wait_for test -s port
	qemu_run --net -- wget -q -O - "http://10.0.2.2:$(cat port)/file"
	kill "$server"
	assert_equal "$status" 0
	assert_output served
}

# guest_says ADDRESS PORT TEXT: whether the guest's server there says it. It serves one caller:
# who gave up early would have been that one.
guest_says()
{
	[[ $(timeout 60 bash -c "exec 3<>/dev/tcp/$1/$2 && cat <&3" 2>/dev/null) == "$3" ]]
}

# free_port: one that nobody has just now.
free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

@test '--nic: another card, its driver by -m or by the command' {
	[[ $QEMU_RUN_MACHINE != microvm ]] || skip 'a microvm has no PCI for the card'
	qemu_run --nic e1000 -m e1000 -- sh -c 'readlink /sys/class/net/eth0/device/driver; ping -c 1 10.0.2.2'
	assert_outcome 0 exit
	assert_output --partial /drivers/e1000
	assert_output --partial '1 packets received'
	qemu_run --net --nic e1000 -- sh -c 'ls /sys/class/net; cat /sys/bus/pci/devices/*/device'
	assert_outcome 0 exit
	refute_output --partial eth0
	assert_output --partial 0x100e
	qemu_run --nic nosuch -- true
	assert_outcome 125 cannot-run
	assert_stderr "'nosuch' is not a valid device model name"
	qemu_run --nic e1000,mac=1 -- true
	assert_equal "$status" 125
	assert_stderr '--nic e1000,mac=1: give virtio, or'
}

@test '--nic: a card that the machine has no bus for is 125' {
	qemu_run --machine microvm --nic e1000 -- true
	assert_outcome 125 cannot-run
	assert_stderr "No 'PCI' bus found"
}

@test '--forward: the host reaches the guest, each run by ports of its own, from one template' {
	command -v python3 >/dev/null || skip 'python3 finds the free ports'
	local one two round
	# The template.
	qemu_run --net -- true
	# shellcheck disable=SC2034 # counts
	for round in 1 2; do
		one=$(free_port) two=$(free_port)
		qemu_run -v --forward "$one:7" --forward "127.0.0.2:$two:8" --timeout 100 -- sh -c \
			'(echo seven | nc -l -p 7) & echo eight | nc -l -p 8; wait' &
		wait_for guest_says 127.0.0.1 "$one" seven
		wait_for guest_says 127.0.0.2 "$two" eight
		wait "$!"
		assert_equal "$(json '"\(.outcome) \(.exit_status) \(.start)"')" 'exit 0 restored'
	done
	# The second needed no other template, which QEMU would have been started for.
	assert_equal "$(grep -c '^qemu-run: +' "$BATS_TEST_TMPDIR/stderr")" 1
}

@test '--forward: on the loopback unless an address is given' {
	command -v python3 >/dev/null || skip 'python3 finds the free port'
	local port
	port=$(free_port)
	qemu_run --forward "$port:7" --verbose -- true
	assert_outcome 0 exit
	assert_stderr "hostfwd=tcp:127.0.0.1:$port-:7"
}

@test '--forward: what is no port, and no address of ours, is 125' {
	local value
	for value in 80 1:2:3:4 ::1:80:80 0:80 80:65536 host:80:80 :80:80 80:80x ''; do
		qemu_run --forward "$value" -- true
		assert_equal "$status" 125
		assert_stderr "--forward $value: give "
	done
	qemu_run --forward 192.0.2.1:8080:80 -- true
	assert_outcome 125 cannot-run
	assert_stderr '--forward: port 8080 of 192.0.2.1: Cannot assign requested address'
}

@test '--forward: a port that is taken is 125, and the template stays' {
	command -v python3 >/dev/null || skip 'python3 takes the port'
	local port
	port=$(free_port)
	cat >take <<-EOF
	import os, socket
	taken = socket.socket()
	# Whatever becomes of the test, this ends.
	taken.settimeout(100)
	taken.bind(("127.0.0.1", $port))
	taken.listen()
	open("pid", "w").write(f"{os.getpid()}\n")
	taken.accept()
	EOF
	python3 take 3>&- &
	wait_for test -s pid
	qemu_run --forward "$port:80" -- true
	kill "$(<pid)"
	assert_outcome 125 cannot-run
	assert_stderr "--forward: port $port of 127.0.0.1: Address already in use"
	# Taken a moment later, when qemu-run has looked: QEMU finds out.
	cat >late <<-EOF
	#!/bin/sh
	rm -f $PWD/pid
	python3 $PWD/take >/dev/null 2>&1 3>&- &
	while [ ! -s $PWD/pid ]; do sleep 0.1; done
	exec qemu-system-x86_64 "\$@"
	EOF
	chmod +x late
	QEMU=$PWD/late qemu_run --forward "$port:80" -- true
	kill "$(<pid)"
	assert_outcome 125 cannot-run
	assert_stderr "Could not set up host forwarding rule 'tcp:127.0.0.1:$port-:80'"
	[[ $stderr != *'booting cold'* ]]
	QEMU=$PWD/late qemu_run -v --net -- true
	assert_equal "$(json '"\(.outcome) \(.exit_status) \(.start)"')" 'exit 0 restored'
	assert_equal "$(grep -c '^qemu-run: +' <<<"$stderr")" 1
	kill "$(<pid)" 2>/dev/null || true
}
