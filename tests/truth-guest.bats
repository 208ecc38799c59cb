#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What the guest's init says of its kernel and of what it cannot run: all of it, and why.

load qemu-run

readonly flood=/sys/module/splat/parameters/flood
readonly say=/sys/module/splat/parameters/say

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

# complaints: the kernel's complaints of the last vm, a line each.
complaints()
{
	json '.complaints[]'
}

# assert_complaint REGEX: one of the complaints, or a detail of one, matches it.
assert_complaint()
{
	complaints | grep -qE -- "$1" || fail "no complaint matches '$1': $(complaints)"
}

@test 'complaints: one is told even if the log has wrapped since' {
	local splat

	splat=$(module_file splat)
	# Neither of these taints. The console would slow the flood down, and is off.
	vm -m "$splat" -- sh -c "dmesg -n 1
		echo 'INFO: task splat:1 blocked for more than 120 seconds.' >$say
		sleep 0.5; echo 30000 >$flood"
	assert_outcome 120 splat
	assert_complaint '^INFO: task splat:1 blocked'
}

@test 'complaints: a log that wraps before it is read is no success' {
	local splat

	splat=$(module_file splat)
	vm -m "$splat" -- sh -c "dmesg -n 1; echo 30000 >$flood"
	assert_outcome 120 splat
	assert_complaint "^init: the kernel's log overran: records were lost$"
	# Where init has read a record before, it knows how many.
	vm -m "$splat" -- sh -c "dmesg -n 1; echo hello >$say; sleep 0.5; echo 30000 >$flood"
	assert_outcome 120 splat
	assert_complaint "^init: the kernel's log overran: [0-9]+ records were lost$"
	# The command's own failure stands.
	vm -m "$splat" -- sh -c "dmesg -n 1; echo 30000 >$flood; exit 7"
	assert_outcome 7 exit
}

@test 'complaints: a kernel that says much, and nothing of a mistake, is a success' {
	local splat

	splat=$(module_file splat)
	vm -m "$splat" -- sh -c "dmesg -n 1; for i in 1 2 3 4 5; do echo 300 >$flood; sleep 0.2; done"
	assert_outcome 0 exit
	assert_equal "$(complaints)" ''
}

@test 'complaints: a kernel that logs without end keeps neither streams nor the end waiting' {
	local splat

	splat=$(module_file splat)
	vm -m "$splat" -- sh -c "dmesg -n 1
		(while :; do echo 20 >$flood; done) &
		seq 20000; exit 9"
	assert_outcome 9 exit
	assert_equal "$output" "$(seq 20000)"
}

@test 'complaints: twenty are told, and not more' {
	local splat

	splat=$(module_file splat)
	vm -m "$splat" -- sh -c "for i in \$(seq 30); do echo \"INFO: task splat:\$i blocked\" >$say; done"
	assert_outcome 120 splat
	assert_equal "$(complaints | grep -c '^INFO: task')" 20
}
