// SPDX-License-Identifier: GPL-2.0
/*
 * Faults on demand: one for each that a driver may have to live through, in the
 * context that its description says. Writing the name of one to the parameter
 * what= does it, at load or later. The other parameters are read at that moment:
 * at load, give what= last.
 *
 * Nothing here is undone: the machine is thrown away afterwards.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/console.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/panic.h>
#include <linux/preempt.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/version.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

static int cpu = -1;
module_param(cpu, int, 0644);
MODULE_PARM_DESC(cpu, "processor to do it on; -1 for all (default: -1)");

static uint count = 1000;
module_param(count, uint, 0644);
MODULE_PARM_DESC(count, "how many tasks, or works of each queue (default: 1000)");

static uint after_us;
module_param(after_us, uint, 0644);
MODULE_PARM_DESC(after_us, "microseconds to wait (default: 0)");

/* Nobody wakes this one. */
static DECLARE_WAIT_QUEUE_HEAD(never);

/* The spinning threads that are not there yet. */
static atomic_t absent;
static DECLARE_WAIT_QUEUE_HEAD(assembly);

/* Those that have not taken their processor yet. */
static atomic_t unready;

/* All at once: whoever spins first would keep the others from starting. */
static void assemble(void)
{
	if (atomic_dec_and_test(&absent))
		wake_up_all(&assembly);
	else
		wait_event(assembly, !atomic_read(&absent));
}

/* In the function that calls it, as the driver names that. */
static __always_inline void __noreturn spin(void)
{
	for (;;)
		cpu_relax();
}

static int spin_preempt_off(void *unused)
{
	assemble();
	preempt_disable();
	atomic_dec(&unready);
	spin();
}

static int spin_irq_off(void *unused)
{
	assemble();
	pr_emerg("processor %d spins with interrupts off\n", raw_smp_processor_id());
	/*
	 * Once more, and now with the processor in hand: what runs on the last one
	 * may call the first, and wait for its answer with preemption off.
	 */
	preempt_disable();
	atomic_dec(&unready);
	while (atomic_read(&unready))
		cpu_relax();
	local_irq_disable();
	spin();
}

static int spin_fifo(void *unused)
{
	assemble();
	sched_set_fifo(current);
	spin();
}

/* start_spinning() - on processor 0 in the first way, and on the others in the second */
static int start_spinning(int (*first)(void *), int (*others)(void *))
{
	struct task_struct *task;
	int on;

	atomic_set(&absent, cpu < 0 ? num_online_cpus() : 1);
	atomic_set(&unready, atomic_read(&absent));
	for_each_online_cpu(on) {
		if (cpu >= 0 && cpu != on)
			continue;
		task = kthread_create(on ? others : first, NULL, "fault/%d", on);
		if (IS_ERR(task))
			return PTR_ERR(task);
		kthread_bind(task, on);
		wake_up_process(task);
	}
	/* Done when it is being done. */
	wait_event(assembly, !atomic_read(&absent));
	return 0;
}

static int do_preempt_off(void)
{
	return start_spinning(spin_preempt_off, spin_preempt_off);
}

static int do_irq_off(void)
{
	return start_spinning(spin_irq_off, spin_irq_off);
}

static int do_preempt_and_irq_off(void)
{
	return start_spinning(spin_preempt_off, spin_irq_off);
}

static int do_fifo(void)
{
	return start_spinning(spin_fifo, spin_fifo);
}

static DEFINE_RAW_SPINLOCK(held);

static int do_deadlock(void)
{
	raw_spin_lock(&held);
	raw_spin_lock(&held);
	raw_spin_unlock(&held);
	raw_spin_unlock(&held);
	return 0;
}

static int sleep_for_ever(void *unused)
{
	wait_event(never, false);
	return 0;
}

static int do_hang(void)
{
	return sleep_for_ever(NULL);
}

static int do_nap(void)
{
	msleep(after_us / 1000);
	return 0;
}

static int do_blocked_tasks(void)
{
	struct task_struct *task;
	uint i;

	for (i = 0; i < count; i++) {
		task = kthread_run(sleep_for_ever, NULL, "fault/%u", i);
		if (IS_ERR(task))
			return PTR_ERR(task);
	}
	return 0;
}

static void work_for_ever(struct work_struct *unused)
{
	sleep_for_ever(NULL);
}

static int do_flood_workqueues(void)
{
	struct workqueue_struct *queues[] = {
		system_wq, system_highpri_wq, system_unbound_wq,
	};
	struct work_struct *works;
	uint queue, i;

	for (queue = 0; queue < ARRAY_SIZE(queues); queue++) {
		works = kcalloc(count, sizeof(*works), GFP_KERNEL);
		if (!works)
			return -ENOMEM;
		for (i = 0; i < count; i++) {
			INIT_WORK(&works[i], work_for_ever);
			queue_work(queues[queue], &works[i]);
		}
	}
	return 0;
}

static int follow_nothing(unsigned int on)
{
	return 0;
}

/* The kernel warns of it. */
static int do_hotplug_states(void)
{
	int state;

	do {
		state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "fault",
						  follow_nothing, NULL);
	} while (state >= 0);
	return state == -ENOSPC ? 0 : state;
}

static int do_null(void)
{
	int *nowhere = NULL;

	return READ_ONCE(*nowhere);
}

static int do_panic(void)
{
	panic("fault in %s context", in_hardirq() ? "hard-interrupt" : "process");
}

static int do_panic_console(void)
{
	console_lock();
	return do_panic();
}

static int (*interrupt_fault)(void);

static enum hrtimer_restart interrupt(struct hrtimer *timer)
{
	interrupt_fault();
	return HRTIMER_NORESTART;
}

/* In hard-interrupt context on PREEMPT_RT, too. */
static int start_interrupt(int (*fault)(void))
{
	static struct hrtimer timer;

	interrupt_fault = fault;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&timer, interrupt, CLOCK_BOOTTIME, HRTIMER_MODE_REL_HARD);
#else
	hrtimer_init(&timer, CLOCK_BOOTTIME, HRTIMER_MODE_REL_HARD);
	timer.function = interrupt;
#endif
	hrtimer_start(&timer, ns_to_ktime(after_us * NSEC_PER_USEC), HRTIMER_MODE_REL_HARD);
	return 0;
}

static int do_null_irq(void)
{
	return start_interrupt(do_null);
}

static int do_panic_irq(void)
{
	return start_interrupt(do_panic);
}

static void panic_now(struct irq_work *unused)
{
	do_panic();
}

static struct irq_work panic_work = IRQ_WORK_INIT_HARD(panic_now);

/* Context: that of the printk; interrupts off. */
static void see_log(void *unused, const char *text, size_t length)
{
	if (strnstr(text, ": ending the machine", length))
		irq_work_queue(&panic_work);
}

/* The tracepoint of a line that is logged. */
static void find_console(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "console"))
		*(struct tracepoint **)found = tp;
}

/*
 * The interrupt comes when printk() turns interrupts on again: after the driver
 * has settled what it is going to write, and before it writes.
 */
static int do_panic_mid_expiry(void)
{
	struct tracepoint *console = NULL;

	for_each_kernel_tracepoint(find_console, &console);
	return console ? tracepoint_probe_register(console, see_log, NULL) : -ENOENT;
}

static int power_off_nothing(struct sys_off_data *data)
{
	pr_emerg("asked to power off, priority %ld\n", (long)data->cb_data);
	return NOTIFY_DONE;
}

static int register_power_off(long priority)
{
	return PTR_ERR_OR_ZERO(register_sys_off_handler(SYS_OFF_MODE_POWER_OFF, priority,
							power_off_nothing, (void *)priority));
}

/* Where drivers/firmware/efi/reboot.c has its own, on a machine that needs it. */
static int do_efi_power_off(void)
{
	return register_power_off(SYS_OFF_PRIO_FIRMWARE + 1);
}

static int do_power_off_priorities(void)
{
	long priority;
	int err = 0;

	for (priority = SYS_OFF_PRIO_FIRMWARE + 1; !err && priority < 256; priority++)
		err = register_power_off(priority);
	return err;
}

static int shut_down_slowly(struct notifier_block *unused, unsigned long action, void *data)
{
	pr_emerg("shutting down slowly\n");
	msleep(after_us / USEC_PER_MSEC);
	return NOTIFY_DONE;
}

static struct notifier_block slow_notifier = {
	.notifier_call = shut_down_slowly,
};

static int do_slow_shutdown(void)
{
	return register_reboot_notifier(&slow_notifier);
}

/* Once it has hung, the CPU has interrupts off, and the lock of the console. */
static void write_and_hang(struct console *unused, const char *text, unsigned int length)
{
	if (!strnstr(text, "the console hangs", length))
		return;
	local_irq_disable();
	spin();
}

static struct console hanging_console = {
	.name = "hanging",
	.write = write_and_hang,
	.flags = CON_ENABLED,
	.index = -1,
};

/* On the CPU of the process that asks for it, where the kernel has no threads to print. */
static int do_console_hang(void)
{
	register_console(&hanging_console);
	pr_emerg("the console hangs\n");
	return 0;
}

/* With the thread that loops on the other CPU there before the console hangs. */
static int do_preempt_off_and_console_hang(void)
{
	int err = do_preempt_off();

	return err ?: do_console_hang();
}

/* On the CPU that goes, which lives on: its unplug never ends. */
static int lose_the_first(unsigned int on)
{
	cpu = 0;
	do_irq_off();
	return sleep_for_ever(NULL);
}

/* Load it before the driver: what comes up first goes down last. */
static int do_stuck_offline(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "fault", NULL, lose_the_first);

	return min(state, 0);
}

static int sync_for_ever(struct super_block *unused, int wait)
{
	return sleep_for_ever(NULL);
}

static const struct super_operations stuck_operations = {
	.sync_fs = sync_for_ever,
};

static int fill_stuck(struct super_block *super, struct fs_context *unused)
{
	static const struct tree_descr nothing[] = { { "" } };
	int err = simple_fill_super(super, 0x7f, nothing);

	super->s_op = &stuck_operations;
	return err;
}

static int get_stuck(struct fs_context *context)
{
	return get_tree_nodev(context, fill_stuck);
}

static int init_stuck(struct fs_context *context)
{
	static const struct fs_context_operations operations = { .get_tree = get_stuck };

	context->ops = &operations;
	return 0;
}

/* A file system that can be mounted, and whose sync never returns. */
static int do_stuck_sync(void)
{
	static struct file_system_type type = {
		.owner = THIS_MODULE,
		.name = "stuck",
		.init_fs_context = init_stuck,
		.kill_sb = kill_anon_super,
	};

	return register_filesystem(&type);
}

static int load_slowly(struct notifier_block *unused, unsigned long state, void *data)
{
	if (state == MODULE_STATE_COMING) {
		pr_emerg("a module loads slowly\n");
		msleep(after_us / USEC_PER_MSEC);
	}
	return NOTIFY_DONE;
}

static struct notifier_block slow_load = {
	.notifier_call = load_slowly,
};

/* Between the look at a module's signature and that at its parameters. */
static int do_slow_load(void)
{
	return register_module_notifier(&slow_load);
}

static const struct {
	const char *name;
	int (*act)(void);
} faults[] = {
	/* A kernel thread, pinned to cpu=, that never lets go of it. */
	{ "preempt_off", do_preempt_off },
	{ "irq_off", do_irq_off },
	/* The first on processor 0, and the second on the others. */
	{ "preempt_and_irq_off", do_preempt_and_irq_off },
	{ "fifo", do_fifo },
	/* The process that asks for it spins on a lock that it holds. */
	{ "deadlock", do_deadlock },
	/* It sleeps for ever, uninterruptibly. */
	{ "hang", do_hang },
	/* It sleeps for after_us=. */
	{ "nap", do_nap },
	/* count= kernel threads in uninterruptible sleep. */
	{ "blocked_tasks", do_blocked_tasks },
	/* count= works in each of the system's queues, all asleep. */
	{ "flood_workqueues", do_flood_workqueues },
	/* Every slot for a callback of processor hotplug, for good. */
	{ "hotplug_states", do_hotplug_states },
	/* At once, in the process that asks for it. */
	{ "null", do_null },
	{ "panic", do_panic },
	/* The same, by a process that holds the lock of the console. */
	{ "panic_console", do_panic_console },
	/* In hard-interrupt context, after_us= from now. */
	{ "null_irq", do_null_irq },
	{ "panic_irq", do_panic_irq },
	/* In hard-interrupt context, between the driver's decision and its write. */
	{ "panic_mid_expiry", do_panic_mid_expiry },
	/* A power-off handler above ACPI's, as EFI has it; one at each such priority. */
	{ "efi_power_off", do_efi_power_off },
	{ "power_off_priorities", do_power_off_priorities },
	/* A shutdown, and each load of a module, that takes after_us=. */
	{ "slow_shutdown", do_slow_shutdown },
	{ "slow_load", do_slow_load },
	/* A console whose write hangs, for good; with a thread that loops on cpu=. */
	{ "console_hang", do_console_hang },
	{ "preempt_off_and_console_hang", do_preempt_off_and_console_hang },
	/* The next processor that goes offline loses processor 0, and hangs half-way. */
	{ "stuck_offline", do_stuck_offline },
	/* A type of file system. */
	{ "stuck_sync", do_stuck_sync },
};

static int what_set(const char *text, const struct kernel_param *kp)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++)
		if (sysfs_streq(text, faults[i].name))
			return faults[i].act();
	pr_err("what=%s: no such fault\n", text);
	return -EINVAL;
}

static const struct kernel_param_ops what_ops = {
	.set = what_set,
};

module_param_cb(what, &what_ops, NULL, 0200);
__MODULE_PARM_TYPE(what, "string");
MODULE_PARM_DESC(what, "the fault: see the table in the source; give it last");

MODULE_DESCRIPTION("Faults on demand, for the tests of qemu_poweroff");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
