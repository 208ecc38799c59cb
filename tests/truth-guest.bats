#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What the guest's init says of its kernel and of what it cannot run: all of it, and why.

load qemu-run

readonly flood=/sys/module/splat/parameters/flood
readonly say=/sys/module/splat/parameters/say
readonly what=/sys/module/splat/parameters/what

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
}

# complaints: the kernel's complaints of the last qemu_run, a line each.
complaints()
{
	json '.complaints[]'
}

# assert_complaint REGEX: one of the complaints, or a detail of one, matches it.
assert_complaint()
{
	complaints | grep -qE -- "$1" || fail "no complaint matches '$1': $(complaints)"
}

# refute_complaint REGEX: none does.
refute_complaint()
{
	! complaints | grep -qE -- "$1" || fail "a complaint matches '$1': $(complaints)"
}

@test 'complaints: one is told even if the log has wrapped since' {
	local splat

	splat=$(module_file splat)
	# Neither of these taints. The console would slow the flood down, and is off.
	qemu_run -m "$splat" -- sh -c "dmesg -n 1
		echo 'INFO: task splat:1 blocked for more than 120 seconds.' >$say
		sleep 0.5; echo 30000 >$flood"
	assert_outcome 120 splat
	assert_complaint '^INFO: task splat:1 blocked'
}

@test 'complaints: a log that wraps before it is read is no success' {
	local splat

	splat=$(module_file splat)
	qemu_run -m "$splat" -- sh -c "dmesg -n 1; echo 30000 >$flood"
	assert_outcome 120 splat
	assert_complaint "^init: the kernel's log overran: [0-9]+ records were lost;"
	# The command's own failure stands.
	qemu_run -m "$splat" -- sh -c "dmesg -n 1; echo 30000 >$flood; exit 7"
	assert_outcome 7 exit
}

@test 'complaints: a kernel that says much, and nothing of a mistake, is a success' {
	local splat

	splat=$(module_file splat)
	qemu_run -m "$splat" -- sh -c "dmesg -n 1; for i in 1 2 3 4 5; do echo 300 >$flood; sleep 0.2; done"
	assert_outcome 0 exit
	assert_equal "$(complaints)" ''
}

@test 'complaints: a kernel that logs without end keeps neither streams nor the end waiting' {
	local splat

	splat=$(module_file splat)
	qemu_run -m "$splat" -- sh -c "dmesg -n 1
		(while :; do echo 20 >$flood; done) &
		seq 20000; exit 9"
	assert_outcome 9 exit
	assert_equal "$output" "$(seq 20000)"
}

@test 'complaints: each counts and is held against what is allowed, however many there are' {
	local splat allowed="for i in \$(seq 400); do echo \"INFO: task splat:\$i blocked\" >$say; done"

	splat=$(module_file splat)
	printf '%s\n' '# of this driver' '' ' ' '^INFO: task splat:.* blocked$' $'no-such-line\r' >known
	qemu_run -m "$splat" --allow-splat-file known -- sh -c "$allowed"
	assert_outcome 0 exit
	assert_complaint '^INFO: task splat:1 blocked$'
	assert_stderr 'and 260 complaints more'
	qemu_run -m "$splat" --allow-splat-file known -- sh -c "$allowed; echo 'BUG: KASAN: the 401st' >$say"
	assert_outcome 120 splat
	assert_stderr 'BUG: KASAN: the 401st'
	printf '# more\nKASAN: the 4..st$\n' >others
	qemu_run -m "$splat" --allow-splat-file known --allow-splat-file others -- \
		sh -c "$allowed; echo 'BUG: KASAN: the 401st' >$say"
	assert_outcome 0 exit
	qemu_run -m "$splat" --allow-splat-file others --allow-splat=blocked -- sh -c "$allowed"
	assert_outcome 0 exit
}

@test '--allow-splat: an expression that matches another complaint allows nothing' {
	local splat

	splat=$(module_file splat)
	qemu_run -m "$splat" --allow-splat='task foo' -- sh -c "echo 'INFO: task splat:1 blocked' >$say"
	assert_outcome 120 splat
	qemu_run --allow-splat= -- true
	assert_equal "$status" 125
	assert_stderr 'an empty expression allows everything'
}

@test '--allow-splat-file: what cannot be read, and an expression that is wrong, with its line' {
	qemu_run --allow-splat-file no-such-file -- true
	assert_equal "$status" 125
	assert_stderr '--allow-splat-file no-such-file: No such file or directory'
	qemu_run --allow-splat-file . -- true
	assert_equal "$status" 125
	assert_stderr '--allow-splat-file .: no regular file'
	printf '# one\nok\n(\nok\n' >wrong
	qemu_run --allow-splat-file wrong -- true
	assert_equal "$status" 125
	assert_stderr '--allow-splat-file wrong: line 3: Unmatched ( or \('
}

@test 'taint that no allowed complaint explains is one itself' {
	local splat

	splat=$(module_file splat)
	# A warning's flag comes with a line that says WARNING or BUG.
	qemu_run -m "$splat" --allow-splat='^sysfs: |^kobject_add' -- \
		sh -c "echo duplicate >$what; echo 512 >/proc/sys/kernel/tainted"
	assert_outcome 120 splat
	assert_complaint '^taint W: warning, and no line of the log says why$'
	qemu_run -m "$splat" --allow-splat='^WARNING: ' -- sh -c "echo warn >$what"
	assert_outcome 0 exit
	assert_equal "$(json .taint)" 512
	qemu_run --allow-splat='^taint W: ' -- sh -c 'echo 512 >/proc/sys/kernel/tainted'
	assert_outcome 0 exit
	qemu_run --allow-splat='^taint W: ' -- sh -c 'echo 48 >/proc/sys/kernel/tainted'
	assert_outcome 120 splat
	assert_complaint '^taint M: machine check, B: bad page, and no line'
}

@test 'a kernel that complained before the command: each run says so, and is no success' {
	# A fanout that the kernel refuses with a WARN(), before any initcall.
	local warned=(--append rcutree.rcu_fanout_leaf=1)

	qemu_run "${warned[@]}" -- true
	assert_outcome 120 splat
	qemu_run "${warned[@]}" -- true
	assert_outcome 120 splat
	assert_equal "$(json .start)" restored
	assert_equal "$(json .taint)" 0
	assert_stderr 'the kernel complained before the command:'
	assert_complaint '^WARNING: .*rcu_init_geometry'
	assert_complaint '^  RIP: 0010:rcu_init_geometry'
	qemu_run "${warned[@]}" -- sh -c 'exit 3'
	assert_outcome 3 exit
	assert_stderr 'the kernel complained before the command:'
	# What was before the command did not kill it.
	qemu_run "${warned[@]}" --allow-splat=rcu_init_geometry -- sh -c 'kill -9 $$'
	assert_outcome 137 signal
	qemu_run "${warned[@]}" --allow-splat=rcu_init_geometry -- true
	assert_outcome 0 exit
	qemu_run "${warned[@]}" --bisect -- true
	assert_equal "$status" 1
}

# bats test_tags=slow
@test 'a kernel that complained before the command: booted cold, and by a preloaded module' {
	local splat

	splat=$(module_file splat)
	qemu_run --append rcutree.rcu_fanout_leaf=1 --cold -- true
	assert_outcome 120 splat
	assert_complaint '^WARNING: .*rcu_init_geometry'
	qemu_run --preload -m "$splat,what=warn" -- true
	assert_outcome 120 splat
	assert_equal "$(json .modules)" preloaded
	assert_stderr 'the kernel complained before the command:'
	assert_complaint '^WARNING: .*splat_warn'
}

# recognised: of the lines on standard input, those that open a report.
recognised()
{
	if [[ ! -x lines ]]; then
		gcc -I"$top/tools/qemu-run/guest" -o lines "$top/tools/qemu-run/guest/splats.c" -x c - <<-'C'
			#include <stdio.h>
			#include <string.h>
			#include "splats.h"
			int main(void)
			{
				static char line[4096];

				while (fgets(line, sizeof(line), stdin)) {
					line[strcspn(line, "\n")] = '\0';
					if (splat_opens(line))
						puts(line);
				}
				return 0;
			}
		C
	fi
	./lines
}

# Each line as the kernel prints it, with what pr_fmt() puts before it. Where a kernel of
# Debian's cannot be made to say it, the source says so: the file and line, of 6.1.192.
@test 'complaints: the first lines of reports, as kernels from 6.1 to 7.2 write them' {
	# kernel/softirq.c:599 kernel/resource.c:1335 lib/kobject.c:239,339,412 kernel/irq/spurious.c:199,210
	# kernel/sched/idle.c:491 kernel/time/timer.c:2155 fs/sysfs/dir.c:29 arch/x86/mm/ioremap.c:484
	# kernel/module/main.c:2483 net/sched/sch_generic.c:537 net/core/dev.c:3510,10488
	# net/core/neighbour.c:313,901 fs/super.c:504 mm/page_poison.c:67,69 mm/slab_common.c:1054
	# arch/x86/mm/extable.c:150,157 arch/x86/kernel/traps.c:249,551 mm/kmemleak.c:1722
	# kernel/watchdog_hld.c:142 kernel/rcu/tasks.h:906 kernel/rcu/tree_stall.h:582,653
	cat >reports <<-'E'
		WARNING: CPU: 0 PID: 123 at kernel/foo.c:12 foo_bar+0x14/0x20 [foo]
		WARNING: kernel/foo.c:12 at foo_bar+0x14/0x20 [foo], CPU#1: sh/123
		WARNING: possible circular locking dependency detected
		WARNING: possible recursive locking detected
		WARNING: possible irq lock inversion dependency detected
		WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected
		WARNING: inconsistent lock state
		WARNING: bad unlock balance detected!
		WARNING: bad contention detected!
		WARNING: held lock freed!
		WARNING: lock held when returning to user space!
		WARNING: Nested lock was not taken
		WARNING: suspicious RCU usage
		WARNING: sh/123 still has locks held!
		[ BUG: Invalid wait context ]
		INFO: trying to register non-static key.
		BUG: kernel NULL pointer dereference, address: 0000000000000000
		BUG: unable to handle page fault for address: ffffc90000000000
		BUG: KASAN: slab-use-after-free in foo_bar+0x14/0x20 [foo]
		BUG: KCSAN: data-race in foo / bar
		BUG: KFENCE: memory corruption in foo+0x1/0x2
		BUG: sleeping function called from invalid context at mm/foo.c:123
		BUG: scheduling while atomic: sh/123/0x00000002
		BUG: Bad page state in process sh  pfn:12345
		BUG: Bad rss-counter state mm:00000000 type:MM_ANONPAGES val:1
		BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 30s!
		BUG: spinlock bad magic on CPU#0, sh/123
		BUG: using __this_cpu_read() in preemptible [00000000] code: sh/123
		BUG kmalloc-8 (Tainted: G           OE     ): Object already free
		BUG dentry (Not tainted): Poison overwritten
		UBSAN: array-index-out-of-bounds in kernel/foo.c:12:3
		kernel BUG at mm/slub.c:1234!
		CFI failure at foo+0x1/0x2 (target: bar+0x0/0x10; expected type: 0x12345678)
		Oops: 0002 [#1] PREEMPT SMP NOPTI
		Oops: divide error: 0000 [#1] PREEMPT SMP PTI
		divide error: 0000 [#1] PREEMPT SMP NOPTI
		stack segment: 0000 [#1] PREEMPT SMP NOPTI
		invalid opcode: 0000 [#2] SMP
		general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP
		traps: PANIC: double fault, error_code: 0x0
		INFO: rcu_tasks detected stalls on tasks:
		rcu: INFO: rcu_preempt self-detected stall on CPU
		INFO: task sh:123 blocked for more than 120 seconds.
		foo: BUG: list is broken
		watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:123]
		NMI watchdog: Watchdog detected hard LOCKUP on cpu 0
		smp: csd: Detected non-responsive CSD lock (#1) on CPU#1, waiting 5000000000 ns for CPU#00
		unregister_netdevice: waiting for eth0 to become free. Usage count = 2
		bad: scheduling from the idle thread!
		sysfs: cannot create duplicate filename '/kernel/foo'
		kobject: kobject_add_internal failed for foo with -EEXIST, don't try to register things with the same name in the same directory.
		kobject '(null)' (00000000): tried to add an uninitialized object, something is seriously wrong.
		resource: Trying to free nonexistent resource <0x0000000000001000-0x0000000000001fff>
		irq 9: nobody cared (try booting with the "irqpoll" option)
		do_init_module: 'foo'->init suspiciously returned 1, it should follow 0/-E convention
		foo: init suspiciously returned 1, it should follow 0/-E convention
		virtio_net virtio0 eth0: NETDEV WATCHDOG: CPU: 0: transmit queue 0 timed out 5000 ms
		eth0: hw csum failure
		VFS: Busy inodes after unmount of vda. Self-destruct in 5 seconds.  Have a nice day...
		pagealloc: memory corruption
		unchecked MSR access error: WRMSR to 0x123 (tried to write 0x0000000000000000) at rIP: 0xffffffff81000000 (foo+0x1/0x2)
		neighbour: Destroying alive neighbour 00000000
		traps: Missing ENDBR: foo+0x0/0x10
		kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
	E
	run recognised <reports
	assert_output "$(<reports)"
}

@test 'complaints: what a sound kernel and the driver log is none' {
	cat >lines.txt <<-'E'
		qemu_poweroff: loading out-of-tree module taints kernel.
		qemu_poweroff: module verification failed: signature and/or required key missing - tainting kernel
		qemu_poweroff: holding ports 0x10f4-0x10f7; ending the machine with code 42 in 3 s
		qemu_poweroff: deadline: ending the machine with code 124 (hard interrupt)
		qemu_poweroff: panic: ending the machine with code 121 (panic)
		sh[123]: segfault at 0 ip 0000000000401000 sp 00007ffc00000000 error 4 in sh[401000+1000]
		traps: sh[123] general protection fault ip:401000 sp:7ffc00000000 error:0 in sh[401000+1000]
		traps: sh[123] trap invalid opcode ip:401000 sp:7ffc00000000 error:0 in sh[401000+1000]
		sh: page allocation failure: order:9, mode:0xcc0(GFP_KERNEL), nodemask=(null)
		sh invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0
		Out of memory: Killed process 123 (sh) total-vm:1234kB
		workqueue: foo_work hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
		hrtimer: interrupt took 12345678 ns
		INFO: NMI handler (foo) took too long to run: 1.234 msecs
		INFO: lockdep is turned off.
		clocksource: Marking clocksource 'tsc' as unstable because the skew is too large:
		sched: RT throttling activated
		Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible via Spectre v2 BHB attacks!
		EXT4-fs error (device vda): ext4_lookup:1855: inode #12: comm ls: iget: checksum invalid
		BUGS: none
		DEBUG: foo
		e1000 0000:00:04.0 eth0: (PCI:33MHz:32-bit) 52:54:00:12:34:56
		sysrq: Show Blocked State
		NMI backtrace for cpu 0
		CPU: 0 PID: 123 Comm: sh Tainted: G        W  OE      6.1.0-56-amd64 #1
		Call Trace:
		 dump_stack_lvl+0x44/0x5c
		RIP: 0010:foo_bar+0x14/0x20 [foo]
		note: sh[123] exited with preempt_count 1
	E
	run recognised <lines.txt
	assert_output ''
}

@test 'complaints: what a module can have the kernel say, from the kernel itself' {
	local splat

	splat=$(module_file splat)
	# The load returns 1, and succeeds.
	qemu_run -m "$splat,fail=-1" -- sh -c "
		for splat in release softirq kobject_init kobject_add duplicate timeout iounmap gfp warn atomic; do
			echo \$splat >$what
		done
		# It holds the lock of all parameters: the last.
		echo 1 >/proc/sys/kernel/hung_task_timeout_secs
		echo sleep >$what &
		until dmesg | grep -q 'INFO: task'; do usleep 100000; done"
	assert_outcome 120 splat
	assert_complaint "^(do_init_module: 'splat'->|splat: )init suspiciously returned 1,"
	assert_complaint '^resource: Trying to free nonexistent resource <0x0*5678-0x0*567f>$'
	assert_complaint '^softirq: huh, entered softirq 6 TASKLET'
	assert_complaint '^(kobject: )?kobject .*: tried to init an initialized object'
	assert_complaint '^(kobject: )?kobject .*: tried to add an uninitialized object'
	assert_complaint "^sysfs: cannot create duplicate filename '/kernel/splat_twice'"
	assert_complaint '^(kobject: )?kobject_add_internal failed for splat_twice with -EEXIST'
	assert_complaint '^schedule_timeout: wrong timeout value'
	assert_complaint '^iounmap: bad address'
	assert_complaint '^Unexpected gfp: .*__GFP_HIGHMEM'
	assert_complaint '^WARNING: .*splat_warn'
	assert_complaint '^INFO: task sh:[0-9]+ blocked for more than'
	assert_complaint '^BUG: scheduling while atomic: sh/'
}

@test 'complaints: what the checks of a kernel say that has them' {
	local splat

	splat=$(module_file splat)
	if kernel_has PROVE_LOCKING; then
		qemu_run -m "$splat" -- sh -c "echo unlock >$what"
		assert_outcome 120 splat
		assert_complaint '^WARNING: bad unlock balance detected!'
	fi
	if kernel_has SLUB_DEBUG; then
		qemu_run -m "$splat" -- sh -c "echo double_free >$what"
		assert_outcome 120 splat
		# KASAN sees it before SLUB does.
		assert_complaint '^BUG(: KASAN: double-free in| splat_cache \(.*\):) '
	fi
}

@test 'complaints: each comes with its reason and its place' {
	local splat details

	splat=$(module_file splat)
	qemu_run -m "$splat" -- sh -c "echo warn >$what"
	assert_outcome 120 splat
	assert_complaint '^WARNING: .*splat_warn\+0x'
	assert_complaint '^  splat: the reason$'
	assert_complaint '^  RIP: 0010:splat_warn\+0x.* \[splat\]$'
	# Who called, and none of the functions that made the report.
	assert_complaint '^  param_attr_store\+0x'
	refute_complaint '^  .*(__warn|report_bug|exc_invalid_op|dump_stack)'
	details=$(complaints | grep -c '^  ')
	((details <= 6))
	qemu_run -m "$splat" -- sh -c "echo duplicate >$what"
	assert_complaint '^  splat_duplicate\+0x.* \[splat\]$'
	refute_complaint '^  .*(sysfs_warn_dup|dump_stack)'
}

@test 'complaints: an oops that kills the command has come before its status' {
	local fault

	fault=$(module_file fault)
	qemu_run -m "$fault" -- sh -c 'echo 0 >/proc/sys/kernel/panic_on_oops
		echo null >/sys/module/fault/parameters/what'
	# What becomes of it is for the host to say; here the command was killed.
	assert_equal "$(json .command_status)" 137
	assert_complaint '^BUG: kernel NULL pointer dereference'
	assert_complaint '^  Oops: '
	assert_complaint '^  RIP: 0010:do_null\+0x.* \[fault\]$'
}

@test 'the command starts as from a shell: nothing of init in its environment, its signals, its children' {
	qemu_run -- env
	assert_outcome 0 exit
	assert_equal "$(sort <<<"$output")" $'HOME=/root\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nTERM=linux'
	qemu_run -- grep -E '^Sig(Blk|Ign|Pnd)' /proc/self/status
	assert_output $'SigPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000'
	# Whoever loses its parent is init's, which reaps it.
	# shellcheck disable=SC2016 # the guest's to expand
	qemu_run -- sh -c '(sleep 0.2 & echo $! >orphan); until [ ! -e /proc/$(cat orphan) ]; do usleep 50000; done'
	assert_outcome 0 exit
}

@test '--json: each byte that is no character is one all the same' {
	qemu_run -- true $'a\x7f\x80\xff'
	assert_outcome 0 exit
	assert_equal "$(json '.command[1] | explode | map(tostring) | join(" ")')" '97 127 128 255'
}
