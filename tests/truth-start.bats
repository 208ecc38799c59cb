#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A command or a module that does not start says why.

load qemu-run

# file NAME [MODE]: makes a file for -f out of standard input.
file()
{
	cat >"$BATS_TEST_TMPDIR/$1"
	chmod "${2:-755}" "$BATS_TEST_TMPDIR/$1"
}

# refused STATUS TEXT ARGUMENT...: the command ends so, and qemu-run says that.
refused()
{
	local status_wanted=$1 text=$2

	qemu_run "${@:3}"
	assert_equal "$output" ''
	assert_stderr "$text"
	if ((status_wanted == 127)); then
		assert_outcome 127 not-found
	else
		assert_outcome "$status_wanted" not-executable
	fi
}

@test '127: no such program, no such file, a link to nowhere, an empty command' {
	refused 127 'no-such: no such program in the guest' -- no-such
	refused 127 './no-such: no such file in the guest' -- ./no-such
	refused 127 "'': the command is empty" -- ''
	mkdir "$BATS_TEST_TMPDIR/tree"
	ln -s /no/where "$BATS_TEST_TMPDIR/tree/link"
	refused 127 'tree/link: no such file in the guest, or a link to nowhere' \
		-f "$BATS_TEST_TMPDIR/tree" -- tree/link
	refused 127 '/no/such: cannot start there' -C /no/such -- true
}

@test '127: what a shell would have understood' {
	refused 127 "need a shell: sh -c '...'" -- 'echo one | cat'
	refused 127 "need a shell: sh -c '...'" -- 'ls -l'
	refused 127 'cd: no such program in the guest (a builtin needs a shell' -- cd /
}

@test '127: the interpreter of a script, or its CR' {
	file script <<<'#!/bin/bash -e'
	refused 127 './script: a script for /bin/bash, which this guest does not have' \
		-f "$BATS_TEST_TMPDIR/script" -- ./script
	printf '#!/bin/sh\r\ntrue\r\n' | file script
	refused 127 'a script whose lines end with CR LF' -f "$BATS_TEST_TMPDIR/script" -- ./script
}

@test '127: the loader of a program' {
	gcc -o "$BATS_TEST_TMPDIR/dynamic" -x c - <<<'int main(void) { return 0; }'
	refused 127 'a dynamically linked program, whose loader is not in this guest' \
		-f "$BATS_TEST_TMPDIR/dynamic" -- ./dynamic
}

@test 'modprobe of what is not there says which option brings it' {
	qemu_run -- modprobe no-such-module
	assert_outcome 1 exit
	assert_stderr 'no-such-module'
	assert_stderr "modprobe: qemu-run -m NAME brings a module of the kernel's, -m FILE.ko another"
	qemu_run -- sh -lc 'modprobe no-such-module'
	assert_outcome 1 exit
	assert_stderr 'qemu-run -m NAME brings'
	# One that is there and refuses is another matter.
	qemu_run -- modprobe loop max_loop=nonsense
	assert_equal "$(grep -c 'qemu-run -m' <<<"$stderr")" 0
}

@test '126: a directory, a file without the mode, another machine, no program at all' {
	refused 126 '/etc: a directory' -- /etc
	refused 126 '/etc/passwd: not executable (mode 644)' -- /etc/passwd
	gcc -static -o "$BATS_TEST_TMPDIR/program" -x c - <<<'int main(void) { return 0; }'
	# EM_AARCH64
	printf '\xb7' | dd of="$BATS_TEST_TMPDIR/program" bs=1 seek=18 conv=notrunc status=none
	refused 126 'a program for another processor (ELF machine 183)' \
		-f "$BATS_TEST_TMPDIR/program" -- ./program
	printf '\0\0\0\0' | file noise
	refused 126 'neither a program nor a script' -f "$BATS_TEST_TMPDIR/noise" -- ./noise
}

@test 'a script without an interpreter runs in sh' {
	file script <<<'echo "this is sh"; exit 3'
	qemu_run -f "$BATS_TEST_TMPDIR/script" -- ./script
	assert_outcome 3 exit
	assert_output 'this is sh'
}

@test '-m: a module whose init fails shows the errno and what it logged' {
	local module

	module=$(module_file fail_load)
	qemu_run -m "$module,function=no_such_function" -- true
	assert_outcome 125 cannot-run
	assert_stderr 'No such file or directory (errno 2); the kernel logged:'
	assert_stderr '  fail_load: function=no_such_function: cannot be probed: error -2'
	# Those lines alone: nothing of what a program wrote, or of a module before it.
	qemu_run -m loop,max_loop=2 -m "$module,function=no_such_function" -- true
	assert_outcome 125 cannot-run
	[[ $stderr != *'loop: module loaded'* ]] || fail 'a line of another module'
}

@test '-m: of a module that logs more than a refusal holds, the last lines are shown' {
	local module

	module=$(module_file talkative)
	qemu_run -m "$module" -- true
	assert_outcome 125 cannot-run
	assert_stderr 'No such device (errno 19); the kernel logged:'
	assert_stderr $'\n  ...\n  talkative: line '
	assert_stderr 'talkative: line 199'
	[[ $stderr != *'talkative: line 0'* ]] || fail 'the first line is there, too'
}

@test 'a disk that cannot be used is refused in words, and the template stays' {
	local other holder
	cd "$BATS_TEST_TMPDIR"
	truncate -s 1M disk a:b.img
	qemu_run --disk disk -- true
	ln disk other
	ln -s disk link
	for other in disk ./disk other link; do
		qemu_run --disk disk,rw --disk "$other" -- true
		assert_outcome 125 cannot-run
		assert_stderr "--disk $other: the same disk as --disk disk"
		qemu_run --cold --disk disk --disk "$other,rw" -- true
		assert_outcome 125 cannot-run
	done
	qemu_run --disk . -- true
	assert_outcome 125 cannot-run
	assert_stderr '--disk .: neither a file nor a block device'
	# As QEMU locks an image that it writes to.
	python3 -c '
import fcntl, struct, time
disk = open("disk", "r+b")
fcntl.fcntl(disk, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 100, 2, 0))
print(flush=True)
time.sleep(100)' >locked 3>&- &
	holder=$!
	wait_for test -s locked
	qemu_run --disk disk -- true
	kill "$holder"
	assert_outcome 125 cannot-run
	assert_stderr '--disk disk: in use by another virtual machine'
	qemu_run --disk a:b.img -- test -b /dev/vda
	assert_outcome 0 exit
	assert_equal "$(json .start)" restored
}

@test '--qemu: what clashes with a template runs without one, and a line says so' {
	qemu_run --cpus 2 --memory 256 --qemu -object --qemu memory-backend-ram,id=m0,size=128M \
		--qemu -object --qemu memory-backend-ram,id=m1,size=128M \
		--qemu -numa --qemu node,memdev=m0,cpus=0 --qemu -numa --qemu node,memdev=m1,cpus=1 \
		-- sh -c 'ls -d /sys/devices/system/node/node1 && exit 5'
	assert_outcome 5 exit
	assert_equal "$(json .start)" cold
	assert_equal "$(grep -c 'no template with this --qemu (.*): booting cold' <<<"$stderr")" 1
}
