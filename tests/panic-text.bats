#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A panic ends the machine with its code, and its text is on the console before that.

load helper

setup_file()
{
	FAULT_KO=$(module_file fault)
	export FAULT_KO
}

# panicked TEXT: with panic_code, and the console shows why.
panicked()
{
	assert_code 121
	assert_line --partial "Kernel panic - not syncing: $1"
}

@test 'panic: its text is on the console' {
	booted -m "$FAULT_KO" <<-'E'
		insmod qemu_poweroff.ko delay=-1
		insmod fault.ko what=panic
	E
	panicked 'fault in process context'
}

@test 'panic: its text is on the console although a process held the lock of the console' {
	booted -m "$FAULT_KO" <<-'E'
		insmod qemu_poweroff.ko delay=-1
		insmod fault.ko what=panic_console
	E
	panicked 'fault in process context'
}

# inject_nmi MONITOR: once the guest says on its second serial port that it is ready.
inject_nmi()
{
	until grep -qs 'ready' "$1.serial"; do sleep 0.1; done
	exec {in}>"$1.in" {out}<"$1.out"
	echo '{"execute": "qmp_capabilities"} {"execute": "inject-nmi"}' >&"$in"
	# Up to the end of the machine.
	cat <&"$out"
}

@test 'panic: its text is on the console although it came in an NMI' {
	local monitor=$BATS_TEST_TMPDIR/monitor

	mkfifo "$monitor.in" "$monitor.out"
	inject_nmi "$monitor" >"$BATS_TEST_TMPDIR/host" 2>&1 3>&- &
	booted -q -serial -q "file:$monitor.serial" -q -chardev -q "pipe,id=monitor,path=$monitor" \
		-q -qmp -q chardev:monitor <<-'E'
		echo 1 >/proc/sys/kernel/unknown_nmi_panic
		insmod qemu_poweroff.ko delay=-1
		echo ready >/dev/ttyS1
		sleep 60
	E
	wait
	panicked 'NMI: Not continuing'
}
