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

/*
 * A report's first line has one of these, or begins with it: '^'. Many a file puts its
 * subsystem before what it prints, by pr_fmt(), and which ones do changes.
 */
static const char *const openings[] = {
	/* kernel/panic.c: WARN() up to 6.12. For later ones see is_new_warning(). */
	"^WARNING: CPU:",
	/* kernel/locking/lockdep.c, kernel/rcu/: all that they have. */
	"^WARNING: possible ", "WARNING: inconsistent lock state",
	"WARNING: bad unlock balance", "WARNING: bad contention", "WARNING: held lock freed",
	"WARNING: lock held ", "WARNING: Nested lock", "WARNING: chain_key collision",
	"WARNING: suspicious RCU usage", "INFO: trying to register non-static key",
	" still has locks held!", "-unsafe lock order detected", "[ BUG: ",
	/* arch/x86/kernel/unwind_frame.c: a stack that was overwritten. */
	"WARNING: kernel stack ", "WARNING: stack recursion",
	/* kernel/workqueue.c: with a trace; the caller has to be changed. */
	"WARNING: Flushing system-wide workqueues",
	/*
	 * Page faults, KASAN, KCSAN, KMSAN, KFENCE, kernel/sched/core.c, mm/, spinlock
	 * debugging, workqueue lockups; "watchdog: BUG: soft lockup", and many a driver.
	 */
	"^BUG: ", ": BUG: ",
	/* lib/ubsan.c, BUG(), kernel/cfi.c, arch/x86/kernel/cet.c. */
	"UBSAN: ", "kernel BUG at ", "CFI failure at ", "Missing ENDBR",
	/* arch/x86/kernel/traps.c, arch/x86/mm/extable.c */
	"^general protection fault", "PANIC: double fault", "unchecked MSR access error",
	/* kernel/rcu/tree_stall.h, kernel/rcu/tasks.h, kernel/hung_task.c, net/core/dev.c. */
	"INFO: rcu_", "INFO: task ", "unregister_netdevice: waiting for ",
	/* kernel/watchdog_hld.c, kernel/smp.c */
	"detected hard LOCKUP on cpu ", "csd: Detected non-responsive CSD lock",
	/* What the scheduler and the timers say of their callers. */
	"bad: scheduling from the idle thread", "schedule_timeout: wrong timeout value",
	"huh, entered softirq ",
	/* fs/sysfs/dir.c, lib/kobject.c, kernel/resource.c: names and ranges used twice. */
	"cannot create duplicate filename", "something is seriously wrong",
	"don't try to register things with the same name",
	"Trying to free nonexistent resource", "iounmap: bad address",
	/* fs/super.c */
	"VFS: Busy inodes after unmount",
	/* mm/page_poison.c, mm/slab_common.c, mm/kmemleak.c */
	"pagealloc: memory corruption", "pagealloc: single bit error", "Unexpected gfp: ",
	" new suspected memory leaks",
	/* kernel/irq/spurious.c: "irq 9: nobody cared"; kernel/module/main.c */
	": nobody cared (try booting with", ": bogus return value ",
	"init suspiciously returned ",
	/* net/: a queue that stands still warns up to 6.6, and prints from then on. */
	"NETDEV WATCHDOG: ", ": hw csum failure", "Destroying alive neighbour", "NEIGH: BUG",
};

/*
 * Functions that make reports, or through which the kernel is entered: a reader looks
 * for what is above them. Beginnings of names.
 */
static const char *const machinery[] = {
	"__dump_stack", "dump_stack", "show_stack", "show_regs", "show_trace", "print_",
	"__warn", "warn_", "report_bug", "handle_bug", "die", "__die", "oops_", "panic",
	"exc_", "asm_", "sysvec_", "__sysvec_", "do_error_trap", "do_trap", "fixup_",
	"page_fault_oops", "kernelmode_fixup", "bad_area", "__bad_area", "no_context",
	"do_user_addr_fault", "do_kern_addr_fault", "__might_", "___might_", "__schedule_bug",
	"kasan_", "__kasan_", "__asan_", "kcsan_", "__tsan_", "kmsan_", "__msan_", "kfence_",
	"__kfence_", "ubsan_", "__ubsan_", "check_preemption_disabled", "debug_smp_",
	"__this_cpu_preempt", "sysfs_", "kobject_", "object_err", "slab_", "check_slab",
	"check_object", "check_bytes", "free_debug_", "free_to_partial_list", "on_freelist",
	"alloc_debug_", "__slab_", "lockdep_", "__lock_acquire", "lock_acquire", "lock_release",
	"check_noncircular", "check_prev", "check_lock", "mark_lock", "mark_usage", "mark_held",
	"validate_chain", "spin_bug", "spin_dump", "do_raw_", "_raw_", "__bad_page", "bad_page",
	"refcount_warn", "debug_print_object", "__report_bad_irq", "note_interrupt",
	"rcu_dump_", "rcu_sched_clock", "trigger_", "nmi_", "entry_", "do_syscall_",
	"__do_sys", "__x64_sys", "x64_sys_call", "ksys_", "ret_from_fork", "__schedule", "schedule",
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

bool splat_is_die_header(const char *line)
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
		if (*openings[i] == '^' ? begins(line, openings[i] + 1) :
					  !!strstr(line, openings[i]))
			return true;
	return is_new_warning(line) || is_slub(line) || splat_is_die_header(line);
}

/* "function+0x14/0x2f": whether the text begins with such a place. */
static bool is_place(const char *text)
{
	while (isalnum((unsigned char)*text) || *text == '_' || *text == '.')
		text++;
	return begins(text, "+0x");
}

/* The function that a line of a trace names; a frame that may be stale has a "?". */
static const char *frame(const char *line)
{
	size_t i;

	if (*line != ' ')
		return NULL;
	while (*line == ' ')
		line++;
	if (!is_place(line))
		return NULL;
	/* A module has a name of its own behind: "[nullbug]". It is never left out. */
	if (strchr(line, '['))
		return line;
	for (i = 0; i < sizeof(machinery) / sizeof(machinery[0]); i++)
		if (begins(line, machinery[i]))
			return NULL;
	return line;
}

const char *splat_detail(const char *line)
{
	/* 0010 is the kernel's code segment: not the place in the program. */
	if (begins(line, "RIP: 0010:"))
		return line;
	/* mm/kasan/report.c, mm/kfence/report.c */
	if (begins(line, "Read of size ") || begins(line, "Write of size ") ||
	    begins(line, "Free of addr ") || begins(line, "KASAN: "))
		return line;
	/* mm/slub.c, with slub_debug=U */
	if (begins(line, "Allocated in ") || begins(line, "Freed in "))
		return line;
	/* lockdep: "((&x)->lock){+.+.}-{3:3}, at: f+0x1/0x2", "sh/1 is trying to ... lock:" */
	if (strstr(line, "}, at: ") || strstr(line, " is trying to acquire lock") ||
	    strstr(line, " is trying to release lock"))
		return line;
	return frame(line);
}
