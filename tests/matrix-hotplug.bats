#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fault matrix: processors that come and go. A fresh guest a row.

load matrix

@test 'hotplug: the processor that armed is offline at the deadline' {
	hotplugged -c 2 <<-'E'
		taskset 2 insmod qemu_poweroff.ko delay=$enough code=42
		online 1 0
		echo "online: $(cat /sys/devices/system/cpu/online)"
		sleep 60
	E
	assert_line 'online: 0'
	ended 42 deadline process
}

@test 'hotplug: each processor goes and comes back before the deadline' {
	hotplugged -c 3 <<-'E'
		insmod qemu_poweroff.ko delay=$enough code=42
		for cpu in 1 2; do
			online $cpu 0
			online $cpu 1
		done
		echo "remaining $(cat $driver/remaining)"
		sleep 60
	E
	assert_line --regexp '^remaining [1-9]'
	ended 42 deadline process
}

@test 'hotplug: a processor that came back is the only one left' {
	hotplugged -c 2 <<-'E'
		insmod qemu_poweroff.ko delay=$enough code=42
		online 1 0
		online 1 1
		lose_the_first
	E
	ended_by_the_second
}

# bats test_tags=slow
@test 'hotplug: a processor that was not there at the load is the only one left' {
	hotplugged -c 2 -a maxcpus=1 <<-'E'
		insmod qemu_poweroff.ko delay=$enough code=42
		echo "online: $(cat /sys/devices/system/cpu/online)"
		online 1 1
		lose_the_first
	E
	assert_line 'online: 0'
	ended_by_the_second
}

@test 'hotplug: the other processor is lost while one goes offline' {
	faulty -c 2 -a clocksource=hpet <<-'E'
		insmod fault.ko what=stuck_offline
		insmod qemu_poweroff.ko delay=-1 code=42
		taskset 1 sh -c "echo 4 >$driver/delay; echo 0 >/sys/devices/system/cpu/cpu1/online"
		sleep 60
	E
	logged 'processor 0 spins with interrupts off'
	ended 42 deadline process 'hard interrupt'
}

# needs_suspend: skips where the guest cannot go down as far as for a suspend to RAM,
# its processors taken away, and come back by itself.
needs_suspend()
{
	kernel_has PM_DEBUG || skip 'the suspend of this kernel does not end by itself'
	[[ ${MACHINE:-pc} != microvm ]] || skip 'a microvm has no suspend to RAM'
}

# Down to where the machine would sleep, and up again after a second: what QEMU's
# firmware does then is not what this is about.
# bats test_tags=slow
@test 'hotplug: a processor that suspend took away is the only one left' {
	needs_suspend
	# The suspend takes as long as it takes, and the deadline what is left of it: that
	# may be longer than a processor can be lost without being reported.
	hotplugged -c 2 <<-'E'
		echo 60 >/proc/sys/kernel/watchdog_thresh
		echo 1 >/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress
		echo 1 >/sys/module/suspend/parameters/pm_test_delay
		echo core >/sys/power/pm_test
		insmod qemu_poweroff.ko delay=$((2 * enough)) code=42
		echo mem >/sys/power/state
		lose_the_first
	E
	logged 'CPU 1 is now offline'
	logged 'PM: suspend exit'
	ended_by_the_second
}

@test 'hotplug: the deadline passes while the guest is suspended' {
	needs_suspend
	hotplugged -c 2 <<-'E'
		echo N >/sys/module/printk/parameters/console_suspend
		echo 5 >/sys/module/suspend/parameters/pm_test_delay
		echo core >/sys/power/pm_test
		insmod qemu_poweroff.ko delay=5 code=42
		echo mem >/sys/power/state
		sleep 60
	E
	logged 'Waiting for 5 second(s)'
	ended 42 deadline process
}

# A deadline that leaves the suspend out would come after that line.
@test 'hotplug: the time that the guest is suspended counts' {
	needs_suspend
	hotplugged -c 2 <<-'E'
		echo N >/sys/module/printk/parameters/console_suspend
		echo 6 >/sys/module/suspend/parameters/pm_test_delay
		echo core >/sys/power/pm_test
		insmod qemu_poweroff.ko delay=$((2 * enough)) code=42
		echo mem >/sys/power/state
		sleep $(cat $driver/remaining)
		sleep 2
		echo 'outlived' >/dev/kmsg
		sleep 60
	E
	logged 'Waiting for 6 second(s)'
	[[ $(<"$witness") != *outlived* ]]
	ended 42 deadline process
}

@test 'hotplug: a processor that comes up after an expiry in vain does not repeat it' {
	hotplugged -c 2 <<-'E'
		insmod qemu_poweroff.ko iobase=0x502 iosize=1 delay=0 code=65
		until dmesg | grep -q 'still runs'; do usleep 100000; done
		online 1 0
		online 1 1
		# As long as the driver takes to find out.
		sleep 3
		rmmod qemu_poweroff
		insmod qemu_poweroff.ko code=42
		sleep 60
	E
	assert_equal "$(<"$written")" A
	assert_equal "$(grep -c 'still runs' "$witness")" 1
	assert_code 42
}

@test 'hotplug: a load with no slot left for it is refused' {
	# The kernel has never run out of them.
	splats='WARNING: .*__cpuhp_setup_state'
	refused_after hotplug_states 'No space left on device' \
		'qemu_poweroff: cannot prepare the deadline: error -28: unload a module'
}
