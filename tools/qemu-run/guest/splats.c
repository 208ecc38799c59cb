// SPDX-License-Identifier: GPL-2.0
/*
 * How the kernel reports its own mistakes. The tables are from the kernel's sources,
 * 6.1 to 7.2: from what prints before dump_stack(), from what taints, and from all
 * texts that begin with BUG, WARNING or INFO. They were compared with the lists of
 * syzkaller (pkg/report/linux.go) and of SQUAD, LKFT's parser (linux_log_parser).
 *
 * Left out, because a kernel without a mistake says them, too:
 *   - "page allocation failure", "invoked oom-killer", "percpu: allocation failed":
 *     the command used all memory;
 *   - "workqueue: ... hogged CPU", "hrtimer: interrupt took", "INFO: NMI handler ...
 *     took too long", "clocksource: ... unstable", "RT throttling activated": under
 *     emulation, a busy host is enough;
 *   - "EXT4-fs error" and the like: they are about a disk's content;
 *   - "segfault at": it is about a program.
 */
#include <ctype.h>
#include <string.h>
#include "splats.h"

/* A report begins with one of these. */
static const char *const openings[] = {
	/* kernel/panic.c: WARN() up to 6.12. For later ones see is_new_warning(). */
	"WARNING: CPU:",
	/* kernel/locking/lockdep.c, kernel/rcu/: all that they have. */
	"WARNING: possible ",
	"WARNING: inconsistent lock state",
	"WARNING: bad unlock balance",
	"WARNING: bad contention",
	"WARNING: held lock freed",
	"WARNING: lock held ",
	"WARNING: Nested lock",
	"WARNING: chain_key collision",
	"WARNING: suspicious RCU usage",
	"INFO: trying to register non-static key",
	"[ BUG: ",
	/* arch/x86/kernel/unwind_frame.c: a stack that was overwritten. */
	"WARNING: kernel stack ",
	"WARNING: stack recursion",
	/* kernel/workqueue.c: with a trace; the caller has to be changed. */
	"WARNING: Flushing system-wide workqueues",
	/*
	 * Page faults, KASAN, KCSAN, KMSAN, KFENCE, kernel/sched/core.c, mm/, spinlock
	 * debugging, soft lockups, workqueue lockups, and many a driver.
	 */
	"BUG: ",
	/* lib/ubsan.c, BUG(), kernel/cfi.c, arch/x86/kernel/cet.c. */
	"UBSAN: ",
	"kernel BUG at ",
	"CFI failure at ",
	"Missing ENDBR",
	/* kernel/rcu/tree_stall.h, kernel/rcu/tasks.h, kernel/hung_task.c, net/core/dev.c. */
	"INFO: rcu_",
	"rcu: INFO: ",
	"INFO: task ",
	"unregister_netdevice: waiting for ",
	/* What the scheduler and the timers say of their callers. */
	"bad: scheduling from the idle thread",
	"schedule_timeout: wrong timeout value",
	"huh, entered softirq ",
	/* fs/sysfs/dir.c, lib/kobject.c, kernel/resource.c: names and ranges used twice. */
	"sysfs: cannot create duplicate filename",
	"Trying to free nonexistent resource",
	"iounmap: bad address",
	/* fs/super.c */
	"VFS: Busy inodes after unmount",
	/* mm/page_poison.c, mm/slab_common.c */
	"pagealloc: memory corruption",
	"pagealloc: single bit error",
	"Unexpected gfp: ",
	/* arch/x86/mm/extable.c */
	"unchecked MSR access error",
	/* net/core/neighbour.c */
	"NEIGH: BUG",
};

/* Or it has one of these in its first line, behind a subsystem's or a device's name. */
static const char *const parts[] = {
	/* "watchdog: BUG: soft lockup", and what a driver says by pr_err("BUG: ..."). */
	": BUG: ",
	/* kernel/watchdog.c, kernel/watchdog_hld.c */
	"detected hard LOCKUP on cpu ",
	/* kernel/smp.c */
	"csd: Detected non-responsive CSD lock",
	/* lockdep: "sh/123 still has locks held!", "SOFTIRQ-safe -> SOFTIRQ-unsafe ...". */
	" still has locks held!",
	"-unsafe lock order detected",
	/* lib/kobject.c */
	"something is seriously wrong",
	"don't try to register things with the same name",
	/* kernel/irq/spurious.c: "irq 9: nobody cared". */
	": nobody cared (try booting with",
	": bogus return value ",
	/* kernel/module/main.c */
	"->init suspiciously returned ",
	/* net/: a queue that stands still warns up to 6.6, and prints from then on. */
	"NETDEV WATCHDOG: ",
	": hw csum failure",
	"Destroying alive neighbour",
	/* arch/x86/kernel/traps.c */
	"PANIC: double fault",
	/* mm/kmemleak.c */
	" new suspected memory leaks",
};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* From 7.x on a WARN() says "WARNING: FILE:LINE at FUNCTION, CPU#0: COMMAND/PID". */
static bool is_new_warning(const char *line)
{
	return begins(line, "WARNING: ") && strstr(line, ", CPU#");
}

/* SLUB's "BUG <cache> (<taint>): ...", for a cache of any name. */
static bool is_slub(const char *line)
{
	const char *taint;

	if (!begins(line, "BUG "))
		return false;
	taint = strchr(line, '(');
	return taint && (begins(taint, "(Tainted: ") || begins(taint, "(Not tainted)"));
}

static bool is_die_header(const char *line)
{
	const char *number = strstr(line, " [#");
	int i;

	/* ": 0002 [#1]", behind "Oops", "divide error", "stack segment" and the like. */
	if (!number || number - line < 6)
		return false;
	for (i = 1; i <= 4; i++)
		if (!isxdigit((unsigned char)number[-i]))
			return false;
	return number[-5] == ' ' && number[-6] == ':';
}

bool splat_opens(const char *line)
{
	size_t i;

	for (i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
		if (begins(line, openings[i]))
			return true;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(line, parts[i]))
			return true;
	return is_new_warning(line) || is_slub(line) || is_die_header(line) ||
	       begins(line, "general protection fault");
}
