#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fault matrix: the deadline passes in a guest that is ill. A fresh guest a row.

load matrix

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
		insmod qemu_poweroff.ko delay=1 code=42
		sleep 60
	E
	assert_line --regexp '^(8|9|[1-9][0-9]) running$'
	ended 42 deadline process
}

# until_in_time TEXT COMMAND...: that command makes a guest whose deadline comes on path H, and
# the driver logs that text. The host may keep a processor for longer than the driver
# waits: that guest is made again.
until_in_time()
{
	local try

	for try in 1 2 3; do
		"${@:2}"
		ended 42 deadline 'hard interrupt'
		! grep -qF "$1" "$witness" || break
		echo "# a processor did not run in time, try $((try + 1))" >&3
	done
}

# both_named FUNCTION COMMAND...: that command makes a guest whose two processors are in
# that function, and the driver names them.
both_named()
{
	until_in_time 'CPU 1 runs fault/1, ' "${@:2}"
	named 0 fault/0 "$1"
	named 1 fault/1 "$1"
}

# hogged_by_real_time [option...]: a real-time task on every processor, and no
# share kept for ordinary tasks; from 6.12 on the scheduler has two of them.
# shellcheck disable=SC2120 # both_named passes some
hogged_by_real_time()
{
	faulty "$@" <<-'E'
		echo -1 >/proc/sys/kernel/sched_rt_runtime_us
		for share in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do
			[ ! -e $share ] || echo 0 >$share
		done
		insmod fault.ko
		insmod qemu_poweroff.ko delay=-1 code=42
		echo 1 >$driver/delay
		echo fifo >$what
		sleep 60
	E
}

# named CPU TASK FUNCTION: the driver's log says that the processor runs that task, its
# pid, and that it was interrupted in that function.
named()
{
	grep -Eq "qemu_poweroff: CPU $1 runs $2, pid [1-9][0-9]*, in $3\+0x" "$witness" ||
		fail "$2 in $3 is not named on processor $1: $(tail -n 40 "$witness")"
}

@test 'deadline: a real-time task hogs the only processor' {
	hogged_by_real_time
	ended 42 deadline 'hard interrupt'
	named 0 fault/0 spin_fifo
}

@test 'deadline: real-time tasks hog both processors' {
	both_named spin_fifo hogged_by_real_time -c 2
}

@test 'deadline: a real-time task in user space hogs the only processor' {
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static "$top/tests/guest/hog.c" -o hog
	faulty -m hog <<-'E'
		echo -1 >/proc/sys/kernel/sched_rt_runtime_us
		for share in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do
			[ ! -e $share ] || echo 0 >$share
		done
		insmod qemu_poweroff.ko delay=1 code=42
		./hog
	E
	ended 42 deadline 'hard interrupt'
	# Or on its way back there, from an interrupt before this one.
	grep -Eq 'CPU 0 runs hog, pid [1-9][0-9]*, in (user space|.*exit_to_user_mode)' "$witness" ||
		fail "the driver does not name the task: $(tail -n 20 "$witness")"
}

# With debugging of locks the kernel says so.
@test 'deadline: a process spins on a lock that it holds, on the only processor' {
	splats='BUG: spinlock recursion|WARNING: possible recursive locking'
	faulty <<-'E'
		insmod fault.ko
		insmod qemu_poweroff.ko delay=-1 code=42
		echo 1 >$driver/delay
		echo "the shell is $$"
		echo deadlock >$what
	E
	ended 42 deadline 'hard interrupt'
	# In the function that spins on locks, or the one that took this lock.
	named 0 sh '[a-z_]*(lock|mcs)[a-z_]*'
	logged "CPU 0 runs sh, pid $(sed -n 's/^the shell is //p' <<<"$output"), in"
}

# One fault for both: beside a lost processor a fork may wait for ever.
@test 'deadline: one processor loops with preemption off, the other with interrupts off' {
	lost()
	{
		faulty -c 2 -a clocksource=hpet <<-'E'
			insmod fault.ko
			insmod qemu_poweroff.ko delay=-1 code=42
			echo 2 >$driver/delay
			echo preempt_and_irq_off >$what
		E
	}
	until_in_time 'CPU 0 runs fault/0, ' lost
	named 0 fault/0 spin_preempt_off
	# The other takes no interrupt, and so says nothing.
	[[ $(<"$witness") != *'qemu_poweroff: CPU 1'* ]]
}

@test 'deadline: the work queues of the system are flooded with sleepers' {
	faulty -c 2 <<-'E'
		echo 10000 >/proc/sys/kernel/threads-max
		insmod fault.ko count=1000 what=flood_workqueues
		# Three queues, and each has 256 workers at most, or more.
		until [ $(ps | grep -c kworker) -ge 768 ]; do usleep 100000; done
		echo 'all asleep'
		insmod qemu_poweroff.ko delay=1 code=42
		sleep 60
	E
	assert_line 'all asleep'
	ended 42 deadline process
}

@test 'deadline: a kernel thread loops with preemption off on the only processor' {
	faulty <<-'E'
		insmod fault.ko
		insmod qemu_poweroff.ko delay=-1 code=42
		echo 1 >$driver/delay
		echo preempt_off >$what
		sleep 60
	E
	ended 42 deadline 'hard interrupt'
	named 0 fault/0 spin_preempt_off
}

loop_on_both()
{
	faulty -c 2 <<-'E'
		insmod fault.ko
		insmod qemu_poweroff.ko delay=-1 code=42
		echo 1 >$driver/delay
		echo preempt_off >$what
		sleep 60
	E
}

@test 'deadline: kernel threads loop with preemption off on both processors' {
	both_named spin_preempt_off loop_on_both
}

# one_of_two FAULT CPU: the fault on that processor, the driver armed on the first.
# The kernel must not change its clock source meanwhile, as it does when it has been
# up for a while: that is a stop_machine(), which waits for the lost processor on
# the one that is left, and no process gets there any more.
one_of_two()
{
	faulty -c 2 -a clocksource=hpet <<-E
		insmod fault.ko cpu=$2
		insmod qemu_poweroff.ko delay=-1 code=42
		taskset 1 sh -c "echo 1 >\$driver/delay; echo $1 >\$what"
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

# Whoever logs waits for the console, with interrupts off.
@test 'deadline: one of two processors hangs as it writes to the console' {
	one_of_two console_hang -1
	logged 'the console hangs'
	assert_code 42
}

@test 'deadline: one processor hangs as it writes to the console, the other loops with preemption off' {
	one_of_two preempt_off_and_console_hang 1
	logged 'the console hangs'
	assert_code 42
}

@test 'deadline: its sync never returns' {
	faulty <<-'E'
		insmod fault.ko what=stuck_sync
		mkdir stuck && mount -t stuck none stuck
		insmod qemu_poweroff.ko delay=1 code=42
		sleep 60
	E
	logged 'deadline: file data is still being written to disk, some of it may be lost'
	ended 42 deadline process
}

# killed_after TEXT...: in the background, kills a guest that has logged these, when it
# has outlived a deadline of three seconds and the second of the hard interrupt.
killed_after()
{
	{
		for text in "$@"; do
			until grep -qsF "$text" "$witness"; do sleep 0.1; done
		done
		sleep 6
		endings "$witness" || echo 'still there'
		kill -KILL "$(<pid)"
	} >host 2>&1 3>&- &
	host_pid=$!
}

# was_killed: the host did it, and not the driver, nor anything else in the guest.
was_killed()
{
	wait "$host_pid"
	assert_equal "$(<host)" 'still there'
	assert_equal "$(endings "$witness")" ''
	assert_equal "$(jq .qemu_status json)" null
}

@test 'not survived: all processors spin with interrupts off: the host must kill the guest' {
	killed_after 'processor 0 spins with interrupts off' 'processor 1 spins with interrupts off'
	faulty -c 2 <<-'E'
		insmod fault.ko
		insmod qemu_poweroff.ko delay=-1 code=42
		echo 3 >$driver/delay
		echo irq_off >$what
		# The spinners may take a moment to begin.
		sleep 2
		echo 'still here'
	E
	was_killed
	refute_line 'still here'
}

@test 'deadline: memory exhausted, the OOM killer at work' {
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=-1 code=42
		echo -1000 >/proc/self/oom_score_adj
		for i in 1 2 3 4; do
			(
				echo 0 >/proc/self/oom_score_adj
				while :; do dd if=/dev/zero of=/dev/null bs=256M; done
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
	faulty <<-'E'
		echo 10000 >/proc/sys/kernel/threads-max
		insmod fault.ko count=3000 what=blocked_tasks
		read -r one five fifteen tasks last </proc/loadavg
		echo "${tasks#*/} tasks"
		insmod qemu_poweroff.ko delay=1 code=42
		sleep 60
	E
	assert_line --regexp '^3[0-9]{3} tasks$'
	ended 42 deadline process
}

@test 'deadline: a NULL dereference in a process, without panic_on_oops' {
	splats=$null_dereference
	faulty <<-'E'
		echo 0 >/proc/sys/kernel/panic_on_oops
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
	# A panic turns the local APIC off, and with it every timer. The host is qemu-run here,
	# which sees that the panic does not end its machine.
	faulty <<-'E'
		echo 0 >/proc/sys/kernel/panic
		insmod qemu_poweroff.ko delay=1 code=42 panic_code=-1
		echo c >/proc/sysrq-trigger
	E
	assert_equal "$(endings "$witness")" ''
	assert_equal "$(jq -r '.qemu_status, .outcome' json)" $'null\npanic'
}
