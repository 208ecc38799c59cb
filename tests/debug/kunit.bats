#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The mechanisms by themselves, inside a kernel that has KUnit: one guest a suite,
# and each case of it a test here.

load ../helper

setup_file()
{
	local suite modules

	modules=$("$top/scripts/module" -k "$KERNEL_DIR" -s "$top/tests/modules/kunit" \
		2>"$BATS_FILE_TMPDIR/log") || { cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
	for suite in ioport_region deferred_reset; do
		BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
		booted -c 2 -t 300 -m "$modules/${suite}_kunit.ko" <<-E
			dmesg -c >/dev/null
			modprobe ${suite}_kunit
			echo '--- results'
			cat /sys/kernel/debug/kunit/$suite/results
			echo '--- log'
			dmesg
			rmmod ${suite}_kunit && echo '--- unloaded'
		E
		printf '%s\n' "$status" >"$BATS_FILE_TMPDIR/$suite.status"
		printf '%s\n' "$output" >"$BATS_FILE_TMPDIR/$suite"
	done
}

# cases_here SUITE: the cases that this file has a test for, in its order.
cases_here()
{
	sed -nE "s/^@test '$1: ([a-z_]+)'.*/\1/p" "$BATS_TEST_FILENAME"
}

# cases_run SUITE: each case that KUnit has run, as its line of KTAP.
cases_run()
{
	sed -n '/^--- results/,/^--- log/p' "$BATS_FILE_TMPDIR/$1" |
		sed -nE 's/^ +((not )?ok [0-9]+ .*)/\1/p'
}

# kunit: passes if the case that the test is named after has.
kunit()
{
	local suite=${BATS_TEST_DESCRIPTION%%:*} case=${BATS_TEST_DESCRIPTION##*: }

	cases_run "$suite" | grep -qxE "ok [0-9]+ $case" || {
		# What KUnit said of it stands before its result.
		sed -n '/^--- results/,/^--- unloaded/p' "$BATS_FILE_TMPDIR/$suite"
		return 1
	}
}

# whole: passes if the suite ran to its end, and this file knows all of its cases.
whole()
{
	local suite=${BATS_TEST_DESCRIPTION%%:*}

	output=$(<"$BATS_FILE_TMPDIR/$suite")
	mapfile -t lines <<<"$output"
	status=$(<"$BATS_FILE_TMPDIR/$suite.status")
	assert_power_off
	assert_line -- '--- unloaded'
	! grep -E "$splat" <<<"$output" || fail 'the kernel complains'
	assert_equal "$(cases_run "$suite" | sed -E 's/.* //' | sort)" "$(cases_here "$suite" | sort)"
	[[ $(cases_run "$suite") ]]
	grep -qE "^ok [0-9]+ $suite\$" <<<"$output"
}

@test 'ioport_region: empty' { kunit; }
@test 'ioport_region: requested' { kunit; }
@test 'ioport_region: taken_by_another' { kunit; }
@test 'ioport_region: released_twice' { kunit; }
@test 'ioport_region: ownership_moved' { kunit; }
@test 'ioport_region: scope_left_early' { kunit; }
@test 'ioport_region: bounds' { kunit; }
@test 'ioport_region: requested_twice' { kunit; }
@test 'ioport_region: no_such_range' { kunit; }
@test 'ioport_region: last_port' { kunit; }
@test 'ioport_region: and no other' { whole; }

@test 'deferred_reset: never_armed' { kunit; }
@test 'deferred_reset: armed' { kunit; }
@test 'deferred_reset: armed_never_early' { kunit; }
@test 'deferred_reset: at_once' { kunit; }
@test 'deferred_reset: for_ever' { kunit; }
@test 'deferred_reset: armed_before_an_interrupt_hangs' { kunit; }
@test 'deferred_reset: rearmed' { kunit; }
@test 'deferred_reset: rearmed_sooner' { kunit; }
@test 'deferred_reset: rearmed_after_expiry' { kunit; }
@test 'deferred_reset: cancelled' { kunit; }
@test 'deferred_reset: cancelled_at_the_deadline' { kunit; }
@test 'deferred_reset: cancelled_while_firing' { kunit; }
@test 'deferred_reset: fired_once_only' { kunit; }
@test 'deferred_reset: backstop_of_held_up_work' { kunit; }
@test 'deferred_reset: backstop_of_blocked_work' { kunit; }
@test 'deferred_reset: rearmed_while_backstop_hangs' { kunit; }
@test 'deferred_reset: rearmed_while_work_hangs' { kunit; }
@test 'deferred_reset: overdue' { kunit; }
@test 'deferred_reset: idle_without_deadline' { kunit; }
@test 'deferred_reset: remaining' { kunit; }
@test 'deferred_reset: destroyed_while_armed' { kunit; }
@test 'deferred_reset: and no other' { whole; }
