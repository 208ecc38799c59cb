#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fault matrix: the parameters, while the guest runs. A fresh guest a row.

load matrix

@test 'control: the values can be read' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=100 code=42 panic_code=-1
		cd $driver
		grep . *
		echo -1 >delay
		grep . delay remaining
	E
	assert_line code:42
	assert_line delay:100
	assert_line panic_code:-1
	assert_line --regexp '^remaining:(100|9[0-9])$'
	assert_line delay:-1
	assert_line remaining:-1
	ended 42 power-off power-off
}

# To the hundredth, as /proc/uptime tells the time.
@test 'control: remaining is rounded up' {
	faulty <<-'E'
		read -r armed idle </proc/uptime
		insmod qemu_poweroff.ko delay=1000 code=42
		i=0
		while [ $i -lt 50 ]; do
			left=$(cat $driver/remaining)
			read -r now idle </proc/uptime
			echo "$armed $left $now"
			usleep 30000
			i=$((i + 1))
		done >samples
		awk '$2 < $1 + 1000 - $3 - 0.02 { print "rounded down:", $0 }' samples
		awk 'END { print NR, "samples" }' samples
	E
	assert_line '50 samples'
	refute_line --partial 'rounded down'
	ended 42 power-off power-off
}

@test 'control: bad values are refused and change nothing' {
	faulty <<-'E'
		# What the driver says of them does not break up the lines here.
		dmesg -n 1
		insmod qemu_poweroff.ko delay=100 code=42
		cd $driver
		try()
		{
			echo "$1='$2':$( (echo "$2" >$1) 2>&1 | sed 's/.*://')"
		}
		until [ $(cat remaining) -lt 99 ]; do usleep 100000; done
		try code 128
		try code -1
		try code 99999999999999999999
		try code ''
		try code 3x
		try panic_code -2
		try panic_code 128
		try panic_code all
		try delay -2
		try delay 2678401
		try delay 5s
		try delay ''
		try remaining 5
		try iobase 0x501
		try iosize 1
		grep . *
	E
	local range=' Numerical result out of range' not=' Invalid argument'

	assert_line "code='128':$range"
	assert_line "code='-1':$range"
	assert_line "code='99999999999999999999':$range"
	assert_line "code='':$not"
	assert_line "code='3x':$not"
	assert_line "panic_code='-2':$range"
	assert_line "panic_code='128':$range"
	assert_line "panic_code='all':$not"
	assert_line "delay='-2':$range"
	assert_line "delay='2678401':$range"
	assert_line "delay='5s':$not"
	assert_line "delay='':$not"
	assert_line "remaining='5': Permission denied"
	assert_line "iobase='0x501': Permission denied"
	assert_line "iosize='1': Permission denied"
	assert_line code:42
	assert_line delay:100
	assert_line panic_code:121
	# No bad value has started the wait again.
	assert_line --regexp '^remaining:(9[0-8]|[1-8][0-9])$'
	ended 42 power-off power-off
}

@test 'control: remaining= is refused at load' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=60 remaining=5 2>&1
		grep qemu_poweroff /proc/modules /proc/ioports
	E
	assert_line --partial 'Operation not permitted'
	refute_line --regexp '^/proc'
	logged 'qemu_poweroff: remaining: can only be read: set delay instead'
	not_ended
}

@test 'control: delay=-1 takes the deadline back' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=2 code=42
		echo -1 >$driver/delay
		sleep 4
		echo outlived
	E
	assert_line outlived
	ended 42 power-off power-off
}

@test 'control: delay=0 ends the machine at once' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=60 code=42
		echo 0 >$driver/delay
		sleep 60
	E
	ended 42 deadline process
}

@test 'control: a delay counts from when it was written' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=6 code=42
		until [ $(cat $driver/remaining) -le 3 ]; do usleep 100000; done
		echo 6 >$driver/delay
		sleep 4
		echo 'alive after the first deadline'
		sleep 60
	E
	assert_line 'alive after the first deadline'
	ended 42 deadline process
}

@test 'control: the code is the one at the deadline, not at the load' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=2 code=42
		echo 9 >$driver/code
		sleep 60
	E
	ended 9 deadline process
}
