#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fault matrix: panics, and what the driver makes of them. A fresh guest a row.

load matrix

@test 'panic: init ends' {
	local first=$BATS_TEST_TMPDIR/first

	cat >"$first" <<-'E'
		#!/bin/sh
		/bin/busybox --install -s
		mount -t proc proc /proc
		cd /root
		echo 'init: ready'
		insmod witness.ko
		insmod qemu_poweroff.ko delay=-1
		exit 3
	E
	chmod +x "$first"
	faulty_boot -f "$first:first" -a rdinit=/first </dev/null
	logged 'Attempted to kill init! exitcode=0x00000300'
	ended 121 panic panic
}

@test 'panic: sysrq-c' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=-1
		echo c >/proc/sysrq-trigger
	E
	logged 'sysrq triggered crash'
	ended 121 panic panic
}

@test 'panic: the code is panic_code, not code' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=60 code=42 panic_code=7
		echo c >/proc/sysrq-trigger
	E
	ended 7 panic panic
}

@test 'panic: a NULL dereference in a process, with panic_on_oops' {
	splats=$null_dereference
	faulty <<-'E'
		echo 1 >/proc/sys/kernel/panic_on_oops
		insmod qemu_poweroff.ko delay=-1
		insmod fault.ko what=null
	E
	logged 'Kernel panic - not syncing: Fatal exception'
	ended 121 panic panic
}

@test 'panic: a NULL dereference in interrupt context' {
	splats=$null_dereference
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=-1
		insmod fault.ko what=null_irq
		sleep 60
	E
	logged 'Kernel panic - not syncing: Fatal exception in interrupt'
	ended 121 panic panic
}

@test 'panic: in interrupt context' {
	faulty -c 2 <<-'E'
		insmod qemu_poweroff.ko delay=-1
		insmod fault.ko what=panic_irq
		sleep 60
	E
	logged 'Kernel panic - not syncing: fault in hard-interrupt context'
	ended 121 panic panic
}

# From an interrupt: a process may not get that far, see one_of_two.
@test 'panic: while the other processor spins with interrupts off' {
	faulty -c 2 <<-'E'
		insmod qemu_poweroff.ko delay=-1
		insmod fault.ko cpu=1 after_us=2000000
		taskset 1 sh -c "echo panic_irq >$what"
		echo irq_off >$what
		sleep 60
	E
	logged 'processor 1 spins with interrupts off'
	logged 'Kernel panic - not syncing: fault in hard-interrupt context'
	ended 121 panic panic
}

# Without the driver this kernel would hang after a panic, or wait for a minute.
@test 'panic: whatever panic= says' {
	local seconds

	for seconds in 0 60; do
		faulty <<-E
			echo $seconds >/proc/sys/kernel/panic
			insmod qemu_poweroff.ko delay=-1
			echo c >/proc/sysrq-trigger
		E
		ended 121 panic panic
		refute_line --partial 'Rebooting in'
	done
}

@test 'panic: panic_code=-1 leaves it alone' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=60 code=42 panic_code=-1
		echo c >/proc/sysrq-trigger
	E
	logged 'Kernel panic'
	not_ended
}

@test 'panic: panic_code written at run time' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=-1 panic_code=-1
		echo 8 >$driver/panic_code
		echo c >/proc/sysrq-trigger
	E
	ended 8 panic panic
}

@test 'panic: panic_code=-1 written at run time' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=-1
		echo -1 >$driver/panic_code
		echo c >/proc/sysrq-trigger
	E
	logged 'Kernel panic'
	not_ended
}

@test 'panic: a driver that was unloaded leaves it alone' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=60
		rmmod qemu_poweroff
		echo c >/proc/sysrq-trigger
	E
	logged 'Kernel panic'
	not_ended
}

@test 'panic: pstore has the text before the machine ends' {
	# Memory that the kernel leaves alone, and that outlives the guest.
	local memory=$BATS_TEST_TMPDIR/memory
	local persistent=(-M 256M -a mem=240M -m ramoops -q -M -q 'pc,memory-backend=memory'
		-q -object -q "memory-backend-file,id=memory,size=256M,share=on,mem-path=$memory")
	local load='modprobe ramoops mem_address=0xf000000 mem_size=0x100000 record_size=0x10000'

	faulty_boot "${persistent[@]}" <<-E
		$load
		insmod qemu_poweroff.ko delay=-1
		echo c >/proc/sysrq-trigger
	E
	ended 121 panic panic
	faulty_boot "${persistent[@]}" <<-E
		$load
		mount -t pstore pstore /sys/fs/pstore
		cat /sys/fs/pstore/dmesg-ramoops-0
	E
	assert_line --regexp '^Panic#'
	assert_line --partial 'Kernel panic - not syncing: sysrq triggered crash'
}
