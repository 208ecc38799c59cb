#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# How a run can end, and what a user sees of it.

load qemu-run

# The port carries seven bits, and a status has eight. 120 to 127 are the command's own, too.
@test 'exit: a status of 0 to 255 arrives exactly, and nothing else is said' {
	local code
	for code in 0 1 42 119 120 121 122 123 124 125 126 127 128 129 254 255; do
		qemu_run -- sh -c "exit $code"
		assert_outcome "$code" exit
		assert_equal "$stderr" ''
	done
}

@test 'signal: 128 + n, and its number in the report' {
	qemu_run -- sh -c 'kill -KILL $$'
	assert_outcome 137 signal
	assert_equal "$(json .signal)" 9
	qemu_run -- sh -c 'kill -SEGV $$'
	assert_outcome 139 signal
}

@test 'the status that QEMU ended with agrees' {
	qemu_run -- sh -c 'exit 42'
	assert_outcome 42 exit
	assert_equal "$(json .qemu_status)" 85
	assert_equal "$(json .code)" 42
	# A kernel that gives no program a port leaves it to the driver.
	if kernel_has X86_IOPL_IOPERM; then
		assert_equal "$(json .path)" init
	else
		assert_equal "$(json .path)" driver
	fi
}

@test 'splat: a kernel that warned turns 0 into 120, and says why' {
	qemu_run -- sh -c 'echo 512 >/proc/sys/kernel/tainted'
	assert_outcome 120 splat
	assert_stderr 'the kernel complained'
	assert_equal "$(json .taint)" 512
	qemu_run --allow-splat -- sh -c 'echo 512 >/proc/sys/kernel/tainted'
	assert_outcome 0 exit
	qemu_run -- sh -c 'echo 512 >/proc/sys/kernel/tainted; exit 3'
	assert_outcome 3 exit
}

@test 'splat: what a program writes to the log is no complaint of the kernel' {
	qemu_run -- sh -c 'echo "WARNING: CPU: 0 PID: 1" >/dev/kmsg'
	assert_outcome 0 exit
}

@test 'splat: an oops that the kernel survives' {
	local fault

	fault=$(module_file fault)
	qemu_run -m "$fault" -- sh -c 'echo 0 >/proc/sys/kernel/panic_on_oops
		(echo null >/sys/module/fault/parameters/what)
		echo "the guest goes on"'
	assert_output 'the guest goes on'
	assert_outcome 120 splat
	assert_stderr 'Oops: '
}

@test 'panic: 121 and the last lines of the console' {
	qemu_run -- sh -c 'echo c >/proc/sysrq-trigger; sleep 100'
	assert_outcome 121 panic
	assert_stderr 'Kernel panic - not syncing'
	assert_equal "$(json .code)" 121
	# With a deadline armed the console tells of it, and not the driver.
	qemu_run --timeout 100 -- sh -c 'echo c >/proc/sysrq-trigger; sleep 100'
	assert_outcome 121 panic
	assert_stderr 'Kernel panic - not syncing'
	assert_equal "$(json .code)" null
}

@test 'panic: one that does not end the machine is 121 all the same' {
	qemu_run --timeout 100 -- sh -c 'echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger; sleep 100'
	assert_outcome 121 panic
	assert_stderr 'Kernel panic - not syncing'
	# A guest that says so, and lives: longer than PANIC_SILENCE_NS.
	qemu_run -- sh -c 'echo "Kernel panic - not syncing" >/dev/kmsg; sleep 10; exit 3'
	assert_outcome 3 exit
}

@test 'panic: of a kernel that boots: its text is shown, and nothing is kept of it' {
	own_cache
	qemu_run --append 'init=/nonexistent rdinit=/nonexistent' -- true
	assert_outcome 121 panic
	assert_stderr 'panicked while it booted'
	assert_stderr 'Kernel panic - not syncing'
	assert_equal "$(find "$XDG_CACHE_HOME/qemu-run/templates" -mindepth 1)" ''
	# Before panic=-1 is read, and before there is a console: it ends no machine.
	qemu_run --cold --append mem=3M -- true
	assert_outcome 121 panic
	assert_stderr 'end Kernel panic - not syncing'
}

@test 'panic: of init while it runs the command' {
	qemu_run -- sh -c 'kill -SEGV 1; echo 1 >/proc/sys/kernel/panic_on_oops; echo c >/proc/sysrq-trigger; sleep 9'
	assert_outcome 121 panic
}

@test 'silent: a reset, a power-off and a triple fault are 122' {
	qemu_run -- sh -c 'echo b >/proc/sysrq-trigger; sleep 100'
	assert_outcome 122 silent
	qemu_run --bare -- sh -c 'poweroff -f; sleep 100'
	assert_outcome 122 silent
	assert_stderr 'without a word about the command'
}

@test 'silent: a driver that ends QEMU behind the back of the run is no success' {
	qemu_run -- sh -c 'echo 0 >/sys/module/qemu_poweroff/parameters/code
		echo 0 >/sys/module/qemu_poweroff/parameters/delay; sleep 100'
	assert_outcome 122 silent
}

@test 'deadline: 124, with the blocked tasks' {
	qemu_run --timeout 0.5 -- sleep 100
	assert_outcome 124 deadline
	assert_stderr 'the deadline of 0.5 s has passed'
	assert_stderr 'sysrq: Show Blocked State'
	assert_stderr '(sleep), state S: '
	# Init, which asked, is no culprit.
	[[ $stderr != *'Comm: qemu-run-init'* ]]
}

@test 'deadline: for git bisect it is a bad commit' {
	qemu_run --bisect --timeout 0.5 -- sleep 100
	assert_equal "$status" 1
	assert_equal "$(json .outcome)" deadline
}

@test 'deadline: 124, where the port is not the driver'\''s' {
	qemu_run --bare --timeout 0.5 -- sleep 100
	assert_outcome 124 deadline
	# The guest ends by a power-off: QEMU's status says nothing.
	qemu_run --no-port --timeout 0.5 -- sleep 100
	assert_outcome 124 deadline
}

# A kernel that boots on a busy host measures its clock badly, if it is let.
@test 'deadline: not before its time, by the clock of the host' {
	qemu_run -- sleep 3
	assert_outcome 0 exit
	(($(json '.phases_ms.command | floor') >= 2990))
	qemu_run --timeout 3 -- sleep 100
	assert_outcome 124 deadline
	(($(json '.phases_ms.end | floor') >= 2990))
}

@test 'deadline: a command that is faster keeps its status' {
	cd "$BATS_TEST_TMPDIR" || return
	qemu-run --timeout 2 --json json -- sh -c 'echo ready; sleep 0.5; exit 7' </dev/null >ready 2>stderr 3>&- &
	local pid=$!
	wait_for test -s ready
	# Until the deadline has passed, init's and the driver's, the guest waits for the host.
	kill -STOP "$pid"
	sleep 5
	kill -CONT "$pid"
	status=0
	wait "$pid" || status=$?
	assert_outcome 7 exit
}

# bats test_tags=slow
@test 'deadline: it begins with the command, and not while a module loads' {
	local fault

	fault=$(module_file fault)
	qemu_run --timeout 1 -m "$fault,after_us=8000000,what=nap" -- sleep 100
	assert_outcome 124 deadline
}

@test 'deadline: the driver stands in for an init that cannot act' {
	# A real-time task that never sleeps: no other program gets a turn.
	gcc -static -o "$BATS_TEST_TMPDIR/hog" -x c - <<-'C'
		#include <sched.h>
		int main(void)
		{
			struct sched_param param = { .sched_priority = 99 };
			sched_setscheduler(0, SCHED_FIFO, &param);
			for (;;)
				;
		}
	C
	qemu_run --timeout 1 -f "$BATS_TEST_TMPDIR/hog" --console "$BATS_TEST_TMPDIR/console" \
		-- sh -c 'echo -1 >/proc/sys/kernel/sched_rt_runtime_us; exec ./hog'
	assert_outcome 124 deadline
	# And not the host, somewhat later.
	grep 'qemu_poweroff: deadline: ending the machine with code 124' "$BATS_TEST_TMPDIR/console"
}

@test 'hung: a machine that stands still is killed from outside, 123' {
	qemu-run --timeout 4 --json "$BATS_TEST_TMPDIR/json" -- sh -c 'echo started; sleep 100' \
		</dev/null >"$BATS_TEST_TMPDIR/started" 2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
	local pid=$! qemu
	# A guest that stands still before that is waited for much longer. The deadline leaves
	# a busy host time to stop it.
	wait_for test -s "$BATS_TEST_TMPDIR/started"
	qemu=$(qemus_of "$pid")
	kill -STOP "$qemu"
	status=0
	wait "$pid" || status=$?
	assert_outcome 123 hung
	run ! kill -0 "$qemu"
}

# bats test_tags=slow
@test 'hung: processors that take no interrupts are made to say what they spin in' {
	local fault
	fault=$(module_file fault)
	# Time enough to load it.
	qemu_run --cpus 2 --timeout "$(is_watched && echo 20 || echo 2)" -f "$fault" -- \
		sh -c 'insmod fault.ko; echo irq_off >/sys/module/fault/parameters/what; sleep 100'
	assert_outcome 123 hung
	assert_stderr 'had to be killed'
	assert_stderr 'RIP: 0010:spin_irq_off'
}

@test 'hung: a guest that takes interrupts names its tasks' {
	# On PREEMPT_RT a serial port's interrupt is a thread, of priority 50.
	gcc -static -o "$BATS_TEST_TMPDIR/hog" -x c - <<-'C'
		#include <sched.h>
		int main(void)
		{
			struct sched_param param = { .sched_priority = 1 };
			sched_setscheduler(0, SCHED_FIFO, &param);
			for (;;)
				;
		}
	C
	# Without the driver nobody inside ends it.
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run --bare --timeout "$(is_watched && echo 10 || echo 1)" -f "$BATS_TEST_TMPDIR/hog" -- \
		sh -c 'echo -1 >/proc/sys/kernel/sched_rt_runtime_us
			for share in /sys/kernel/debug/sched/fair_server/*/runtime; do
				[ ! -e "$share" ] || echo 0 >"$share"
			done
			exec ./hog'
	assert_outcome 123 hung
	assert_stderr 'sysrq: Show Blocked State'
	assert_stderr 'Comm: hog'
}

@test 'hung: a module whose init does not return, with more for the guest behind it' {
	local fault

	fault=$(module_file fault)
	head -c 16000000 /dev/zero >"$BATS_TEST_TMPDIR/zeroes"
	qemu_run --timeout 5 --boot-timeout "$(is_watched && echo 20 || echo 3)" -m "$fault,what=hang" \
		-f "$BATS_TEST_TMPDIR/zeroes" -- true
	assert_outcome 123 hung
	assert_stderr 'sleep_for_ever'
	[[ $stderr != *template* ]] || fail 'the template is not to blame'
}

@test 'hung: a boot that takes longer than --boot-timeout' {
	qemu_run --cold --boot-timeout 0.1 --qemu -S -- true
	assert_outcome 123 hung
	assert_stderr 'did not reach init in 0.1 s; it has said nothing'
	qemu_run --boot-timeout 0 -- true
	assert_equal "$status" 125
	assert_stderr '--boot-timeout 0: give seconds'
}

@test 'cannot-run: usage, kernel, module, file, QEMU: 125 and one line each' {
	qemu_run --no-such-option
	assert_equal "$status" 125
	qemu_run -k /no/such/kernel -- true
	assert_outcome 125 cannot-run
	assert_stderr '-k /no/such/kernel'
	qemu_run -m no_such_module -- true
	assert_outcome 125 cannot-run
	assert_stderr 'no such module'
	qemu_run -f /no/such/file -- true
	assert_outcome 125 cannot-run
	QEMU=/no/such/qemu qemu_run -- true
	assert_outcome 125 cannot-run
	QEMU=/bin/false qemu_run -- true
	assert_equal "$status" 125
	local number
	for number in --timeout={soon,0,0x10,1e3,inf,.} --cpus={+2,0x2,0,''} --memory={' 512',512M} \
		--forward={+1:80,1:0x50}; do
		qemu_run "$number" -- true
		assert_equal "$status" 125
		assert_stderr "qemu-run: ${number%%=*} ${number#*=}: give "
	done
	qemu_run -- echo "$(head -c 40000 /dev/zero | tr '\0' x)"
	assert_equal "$status" 125
	assert_stderr 'xxx...: longer than 32760 bytes'
	qemu_run --qemu -no-such-argument -- true
	assert_outcome 125 cannot-run
	assert_stderr no-such-argument
}

@test 'not-found is 127, not-executable 126' {
	qemu_run -- no-such-command
	assert_outcome 127 not-found
	qemu_run -- /etc/passwd
	assert_outcome 126 not-executable
	qemu_run -C /no/such/directory -- true
	assert_equal "$status" 127
}

@test 'port: with --bare the command drives the port, and its code is the status' {
	local driver=${MODULE_DIR:-${BUILD:-$top/build}/modules/${KERNEL_DIR##*/}}/qemu_poweroff.ko

	qemu_run --bare -f "$driver" -- sh -c 'insmod qemu_poweroff.ko code=42; sleep 100'
	assert_outcome 42 port
	assert_equal "$(json .qemu_status)" 85
	# Before the deadline, it is no deadline.
	qemu_run --bare --timeout 60 -f "$driver" -- sh -c 'insmod qemu_poweroff.ko code=43; sleep 100'
	assert_outcome 43 port
	qemu_run --bare -- sh -c 'exit 9'
	assert_outcome 9 exit
	qemu_run --no-port -f "$driver" -- insmod qemu_poweroff.ko
	assert_outcome 19 exit
	assert_stderr 'No such device'
}

@test 'json: complete and valid, whatever the guest wrote' {
	qemu_run -- sh -c 'printf "\"\\\\\033[2J\200\377\n" >/dev/console; exit 1'
	assert_outcome 1 exit
	# The bytes that are no UTF-8, as the characters of the same number.
	jq -e '.console | any(contains("\u0080\u00ff"))' "$BATS_TEST_TMPDIR/json"
	jq -e '(.phases_ms | add) <= .duration_ms' "$BATS_TEST_TMPDIR/json"
	jq -e '.duration_ms > 0 and (.phases_ms | length) == 5 and (.console | type) == "array"
		and .kernel != null and .accelerator != null' "$BATS_TEST_TMPDIR/json"
	qemu_run --json "$BATS_TEST_TMPDIR/no/such/place" -- true
	assert_equal "$status" 125
	qemu_run --json "$BATS_TEST_TMPDIR/no/such/place" -- sh -c 'exit 7'
	assert_equal "$status" 7
	assert_stderr '--json'
}
