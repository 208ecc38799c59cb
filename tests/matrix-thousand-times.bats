#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fault matrix: races, a thousand times each. A fresh guest a row.

load matrix

# bats file_tags=slow

# sound: the kernel had no complaint: it is tainted by a module that is out of the
# tree (4096) and unsigned (8192), and by nothing else.
sound()
{
	# Out of tree; unsigned, where the kernel knows of signatures.
	assert_line "tainted $((4096 + $(kernel_has MODULE_SIG && echo 8192 || echo 0)))"
}

# raced NAME: that race's line in the log: of the armings that there were, each
# expired or was cancelled, both did happen, and none early or afterwards.
raced()
{
	local line
	line=$(grep -o "races: $1: armed.*" "$witness") || fail "$1: not run"

	[[ $line =~ armed\ ([0-9]+)\ expired\ ([0-9]+)\ cancelled\ ([0-9]+)\ early\ 0\ stray\ 0$ ]] ||
		fail "$line"
	local armed=${BASH_REMATCH[1]} expired=${BASH_REMATCH[2]} cancelled=${BASH_REMATCH[3]}
	((armed >= 1000 && expired > 10 && cancelled > 10 && armed == expired + cancelled)) ||
		fail "$line"
	echo "# $line" >&3
}

@test 'a thousand times: cancelled, destroyed and written to at the moment of the expiry' {
	faulty -c 2 -m "$RACES_KO" -t 600 <<-E
		insmod races.ko && rmmod races
		echo "tainted \$(cat /proc/sys/kernel/tainted)"
		insmod qemu_poweroff.ko code=42
		sleep 60
	E
	raced cancel
	raced destroy
	raced write
	sound
	ended 42 deadline process
}

@test 'a thousand times: the same, while a processor goes and comes' {
	hotplugged -c 2 -m "$RACES_KO" -t 600 <<-E
		while [ ! -e done ]; do online 1 0; online 1 1; echo; done >toggled &
		insmod races.ko && rmmod races
		>done
		wait
		echo "\$(wc -l <toggled) times offline"
		echo "tainted \$(cat /proc/sys/kernel/tainted)"
		insmod qemu_poweroff.ko delay=\$enough code=42
		lose_the_first
	E
	raced cancel
	raced destroy
	raced write
	assert_line --regexp '^[0-9]+[0-9] times offline$'
	sound
	ended_by_the_second
}

@test 'a thousand times: the driver unloaded at the moment of the expiry' {
	local limit=600

	! is_watched || limit=3000
	# Time that the guest sleeps passes at once. How long an unload takes is the
	# guest's affair: towards the moment in steps that halve with each change of sides.
	faulty_boot -q -icount -q shift=2,sleep=off -t $limit <<-E
		i=0 expired=0 pause=990000 step=40000 side=
		while [ \$i -lt 1000 ]; do
			dmesg -c >/dev/null
			insmod qemu_poweroff.ko iobase=0x502 iosize=1 delay=1 code=65
			usleep \$pause
			rmmod qemu_poweroff
			if dmesg | grep -q 'deadline: ending'; then
				expired=\$((expired + 1)) pause=\$((pause - step)) now=late
			else
				pause=\$((pause + step)) now=early
			fi
			[ \$now = "\$side" ] || [ \$step -le 100 ] || step=\$((step / 2))
			side=\$now
			i=\$((i + 1))
		done
		echo "\$i loads, \$expired expired"
		echo "tainted \$(cat /proc/sys/kernel/tainted)"
		insmod qemu_poweroff.ko code=42
		sleep 60
	E
	local expired
	expired=$(sed -nE 's/^1000 loads, ([0-9]+) expired$/\1/p' <<<"$output")
	echo "# 1000 loads, $expired expired" >&3
	((expired > 10 && expired < 990))
	# What the machine was told is what the log says, not one byte more.
	assert_equal "$(wc -c <"$written")" "$expired"
	assert_equal "$(tr -d A <"$written")" ''
	sound
	assert_equal "$(endings "$witness" | tail -n 1)" \
		'qemu_poweroff: deadline: ending the machine with code 42 (process)'
	assert_code 42
}

@test 'a thousand times: eight writers against the expiry, and against load, unload and hotplug' {
	hotplugged -c 2 -t 600 <<-E
		load()
		{
			insmod qemu_poweroff.ko iobase=0x502 iosize=1 delay=-1 code=65
		}
		writer()
		{
			i=0
			while [ \$i -lt 1000 ]; do
				echo \$((i % 3 - 1)) >\$driver/delay
				echo \$((65 + i % 2)) >\$driver/code
				read -r left <\$driver/remaining
				i=\$((i + 1))
			done 2>/dev/null
			echo "writer \$1 did \$i"
		}
		load
		for writer in 1 2 3 4 5 6 7 8; do writer \$writer & done
		wait
		echo -1 >\$driver/delay
		echo "remaining \$(cat \$driver/remaining)"
		while [ ! -e done ]; do online 1 0; online 1 1; echo; done >toggled &
		for writer in 1 2 3 4 5 6 7 8; do writer \$writer & done
		i=0
		while [ \$i -lt 100 ]; do
			rmmod qemu_poweroff && load && i=\$((i + 1))
		done
		>done
		wait
		echo "\$i loads, \$(wc -l <toggled) times offline"
		rmmod qemu_poweroff
		echo "tainted \$(cat /proc/sys/kernel/tainted)"
		insmod qemu_poweroff.ko code=42
		sleep 60
	E
	assert_equal "$(grep -c 'writer . did 1000' <<<"$output")" 16
	assert_line 'remaining -1'
	assert_line --regexp '^100 loads, [0-9]+[0-9] times offline$'
	echo "# $(wc -c <"$written") times expired" >&3
	(($(wc -c <"$written") > 100))
	assert_equal "$(tr -d AB <"$written")" ''
	sound
	assert_equal "$(endings "$witness" | tail -n 1)" \
		'qemu_poweroff: deadline: ending the machine with code 42 (process)'
	assert_code 42
}
