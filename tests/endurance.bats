#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The driver under all kinds of text, and under very many loads. LOADS= and
# ROUNDS= say how many, for an evening of it LOADS=10000; SEED= repeats a run.

load helper

setup_file()
{
	local program

	for program in fuzz endure; do
		gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread \
			"$top/tests/guest/$program.c" -o "$BATS_FILE_TMPDIR/$program"
	done
	: "${SEED:=$RANDOM}"
	export SEED
}

# leaks: prints what the guest should, at its end, of memory that nobody freed and
# nothing points to. An object has to be five seconds old.
# shellcheck disable=SC2016 # the guest's to expand
readonly leaks='
	leaks=/sys/kernel/debug/kmemleak
	if [ -e $leaks ]; then
		sleep 6
		echo scan >$leaks
		echo scan >$leaks
		cat $leaks
	fi
'

@test 'parameters: the values that sysfs accepts are those that are documented' {
	local rounds=${ROUNDS:-20000}

	guest --timeout 900 --file "$BATS_FILE_TMPDIR/fuzz" <<-E
		dmesg -n 1
		insmod qemu_poweroff.ko delay=-1 || exit
		./fuzz sysfs $SEED $rounds && rmmod qemu_poweroff
		$leaks
	E
	echo "# seed $SEED: $(head -n 1 <<<"$output")" >&3
	assert_outlived
	assert_line --regexp '^sysfs: [0-9]{3,} accepted, [0-9]{3,} refused$'
}

@test 'parameters: the values that a load accepts are those that are documented' {
	local rounds=${ROUNDS:-20000}

	guest --timeout 900 --file "$BATS_FILE_TMPDIR/fuzz" <<-E
		dmesg -n 1
		./fuzz insmod $SEED $((rounds / 10)) qemu_poweroff.ko || exit
		$leaks
	E
	echo "# seed $SEED: $(head -n 1 <<<"$output")" >&3
	assert_outlived
	assert_line --regexp '^insmod: [0-9]{3,} accepted, [0-9]{3,} refused$'
}

@test 'endurance: loads and unloads by the thousand, written to and read, leave nothing' {
	local loads=${LOADS:-1000}

	guest --timeout 1800 --cpus 2 --file "$BATS_FILE_TMPDIR/endure" <<-E
		dmesg -n 1
		./endure $SEED $loads qemu_poweroff.ko || exit
		$leaks
	E
	echo "# seed $SEED: $(grep -v '^200 loads' <<<"$output" | head -n 1)" >&3
	assert_outlived
	assert_line --regexp "^$loads loads, [0-9]{3,} refused, [0-9]{3,} writes, [0-9]{3,} reads\$"
	assert_line --regexp '^[0-9]+ holdings compared$'
	refute_line --regexp '^grew: '
}
