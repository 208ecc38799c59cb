#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fault matrix: power-off, halt and reboot. A fresh guest a row.

load matrix

@test 'power-off: poweroff -f' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=-1 code=42
		poweroff -f
	E
	ended 42 power-off power-off
}

@test 'power-off: init does it when all is done' {
	faulty_boot <<-'E'
		insmod qemu_poweroff.ko delay=60 code=42
	E
	assert_line 'init: the scenario returned 0'
	ended 42 power-off power-off
}

@test 'power-off: sysrq-o' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=-1 code=42
		echo o >/proc/sysrq-trigger
		sleep 60
	E
	ended 42 power-off power-off
}

@test 'power-off: the code is the one written last' {
	faulty -c 2 <<-'E'
		insmod qemu_poweroff.ko delay=60 code=42
		echo 3 >$driver/code
		poweroff -f
	E
	ended 3 power-off power-off
}

@test 'power-off: EFI has a handler above that of ACPI' {
	faulty <<-'E'
		insmod fault.ko what=efi_power_off
		insmod qemu_poweroff.ko delay=-1 code=42
		poweroff -f
	E
	refute_line --partial 'asked to power off'
	ended 42 power-off power-off
}

@test 'power-off: a load that finds its priority taken is refused' {
	refused_after power_off_priorities 'Device or resource busy' \
		'qemu_poweroff: cannot register the power-off handler: error -16: unload the driver'
}

@test 'power-off: a driver that was unloaded leaves it alone' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=60 code=42
		rmmod qemu_poweroff
		poweroff -f
	E
	not_ended
}

@test 'halt: halt -f' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=-1 code=42
		halt -f
	E
	ended 42 halt process
}

@test 'reboot: reboot -f stays a reboot' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=60 code=42
		reboot -f
	E
	logged 'reboot: Restarting system'
	not_ended
}
