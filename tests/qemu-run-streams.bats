#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Arguments, environment, standard streams, terminal.

load qemu-run

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

@test 'arguments arrive as they are' {
	# shellcheck disable=SC2016 # as they are
	qemu_run -- printf '<%s>\n' '' 'a b' '"' "'" '$x' '*' $'new\nline' -- --timeout
	assert_equal "$status" 0
	# shellcheck disable=SC2016
	assert_equal "$output" "$(printf '<%s>\n' '' 'a b' '"' "'" '$x' '*' $'new\nline' -- --timeout)"
	# What stands behind the command is the command's, without -- as well.
	qemu_run printf '<%s>' -v --cold -- --json
	assert_output '<-v><--cold><--><--json>'
}

@test 'environment: what --env names, and nothing else of ours' {
	SECRET=1 CHOSEN=2 qemu_run -e CHOSEN -e 'GIVEN=a b' -- env
	assert_equal "$status" 0
	assert_line 'CHOSEN=2'
	assert_line 'GIVEN=a b'
	refute_line --partial SECRET
	assert_line 'HOME=/root'
}

@test 'the command starts in /root, or where --chdir says' {
	qemu_run -- pwd
	assert_output /root
	qemu_run -C /tmp -- pwd
	assert_output /tmp
}

@test 'stdout and stderr stay apart' {
	qemu_run -- sh -c 'echo out; echo err >&2; echo out2; echo err2 >/dev/stderr; echo out3 >/dev/stdout'
	assert_equal "$status" 0
	assert_output $'out\nout2\nout3'
	assert_equal "$stderr" $'err\nerr2'
}

@test 'stdin: 10 MB of every byte arrive intact, and so does their end' {
	head -c 10000000 /dev/urandom >in
	# All that may be under way is, before the first of it is read.
	qemu-run -- sh -c 'sleep 1; sha256sum' <in >sum
	assert_equal "$(cut -d ' ' -f 1 sum)" "$(sha256sum in | cut -d ' ' -f 1)"
	qemu-run -- cat <in >out
	cmp in out
}

@test 'stdin: an empty one ends at once' {
	qemu_run -- cat
	assert_equal "$status" 0
	run bash -c 'qemu-run -n -- cat <&-'
	assert_success
}

# streams STATUS COMMAND [ARGUMENT...]: qemu-run with the streams of its caller.
streams()
{
	local code=0

	timeout 120 qemu-run --json json -- "${@:2}" 2>stderr || code=$?
	assert_equal "$code" "$1"
}

@test 'stdin: one that cannot be read fails for who reads it, and for nobody else' {
	cd "$BATS_TEST_TMPDIR"
	streams 1 cat </tmp
	grep -q 'Is a directory' stderr
	streams 0 true </tmp
	streams 1 cat <&-
	grep -q 'Bad file descriptor' stderr
	streams 1 cat 0>/dev/null
	grep -q 'Bad file descriptor' stderr
	streams 0 true 0>/dev/null
	# Its first page is not there: a read fails with EIO.
	streams 125 cat <"/proc/$$/mem"
	grep -q 'stdin: Input/output error' stderr
}

@test 'stdout: one that is closed is an error for who writes' {
	cd "$BATS_TEST_TMPDIR"
	streams 125 echo x >&-
	grep -q 'stdout: Bad file descriptor' stderr
	streams 0 true >&-
	streams 3 sh -c 'exit 3' >&-
}

@test '--user: /dev/stdin, /dev/stdout and /dev/stderr are the command'\''s own' {
	run --separate-stderr qemu-run --user 1000 -- sh -c 'cat /dev/stdin >/dev/stdout; echo e >/dev/stderr' <<<in
	assert_success
	assert_output in
	assert_equal "${stderr##*$'\n'}" e
}

@test 'stdin: what the command does not read keeps nothing waiting' {
	yes | qemu-run -- true
	yes | qemu-run -- sh -c 'head -n 1; exec 0<&-; sleep 1; exit 0'
}

@test 'stdout: 100 MB intact' {
	qemu-run -- sh -c 'dd if=/dev/urandom of=r bs=1M count=10 2>/dev/null; sha256sum r >&2
		for i in 0 1 2 3 4 5 6 7 8 9; do cat r; done' >out 2>sum
	assert_equal "$(stat -c %s out)" 104857600
	local part expected
	expected=$(cut -d ' ' -f 1 sum)
	for part in 0 4 9; do
		assert_equal "$(tail -c +$((part * 10485760 + 1)) out | head -c 10485760 | sha256sum | cut -d ' ' -f 1)" "$expected"
	done
}

@test 'stdout: a reader that goes away is SIGPIPE for the command' {
	status=$(set +e; { qemu-run -- sh -c 'yes; echo $? >&2' 2>code; echo $? >status; } | head -n 1 >/dev/null; cat status)
	assert_equal "$status" 0
	assert_equal "$(cat code)" 141
}

@test 'stdout: a full disk is an error, not a success' {
	run bash -c 'qemu-run -- head -c 100000 /dev/zero >/dev/full </dev/null'
	assert_equal "$status" 125
	assert_output --partial 'No space left'
}

@test 'stdout: a slow reader loses nothing' {
	qemu-run -- seq 1 100000 </dev/null | { sleep 1; cat; } >out
	cmp out <(seq 1 100000)
}

@test 'stdout: a slow reader gets all that came before the end of the machine' {
	qemu-run -- sh -c 'seq 1 40000; sleep 1; echo c >/proc/sysrq-trigger' </dev/null 2>err |
		{ sleep 5; cat; } >out
	assert_equal "${PIPESTATUS[0]}" 121
	cmp out <(seq 1 40000)
}

@test 'a daemon that keeps the streams open does not keep the run' {
	qemu_run -- sh -c 'sleep 100 & echo started'
	assert_equal "$status" 0
	assert_output started
}

# A slow reader of -v must not slow down the guest's console, or fill the host's memory.
@test 'stderr: what -v shows is bounded, and the rest of it is not missed silently' {
	written()
	{
		grep -q 'that was all' console
	}
	head -c 600000 /dev/zero | tr '\0' x | fold -w 99 >lines
	echo 'that was all' >>lines
	qemu-run -v --console console -f lines -- sh -c 'cat lines >/dev/console' </dev/null 2>&1 |
		{ wait_for written; cat; } >shown
	grep 'stderr is slow: lines are left out here' shown
	(($(stat -c %s shown) < 500000))
}

# Whenever init has taken something, the writer fills the pipe again.
@test 'a daemon that writes on and on does not keep the run' {
	gcc -static -o writer -x c - <<-'C'
		#include <sched.h>
		#include <unistd.h>
		int main(void)
		{
			static char full[65536];
			struct sched_param param = { .sched_priority = 1 };
			sched_setscheduler(0, SCHED_FIFO, &param);
			for (;;)
				write(1, full, sizeof(full));
		}
	C
	status=0
	timeout 100 qemu-run -f writer -- sh -c './writer & sleep 0.2; exit 3' </dev/null >/dev/null || status=$?
	assert_equal "$status" 3
}

@test 'a terminal is not what a guest writes to' {
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run -v -- sh -c 'printf "\033[2J\n" >/dev/console; echo b >/proc/sysrq-trigger; sleep 100'
	assert_outcome 122 silent
	assert_stderr '\x1b[2J'
	[[ $stderr != *$'\033'* ]]
	qemu_run -- sh -c 'printf "\033[2J\n" >/dev/console; echo b >/proc/sysrq-trigger; sleep 100'
	assert_stderr '\x1b[2J'
	[[ $stderr != *$'\033'* ]]
	qemu_run -- $'\033[2J'
	assert_stderr '\x1b[2J'
	[[ $stderr != *$'\033'* ]]
}

@test 'a terminal: size, echo, Ctrl-C, status; its modes restored' {
	command -v python3 >/dev/null || skip 'python3 plays the terminal here'
	run python3 "$BATS_TEST_DIRNAME/qemu-run-terminal.py"
	assert_success
	assert_output --partial 'ok'
}

@test 'no terminal: the guest has none either' {
	qemu_run -- tty
	assert_equal "$status" 1
	assert_output 'not a tty'
}
