// SPDX-License-Identifier: GPL-2.0
/*
 * Makes one step of the driver's load fail: a function that its init calls, or
 * the nth allocation made on its behalf. Or a step of what a program does.
 *
 * The kernel's own fail_function takes a list of functions that leaves out all
 * that matter here, so a kprobe stands in for it. Allocations are left to failslab
 * and fail_page_alloc, which this tells when to count.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/string.h>

static char *victim = "qemu_poweroff";
module_param(victim, charp, 0444);
MODULE_PARM_DESC(victim, "module whose load fails (default qemu_poweroff)");

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "function of the kernel to fail during the load (default none)");

static long retval = -ENOMEM;
module_param(retval, long, 0444);
MODULE_PARM_DESC(retval, "what that function returns (default -ENOMEM)");

static char *comm;
module_param(comm, charp, 0444);
MODULE_PARM_DESC(comm, "program that the function fails in; *: anywhere (default none: in the load)");

static unsigned int skip;
module_param(skip, uint, 0644);
MODULE_PARM_DESC(skip, "calls of the function to let pass first (default 0)");

static unsigned int nth;
module_param(nth, uint, 0644);
MODULE_PARM_DESC(nth, "which allocation of the load to fail, from 1 (default 0: none)");

static char *spare;
module_param(spare, charp, 0444);
MODULE_PARM_DESC(spare, "function of the kernel whose allocations are not counted (default none)");

static unsigned int injected;
module_param(injected, uint, 0444);
MODULE_PARM_DESC(injected, "how many failures the last load, or the program, was given (read only)");

/* Who loads the victim now. */
static struct task_struct *loader;

/* Stands in for the function: entered as it was, it returns to its caller. */
static noinline long fail(void)
{
	return retval;
}

static nokprobe_inline bool is_victim(void)
{
	if (comm)
		return !strcmp(comm, "*") || !strcmp(comm, current->comm);
	return READ_ONCE(loader) == current;
}

/* Context: the probed function's, preemption off. */
static int divert(struct kprobe *probe, struct pt_regs *regs)
{
	if (!is_victim())
		return 0;
	if (skip) {
		skip--;
		return 0;
	}
	injected++;
	instruction_pointer_set(regs, (unsigned long)fail);
	return 1;
}

NOKPROBE_SYMBOL(divert);

/* There so that the probe is not turned into a jump, which cannot be diverted. */
static void keep_breakpoint(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probe = {
	.pre_handler = divert,
	.post_handler = keep_breakpoint,
};

static void set_fail_nth(unsigned int count)
{
#ifdef CONFIG_FAULT_INJECTION
	current->fail_nth = count;
#endif
}

static unsigned int get_fail_nth(void)
{
#ifdef CONFIG_FAULT_INJECTION
	return current->fail_nth;
#else
	return 0;
#endif
}

/* Context: the probed function's, preemption off. Not 0: do not call at its return. */
static int spare_begin(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (READ_ONCE(loader) != current)
		return 1;
	*(unsigned int *)instance->data = get_fail_nth();
	set_fail_nth(0);
	return 0;
}

NOKPROBE_SYMBOL(spare_begin);

static int spare_end(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	set_fail_nth(*(unsigned int *)instance->data);
	return 0;
}

NOKPROBE_SYMBOL(spare_end);

static struct kretprobe spare_probe = {
	.entry_handler = spare_begin,
	.handler = spare_end,
	.data_size = sizeof(unsigned int),
};

/* Context: process, of the one that loads or unloads. */
static int watch(struct notifier_block *block, unsigned long state, void *data)
{
	const struct module *module = data;

	if (strcmp(module->name, victim))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING) {
		injected = 0;
		WRITE_ONCE(loader, current);
		set_fail_nth(nth);
	} else if (loader == current) {
		if (nth && !get_fail_nth())
			injected++;
		set_fail_nth(0);
		WRITE_ONCE(loader, NULL);
	}
	return NOTIFY_DONE;
}

/* Late to hear of a load that begins, so that what is injected falls to the load. */
static struct notifier_block watcher = {
	.notifier_call = watch,
	.priority = INT_MIN,
};

static int __init fail_load_init(void)
{
	int err;

	if (nth && !IS_ENABLED(CONFIG_FAULT_INJECTION)) {
		pr_err("nth: this kernel injects no faults\n");
		return -EOPNOTSUPP;
	}
	if (function) {
		probe.symbol_name = function;
		err = register_kprobe(&probe);
		if (err) {
			pr_err("function=%s: cannot be probed: error %d\n", function, err);
			return err;
		}
	}
	if (spare) {
		spare_probe.kp.symbol_name = spare;
		err = register_kretprobe(&spare_probe);
		if (err) {
			pr_err("spare=%s: cannot be probed: error %d\n", spare, err);
			goto unregister_function;
		}
	}
	err = register_module_notifier(&watcher);
	if (!err)
		return 0;
	if (spare)
		unregister_kretprobe(&spare_probe);
unregister_function:
	if (function)
		unregister_kprobe(&probe);
	return err;
}

static void __exit fail_load_exit(void)
{
	unregister_module_notifier(&watcher);
	if (spare)
		unregister_kretprobe(&spare_probe);
	if (function)
		unregister_kprobe(&probe);
}

module_init(fail_load_init);
module_exit(fail_load_exit);

MODULE_DESCRIPTION("Makes one step of a module's load fail");
MODULE_LICENSE("GPL");
