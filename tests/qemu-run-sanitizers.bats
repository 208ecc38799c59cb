#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# qemu-run's main paths with AddressSanitizer and UBSan, and under valgrind, and
# the fuzzers of what comes from a guest: none of them has anything to report.

load qemu-run

# bats file_tags=slow

build=${BUILD:-$top/build}

setup_file()
{
	make -s -C "$BATS_TEST_DIRNAME/../tools/qemu-run" asan
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	mkdir reports bin
	# Not beside qemu-run, where it looks otherwise.
	export BUILD=$build
}

# with_sanitizers: from here on qemu-run is the one that checks itself.
with_sanitizers()
{
	nm "$build/asan/qemu-run" | grep -q __asan_init || fail 'built without AddressSanitizer'
	nm "$build/asan/qemu-run" | grep -q __ubsan_handle || fail 'built without UBSan'
	ln -s "$build/asan/qemu-run" bin/qemu-run
	export ASAN_OPTIONS=log_path=$PWD/reports/asan:exitcode=99
	export UBSAN_OPTIONS=log_path=$PWD/reports/ubsan:print_stacktrace=1:exitcode=99
	PATH=$PWD/bin:$PATH
}

# with_valgrind: from here on qemu-run is watched by valgrind; each run of it
# leaves a report, which says so if there is nothing to say.
with_valgrind()
{
	cat >bin/qemu-run <<-EOF
		#!/bin/sh
		exec valgrind --log-file='$PWD/reports/valgrind.%p' --error-exitcode=99 \
			--leak-check=full --child-silent-after-fork=yes \
			'$build/qemu-run' "\$@"
	EOF
	chmod +x bin/qemu-run
	PATH=$PWD/bin:$PATH
}

# assert_no_reports [COUNT]: nothing was found; with valgrind, in so many runs.
assert_no_reports()
{
	local report count=0

	for report in reports/*; do
		[[ -e $report ]] || continue
		grep -q 'ERROR SUMMARY: 0 errors' "$report" || fail "$(<"$report")"
		count=$((count + 1))
	done
	[[ ! ${1-} ]] || assert_equal "$count" "$1"
}

# The paths: what a run does, one after the other.

streams_files_modules()
{
	mkdir tree
	seq 20000 >tree/numbers
	ln -s numbers tree/link
	status=0
	# shellcheck disable=SC2016 # the guest's to expand
	printf 'in\0put\n' | timeout 300 qemu-run --json json -f tree -f tree/numbers:n --env A=b -C /tmp \
		-m vfat --get /tmp/out:out --get /root/tree:back \
		-- sh -c 'cat >out; cat ~/tree/numbers; echo $A >&2; exit 3' >stdout 2>stderr || status=$?
	assert_equal "$status $(jq -r .outcome json)" '3 exit'
	cmp stdout tree/numbers
	assert_equal "$(<stderr)" b
	cmp out <(printf 'in\0put\n')
	diff -r tree back
}

refusals()
{
	local arguments

	for arguments in '--memory 1' '--no-such-option' '--timeout never' '--get nothing' \
		'-k no/such/kernel' '-f no/such/file' '-m no/such.ko' '--env =' '--disk no/such,rw'; do
		# shellcheck disable=SC2086 # several words
		qemu_run $arguments -- true
		assert_equal "$status" 125
	done
}

bad_ends()
{
	qemu_run -- sh -c 'echo c >/proc/sysrq-trigger'
	assert_outcome 121 panic
	qemu_run --timeout 1 -- sleep 1000
	assert_outcome 124 deadline
	qemu_run -- reboot -f
	assert_outcome 122 silent
	qemu_run -- no-such-command
	assert_outcome 127 not-found
	qemu_run -m no_such_module -- true
	assert_outcome 125 cannot-run
	qemu_run --get nothing:nothing -- true
	assert_outcome 125 cannot-run
	qemu_run --get /etc/passwd:no/such/place -- true
	assert_outcome 125 cannot-run
}

interrupted()
{
	local pid

	# A shell has its background ignore SIGINT.
	env --default-signal=INT qemu-run -- sh -c 'echo ready; sleep 1000' >stdout 2>stderr 3>&- &
	pid=$!
	wait_for test -s stdout
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	assert_equal "$status" 130
}

template()
{
	own_cache
	qemu_run --verbose -- true
	assert_outcome 0 exit
	qemu_run --cold -- false
	assert_outcome 1 exit
	qemu_run --preload -m vfat -- true
	assert_outcome 0 exit
	qemu_run --preload -m loop,max_part=text -- true
	assert_outcome 125 cannot-run
	qemu_run --clean
	assert_equal "$status" 0
}

@test 'sanitizers: streams, files, modules' {
	with_sanitizers
	streams_files_modules
	assert_no_reports
}

@test 'sanitizers: what is refused' {
	with_sanitizers
	refusals
	assert_no_reports
}

@test 'sanitizers: panic, deadline, reset, no such command' {
	with_sanitizers
	bad_ends
	assert_no_reports
}

@test 'sanitizers: SIGINT, and a terminal' {
	with_sanitizers
	interrupted
	run python3 "$BATS_TEST_DIRNAME/qemu-run-terminal.py"
	assert_success
	assert_no_reports
}

@test 'sanitizers: templates made, a cold boot, all templates removed' {
	with_sanitizers
	template
	assert_no_reports
}

@test 'valgrind: streams, files, modules' {
	with_valgrind
	streams_files_modules
	assert_no_reports 1
}

@test 'valgrind: what is refused' {
	with_valgrind
	refusals
	assert_no_reports 9
}

@test 'valgrind: panic, deadline, reset, no such command' {
	with_valgrind
	bad_ends
	assert_no_reports 7
}

@test 'valgrind: SIGINT' {
	with_valgrind
	interrupted
	assert_no_reports 1
}

@test 'valgrind: templates made, a cold boot, all templates removed' {
	with_valgrind
	template
	assert_no_reports 5
}

@test 'fuzz: ten thousand sessions of a guest, honest and not' {
	mkdir corpus
	run make -C "$top/tools/qemu-run" fuzz CORPUS="$PWD/corpus" FUZZ_LIMIT='-runs=10000 -seed=1'
	assert_success
	assert_line --regexp '^Done 10000 runs'
}
