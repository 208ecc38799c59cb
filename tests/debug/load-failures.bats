#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Each step of the driver's load that can fail does, one at a time: the load says
# so, and leaves nothing behind.

load ../helper

setup_file()
{
	FAIL_LOAD_KO=$(module_file fail_load)
	export FAIL_LOAD_KO
}

# What the guest needs to look at what is left; in front of each scenario.
readonly looks='
	params=/sys/module/fail_load/parameters
	driver_left()
	{
		grep qemu_poweroff /proc/ioports /proc/modules
		[ ! -e /sys/module/qemu_poweroff ] || echo /sys/module/qemu_poweroff
	}
	# Memory that nothing points to any more and that nobody freed. An object has
	# to be five seconds old.
	leaks()
	{
		[ -e /sys/kernel/debug/kmemleak ] || return
		sleep 6
		echo scan >/sys/kernel/debug/kmemleak
		echo scan >/sys/kernel/debug/kmemleak
		cat /sys/kernel/debug/kmemleak
		echo "leaks looked for"
	}
	leaks >/dev/null
	[ ! -e /sys/kernel/debug/kmemleak ] || echo clear >/sys/kernel/debug/kmemleak
'

# load_fails FUNCTION RETVAL ERROR LOG: with that function of the kernel returning
# that value (of several names, the one that this kernel has), the load fails with
# that error text and that log line, leaves nothing, and a good load works.
load_fails()
{
	guest --timeout 600 --append kmemleak=on --file "$FAIL_LOAD_KO" <<-E
		$looks
		function=\$(grep -m 1 -oE ' [tT] ($1)\$' /proc/kallsyms | cut -c 4-)
		insmod fail_load.ko function="\$function" retval=$2 || exit 1
		for round in 1 2 3; do
			dmesg -c >/dev/null
			insmod qemu_poweroff.ko delay=-1 2>&1 && echo 'did not fail'
			echo "injected \$(cat \$params/injected)"
			dmesg | sed -n 's/.*] qemu_poweroff: /log: /p' | grep -v taint
			driver_left
		done
		rmmod fail_load
		echo '--- good loads'
		for round in 1 2 3; do
			insmod qemu_poweroff.ko delay=-1 && rmmod qemu_poweroff || echo 'a good load failed'
		done
		driver_left
		leaks
		echo '--- end'
		insmod qemu_poweroff.ko code=77
		sleep 20
	E
	assert_code 77
	refute_line 'did not fail'
	refute_line 'a good load failed'
	assert_equal "$(grep -cx 'injected 1' <<<"$output")" 3
	assert_line --partial "$3"
	assert_line --regexp "^log: $4"
	# The driver's own lines, and nothing left.
	refute_line --regexp '^/(proc|sys)/'
	refute_line --partial 'unreferenced object'
	! kernel_has DEBUG_KMEMLEAK || assert_line 'leaks looked for'
	assert_equal "$(sed -n '/^--- good/,/^--- end/p' <<<"$output" | sed '1d;$d' | grep -vx 'leaks looked for' | grep -v '\] qemu_poweroff: ')" ''
}

@test 'load fails: the ports cannot be reserved' {
	load_fails __request_region 0 'resource busy' 'ports 0x10f4-0x10f7 are taken'
}

@test 'load fails: no workqueue' {
	load_fails 'alloc_workqueue|alloc_workqueue_noprof' 0 'Cannot allocate memory' \
		'cannot prepare the deadline: error -12: free memory'
}

@test 'load fails: no slot for processor hotplug' {
	load_fails __cpuhp_setup_state -28 'No space left on device' \
		'cannot prepare the deadline: error -28: unload a module'
}

@test 'load fails: no power-off handler' {
	load_fails register_sys_off_handler -12 'Cannot allocate memory' \
		'cannot register the power-off handler: error -12'
}

@test 'load fails: no log dumper' {
	load_fails kmsg_dump_register -17 'File exists' 'cannot register the log dumper: error -17'
}

@test 'load fails: no shutdown notifier' {
	load_fails register_reboot_notifier -17 'File exists' \
		'cannot register the shutdown notifier: error -17'
}

@test 'load fails: at each of its allocations in turn' {
	guest --timeout 600 --append kmemleak=on --file "$FAIL_LOAD_KO" <<-E
		$looks
		for attribute in failslab fail_page_alloc; do
			echo N >/sys/kernel/debug/\$attribute/ignore-gfp-wait
			echo 1 >/sys/kernel/debug/\$attribute/verbose
		done
		echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
		echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
		insmod fail_load.ko
		nth=0 failed=0 spared=0
		while [ \$nth -lt 500 ]; do
			nth=\$((nth + 1))
			echo \$nth >\$params/nth
			if insmod qemu_poweroff.ko delay=-1 >/tmp/said 2>&1; then
				[ \$(cat \$params/injected) = 1 ] || break
				spared=\$((spared + 1))
				grep -q qemu_poweroff /proc/ioports || echo "\$nth: no ports"
				rmmod qemu_poweroff || echo "\$nth: cannot be unloaded"
			else
				[ -s /tmp/said ] || echo "\$nth: said nothing"
				failed=\$((failed + 1))
			fi
			driver_left
		done
		rmmod qemu_poweroff
		rmmod fail_load
		leaks
		echo "of \$nth loads \$failed failed and \$spared did without"
		echo '--- end'
		insmod qemu_poweroff.ko code=77
		sleep 20
	E
	assert_code 77
	assert_line --regexp '^of [0-9]+ loads [0-9]+ failed and [0-9]+ did without$'
	refute_line --regexp '^[0-9]+: '
	refute_line --regexp '^/(proc|sys)/'
	refute_line --partial 'unreferenced object'
	! kernel_has DEBUG_KMEMLEAK || assert_line 'leaks looked for'
	# The ports, the queue, the handler: that many at the least.
	local failed
	failed=$(sed -nE 's/^of .* loads ([0-9]+) failed .*/\1/p' <<<"$output")
	echo "# $(grep '^of ' <<<"$output")" >&3
	((failed >= 5))
}
