#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A command that takes the channel of the guest's init, stops init, and forges what it
# says: see tests/guest/hostile.c. It gets no 0 unless it acts as init in all, and no more
# time than the manual says.

load qemu-run

setup_file()
{
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static "$BATS_TEST_DIRNAME/guest/hostile.c" \
		-o "$BATS_FILE_TMPDIR/hostile"
	# The template is there before several ask for it.
	qemu-run -- true
}

# hostile [option of qemu-run...] -- WORD...: prints the exit status and the outcome. A
# report that is no JSON, or one that contradicts the exit status, has none.
hostile()
{
	local status=0 json options=()

	json=$(mktemp -p "$BATS_TEST_TMPDIR")
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	timeout 60 qemu-run --json "$json" -f "$BATS_FILE_TMPDIR/hostile" "${options[@]}" -- \
		./hostile "${@:2}" </dev/null >"$json.out" 2>"$json.err" || status=$?
	echo "$status $(jq -r --argjson status "$status" \
		'select(.exit_status == $status).outcome' "$json")"
	rm -f "$json" "$json.out" "$json.err"
}

# expect STATUS OUTCOME [option of qemu-run...] -- WORD...: says what came instead.
expect()
{
	local got

	got=$(hostile "${@:3}")
	[[ $got == "$1 $2" ]] || echo "${*:3}: expected $1 $2, got $got"
}

# each JOBS: runs the commands on standard input, a line each, several at a time. Their
# words have no blanks.
each()
{
	export -f hostile expect
	xargs -P "$1" -I% bash -c '%'
}

@test 'a hostile command gets 0 by acting as init in all, and the manual says so' {
	run each 2 <<-'E'
		expect 3 exit -- exit:3
		expect 0 exit -- freeze returned status:0 port:0
		expect 42 exit -- freeze returned status:42 port:42
		expect 137 signal -- freeze returned signal:9 status:137 port:9
		expect 127 not-found -- freeze refused:127 port:127
	E
	assert_success
	assert_output ''
}

# What contradicts, comes twice or out of order is judged here without a guest: see
# tools/qemu-run/test/session.cases. Init goes on after these, and says the same again.
@test 'a hostile command: what init says once more, and half a message behind the last, is 122' {
	run each 2 <<-'E'
		expect 122 silent -- returned status:0 exit:3
		expect 122 silent -- returned status:0 exit:128
		expect 122 silent -- returned exit:0
		expect 122 silent -- freeze returned status:0 exit:0
		expect 122 silent -- freeze returned status:0 header:1000 port:0
	E
	assert_success
	assert_output ''
}

@test 'a hostile command: --get, and files that are not what was asked for' {
	cd "$BATS_TEST_TMPDIR"
	run each 2 <<-'E'
		expect 122 silent --get x:got -- freeze entry:0 data end returned status:0 port:0
		expect 122 silent --get x:got -- freeze returned entry:1 status:0 port:0
		expect 122 silent --get x:got -- freeze returned data status:0 port:0
		expect 125 cannot-run --get x:got -- freeze returned status:0 port:0
		expect 125 cannot-run --get x:got -- freeze returned entry:0 data status:0 port:0
	E
	assert_success
	assert_output ''
	refute [ -e got ]
	# A file without the directory that it is in, where a link of the host's has that name.
	mkdir got outside
	ln -s ../outside got/sub
	run expect 125 cannot-run --get x:got -- freeze returned tree:0 below:0 data end status:0 port:0
	assert_output ''
	assert_equal "$(ls outside)" ''
	rm got/sub
	run expect 0 exit --get x:got -- freeze returned tree:0 below:0 data end status:0 port:0
	assert_output ''
	assert_equal "$(<got/sub/file)" forged
}

# bats test_tags=slow
@test 'a hostile command cannot stretch its deadline, nor any other bound' {
	# Side by side: they wait for most of the time. On a busy host it takes a second or
	# two until the command begins to lie.
	run each 8 <<-'E'
		expect 124 deadline --timeout 5 -- freeze hang
		expect 123 hung --timeout 5 -- freeze disarm hang
		expect 123 hung --timeout 5 -- freeze disarm output hang
		expect 123 hung --timeout 5 -- header:1000 exit:0
		expect 122 silent --timeout 5 -- freeze disarm started hang
		expect 123 hung --timeout 5 -- freeze disarm wait:6000 deadline hang
		expect 123 hung --timeout 5 -- freeze disarm refused:127 hang
		expect 123 hung -- freeze returned status:0 hang
		expect 123 hung -- freeze refused:127 hang
	E
	assert_success
	assert_output ''
	# These keep a processor busy: output, and complaints, without end.
	run each 2 <<-'E'
		expect 123 hung --timeout 5 -- freeze disarm flood:66
		expect 123 hung --timeout 5 -- freeze disarm flood:70
	E
	assert_success
	assert_output ''
}

# bats test_tags=slow
@test 'a guest that says no more when its command has returned is not waited for, without --timeout' {
	qemu_run -f "$BATS_FILE_TMPDIR/hostile" -- ./hostile freeze returned hang
	assert_outcome 123 hung
	assert_stderr 'the command had returned'
}

@test 'a guest whose init is stopped: processors that idle push nothing out of sight' {
	local fault spin='insmod fault.ko cpu=1; echo preempt_off >/sys/module/fault/parameters/what'
	local guest=(--cpus 4 -f "$BATS_FILE_TMPDIR/hostile")

	fault=$(module_file fault)
	guest+=(-f "$fault")
	qemu_run --timeout "$(seconds_for "${guest[@]}" -- sh -c "$spin; exec ./hostile exit:0")" \
		"${guest[@]}" -- sh -c "$spin; exec ./hostile freeze disarm hang"
	assert_outcome 123 hung
	assert_stderr 'RIP: 0010:spin_preempt_off'
	refute grep -E 'RIP: 0010:[a-z0-9_]*(halt|idle)' "$BATS_TEST_TMPDIR/stderr"
}
