#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# qemu-run where it used to lie: hosts that are stopped, slow, full or damaged.

load qemu-run

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

@test 'stopped past the deadline, a run whose command has ended keeps its status' {
	local pid code=0
	qemu-run --timeout 5 --json json -- sh -c 'echo; sleep 1; exit 5' </dev/null >started 2>stderr 3>&- &
	pid=$!
	wait_for test -s started
	kill -STOP "$pid"
	sleep 12
	kill -CONT "$pid"
	wait "$pid" || code=$?
	cat stderr
	assert_equal "$code" 5
	assert_equal "$(jq -r .outcome json)" exit
}

# stopped_in_gets: begins a run whose QEMU is stopped when the command has returned, and
# the guest has to send more. Sets pid and qemu.
stopped_in_gets()
{
	qemu-run --timeout 3 --json json --get first:first --get second:second -- \
		sh -c 'echo x >first; truncate -s 200M second; exit 5' </dev/null 2>stderr 3>&- &
	pid=$!
	wait_for test -e first
	qemu=$(qemus_of "$pid")
	kill -STOP "$qemu"
}

@test '--get is not on the clock of --timeout, which bounds the command' {
	local pid qemu code=0
	stopped_in_gets
	# The timeout and its grace.
	sleep 9
	kill -CONT "$qemu"
	wait "$pid" || code=$?
	cat stderr
	assert_equal "$code" 5
	assert_equal "$(jq -r .outcome json)" exit
	assert_equal "$(stat -c %s second)" $((200 << 20))
}

# bats test_tags=slow
@test '--get has a bound of its own: a minute' {
	local pid qemu code=0
	stopped_in_gets
	wait "$pid" || code=$?
	cat stderr
	assert_equal "$code" 123
	grep -q 'the command had returned' stderr
	refute [ -e second ]
}

@test 'a reader who does not read cannot stretch --timeout' {
	local code=0
	mkfifo pipe
	# Open for reading as well, and never read.
	exec 7<>pipe
	qemu_run -- true
	code=0
	timeout 100 qemu-run --timeout 2 --json json -- yes </dev/null >pipe 2>stderr 3>&- || code=$?
	exec 7>&-
	cat stderr
	assert_equal "$code" 124
	grep -q 'not read in time' stderr
}

@test 'nor can one of the console, with -v' {
	local code=0
	mkfifo pipe
	exec 7<>pipe
	qemu_run -- true
	# shellcheck disable=SC2016 # the guest's to expand
	timeout 100 qemu-run -v --timeout 2 --json json -- \
		sh -c 'while :; do echo "<1>$(seq 300 | tr -d "\n")" >/dev/kmsg; done' </dev/null 2>pipe 3>&- || code=$?
	exec 7>&-
	assert_equal "$code" 124
	assert_equal "$(jq -r .outcome json)" deadline
}

@test 'nor can a terminal that nobody reads' {
	qemu_run -- true
	run python3 - <<-'E'
		import os, subprocess
		reader, terminal = os.openpty()
		print(subprocess.run(["qemu-run", "--timeout", "2", "--json", "json", "--", "yes"], stdin=terminal,
		                     stdout=terminal, stderr=terminal, timeout=100).returncode)
	E
	assert_success
	assert_output 124
	assert_equal "$(jq -r .outcome json)" deadline
}

@test '--json to a FIFO without a reader is an error, and no wait' {
	mkfifo fifo
	status=0
	timeout 100 qemu-run --json fifo -- true </dev/null 2>stderr || status=$?
	assert_equal "$status" 125
	grep -q -- '--json fifo' stderr
}

@test '--get: a file that did not arrive whole leaves an older one in its place' {
	# It can be opened, and not be read: the guest says so after it announced the file.
	mkdir directory
	qemu_run --get /proc/1/mem:directory/here -- true
	assert_outcome 125 cannot-run
	assert_stderr '--get /proc/1/mem:directory/here'
	assert_equal "$(ls -A directory)" ''
	echo old >directory/here
	qemu_run --get /proc/1/mem:directory/here -- true
	assert_outcome 125 cannot-run
	assert_equal "$(cat directory/here)" old
	assert_equal "$(ls -A directory)" here
}

@test 'the deadline'\''s code before the deadline is no deadline' {
	local command
	for command in 'poweroff -f' 'halt -f'; do
		# shellcheck disable=SC2086 # several words
		qemu_run --timeout 20 -- $command
		assert_outcome 122 silent
	done
}

@test 'poweroff, reboot and halt end the machine, and are no success' {
	local command
	for command in poweroff reboot halt; do
		qemu_run -- sh -c "echo before; $command; sleep 1000; echo after"
		assert_outcome 122 silent
		assert_output before
	done
	qemu_run --bare -- poweroff
	assert_outcome 122 silent
}

# bats test_tags=slow
@test 'a template whose memory is damaged is dropped, and says nothing about the kernel' {
	own_cache
	qemu_run -- true
	# All of the kernel's text: a guest restored from it does not get far.
	python3 - "$XDG_CACHE_HOME"/qemu-run/templates/*/memory <<-'EOF2'
		import sys
		with open(sys.argv[1], 'r+b') as memory:
		    memory.seek(16 << 20)
		    memory.write(b'\xcc' * (16 << 20))
	EOF2
	qemu_run -- sh -c 'exit 7'
	assert_outcome 7 exit
	assert_stderr 'removed it, booting cold'
	assert_equal "$(json .start)" cold
	qemu_run -- sh -c 'exit 8'
	assert_outcome 8 exit
}

# bats test_tags=slow
@test 'what is no template is removed where one belongs, and by --clean' {
	own_cache
	local place kind
	qemu_run -- true
	place=$(echo "$XDG_CACHE_HOME"/qemu-run/templates/*[0-9a-f])
	for kind in file link tree; do
		rm -rf "$place"
		case $kind in
		file) : >"$place" ;;
		link) ln -s nowhere "$place" ;;
		tree) mkdir -p "$place/key/deep" ;;
		esac
		qemu_run -- sh -c 'exit 3'
		assert_outcome 3 exit
		qemu_run -- sh -c 'exit 3'
		assert_equal "$(json .start)" restored
	done
	rm -rf "$place"
	rm -f "$place.lock"
	mkdir -p "$place/key/deep" "$place.lock"
	qemu_run --clean
	assert_equal "$status" 0
	assert_equal "$(find "$XDG_CACHE_HOME/qemu-run/templates" -mindepth 1)" ''
}

# bats test_tags=slow
@test 'QEMU_RUN_CACHE_MIB: what is no number of MiB is 125; evicted templates leave no lock' {
	local value
	for value in abc 0 -5 99999999999999 '1 2'; do
		QEMU_RUN_CACHE_MIB=$value qemu_run -- true
		assert_equal "$status" 125
		assert_stderr 'give MiB'
	done
	own_cache
	QEMU_RUN_CACHE_MIB=100 qemu_run -- true
	QEMU_RUN_CACHE_MIB=100 qemu_run --memory 300 -- true
	assert_equal "$(find "$XDG_CACHE_HOME" -name '*.lock' | wc -l)" 1
}

@test 'QEMU that somebody ends is 125, by SIGTERM as by SIGKILL' {
	local signal pid code
	for signal in TERM KILL; do
		code=0
		: >started
		qemu-run --json json -- sh -c 'echo; sleep 100' </dev/null >started 2>stderr 3>&- &
		pid=$!
		wait_for test -s started
		kill -"$signal" "$(qemus_of "$pid")"
		wait "$pid" || code=$?
		cat stderr
		assert_equal "$code" 125
	done
}

@test 'an oops that kills the command is 120, and is shown with its place' {
	local fault

	fault=$(module_file fault)
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run -m "$fault" -- sh -c 'echo 0 >/proc/sys/kernel/panic_on_oops
		exec sh -c "echo null >/sys/module/fault/parameters/what"'
	assert_outcome 120 splat
	assert_stderr 'an oops of the kernel'\''s killed the command (taint D: oops or BUG)'
	assert_stderr 'BUG: kernel NULL pointer dereference'
}

# bats test_tags=slow
@test 'an oops that kills the command is 120 on a kernel that had one before' {
	local fault

	fault=$(module_file fault)
	# A template of its own: of a kernel with that taint.
	qemu_run --append sysctl.kernel.tainted=128 -m "$fault" -- sh -c '
		echo 0 >/proc/sys/kernel/panic_on_oops
		exec sh -c "echo null >/sys/module/fault/parameters/what"'
	assert_outcome 120 splat
	assert_equal "$(json .taint)" 0
	assert_stderr 'an oops of the kernel'\''s killed the command:'
	assert_stderr 'RIP: 0010:do_null'
}

@test 'complaints are shown whatever the status, and --allow-splat=REGEX takes some' {
	local splat

	splat=$(module_file splat)
	qemu_run -m "$splat,what=warn" -- sh -c 'exit 3'
	assert_outcome 3 exit
	assert_stderr 'the command returned 3, but the kernel complained (taint W: warning):'
	assert_stderr 'splat: the reason'
	qemu_run -m "$splat,what=warn" --allow-splat='WARNING: .*splat_warn' -- true
	assert_outcome 0 exit
	assert_stderr 'splat: the reason'
	qemu_run -m "$splat,what=warn" --allow-splat='WARNING: .*another' -- true
	assert_outcome 120 splat
	qemu_run -- sh -c 'echo "<4>x" >/dev/kmsg; exit 3'
	assert_outcome 3 exit
	refute grep -q complained stderr
	qemu_run --allow-splat='(' -- true
	assert_equal "$status" 125
}

@test '--bisect: 0, 1 and 125 are all that there is' {
	qemu_run --bisect -- true
	assert_equal "$status" 0
	qemu_run --bisect -- sh -c 'exit 42'
	assert_equal "$status" 1
	assert_equal "$(json .exit_status)" 42
	qemu_run --bisect -- sh -c 'echo c >/proc/sysrq-trigger'
	assert_equal "$status" 1
	qemu_run --bisect -m no_such_module -- true
	assert_equal "$status" 125
	qemu_run --bisect -- no-such-command
	assert_equal "$status" 125
}

@test '-n: standard input is left alone' {
	printf '1\n2\n3\n' >list
	run bash -c 'while read -r line; do timeout 100 qemu-run -n -- echo "$line"; done <list'
	assert_success
	assert_output $'1\n2\n3'
}

@test '--console: all of the console, in a file' {
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --console log -- sh -c 'for i in $(seq 3000); do echo "<1>line $i of many" >/dev/kmsg; done'
	assert_outcome 0 exit
	assert_equal "$(grep -c 'line 1 of many' log)" 1
	grep -q 'line 3000 of many' log
	qemu_run --console no/such/log -- true
	assert_equal "$status" 125
	assert_stderr '--console no/such/log'
}

@test '--get and -f say what they leave out: FIFOs, devices, sockets' {
	mkdir tree
	mkfifo tree/fifo
	echo x >tree/file
	qemu_run -f tree --get made:made --get tree:back -- sh -c 'mkdir made; mkfifo made/fifo; echo y >made/file'
	assert_outcome 0 exit
	assert_stderr '-f tree: left out, since no files: 1, such as tree/fifo'
	assert_stderr '--get made: left out, since no files: 1, such as made/fifo'
	assert_equal "$(<made/file)$(<back/file)" yx
	qemu_run --get /dev/null:null -- true
	assert_outcome 125 cannot-run
	assert_stderr 'neither a file nor a directory'
}

@test 'not found: what is here is said, and how to bring it' {
	echo 'echo hi' >script
	qemu_run -- ./script
	assert_outcome 127 not-found
	assert_stderr './script is here: bring it with -f'
	qemu_run -- python3 test.py
	assert_outcome 127 not-found
	assert_stderr 'use --root /'
}

@test '--json: the message says what a panic, a hang and a deadline were' {
	qemu_run -- sh -c 'echo c >/proc/sysrq-trigger'
	assert_equal "$(json .outcome)" panic
	assert_equal "$(json '.message | contains("sysrq triggered crash")')" true
	qemu_run --timeout 1 -- sleep 100
	assert_equal "$(json '.message | contains("deadline")')" true
	assert_equal "$(json '.command | join(" ")')" 'sleep 100'
}

@test '--json: a file that cannot be written hides no failure, and is one itself' {
	run -3 qemu-run --json no/such/file -- sh -c 'exit 3'
	assert_output --partial '--json no/such/file: No such file'
	run -125 qemu-run --json no/such/file -- true
}

# in_order PATTERN...: of the lines of stderr, one matches each, in that order.
in_order()
{
	local pattern from=1 line

	for pattern in "$@"; do
		line=$(tail -n "+$from" stderr | grep -nEm 1 -- "$pattern") ||
			fail "'$pattern' is not there, or before another"
		((from += ${line%%:*}))
	done
}

@test 'what hangs is named: blocked tasks, then what runs, then the command; no more' {
	local fault hang='insmod fault.ko count=1 cpu=1
		cd /sys/module/fault/parameters
		echo blocked_tasks >what
		echo preempt_off >what'

	fault=$(module_file fault)
	qemu_run --cpus 4 --timeout "$(seconds_for --cpus 4 -f "$fault" -- sh -c "$hang")" \
		-f "$fault" -- sh -c "$hang; sleep 1000"
	assert_outcome 124 deadline
	in_order 'sysrq: Show Blocked State' 'task:fault/0 +state:D' 'sleep_for_ever' \
		'Comm: fault/1' 'RIP: 0010:spin_preempt_off' 'qemu-run: process [0-9]+ \(s(h|leep)\)'
	# Without traces of processors that idle, and of init, which asked for it. One that
	# idled may be in an interrupt just then, and is shown.
	refute grep -E 'RIP: 0010:[a-z0-9_]*(halt|idle)|Comm: qemu-run-init' stderr
}

@test 'what hangs is named: each process of the command, and where it waits' {
	qemu_run --timeout "$(seconds_for -- sh -c 'sleep 0 | cat')" -- sh -c 'sleep 1000 | cat; exit'
	assert_outcome 124 deadline
	assert_equal "$(grep -c 'qemu-run: process' stderr)" 3
	! kernel_has STACKTRACE || assert_stderr '(sleep), state S: hrtimer_nanosleep+0x'
}

@test 'a complaint that -m brought has its taint, and an out-of-tree module is no news' {
	local splat

	splat=$(module_file splat)
	qemu_run -m "$splat,what=warn" -- true
	assert_outcome 120 splat
	assert_equal "$(json .taint)" 512
	assert_stderr 'the kernel complained (taint W: warning):'
	qemu_run -m "$splat" -- true
	assert_outcome 0 exit
	assert_equal "$(json .taint)" 0
}

@test 'what cannot be meant is refused in words: names of -f, what is no module, no command' {
	local name
	mkdir sources
	: >file
	: >driver.c
	for name in . ./x x/./y x//y x/ .. ../x x/../y /x; do
		qemu_run -f "file:$name" -- true
		assert_outcome 125 cannot-run
		assert_stderr "-f file:$name: give a name below /root in the guest"
	done
	qemu_run -f file:..x -- test -e ..x
	assert_outcome 0 exit
	for name in sources ./sources driver.c ./no-such-file; do
		qemu_run -m "$name" -- true
		assert_outcome 125 cannot-run
		assert_stderr "-m $name: no module: give a built one, FILE.ko"
	done
	qemu_run -- ''
	assert_outcome 127 not-found
	assert_stderr 'the command is empty'
}

# memory_mib: how much room the template's memory takes.
memory_mib()
{
	du -m "$XDG_CACHE_HOME"/qemu-run/templates/*/memory | cut -f 1
}

@test 'a cache on tmpfs does not keep what guests touch, and says so when it is full' {
	local before use=(dd if=/dev/zero of=/tmp/x bs=1M count=100)
	mkdir tmpfs
	mount -t tmpfs -o size=420m tmpfs tmpfs || skip 'no tmpfs can be mounted here'
	export XDG_CACHE_HOME=$PWD/tmpfs
	qemu_run -- true
	before=$(memory_mib)
	qemu_run -- "${use[@]}"
	assert_outcome 0 exit
	assert_equal "$(json .start)" restored
	(($(memory_mib) <= before + 32)) || fail "$before MiB grew to $(memory_mib)"
	# As when others have filled it.
	head -c "$(df --output=avail -B 1 tmpfs | tail -n 1)" /dev/zero >tmpfs/filler
	truncate -s -30M tmpfs/filler
	qemu_run -- "${use[@]}"
	assert_outcome 125 cannot-run
	assert_stderr "$PWD/tmpfs/qemu-run is full"
	assert_equal "$(json '.message | contains("--clean")')" true
	rm tmpfs/filler
	qemu_run -- "${use[@]}"
	assert_outcome 0 exit
	assert_equal "$(json .start)" restored
}

teardown()
{
	! mountpoint -q "$BATS_TEST_TMPDIR/tmpfs" || umount "$BATS_TEST_TMPDIR/tmpfs"
}
