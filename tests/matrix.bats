#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fault matrix: whatever goes wrong in the guest, the machine ends with the
# code that was asked for, on the way that was meant for it. A fresh guest a row.

load helper

# What a kernel says of one. With KASAN it is the access to the address's shadow that
# faults; 6.1 says so without the word 'Oops'.
readonly null_dereference='BUG: kernel NULL pointer dereference|Oops: |general protection fault|KASAN: null-ptr-deref'

setup_file()
{
	local module

	for module in fault witness races; do
		"$top/scripts/module" -k "$KERNEL_DIR" -s "$top/tests/modules/$module" \
			>"$BATS_FILE_TMPDIR/$module" 2>"$BATS_FILE_TMPDIR/log" ||
			{ cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
	done
	FAULT_KO=$(<"$BATS_FILE_TMPDIR/fault")/fault.ko
	WITNESS_KO=$(<"$BATS_FILE_TMPDIR/witness")/witness.ko
	RACES_KO=$(<"$BATS_FILE_TMPDIR/races")/races.ko
	PREEMPT_RT=
	! grep -qx CONFIG_PREEMPT_RT=y "$KERNEL_DIR/config" || PREEMPT_RT=1
	export FAULT_KO WITNESS_KO RACES_KO PREEMPT_RT
}

setup()
{
	witness=$BATS_TEST_TMPDIR/witness
}

# What a row that failed leaves to judge it by. Bats shows it for no other.
teardown()
{
	[[ ! ${BATS_TEST_COMPLETED-} ]] || { assert_no_splat; return; }
	printf -- '--- status %s, and the end of the console\n' "${status-}"
	tail -n 40 <<<"${output-}"
	printf -- '--- the end of the log\n'
	[[ ! -e $witness ]] || tail -n 40 "$witness"
}

# faulty [option of scripts/vm...]: as vm, with the faults at hand. $witness gets
# what the kernel logs from then on, as it logs it.
faulty()
{
	local script=$BATS_TEST_TMPDIR/guest

	{
		echo 'insmod witness.ko'
		echo 'what=/sys/module/fault/parameters/what'
		echo 'driver=/sys/module/qemu_poweroff/parameters'
		cat
	} >"$script"
	vm -m "$FAULT_KO" -m "$WITNESS_KO" \
		-q -chardev -q "file,id=witness,path=$witness" \
		-q -device -q isa-debugcon,chardev=witness "$@" <"$script"
}

# endings FILE: what the driver logged there, of the ends that it decided on.
endings()
{
	grep -o 'qemu_poweroff: [a-z-]*: ending the machine.*' "$1"
}

# ended CODE REASON PATH...: the driver ended the machine, once, for that reason
# and on that way (or one of those), and QEMU's status tells the code.
ended()
{
	local line path told
	line=$(endings "$witness") || fail "the driver did not end the machine: status $status"
	told=$(endings - <<<"$output") || true

	for path in "${@:3}"; do
		[[ $line != "qemu_poweroff: $2: ending the machine with code $1 ($path)" ]] || break
	done
	assert_equal "$line" "qemu_poweroff: $2: ending the machine with code $1 ($path)"
	# On PREEMPT_RT the console prints from a thread, and the machine is gone
	# before that thread had its turn.
	[[ $PREEMPT_RT ]] || assert_equal "$told" "$line"
	assert_code "$1"
	# For the table in README.md.
	[[ ! ${MATRIX-} ]] ||
		printf '%s\t%s\t%s\n' "$BATS_TEST_DESCRIPTION" "$status" "${line##*machine }" >>"$MATRIX"
}

# harmless: a port that answers as isa-debug-exit does, and keeps what
# is written to it in $written.
harmless()
{
	written=$BATS_TEST_TMPDIR/written
	harmless=(-q -chardev -q "file,id=written,path=$written"
		-q -device -q 'isa-debugcon,iobase=0x502,chardev=written')
}

# not_ended: the guest ended, and the driver had no part in it.
not_ended()
{
	assert_equal "$(endings "$witness")" ''
	assert_power_off
}

# logged TEXT: the kernel did.
logged()
{
	grep -qF -- "$1" "$witness" || fail "the kernel did not log: $1: $(tail -n 20 "$witness")"
}

# --- The deadline -----------------------------------------------------------

@test 'deadline: idle guest' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=1 code=42
		sleep 60
	E
	ended 42 deadline process
}

@test 'deadline: all processors busy in user space' {
	faulty -c 2 <<-'E'
		for i in 1 2 3 4 5 6 7 8; do
			while :; do :; done &
		done
		read -r one five fifteen tasks last </proc/loadavg
		echo "${tasks%/*} running"
		insmod qemu_poweroff.ko delay=2 code=42
		sleep 60
	E
	assert_line --regexp '^(8|9|[1-9][0-9]) running$'
	ended 42 deadline process
}

# hogged_by_real_time [option...]: a real-time task on every processor, and no
# share kept for ordinary tasks; from 6.12 on the scheduler has two of them.
hogged_by_real_time()
{
	faulty "$@" <<-'E'
		echo -1 >/proc/sys/kernel/sched_rt_runtime_us
		for share in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do
			[ ! -e $share ] || echo 0 >$share
		done
		insmod fault.ko
		insmod qemu_poweroff.ko delay=2 code=42
		echo fifo >$what
		sleep 60
	E
}

@test 'deadline: a real-time task hogs the only processor' {
	hogged_by_real_time
	ended 42 deadline 'hard interrupt'
}

@test 'deadline: real-time tasks hog both processors' {
	hogged_by_real_time -c 2
	ended 42 deadline 'hard interrupt'
}

@test 'deadline: the work queues of the system are flooded with sleepers' {
	faulty -c 2 <<-'E'
		echo 10000 >/proc/sys/kernel/threads-max
		insmod fault.ko count=1000 what=flood_workqueues
		# Three queues, and each has 256 workers at most, or more.
		until [ $(ps | grep -c kworker) -ge 768 ]; do usleep 100000; done
		echo 'all asleep'
		insmod qemu_poweroff.ko delay=2 code=42
		sleep 60
	E
	assert_line 'all asleep'
	ended 42 deadline process
}

@test 'deadline: a kernel thread loops with preemption off on the only processor' {
	faulty <<-'E'
		insmod fault.ko
		insmod qemu_poweroff.ko delay=2 code=42
		echo preempt_off >$what
		sleep 60
	E
	ended 42 deadline 'hard interrupt'
}

@test 'deadline: kernel threads loop with preemption off on both processors' {
	faulty -c 2 <<-'E'
		insmod fault.ko
		insmod qemu_poweroff.ko delay=2 code=42
		echo preempt_off >$what
		sleep 60
	E
	ended 42 deadline 'hard interrupt'
}

# one_of_two FAULT CPU: the fault on that processor, the driver armed on the first.
# The kernel must not change its clock source meanwhile, as it does when it has been
# up for a while: that is a stop_machine(), which waits for the lost processor on
# the one that is left, and no process gets there any more.
one_of_two()
{
	faulty -c 2 -a clocksource=hpet <<-E
		insmod fault.ko cpu=$2
		taskset 1 insmod qemu_poweroff.ko delay=2 code=42
		echo $1 >\$what
		sleep 60
	E
}

@test 'deadline: a kernel thread loops with preemption off on one of two, another' {
	one_of_two preempt_off 1
	ended 42 deadline process
}

@test 'deadline: a kernel thread loops with preemption off on one of two, the one that armed' {
	one_of_two preempt_off 0
	ended 42 deadline process
}

# The worker may have been woken on the processor that is lost: then it does not
# come, and the other processor's timer does.
@test 'deadline: one of two processors spins with interrupts off, another' {
	one_of_two irq_off 1
	ended 42 deadline process 'hard interrupt'
}

@test 'deadline: one of two processors spins with interrupts off, the one that armed' {
	one_of_two irq_off 0
	ended 42 deadline process 'hard interrupt'
}

@test 'not survived: all processors spin with interrupts off: the host must kill the guest' {
	faulty -c 2 -t 60 <<-'E'
		insmod fault.ko
		insmod qemu_poweroff.ko delay=15 code=42
		echo 'about to spin'
		echo irq_off >$what
		echo 'still here'
		sleep 60
	E
	assert_line 'about to spin'
	logged 'processor 0 spins with interrupts off'
	logged 'processor 1 spins with interrupts off'
	assert_equal "$status" 124
	assert_equal "$(endings "$witness")" ''
}

@test 'deadline: memory exhausted, the OOM killer at work' {
	faulty -M 128M <<-'E'
		insmod qemu_poweroff.ko delay=-1 code=42
		echo -1000 >/proc/self/oom_score_adj
		for i in 1 2 3 4; do
			(
				echo 0 >/proc/self/oom_score_adj
				while :; do awk 'BEGIN { for (;;) a[i++] = i }'; done
			) &
		done
		until dmesg | grep -q 'Out of memory: Killed'; do usleep 100000; done
		echo 2 >$driver/delay
		sleep 60
	E
	logged 'Out of memory: Killed'
	ended 42 deadline process
}

@test 'deadline: thousands of tasks are stuck in uninterruptible sleep' {
	faulty -M 512M <<-'E'
		echo 10000 >/proc/sys/kernel/threads-max
		insmod fault.ko count=3000 what=blocked_tasks
		read -r one five fifteen tasks last </proc/loadavg
		echo "${tasks#*/} tasks"
		insmod qemu_poweroff.ko delay=2 code=42
		sleep 60
	E
	assert_line --regexp '^3[0-9]{3} tasks$'
	ended 42 deadline process
}

@test 'deadline: a NULL dereference in a process, without panic_on_oops' {
	splats=$null_dereference
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=3 code=42
		insmod fault.ko what=null
		echo "the guest goes on"
		sleep 60
	E
	if kernel_has KASAN; then
		logged 'KASAN: null-ptr-deref'
	else
		logged 'BUG: kernel NULL pointer dereference'
	fi
	assert_line 'the guest goes on'
	ended 42 deadline process
}

@test 'deadline: while the guest is powering off' {
	faulty <<-'E'
		insmod fault.ko after_us=20000000 what=slow_shutdown
		insmod qemu_poweroff.ko delay=2 code=42
		poweroff -f
	E
	logged 'shutting down slowly'
	ended 42 deadline process
}

@test 'not survived: a panic that was left alone, and that the kernel hangs after: the host must kill the guest' {
	# A panic turns the local APIC off, and with it every timer.
	faulty -t 20 <<-'E'
		echo 0 >/proc/sys/kernel/panic
		insmod qemu_poweroff.ko delay=3 code=42 panic_code=-1
		echo c >/proc/sysrq-trigger
	E
	logged 'end Kernel panic'
	assert_equal "$status" 124
	assert_equal "$(endings "$witness")" ''
}

# --- Panics -----------------------------------------------------------------

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
	faulty -f "$first:first" -a rdinit=/first </dev/null
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
		insmod fault.ko cpu=1 after_us=5000000
		taskset 1 sh -c "echo panic_irq >$what"
		echo irq_off >$what
		sleep 60
	E
	logged 'processor 1 spins with interrupts off'
	logged 'Kernel panic - not syncing: fault in hard-interrupt context'
	ended 121 panic panic
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

	faulty "${persistent[@]}" <<-E
		$load
		insmod qemu_poweroff.ko delay=-1
		echo c >/proc/sysrq-trigger
	E
	ended 121 panic panic
	faulty "${persistent[@]}" <<-E
		$load
		mount -t pstore pstore /sys/fs/pstore
		cat /sys/fs/pstore/dmesg-ramoops-0
	E
	assert_line --regexp '^Panic#'
	assert_line --partial 'Kernel panic - not syncing: sysrq triggered crash'
}

# --- Two reasons at once ----------------------------------------------------

@test 'first reason: a panic between the decision of the deadline and its write' {
	faulty <<-'E'
		insmod fault.ko what=panic_mid_expiry
		insmod qemu_poweroff.ko delay=1 code=42 panic_code=43
		sleep 60
	E
	logged 'Kernel panic - not syncing: fault in hard-interrupt context'
	ended 42 deadline process
}

@test 'first reason: a panic that is left alone does not undo the decision of the deadline' {
	faulty <<-'E'
		insmod fault.ko what=panic_mid_expiry
		insmod qemu_poweroff.ko delay=1 code=42 panic_code=-1
		sleep 60
	E
	logged 'Kernel panic - not syncing: fault in hard-interrupt context'
	ended 42 deadline process
}

@test 'first reason: a panic at the moment of the deadline' {
	local after_us first

	for after_us in 999000 1000000 1001000; do
		faulty -c 2 <<-E
			insmod fault.ko after_us=$after_us
			insmod qemu_poweroff.ko delay=-1 code=42 panic_code=43
			echo 1 >\$driver/delay
			echo panic_irq >\$what
			sleep 60
		E
		first=$(endings "$witness" | head -n 1) || true
		case $first in
		*' deadline: ending the machine with code 42 ('*) assert_code 42 ;;
		*' panic: ending the machine with code 43 ('*) assert_code 43 ;;
		'')
			# The panic stopped the other processor between its decision
			# and its line: the code is still that of the first.
			logged 'Kernel panic - not syncing: fault in hard-interrupt context'
			assert_code 42
			;;
		*) fail "neither of the two: '$first'" ;;
		esac
		(($(endings "$witness" | wc -l) <= 1))
	done
}

# Up to QEMU 9.0 the first write is the end: only a port that does not end the
# machine lets a guest go on to its second reason.
@test 'first reason: a power-off after the deadline repeats its code, and says so' {
	harmless
	faulty "${harmless[@]}" <<-'E'
		insmod qemu_poweroff.ko iobase=0x502 iosize=1 delay=0 code=65
		echo 66 >$driver/code
		poweroff -f
	E
	logged 'qemu_poweroff: power-off: the machine is already ending with code 65 (deadline)'
	assert_equal "$(<"$written")" AA
	assert_equal "$(endings "$witness")" \
		'qemu_poweroff: deadline: ending the machine with code 65 (process)'
	logged 'the machine still runs 1000 ms after code 65 was written to port 0x502'
	assert_power_off
}

@test 'first reason: a panic after the deadline repeats its code, and says so' {
	harmless
	faulty -c 2 "${harmless[@]}" <<-'E'
		insmod qemu_poweroff.ko iobase=0x502 iosize=1 delay=0 code=65 panic_code=66
		# The reason that it has already.
		echo 0 >$driver/delay
		echo c >/proc/sysrq-trigger
	E
	assert_equal "$(grep -o 'qemu_poweroff: .* already .*' "$witness")" \
		'qemu_poweroff: panic: the machine is already ending with code 65 (deadline)'
	assert_equal "$(<"$written")" AAA
	assert_equal "$(endings "$witness")" \
		'qemu_poweroff: deadline: ending the machine with code 65 (process)'
	logged 'the machine still runs 1000 ms after code 65 was written to port 0x502'
	assert_power_off
}

# refused_after FAULT ERROR LINE: after that fault a load is refused with that error
# and that line in the log, and leaves nothing.
refused_after()
{
	faulty <<-E
		insmod fault.ko what=$1
		insmod qemu_poweroff.ko delay=1 code=42 2>&1
		cat /proc/modules /proc/ioports | grep qemu_poweroff
		sleep 2
	E
	assert_line --partial "$2"
	logged "$3"
	refute_line --partial '10f4-10f7'
	refute_line --regexp '^qemu_poweroff '
	not_ended
}

# --- Power-off, halt, reboot ------------------------------------------------

@test 'power-off: poweroff -f' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=-1 code=42
		poweroff -f
	E
	ended 42 power-off power-off
}

@test 'power-off: init does it when all is done' {
	faulty <<-'E'
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

# --- A guest that stands still ----------------------------------------------

# when_armed COMMAND...: in the background, once the driver is.
when_armed()
{
	{
		until grep -qs 'ending the machine with code 42 in' "$witness"; do sleep 0.1; done
		"$@"
	} >"$BATS_TEST_TMPDIR/host" 2>&1 3>&- &
	host_pid=$!
}

# resumed: what went on in the background meanwhile: the guest did not end while
# it stood still.
resumed()
{
	wait "$host_pid"
	assert_equal "$(<"$BATS_TEST_TMPDIR/host")" $'still there\nresumed'
}

# past_deadline: the host's time, as long as the guest was to live, and more.
past_deadline()
{
	sleep 5
	endings "$witness" || echo 'still there'
}

# answer TEXT: reads QEMU's monitor up to a line with that text.
answer()
{
	local line

	while read -r line; do
		[[ $line != *"$1"* ]] || return 0
	done
}

pause_by_monitor()
{
	local monitor=$1

	exec {in}>"$monitor.in" {out}<"$monitor.out"
	echo '{"execute": "qmp_capabilities"} {"execute": "stop"}' >&"$in"
	answer '"STOP"' <&"$out"
	past_deadline
	echo '{"execute": "cont"}' >&"$in"
	answer '"RESUME"' <&"$out"
	echo 'resumed'
}

@test 'deadline: passes while the guest is paused' {
	local monitor=$BATS_TEST_TMPDIR/monitor

	mkfifo "$monitor.in" "$monitor.out"
	when_armed pause_by_monitor "$monitor"
	faulty -q -chardev -q "pipe,id=monitor,path=$monitor" \
		-q -mon -q chardev=monitor,mode=control <<-'E'
		insmod qemu_poweroff.ko delay=3 code=42
		sleep 60
	E
	resumed
	ended 42 deadline process
}

freeze()
{
	local pid
	pid=$(<"$1")

	kill -STOP "$pid"
	past_deadline
	kill -CONT "$pid"
	echo 'resumed'
}

@test 'deadline: passes while QEMU is frozen' {
	local pidfile=$BATS_TEST_TMPDIR/pid

	when_armed freeze "$pidfile"
	faulty -q -pidfile -q "$pidfile" <<-'E'
		insmod qemu_poweroff.ko delay=3 code=42
		sleep 60
	E
	resumed
	ended 42 deadline process
}

# --- Processors that come and go --------------------------------------------

# hotplugged [option of scripts/vm...]: as faulty, with what moves processors. The
# first one stays: x86 does not let it go.
hotplugged()
{
	local script=$BATS_TEST_TMPDIR/hotplugged

	{
		cat <<-'E'
			online()
			{
				echo $2 >/sys/devices/system/cpu/cpu$1/online
			}
			# The deadline, from now on, is the business of the second processor.
			lose_the_first()
			{
				insmod fault.ko cpu=0
				# The console may want the processor that goes.
				echo "remaining $(cat $driver/remaining)" >/dev/kmsg
				echo irq_off >$what
				sleep 60
			}
		E
		cat
	} >"$script"
	# Of the clock source, see one_of_two.
	faulty -a clocksource=hpet "$@" <"$script"
}

# ended_by_the_second: the deadline was still to come when the first was lost.
ended_by_the_second()
{
	grep -qE 'remaining [1-9]' "$witness" || fail "the deadline came first: $(<"$witness")"
	logged 'processor 0 spins with interrupts off'
	ended 42 deadline process 'hard interrupt'
}

@test 'hotplug: the processor that armed is offline at the deadline' {
	hotplugged -c 2 <<-'E'
		taskset 2 insmod qemu_poweroff.ko delay=8 code=42
		online 1 0
		echo "online: $(cat /sys/devices/system/cpu/online)"
		sleep 60
	E
	assert_line 'online: 0'
	ended 42 deadline process
}

@test 'hotplug: each processor goes and comes back before the deadline' {
	hotplugged -c 3 <<-'E'
		insmod qemu_poweroff.ko delay=15 code=42
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
		insmod qemu_poweroff.ko delay=15 code=42
		online 1 0
		online 1 1
		lose_the_first
	E
	ended_by_the_second
}

@test 'hotplug: a processor that was not there at the load is the only one left' {
	hotplugged -c 2 -a maxcpus=1 <<-'E'
		insmod qemu_poweroff.ko delay=15 code=42
		echo "online: $(cat /sys/devices/system/cpu/online)"
		online 1 1
		lose_the_first
	E
	assert_line 'online: 0'
	ended_by_the_second
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
@test 'hotplug: a processor that suspend took away is the only one left' {
	needs_suspend
	# The suspend takes as long as it takes, and the deadline what is left of it: that
	# may be longer than a processor can be lost without being reported.
	hotplugged -c 2 -a watchdog_thresh=60 -a rcupdate.rcu_cpu_stall_suppress=1 <<-'E'
		echo 1 >/sys/module/suspend/parameters/pm_test_delay
		echo core >/sys/power/pm_test
		insmod qemu_poweroff.ko delay=30 code=42
		echo mem >/sys/power/state
		lose_the_first
	E
	logged 'CPU 1 is now offline'
	logged 'PM: suspend exit'
	ended_by_the_second
}

@test 'hotplug: the deadline passes while the guest is suspended' {
	needs_suspend
	hotplugged -c 2 -a no_console_suspend <<-'E'
		echo 5 >/sys/module/suspend/parameters/pm_test_delay
		echo core >/sys/power/pm_test
		insmod qemu_poweroff.ko delay=5 code=42
		echo mem >/sys/power/state
		sleep 60
	E
	logged 'Waiting for 5 second(s)'
	ended 42 deadline process
}

@test 'hotplug: a processor that comes up after an expiry in vain does not repeat it' {
	harmless
	hotplugged -c 2 "${harmless[@]}" <<-'E'
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

# --- Control while the guest runs -------------------------------------------

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

# --- A thousand times -------------------------------------------------------

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
		insmod qemu_poweroff.ko delay=15 code=42
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
	harmless
	# Time that the guest sleeps passes at once. How long an unload takes is the
	# guest's affair: towards the moment in steps that halve with each change of sides.
	faulty "${harmless[@]}" -q -icount -q shift=2,sleep=off -t $limit <<-E
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
	harmless
	hotplugged -c 2 "${harmless[@]}" -t 600 <<-E
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
