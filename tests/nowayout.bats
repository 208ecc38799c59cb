#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# nowayout=1: a deadline that is armed can only come closer.

load helper

# What a scenario tries; busybox says why not.
# shellcheck disable=SC2016 # the guest's to expand
readonly tries='
	cd /sys/module/qemu_poweroff/parameters
	try_delay()
	{
		echo "delay=$1:$( (echo $1 >delay) 2>&1 | sed "s/.*://")"
	}
	try_rmmod()
	{
		echo "rmmod:$(rmmod qemu_poweroff 2>&1 | sed "s/.*://")"
	}
'

@test 'nowayout: an armed deadline is neither taken back nor put off, and the module stays' {
	guest <<-E
		insmod qemu_poweroff.ko delay=1000 code=42 nowayout=1
		dmesg -n 1
		$tries
		try_delay -1
		try_delay 1001
		# No more than it was, but more than there is left of it.
		until [ \$(cat remaining) -lt 1000 ]; do usleep 100000; done
		try_delay 1000
		dmesg | grep 'loaded with'
		try_rmmod
		grep . delay nowayout
		[ \$(cat remaining) -gt 900 ] && echo 'still armed'
		try_delay 1
		sleep 60
	E
	assert_code 42
	assert_line 'delay=-1: Operation not permitted'
	assert_line 'delay=1001: Operation not permitted'
	assert_line 'delay=1000: Operation not permitted'
	assert_line 'rmmod: Resource temporarily unavailable'
	# What was refused has changed nothing.
	assert_line delay:1000
	assert_line nowayout:1
	assert_line 'still armed'
	assert_line 'delay=1:'
	assert_line --partial 'delay: loaded with nowayout=1: give less than what remains'
	assert_line --partial 'deadline: ending the machine with code 42'
}

@test 'nowayout: the end can still be brought about at once, and with another code' {
	guest <<-E
		insmod qemu_poweroff.ko delay=1000 code=42 nowayout=1
		$tries
		echo 43 >code
		try_delay 0
		sleep 60
	E
	assert_code 43
}

@test 'nowayout: before it is armed the module can be unloaded, and armed later it stays' {
	guest <<-E
		insmod qemu_poweroff.ko delay=-1 nowayout=1
		rmmod qemu_poweroff && echo unloaded
		insmod qemu_poweroff.ko delay=-1 code=42 nowayout=1
		$tries
		try_delay -1
		try_delay 1000
		try_delay -1
		try_rmmod
		try_delay 1
		sleep 60
	E
	assert_code 42
	assert_line unloaded
	assert_line 'delay=-1:'
	assert_line 'delay=1000:'
	assert_line 'delay=-1: Operation not permitted'
	assert_line 'rmmod: Resource temporarily unavailable'
}

@test 'nowayout: a power-off before the deadline is no way around the code' {
	guest <<-E
		insmod qemu_poweroff.ko delay=1000 code=42 nowayout=1
		poweroff -f
	E
	assert_code 42
}

@test 'nowayout=0: a deadline is taken back, put off, and the module unloaded' {
	guest <<-E
		insmod qemu_poweroff.ko delay=1000 code=42
		$tries
		try_delay -1
		try_delay 2000
		grep . nowayout code
		cd /
		try_rmmod
		[ -e /sys/module/qemu_poweroff ] || echo gone
	E
	assert_outlived
	assert_line 'delay=-1:'
	assert_line 'delay=2000:'
	assert_line nowayout:0
	assert_line 'rmmod:'
	assert_line gone
}
