#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The driver by itself: load, ports, delay, unload, and everything it refuses.

load helper

@test 'load: the ports are in /proc/ioports under the name of the module' {
	guest <<-'E'
		insmod qemu_poweroff.ko delay=-1
		grep qemu_poweroff /proc/ioports
		rmmod qemu_poweroff
	E
	assert_outlived
	assert_line --regexp '^ *10f4-10f7 : qemu_poweroff$'
}

@test 'load: iobase= and iosize= move and resize the range' {
	guest --no-port --qemu -device --qemu isa-debug-exit,iobase=0x501,iosize=2 <<-'E'
		insmod qemu_poweroff.ko delay=-1 iobase=0x501 iosize=2
		grep qemu_poweroff /proc/ioports
		rmmod qemu_poweroff
		insmod qemu_poweroff.ko iobase=0x501 iosize=2 code=9 delay=1
		sleep 5
	E
	assert_code 9
	assert_line --regexp '^ *0501-0502 : qemu_poweroff$'
}

@test 'delay=0: the machine ends as soon as the module loads' {
	restored <<-'E'
		insmod qemu_poweroff.ko code=42
		sleep 20
	E
	assert_code 42
	refute_line --partial 'the scenario returned'
	# Where the load does not end the machine, this line is printed, and the power-off
	# after it has the same code.
	restored <<<'insmod qemu_poweroff.ko delay=-1 code=42'
	assert_code 42
	assert_line 'the scenario returned 0'
}

@test 'delay=3: the machine ends after three seconds, not before' {
	guest <<-'E'
		insmod qemu_poweroff.ko delay=3 code=42
		sleep 60
	E
	assert_code 42
	# By the clock of the log, in microseconds.
	local armed ended
	armed=$(sed -nE 's/^\[ *([0-9]+)\.([0-9]+)\] qemu_poweroff: holding ports .*/\1\2/p' <<<"$output")
	ended=$(sed -nE 's/^\[ *([0-9]+)\.([0-9]+)\] qemu_poweroff: deadline: .*/\1\2/p' <<<"$output")
	echo "armed at $armed us, ended at $ended us"
	((ended >= armed + 3000000))
}

@test 'rmmod cancels: the guest outlives the deadline and has its ports back' {
	guest <<-'E'
		insmod qemu_poweroff.ko delay=2 code=42
		rmmod qemu_poweroff
		sleep 4
		grep -c qemu_poweroff /proc/ioports
		lsmod | grep -c qemu_poweroff
		echo outlived
	E
	assert_outlived
	assert_line outlived
	assert_equal "$(grep -cx 0 <<<"$output")" 2
}

@test 'rmmod gives the ports back: a second insmod works' {
	guest <<-'E'
		insmod qemu_poweroff.ko delay=60 code=1
		rmmod qemu_poweroff
		insmod qemu_poweroff.ko delay=1 code=43
		sleep 20
	E
	assert_code 43
}

@test 'load and unload 100 times: nothing is left behind' {
	guest <<-'E'
		free_kib()
		{
			echo 3 >/proc/sys/vm/drop_caches
			awk '/^MemFree/ { print $2 }' /proc/meminfo
		}
		i=0
		while [ $i -lt 110 ]; do
			# The first few allocate what the kernel keeps for all modules.
			[ $i = 10 ] && before=$(free_kib)
			insmod qemu_poweroff.ko delay=$((i % 2 ? -1 : 60)) code=$i 2>&1 &&
				rmmod qemu_poweroff || echo "load $i failed"
			i=$((i + 1))
		done
		lost=$((before - $(free_kib)))
		echo "lost $lost KiB"
		# A page lost at each of the hundred loads would be 400 KiB.
		[ $lost -lt 350 ] && echo 'no memory lost'
		grep qemu_poweroff /proc/ioports /proc/modules
		cat /proc/sys/kernel/tainted
		echo "did $i"
	E
	assert_outlived
	assert_line 'did 110'
	assert_line 'no memory lost'
	refute_line --regexp '^load .* failed'
	refute_line --regexp '^/proc/(ioports|modules):'
	# Out of tree (4096), unsigned (8192) if the kernel minds, and nothing else.
	assert_line "$((4096 + $(kernel_has MODULE_SIG && echo 8192 || echo 0)))"
}

# ends_with CODE: the code, all the way to the host.
ends_with()
{
	guest <<<"insmod qemu_poweroff.ko code=$1; sleep 20"
	assert_code "$1"
}

# Each bit of seven by itself, none, and all.
@test 'code=0 to 127 is decoded on the host' {
	local code

	for code in 0 1 2 4 8 16 32 64 127; do
		ends_with "$code"
	done
}

@test 'code=0x2a: numbers may be hexadecimal' {
	guest <<<'insmod qemu_poweroff.ko code=0x2a; sleep 20'
	assert_code 42
}

# refused PARAMETERS ERROR LOG: a load that fails with that error text of insmod
# and that log line, leaves nothing, and keeps no good load from working.
refused()
{
	guest "${@:4}" <<-E
		dmesg -c >/dev/null
		insmod qemu_poweroff.ko $1 2>&1 && echo 'was not refused'
		echo "--- log"
		# BusyBox tries both of the system calls that load a module.
		dmesg | sed -n 's/.*] qemu_poweroff: //p' |
			grep -v -e 'invalid for parameter' -e taint | uniq
		echo "--- left"
		grep qemu_poweroff /proc/ioports /proc/modules
		ls /sys/module | grep qemu_poweroff
		echo "--- end"
		insmod qemu_poweroff.ko delay=-1 && rmmod qemu_poweroff && echo 'loads when asked well'
	E
	refute_line 'was not refused'
	assert_line --partial "$2"
	# One line in the log, and nothing between "left" and "end".
	assert_regex "$(sed -n '/^--- log/,/^--- left/p' <<<"$output" | sed '1d;$d')" "^$3[^"$'\n'"]*\$"
	assert_equal "$(sed -n '/^--- left/,/^--- end/p' <<<"$output" | sed '1d;$d')" ''
	assert_line 'loads when asked well'
	assert_outlived
}

@test 'refused: the serial port has 0x3f8' {
	refused iobase=0x3f8 'resource busy' 'ports 0x3f8-0x3fb are taken: see /proc/ioports'
}

@test 'refused: the FPU has 0xf0' {
	refused iobase=0xf0 'resource busy' 'ports 0xf0-0xf3 are taken'
}

@test 'refused: one taken port in the range is enough' {
	refused 'iobase=0x3f7 iosize=2' 'resource busy' 'ports 0x3f7-0x3f8 are taken'
}

@test 'refused: a port with no device behind it' {
	refused 'iobase=0x10f8' 'No such device' \
		'no device at port 0x10f8: start QEMU with -device isa-debug-exit,iobase=0x10f8,iosize=0x04'
}

@test 'refused: QEMU has its configuration at 0x510, though no driver has it' {
	refused iobase=0x510 'resource busy' 'ports 0x510-0x513 are taken: see /proc/ioports'
	# The first port alone answers as the device does.
	refused 'iobase=0x510 iosize=1' 'resource busy' 'ports 0x510-0x510 are taken'
}

@test 'refused: the power management has 0xb2' {
	refused iobase=0xb2 'No such device' 'no device at port 0xb2: start QEMU with'
}

@test 'refused: a device that gives another answer, and nothing is written to it' {
	local written=$BATS_TEST_TMPDIR/written

	refused 'iobase=0x502 iosize=1 code=65' 'No such device' 'no device at port 0x502: start QEMU with' \
		--qemu -chardev --qemu "file,id=written,path=$written" \
		--qemu -device --qemu isa-debugcon,iobase=0x502,chardev=written
	assert_equal "$(<"$written")" ''
}

@test 'refused: more ports than the device has' {
	refused iosize=5 'No such device' 'no device at port 0x10f8: start QEMU with'
}

@test 'refused: a build for a kernel without CONFIG_PRINTK' {
	run "$top/scripts/module" -k "$KERNEL_DIR" CONFIG_PRINTK=
	assert_failure
	assert_output --partial 'qemu_poweroff needs a kernel with CONFIG_PRINTK'
}

# The configuration's header is included before, by the kernel's build.
@test 'load: a kernel without CONFIG_PM_SLEEP has no sync, and the log says so' {
	local module

	echo '#undef CONFIG_PM_SLEEP' >"$BATS_TEST_TMPDIR/without.h"
	module=$(BUILD=$BATS_TEST_TMPDIR/build "$top/scripts/module" -k "$KERNEL_DIR" \
		KCFLAGS="-include $BATS_TEST_TMPDIR/without.h" 2>"$BATS_TEST_TMPDIR/log")
	mv "$module/qemu_poweroff.ko" "$BATS_TEST_TMPDIR/without.ko"
	guest --file "$BATS_TEST_TMPDIR/without.ko" <<-'E'
		insmod without.ko code=42
		sleep 20
	E
	assert_code 42
	assert_line --partial 'qemu_poweroff: sync=1 writes nothing: this kernel has no CONFIG_PM_SLEEP'
	refute_line --partial 'Filesystems sync'
	guest <<<'insmod qemu_poweroff.ko code=42; sleep 20'
	assert_code 42
	refute_line --partial 'writes nothing'
}

@test 'refused: code=128' {
	refused code=128 'out of range' 'code: out of range: give an integer from 0 to 127'
}

@test 'refused: code=-1' {
	refused code=-1 'out of range' 'code: out of range: give an integer from 0 to 127'
}

@test 'refused: code=99999999999999999999' {
	refused code=99999999999999999999 'out of range' 'code: out of range'
}

@test 'refused: delay=-2' {
	refused delay=-2 'out of range' 'delay: out of range: give an integer from -1 to 2678400'
}

@test 'refused: delay=2678401' {
	refused delay=2678401 'out of range' 'delay: out of range'
}

@test 'refused: iosize=0' {
	refused iosize=0 'out of range' 'iosize: out of range: give an integer from 1 to 65536'
}

@test 'refused: iobase=0x10000' {
	refused iobase=0x10000 'out of range' 'iobase: out of range: give an integer from 0 to 65535'
}

@test 'refused: a range that runs past 0xffff' {
	refused 'iobase=0xfffe iosize=4' 'out of range' \
		'iobase=0xfffe iosize=4: past the last port, 0xffff'
}

@test 'refused: text where a number goes' {
	refused code=fortytwo 'Invalid argument' 'code: not a number: give an integer from 0 to 127'
}

@test 'refused: a number with a tail' {
	refused delay=3s 'Invalid argument' 'delay: not a number'
}

@test 'refused: no number at all' {
	refused code= 'Invalid argument' 'code: not a number'
}

@test 'refused: no device at all' {
	guest --no-port <<-'E'
		insmod qemu_poweroff.ko 2>&1
		grep qemu_poweroff /proc/ioports
		dmesg | grep qemu_poweroff:
	E
	assert_outlived
	assert_line --partial 'No such device'
	assert_line --partial 'start QEMU with -device isa-debug-exit,iobase=0x10f4,iosize=0x04'
	refute_line --regexp '10f4-10f7'
}

@test 'refused: no thread left for the deadline' {
	guest <<-'E'
		limit=/proc/sys/kernel/threads-max
		most=$(cat $limit)
		# Fewer than there are: none starts. The shell becomes the command.
		(echo 20 >$limit; exec insmod qemu_poweroff.ko delay=1 code=42) 2>&1 && echo 'was not refused'
		echo $most >$limit
		grep qemu_poweroff /proc/ioports /proc/modules
		dmesg | grep qemu_poweroff:
		sleep 2
		insmod qemu_poweroff.ko delay=-1 && rmmod qemu_poweroff && echo 'loads when there are some'
	E
	refute_line 'was not refused'
	assert_line --regexp "insmod: .*memory"
	assert_line --partial 'cannot prepare the deadline: error -12: free memory, or raise kernel.threads-max, and load again'
	refute_line --regexp '10f4-10f7'
	refute_line --regexp '/proc/modules:'
	assert_line 'loads when there are some'
	assert_outlived
}

@test 'refused: a second load, under another name' {
	local twin

	twin=$(module_file twin)
	guest -f "$twin" <<-'E'
		insmod qemu_poweroff.ko delay=-1
		insmod qemu_poweroff_twin.ko delay=-1 2>&1
		cut -d ' ' -f 1 /proc/modules
		rmmod qemu_poweroff
		insmod qemu_poweroff_twin.ko code=44 delay=1
		sleep 20
	E
	assert_line --partial 'resource busy'
	assert_line qemu_poweroff
	refute_line qemu_poweroff_twin
	assert_code 44
}

# BusyBox's modprobe takes options from the kernel's command line, as kmod's does.
@test 'qemu-run: says that the driver does not load, and why' {
	run --separate-stderr qemu-run --append qemu_poweroff.iobase=0x3f8 -- echo hello
	assert_success
	assert_output hello
	[[ $stderr == *'the driver does not load in the guest:'*'ports 0x3f8-0x3fb are taken: see /proc/ioports'* ]] ||
		fail "$stderr"
}

@test 'modinfo: each parameter has its range and its default, and the module has that default' {
	local parameters

	PATH=$PATH:/sbin:/usr/sbin run modinfo "$MODULE_DIR/qemu_poweroff.ko"
	assert_success
	for field in description author license version; do
		assert_line --regexp "^$field: +[^ ]"
	done
	assert_line --regexp '^license: +GPL$'
	# "parm: code:exit code ... (0-127, default 0) (int)" as "code 0-127 0".
	parameters=$(sed -nE 's/^parm: +([a-z_]+):.* \(([^ ]*), default (.*)\) \(int\)$/\1 \2 \3/p' <<<"$output" | sort)
	assert_equal "$parameters" "$(printf '%s\n' 'code 0-127 0' 'delay -1-2678400 0' 'iobase 0-0xffff 0x10f4' \
		'iosize 1-0x10000 4' 'nowayout 0-1 0' 'panic_code -1-127 121' 'sync 0-1 1')"
	assert_line --regexp '^parm: +delay:seconds'
	assert_line --regexp '^parm: +remaining:seconds left; .*\(read only\) \(int\)$'
	assert_equal "$(grep -c '^parm:' <<<"$output")" 8

	guest <<-'E'
		insmod qemu_poweroff.ko delay=-1
		cd /sys/module/qemu_poweroff/parameters
		for name in *; do echo "has $name $(($(cat $name)))"; done
	E
	# The delay is the one that was given, and none is pending.
	assert_equal "$(sed -n 's/^has //p' <<<"$output" | sort)" "$(
		{ awk '$1 != "delay" { print $1, $3 }' <<<"$parameters"; echo 'delay -1'; echo 'remaining -1'; } |
			while read -r name value; do echo "$name $((value))"; done | sort
	)"
}
