#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Templates, and the host around a run: users, disks, signals, many at once.

load qemu-run

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

templates()
{
	find "$XDG_CACHE_HOME/qemu-run/templates" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | wc -l
}

@test 'template: made once, used again, and again after a change of options' {
	own_cache
	qemu_run -- true
	assert_outcome 0 exit
	assert_equal "$(templates)" 1
	: >before
	qemu_run -- true
	assert_equal "$(json .start)" restored
	assert_equal "$(templates)" 1
	# Its use is noted: the least recently used one goes first.
	assert_equal "$(find "$XDG_CACHE_HOME"/qemu-run/templates/*/key -newer before | wc -l)" 1
	qemu_run --memory 300 -- true
	assert_equal "$(templates)" 2
	qemu_run --append hello=world -- grep -c hello=world /proc/cmdline
	assert_outcome 0 exit
	assert_equal "$(templates)" 3
	qemu_run --clean
	assert_equal "$status" 0
	assert_equal "$(templates)" 0
}

@test 'template: many that start together make one' {
	own_cache
	run bash -c 'seq 6 | xargs -P 6 -I% timeout 120 qemu-run -- sh -c "echo %" | sort'
	assert_success
	assert_output $'1\n2\n3\n4\n5\n6'
	assert_equal "$(templates)" 1
	assert_equal "$(find "$XDG_CACHE_HOME" -name '*.new' | wc -l)" 0
}

# bats test_tags=slow
@test 'template: one that does not restore is removed, the run goes on cold' {
	own_cache
	qemu_run -- true
	head -c 1000 /dev/urandom >"$(echo "$XDG_CACHE_HOME"/qemu-run/templates/*/state*)"
	qemu_run -- sh -c 'exit 6'
	assert_outcome 6 exit
	assert_stderr 'does not restore'
	assert_equal "$(json .start)" cold
	qemu_run -- true
	assert_outcome 0 exit
	assert_equal "$(json .start)" restored
}

@test 'template: the cache stays below its limit' {
	own_cache
	QEMU_RUN_CACHE_MIB=100 qemu_run -- true
	QEMU_RUN_CACHE_MIB=100 qemu_run --memory 300 -- true
	assert_equal "$status" 0
	assert_equal "$(templates)" 1
}

@test 'template: one that cannot be removed keeps no run from its end' {
	local stuck status=0
	((EUID == 0)) || skip 'mounts a file, as root'
	own_cache
	stuck=$XDG_CACHE_HOME/qemu-run/templates/0000000000000000
	mkdir -p "$stuck"
	: >"$stuck/key"
	mount --bind "$stuck/key" "$stuck/key" || skip 'cannot mount here'
	QEMU_RUN_CACHE_MIB=1 timeout -s KILL 100 qemu-run -- true || status=$?
	umount "$stuck/key"
	assert_equal "$status" 0
}

@test 'template: making one can be interrupted, and leaves nothing' {
	own_cache
	qemu-run --json json -- true </dev/null 3>&- &
	local pid=$! status=0
	wait_for eval "[[ \$(qemus_of $pid) ]]"
	kill -TERM "$pid"
	wait "$pid" || status=$?
	assert_equal "$status" 143
	assert_equal "$(jq -r .outcome json)" interrupted
	assert_equal "$(templates)" 0
	assert_equal "$(find "$XDG_CACHE_HOME" -name '*.new' | wc -l)" 0
	qemu_run -- true
	assert_outcome 0 exit
}

@test 'template: --clean leaves alone what another run is making' {
	own_cache
	qemu-run -- sh -c 'exit 3' </dev/null 3>&- &
	local pid=$! code=0
	wait_for eval "[[ \$(qemus_of $pid) ]]"
	qemu_run --clean
	assert_equal "$status" 0
	assert_stderr 'another run is making it'
	wait "$pid" || code=$?
	assert_equal "$code" 3
	assert_equal "$(templates)" 1
	qemu_run --clean
	assert_equal "$(find "$XDG_CACHE_HOME/qemu-run/templates" -mindepth 1)" ''
}

@test 'template: what a killed run left behind goes with the next' {
	own_cache
	qemu-run -- true </dev/null 3>&- &
	local pid=$!
	wait_for eval "[[ \$(qemus_of $pid) ]]"
	kill -KILL "$pid"
	wait "$pid" || true
	assert_equal "$(find "$XDG_CACHE_HOME" -name '*.new' | wc -l)" 1
	# Another kernel's, or the same with other options: not only its own.
	qemu_run --memory 300 -- true
	assert_equal "$status" 0
	assert_equal "$(find "$XDG_CACHE_HOME" -name '*.new' | wc -l)" 0
	assert_equal "$(find "$XDG_CACHE_HOME" -name '*.lock' | wc -l)" 1
}

@test 'temporary files: none are left, and a killed run is cleaned up after' {
	own_cache
	mkdir -p tmp/qemu-run-root.{dead,live,young}/root
	touch -d '2 minutes ago' tmp/qemu-run-root.{dead,live}
	flock tmp/qemu-run-root.live sleep 100 3>&- &
	local holder=$!
	wait_for eval '! flock -n tmp/qemu-run-root.live true'
	TMPDIR=$PWD/tmp qemu_run --cold -- sh -c 'exit 3'
	kill "$holder"
	assert_equal "$status" 3
	assert_equal "$(ls tmp)" $'qemu-run-root.live\nqemu-run-root.young'
}

# bats test_tags=slow
@test 'QEMU= may name a script, one that becomes QEMU or one that waits for it' {
	own_cache
	local pid qemu
	# shellcheck disable=SC2016 # the script's to expand
	printf '#!/bin/sh\n: >ran\nexec qemu-system-x86_64 "$@"\n' >becomes
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nqemu-system-x86_64 "$@" &\necho $! >qemu.new && mv qemu.new qemu\nwait $!\n' >waits
	chmod +x becomes waits
	QEMU=$PWD/becomes qemu_run -- sh -c 'exit 5'
	assert_outcome 5 exit
	[[ -e ran ]]
	QEMU=$PWD/waits qemu_run -- sh -c 'exit 6'
	assert_outcome 6 exit
	QEMU=$PWD/waits qemu_run --timeout 1 -- sleep 100
	assert_outcome 124 deadline
	# However the run ends, so does its QEMU; after SIGKILL the guest sees to it.
	for signal in TERM KILL; do
		rm qemu
		QEMU=$PWD/waits qemu-run -- sh -c 'echo; sleep 100' </dev/null >started 3>&- &
		pid=$!
		wait_for test -s started
		qemu=$(cat qemu)
		kill -0 "$qemu"
		kill -"$signal" "$pid"
		wait "$pid" || true
		wait_for eval "! kill -0 $qemu 2>/dev/null"
		: >started
	done
}

# bats test_tags=slow
@test 'machine: pc, q35 and microvm' {
	local machine
	for machine in pc q35 microvm; do
		qemu_run --machine "$machine" -- sh -c '[ -d /sys/bus/pci/devices ] && ls /sys/bus/pci/devices'
		case $machine in
		pc) assert_output --partial 0000:00:01.3 ;;
		q35) assert_output --partial 0000:00:1f.0 ;;
		microvm) assert_output '' ;;
		esac
		# Twice, so that it was restored once.
		qemu_run --machine "$machine" --timeout 30 -- sh -c 'exit 42'
		assert_outcome 42 exit
		assert_equal "$(json .start)" restored
		assert_equal "$(json .channel)" virtio
		head -c 3000320 /dev/urandom >file
		qemu_run --machine "$machine" --disk file -f file -- cmp file /dev/vda
		assert_outcome 0 exit
	done
	QEMU_RUN_MACHINE=q35 qemu_run -- ls /sys/bus/pci/devices
	assert_output --partial 0000:00:1f.0
	QEMU_RUN_MACHINE=isapc qemu_run -- true
	assert_equal "$status" 125
	assert_stderr 'give pc, q35 or microvm'
}

# It has ACPI's reduced hardware, and no port that tells what an NMI is for.
@test 'machine: a microvm reboots, panics and hangs as another does' {
	local fault
	qemu_run --machine microvm -- sh -c 'echo b >/proc/sysrq-trigger; sleep 100'
	assert_outcome 122 silent
	qemu_run --machine microvm --timeout 100 -- sh -c 'echo c >/proc/sysrq-trigger; sleep 100'
	assert_outcome 121 panic
	fault=$(module_file fault)
	qemu_run --machine microvm --timeout "$(is_watched && echo 20 || echo 2)" -f "$fault" -- \
		sh -c 'insmod fault.ko; echo irq_off >/sys/module/fault/parameters/what; sleep 100'
	assert_outcome 123 hung
	assert_stderr 'RIP: 0010:spin_irq_off'
}

# bats test_tags=slow
@test 'no home, or one that cannot be written: still runs' {
	own_cache
	run env -u XDG_CACHE_HOME -u HOME TMPDIR="$BATS_TEST_TMPDIR" timeout 120 qemu-run -- sh -c 'exit 4'
	assert_equal "$status" 4
	run env -u XDG_CACHE_HOME HOME=/proc TMPDIR="$BATS_TEST_TMPDIR" timeout 120 qemu-run -- sh -c 'exit 4'
	assert_equal "$status" 4
	run env -u XDG_CACHE_HOME HOME=/proc TMPDIR=/proc BUILD="$BATS_TEST_TMPDIR" timeout 120 qemu-run -- true
	assert_equal "$status" 125
}

@test 'a umask that lets the group write: the cache is where it belongs' {
	mkdir tmp
	(umask 002 && XDG_CACHE_HOME=$PWD/cache TMPDIR=$PWD/tmp qemu-run --clean)
	assert_equal "$(stat -c %a cache/qemu-run)" 755
	assert_equal "$(ls tmp)" ''
}

@test 'a BUILD that is not there is named' {
	BUILD=$BATS_TEST_TMPDIR/none qemu_run -- true
	assert_outcome 125 cannot-run
	assert_stderr "BUILD=$BATS_TEST_TMPDIR/none: No such file or directory"
}

@test 'a full disk for the templates is a clear error' {
	((EUID == 0)) || skip 'mounts a small file system, as root'
	mkdir small
	mount -t tmpfs -o size=50m none small || skip 'cannot mount here'
	XDG_CACHE_HOME=$PWD/small qemu_run -- true
	umount small
	assert_outcome 125 cannot-run
	assert_stderr 'free'
}

@test 'a full disk below --disk is an error for the guest, and no success' {
	((EUID == 0)) || skip 'mounts a small file system, as root'
	mkdir small
	mount -t tmpfs -o size=4m none small || skip 'cannot mount here'
	truncate -s 64M small/disk
	qemu_run --disk small/disk,rw -- sh -c 'dd if=/dev/zero of=/dev/vda bs=1M count=16 conv=fsync; echo it was $?'
	umount small
	assert_output 'it was 1'
	assert_outcome 125 cannot-run
	assert_stderr 'QEMU cannot write disk0: No space left on device'
}

@test 'an ordinary user can run it' {
	((EUID == 0)) || skip 'is one already'
	command -v setpriv >/dev/null || skip 'setpriv is missing'
	local bin=${BUILD:-$top/build}
	setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$bin/qemu-run" -a -r "$KERNEL_DIR/vmlinux" ||
		skip 'this checkout is closed to others'
	local cache
	# Below the suite's own directory nobody else gets.
	cache=$(mktemp -d)
	chown 65534:65534 "$cache"
	run setpriv --reuid 65534 --regid 65534 --clear-groups env -u BUILD XDG_CACHE_HOME="$cache" \
		timeout "$(is_watched && echo 300 || echo 120)" qemu-run --no-tty -- sh -c 'echo hi; exit 3'
	rm -rf "$cache"
	assert_equal "$status" 3
	assert_output --partial hi
}

# bats test_tags=slow
@test 'many at once: sixty-four through xargs -P 8, every one right' {
	qemu_run -- true
	one()
	{
		local status=0 text

		text=$(qemu-run -- sh -c "echo out $1; exit $(($1 % 100))" </dev/null 2>&1) || status=$?
		[[ $status == "$(($1 % 100))" && $text == "out $1" ]] || echo "$1: $status: $text"
	}
	export -f one
	run bash -c 'seq 64 | xargs -P 8 -I% bash -c "one %"'
	assert_success
	assert_output ''
}

@test 'killed runs leave no process, no file, no lock' {
	local signal pid pids=() status before
	# What other files of tests make meanwhile is none of its business.
	own_cache
	qemu_run -- true
	before=$(find "$XDG_CACHE_HOME" | sort)
	mkdir tmp
	for signal in TERM INT HUP QUIT KILL; do
		# The shell has its background ignore Ctrl-C, and so would qemu-run.
		TMPDIR=$PWD/tmp env --default-signal=INT,QUIT setsid qemu-run -- sleep 100 </dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		wait_for eval "[[ \$(qemus_of $pid) ]]"
		pids+=("$(qemus_of "$pid")")
		sleep 0.3
		kill -"$signal" "$pid"
		status=0
		wait "$pid" || status=$?
		assert_equal "$status" "$((128 + $(kill -l "$signal")))"
	done
	assert_equal "${#pids[@]}" 5
	for pid in "${pids[@]}"; do
		wait_for eval "! kill -0 $pid 2>/dev/null"
	done
	assert_equal "$(find "$XDG_CACHE_HOME" | sort)" "$before"
	assert_equal "$(ls tmp)" ''
	qemu_run -- true
	assert_outcome 0 exit
}

@test 'in the background of a terminal it does not stop' {
	command -v script >/dev/null || skip 'script is missing'
	run timeout 60 script -qec 'bash -mc "qemu-run -- sh -c \"cat; echo read; exit 5\" & wait \$!; echo was \$?"' /dev/null
	assert_output --partial read
	assert_output --partial 'was 5'
}

@test 'signals that were ignored from the start stay so: nohup, the background of a script' {
	cd "$BATS_TEST_TMPDIR" || return
	mkfifo answer
	(
		trap '' HUP INT QUIT
		exec qemu-run -- sh -c 'echo ready; read answer; exit 3' <answer >started 3>&-
	) &
	local pid=$! signal
	exec {signal}>answer
	wait_for test -s started
	kill -HUP "$pid"
	kill -INT "$pid"
	kill -QUIT "$pid"
	echo >&"$signal"
	status=0
	wait "$pid" || status=$?
	exec {signal}>&-
	assert_equal "$status" 3
}

@test 'a script that hangs, and ignores SIGTERM, does not keep a run from its end' {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir path
	# scripts/kernel begins with it.
	printf '#!/bin/sh\necho $$ >started\nexec sleep 1000 3>&-\n' >path/dirname
	chmod +x path/dirname
	(
		trap '' TERM
		PATH=$PWD/path:$PATH exec env --default-signal=INT qemu-run -k no-such -- true 3>&-
	) &
	local pid=$!
	wait_for test -s started
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	kill "$(<started)"
	assert_equal "$status" 130
}

@test 'a pipe that another process keeps full does not keep a run from its end' {
	cd "$BATS_TEST_TMPDIR" || return
	mkfifo pipe
	exec {full}<>pipe
	qemu-run -- sh -c 'yes' >&"$full" 2>err 3>&- &
	local pid=$! writer
	yes >&"$full" 3>&- &
	writer=$!
	wait_for pgrep -P "$pid" -f -- '-name qemu-run'
	sleep 1
	kill "$pid"
	status=0
	wait "$pid" || status=$?
	kill "$writer"
	exec {full}>&-
	assert_equal "$status" 143
}

@test 'a limit on the size of files is an error, and leaves nothing' {
	own_cache
	(
		ulimit -f 1000
		limit=60 qemu_run -- true
		assert_outcome 125 cannot-run
		assert_stderr 'File too large'
	)
	assert_equal "$(find "$XDG_CACHE_HOME/qemu-run/templates" -mindepth 1)" ''
}

@test 'QEMU runs in its sandbox' {
	qemu-run -- sleep 100 </dev/null 3>&- &
	local pid=$! qemu
	wait_for eval "qemu=\$(qemus_of $pid); [[ \$qemu ]]"
	wait_for grep -q '^Seccomp:.*2' "/proc/$qemu/status"
	kill "$pid"
	wait "$pid" || true
}

@test 'hostile: a guest that writes noise into the channel is ended, 122' {
	needs_9p
	cat >steal.py <<-'E'
		import ctypes, os, time
		init = os.pidfd_open(1)
		for number in map(int, os.listdir("/proc/1/fd")):
		    if "vport" in os.readlink(f"/proc/1/fd/{number}"):
		        # pidfd_getfd(2)
		        os.write(ctypes.CDLL(None).syscall(438, init, number, 0), b"\xee" * 4096)
		        time.sleep(100)
	E
	# The port opens once, and init has it: nobody else gets at it that way.
	qemu_run -- sh -c 'echo x >/dev/vport0p1'
	assert_equal "$status" 1
	# Through init's own descriptor it is one more message, and not a valid one.
	qemu_run --root / -- python3 steal.py
	assert_outcome 122 silent
	assert_stderr 'the guest sent what no honest guest sends then'
}
