#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Arming beside a processor that takes no interrupts any more: tests/matrix-deadline.bats
# has what comes of a deadline that was armed before.

load helper

setup_file()
{
	FAULT_KO=$("$top/scripts/module" -k "$KERNEL_DIR" -s "$top/tests/modules/fault" \
		2>"$BATS_FILE_TMPDIR/log") || { cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
	FAULT_KO+=/fault.ko
	export FAULT_KO
}

# One shell, and no process that it would have to start: that may wait for the
# processor that is lost, as may what the shell prints. The clock source is one that
# the kernel does not change.
@test 'a write to delay returns, and the deadline holds' {
	booted -c 2 -m "$FAULT_KO" -a clocksource=hpet <<-'E'
		insmod fault.ko cpu=1
		insmod qemu_poweroff.ko delay=1000 code=42
		# A moment after a load the kernel frees what the load alone needed, and for that
		# waits for each processor.
		sleep 2
		cat >lose <<-'L'
			cd /sys/module/qemu_poweroff/parameters
			echo irq_off >/sys/module/fault/parameters/what
			echo 5 >delay
			echo '<0>written once' >/dev/kmsg
			echo 6 >delay
			echo '<0>written twice' >/dev/kmsg
			while :; do :; done
		L
		taskset 1 sh lose
	E
	assert_line --partial 'written once'
	assert_line --partial 'written twice'
	assert_code 42
}
