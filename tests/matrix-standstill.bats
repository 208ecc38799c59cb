#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fault matrix: a guest that stands still while its deadline passes. A fresh guest a row.

load matrix

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
	faulty_boot -q -chardev -q "pipe,id=monitor,path=$monitor" \
		-q -qmp -q chardev:monitor <<-'E'
		insmod qemu_poweroff.ko delay=3 code=42
		sleep 60
	E
	resumed
	ended 42 deadline process
}

freeze()
{
	local pid
	pid=$(<pid)

	kill -STOP "$pid"
	past_deadline
	kill -CONT "$pid"
	echo 'resumed'
}

@test 'deadline: passes while QEMU is frozen' {
	when_armed freeze
	faulty <<-'E'
		insmod qemu_poweroff.ko delay=3 code=42
		sleep 60
	E
	resumed
	ended 42 deadline process
}
