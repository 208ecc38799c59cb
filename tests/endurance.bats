#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The driver under all kinds of text, and under many loads. LOADS= and ROUNDS= say how
# many: make test-all has five and ten times as many as make test, and LOADS=10000 takes
# half an hour. SEED= repeats a run.

load helper

setup_file()
{
	local program

	for program in fuzz endure; do
		gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread \
			"$top/tests/guest/$program.c" -o "$BATS_FILE_TMPDIR/$program"
	done
	WITNESS_KO=$(module_file witness)
	: "${SEED:=$RANDOM}"
	export WITNESS_KO SEED
}

setup()
{
	rounds=${ROUNDS:-2000}
	loads=${LOADS:-200}
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
		echo "leaks looked for"
	fi
'

# endured [option of qemu-run...]: as guest, and then nothing was lost. The kernel
# logs much more than its buffer holds, or than the console has time for: a copy is
# in $witness, for assert_no_splat. Restored from a template, which nobody else has a
# use for: the processors of a guest that boots take turns, and race nobody. A load and
# its unload wait for RCU several times; expedited, there are twice as many in the same
# time.
endured()
{
	local witness=$BATS_TEST_TMPDIR/witness
	local -x XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache

	guest --append 'kmemleak=on rcupdate.rcu_expedited=1' --file "$WITNESS_KO" \
		--qemu -chardev --qemu "file,id=witness,path=$witness" \
		--qemu -device --qemu isa-debugcon,chardev=witness "$@" < <(
		printf 'insmod witness.ko\ndmesg -n 1\n%s\n' "$(cat)"
		printf '%s\n' "$leaks"
	)
	echo "# seed $SEED: $(head -n 1 <<<"$output")" >&3
	assert_outlived
	! kernel_has DEBUG_KMEMLEAK || assert_line 'leaks looked for'
	refute_line --partial 'unreferenced object'
	grep -q qemu_poweroff "$witness" || fail 'no copy of the log'
}

# judged WAY COMMAND: what COMMAND makes fuzz try in a guest, by that way, is accepted
# or refused as is documented, and plenty is either.
judged()
{
	endured --timeout $((600 + rounds / 20)) --file "$BATS_FILE_TMPDIR/fuzz" <<<"$2 || exit"
	assert_line --regexp "^$1: [0-9]{2,} accepted, [0-9]{2,} refused\$"
}

@test 'parameters: the values that sysfs accepts are those that are documented' {
	judged sysfs "insmod qemu_poweroff.ko delay=-1 && ./fuzz sysfs $SEED $rounds &&
		rmmod qemu_poweroff"
}

# A load for each of them.
@test 'parameters: the values that a load accepts are those that are documented' {
	judged insmod "./fuzz insmod $SEED $((rounds / 10)) qemu_poweroff.ko"
}

# bats test_tags=slow
@test 'endurance: loads and unloads by the thousand, written to and read, leave nothing' {
	endured --timeout $((300 + loads)) --cpus 2 --file "$BATS_FILE_TMPDIR/endure" \
		<<<"./endure $SEED $loads qemu_poweroff.ko || exit"
	assert_line --regexp "^$loads loads, [0-9]{2,} refused, [0-9]{2,} writes, [0-9]{2,} reads\$"
	assert_line --regexp '^[1-9][0-9]+ caches compared; '
	echo "# $(grep ' caches compared; ' <<<"$output")" >&3
	refute_line --regexp '^grew: '
}
