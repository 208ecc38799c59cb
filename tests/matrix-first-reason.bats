#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fault matrix: two reasons to end at once: the first one wins. A fresh guest a row.

load matrix

@test 'first reason: a panic between the decision of the deadline and its write' {
	faulty <<-'E'
		insmod fault.ko what=panic_mid_expiry
		insmod qemu_poweroff.ko delay=1 code=42 panic_code=43
		sleep 60
	E
	logged 'Kernel panic - not syncing: fault in hard-interrupt context'
	ended 42 deadline process
}

@test 'first reason: a panic that is left alone does not undo the decision of the deadline' {
	faulty <<-'E'
		insmod fault.ko what=panic_mid_expiry
		insmod qemu_poweroff.ko delay=1 code=42 panic_code=-1
		sleep 60
	E
	logged 'Kernel panic - not syncing: fault in hard-interrupt context'
	ended 42 deadline process
}

@test 'first reason: a panic long before, at the moment of, and long after the deadline' {
	local delay after_us wanted first

	# The microseconds count from the write to delay, or a little later.
	while read -r delay after_us wanted; do
		faulty -c 2 <<-E
			insmod fault.ko after_us=$after_us
			insmod qemu_poweroff.ko delay=-1 code=42 panic_code=43
			echo $delay >\$driver/delay
			echo panic_irq >\$what
			sleep 60
		E
		first=$(endings "$witness" | head -n 1) || true
		(($(endings "$witness" | wc -l) <= 1))
		case $first in
		*' deadline: ending the machine with code 42 ('*) assert_code 42 ;;
		*' panic: ending the machine with code 43 ('*) assert_code 43 ;;
		'')
			# The panic stopped the other processor between its decision
			# and its line: the code is still that of the first.
			logged 'Kernel panic - not syncing: fault in hard-interrupt context'
			assert_code 42
			;;
		*) fail "neither of the two: '$first'" ;;
		esac
		[[ ! $wanted ]] || assert_code "$wanted"
	done <<-'E'
		60 1000 43
		1 1000000
		1 4000000 42
	E
}

# Up to QEMU 9.0 the first write is the end: only a port that does not end the
# machine lets a guest go on to its second reason.
@test 'first reason: a power-off after the deadline repeats its code, and says so' {
	faulty <<-'E'
		insmod qemu_poweroff.ko iobase=0x502 iosize=1 delay=0 code=65
		echo 66 >$driver/code
		poweroff -f
	E
	logged 'qemu_poweroff: power-off: the machine is already ending with code 65 (deadline)'
	assert_equal "$(<"$written")" AA
	assert_equal "$(endings "$witness")" \
		'qemu_poweroff: deadline: ending the machine with code 65 (process)'
	logged 'the machine still runs 1000 ms after code 65 was written to port 0x502'
	assert_power_off
}

@test 'first reason: a panic after the deadline repeats its code, and says so' {
	faulty -c 2 <<-'E'
		insmod qemu_poweroff.ko iobase=0x502 iosize=1 delay=0 code=65 panic_code=66
		# The reason that it has already.
		echo 0 >$driver/delay
		echo c >/proc/sysrq-trigger
	E
	assert_equal "$(grep -o 'qemu_poweroff: .* already .*' "$witness")" \
		'qemu_poweroff: panic: the machine is already ending with code 65 (deadline)'
	assert_equal "$(<"$written")" AAA
	assert_equal "$(endings "$witness")" \
		'qemu_poweroff: deadline: ending the machine with code 65 (process)'
	logged 'the machine still runs 1000 ms after code 65 was written to port 0x502'
	assert_power_off
}

# A halt that gets through halts the machine, which the host then has to end.
@test 'in vain: a sync that never returns holds up no parameter, no unload and no halt' {
	{
		until grep -qs 'System halted' "$witness"; do sleep 0.1; done
		kill -KILL "$(<pid)"
	} >host 2>&1 3>&- &
	faulty <<-'E'
		insmod fault.ko what=stuck_sync
		mkdir stuck && mount -t stuck none stuck
		insmod qemu_poweroff.ko iobase=0x502 iosize=1 delay=0 code=65
		until dmesg | grep -q 'still runs'; do usleep 100000; done
		echo 1000 >$driver/delay && echo "remaining $(cat $driver/remaining)"
		echo -1 >$driver/delay && echo "remaining $(cat $driver/remaining)"
		echo 0 >$driver/delay && echo 'at once'
		rmmod qemu_poweroff 2>&1
		halt -n -f
	E
	wait
	assert_line --regexp '^remaining (1000|9[0-9]{2})$'
	assert_line 'remaining -1'
	assert_line 'at once'
	assert_line --partial 'Resource temporarily unavailable'
	assert_equal "$(<"$written")" AAA
	logged 'qemu_poweroff: halt: the machine is already ending with code 65 (deadline)'
	logged 'System halted'
}
