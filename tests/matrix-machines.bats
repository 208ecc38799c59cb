#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fault matrix: machines with bridges, with isolated processors, and locked down. A
# fresh guest a row.

load matrix

needs_pci()
{
	[[ ${MACHINE:-pc} != microvm ]] || skip 'a microvm has no PCI'
}

# The kernel gives the empty hot-plug port the first window that is free, the firmware the
# other one and the bridges behind that the same one, where the card has its ports.
@test 'bridges: the ports are in the window of a hot-plug port, or of bridges in a row' {
	needs_pci
	local -x QEMU_RUN_MACHINE=q35

	faulty -q -device -q pcie-root-port,id=rp1,chassis=1 \
		-q -device -q pcie-root-port,id=rp2,chassis=2 \
		-q -device -q pcie-pci-bridge,id=br1,bus=rp2 \
		-q -device -q pci-bridge,id=br2,bus=br1,chassis_nr=3,addr=1 \
		-q -device -q e1000,bus=br2,addr=2 \
		-q -device -q isa-debug-exit,iobase=0xc8f4,iosize=4 <<-'E'
		cat /proc/ioports
		insmod qemu_poweroff.ko iobase=0xc000 delay=-1 2>&1
		insmod qemu_poweroff.ko iobase=0xc8f4 delay=-1
		grep qemu_poweroff /proc/ioports
		rmmod qemu_poweroff
		insmod qemu_poweroff.ko delay=1 code=42
		grep qemu_poweroff /proc/ioports
		sleep 60
	E
	assert_line --regexp '^  1000-1fff : PCI Bus 0000:01$'
	assert_line --regexp '^      c000-cfff : PCI Bus 0000:04$'
	assert_line --regexp '^        c000-c03f : 0000:04:02.0$'
	logged 'qemu_poweroff: ports 0xc000-0xc003 are taken: see /proc/ioports'
	assert_line --regexp '^        c8f4-c8f7 : qemu_poweroff$'
	assert_line --regexp '^    10f4-10f7 : qemu_poweroff$'
	ended 42 deadline process
}

@test 'bridges: the ports are in the window of a bridge of pc' {
	needs_pci
	local -x QEMU_RUN_MACHINE=pc

	faulty -q -device -q pci-bridge,id=br1,chassis_nr=1 -q -device -q e1000,bus=br1,addr=1 \
		-q -device -q isa-debug-exit,iobase=0xc8f4,iosize=4 <<-'E'
		cat /proc/ioports
		insmod qemu_poweroff.ko iobase=0xc8f4 delay=1 code=42
		sleep 60
	E
	assert_line --regexp '^  c000-cfff : PCI Bus 0000:01$'
	ended 42 deadline process
}

@test 'isolated: no timer runs on an isolated processor, nor on any before there is a deadline' {
	kernel_has NO_HZ_FULL || skip 'this kernel isolates no processor from timers'
	faulty -c 2 -a nohz_full=1 -a isolcpus=nohz,domain,1 <<-'E'
		timers()
		{
			echo "$1: $(awk '/^cpu: / { cpu = $2 } /reset_(fire|tick)/ { print cpu }' /proc/timer_list | xargs)"
		}
		cat /sys/devices/system/cpu/nohz_full
		insmod qemu_poweroff.ko delay=-1 code=42
		timers loaded
		echo 1000 >$driver/delay
		timers armed
		taskset 2 sh -c "echo 1000 >$driver/delay"
		timers 'armed there'
		echo -1 >$driver/delay
		echo 2 >$driver/delay
		sleep 60
	E
	assert_line 'loaded: '
	assert_line 'armed: 0'
	assert_line 'armed there: 0'
	ended 42 deadline process
}

# locked_down PARAMETERS: a load with these, while the kernel is locked down. It refuses a
# module without a signature, so that it is locked down right after it has looked for one.
locked_down()
{
	kernel_has SECURITY_LOCKDOWN_LSM || skip 'this kernel cannot be locked down'
	faulty <<-E
		mount -t securityfs none /sys/kernel/security
		insmod fault.ko after_us=3000000 what=slow_load
		insmod qemu_poweroff.ko $1 2>&1 &
		until dmesg | grep -q 'a module loads slowly'; do usleep 100000; done
		echo integrity >/sys/kernel/security/lockdown
		wait
		grep qemu_poweroff: /proc/ioports
		sleep 2
	E
}

@test 'lockdown: the ports are not for root to choose' {
	local parameter

	for parameter in iobase=0x10f4 iosize=4; do
		locked_down "delay=-1 $parameter"
		assert_line --partial 'Operation not permitted'
		logged 'Lockdown: insmod: unsafe module parameters is restricted'
		not_ended
	done
}

@test 'lockdown: the other parameters are' {
	locked_down 'delay=1 code=42 panic_code=43 sync=0 nowayout=1'
	ended 42 deadline process
}
