#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Whether the kernel that watches for data races sees one.

load ../helper

setup()
{
	kernel_has KCSAN || skip 'this kernel does not watch for data races: make test-debug WATCH=kcsan'
}

# The race is the kernel's own, made on purpose by its test of KCSAN. Whether two
# processors meet in it is a matter of luck, more so where QEMU emulates them: a
# longer watch, more often, and ten tries.
@test 'kcsan: a data race is reported, and the report fails a scenario' {
	booted -c 2 -m kcsan_test -a 'kcsan.udelay_task=1000 kcsan.skip_watch=1000' <<-'E'
		printf kcsan.test_basic >/sys/module/kunit/parameters/filter_glob
		for i in 1 2 3 4 5 6 7 8 9 10; do
			modprobe kcsan_test
			rmmod kcsan_test
			! dmesg | grep -q 'BUG: KCSAN: data-race' || break
		done
	E
	assert_power_off
	assert_line --regexp 'BUG: KCSAN: data-race in test_kernel_(read|write)'
	run assert_no_splat
	assert_failure
	splats='BUG: KCSAN: data-race in test_kernel_'
}
