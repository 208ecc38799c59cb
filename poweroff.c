// SPDX-License-Identifier: GPL-2.0
/*
 * End a QEMU virtual machine with an exit code of the guest's choice.
 *
 * QEMU's isa-debug-exit device turns a byte written to its port into the end of the machine,
 * with the process status (byte << 1) | 1 (hw/misc/debugexit.c in QEMU's source). This file is
 * the policy: the parameters, and which events end the machine with which code.
 * ioport_region.c holds the ports, deferred_reset.c keeps the deadline.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/console.h>
#include <linux/delay.h>
#include <linux/kmsg_dump.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/ptrace.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/suspend.h>
#include <linux/version.h>
#include <asm/irq_regs.h>

#include "deferred_reset.h"
#include "ioport_region.h"
#include "version.h"

/**
 * struct poweroff_param - an integer parameter and the values that it may take
 * @value: now
 * @min: smallest
 * @max: largest
 * @follow: does what a new value asks for, or refuses it; may be NULL
 */
struct poweroff_param {
	int value;
	int min;
	int max;
	int (*follow)(int value);
};

/* Context: process, under the parameter lock; before init for the command line of the load. */
static int poweroff_param_set(const char *text, const struct kernel_param *kp)
{
	struct poweroff_param *param = kp->arg;
	int value;
	int err = kstrtoint(text, 0, &value);

	if (!err && (value < param->min || value > param->max))
		err = -ERANGE;
	if (err) {
		pr_err("%s: %s: give an integer from %d to %d\n", kp->name,
		       err == -ERANGE ? "out of range" : "not a number", param->min, param->max);
		return err;
	}
	if (param->follow)
		err = param->follow(value);
	if (!err)
		WRITE_ONCE(param->value, value);
	return err;
}

static int poweroff_param_get(char *buffer, const struct kernel_param *kp)
{
	const struct poweroff_param *param = kp->arg;

	return sysfs_emit(buffer, "%d\n", READ_ONCE(param->value));
}

static const struct kernel_param_ops poweroff_param_ops = {
	.set = poweroff_param_set,
	.get = poweroff_param_get,
};

/* A kernel that is locked down refuses parameters that name hardware. */
#define POWEROFF_PARAM(name, value, min, max, follow, perm, flags, what)			\
	static struct poweroff_param poweroff_##name = { value, min, max, follow };		\
	__module_param_call(MODULE_PARAM_PREFIX, name, &poweroff_param_ops, &poweroff_##name,	\
			    perm, -1, flags);							\
	__MODULE_PARM_TYPE(name, "int");							\
	MODULE_PARM_DESC(name, what " (" #min "-" #max ", default " #value ")")

/* QEMU's defaults are 0x501 and 2. scripts/vm and qemu-run give QEMU these. */
POWEROFF_PARAM(iobase, 0x10f4, 0, 0xffff, NULL, 0444, KERNEL_PARAM_FL_HWPARAM,
	       "first I/O port, as in -device isa-debug-exit,iobase=");
POWEROFF_PARAM(iosize, 4, 1, 0x10000, NULL, 0444, KERNEL_PARAM_FL_HWPARAM,
	       "number of I/O ports, as in -device isa-debug-exit,iosize=");
/* The process status has eight bits, and the lowest is taken: 128 would look like 0. */
POWEROFF_PARAM(code, 0, 0, 127, NULL, 0644, 0, "exit code; QEMU exits with (code << 1) | 1");
/* timeout(1), env(1) and the shell have 124 to 127. */
POWEROFF_PARAM(panic_code, 121, -1, 127, NULL, 0644, 0,
	       "exit code on a kernel panic; -1 leaves panics alone");
POWEROFF_PARAM(sync, 1, 0, 1, NULL, 0644, 0,
	       "write file data to disk before the delay or a halt ends the machine");
POWEROFF_PARAM(nowayout, 0, 0, 1, NULL, 0444, 0,
	       "a delay that has begun can only be made shorter, and the module not be unloaded");

/* Requested before anything can end the machine, released after nothing can any more. */
static struct ioport_region poweroff_ports;

enum poweroff_reason { BY_DEADLINE, BY_HALT, BY_POWER_OFF, BY_PANIC };
static const char * const poweroff_reasons[] = { "deadline", "halt", "power-off", "panic" };

enum poweroff_path { IN_PROCESS, IN_INTERRUPT, IN_POWER_OFF, IN_PANIC };
static const char * const poweroff_paths[] = { "process", "hard interrupt", "power-off", "panic" };

/*
 * The first reason to end the machine, and its code. It stands: from QEMU 9.1 the write
 * to the port returns, the guest runs on for a moment, and the last write wins. So a
 * later reason writes the code of the first. That also helps if the first was stopped
 * between its decision and its write: a panic stops the other CPUs wherever they are.
 */
#define POWEROFF_UNDECIDED	-1	/* or reason << 8 | code */
static atomic_t poweroff_verdict = ATOMIC_INIT(POWEROFF_UNDECIDED);

/* Data is being written to disk: the verdict is logged, and the port not yet written. */
static atomic_t poweroff_syncing;

/*
 * Beside a CPU that hangs and holds the console, a printk() spins with interrupts off:
 * it would take this CPU, too. Waits for a while, less than until the next backstop. On a
 * power-off and a panic the kernel itself has logged just before. Context: any.
 */
static bool poweroff_may_log(enum poweroff_path path)
{
	int tries = 500;

	if (path >= IN_POWER_OFF)
		return true;
	while (!console_trylock()) {
		if (!tries--)
			return false;
		if (path == IN_PROCESS)
			usleep_range(USEC_PER_MSEC, 2 * USEC_PER_MSEC);
		else
			mdelay(1);
	}
	console_unlock();
	return true;
}

/*
 * Writes file data to disk. The first sync writes, and flushes the caches of the disks
 * before its last writes; the second flushes these. A sync may hang: the
 * reference keeps the module loaded. A module that is being unloaded does not sync.
 * Context: process, may sleep.
 */
static void poweroff_write_data(void)
{
	if (!READ_ONCE(poweroff_sync.value) || !try_module_get(THIS_MODULE))
		return;
	atomic_set(&poweroff_syncing, 1);
	ksys_sync_helper();
	ksys_sync_helper();
	atomic_set(&poweroff_syncing, 0);
	module_put(THIS_MODULE);
}

/*
 * Ends the machine. Returns if QEMU takes a moment to end, or was told not to.
 * The first caller logs before it writes the port. A later caller is there for the case
 * that the first one hangs, and writes the port first. But if the first one hangs in the
 * sync, the later one says before what may be lost.
 * Context: any. IN_PROCESS may sleep.
 */
static void poweroff_end(enum poweroff_reason reason, int code, enum poweroff_path path)
{
	int first = atomic_cmpxchg(&poweroff_verdict, POWEROFF_UNDECIDED, reason << 8 | code);

	if (first == POWEROFF_UNDECIDED) {
		if (poweroff_may_log(path)) {
			pr_emerg("%s: ending the machine with code %d (%s)\n",
				 poweroff_reasons[reason], code, poweroff_paths[path]);
			if (path == IN_PROCESS)
				poweroff_write_data();
		}
		ioport_region_outb(&poweroff_ports, 0, code);
		return;
	}
	if (atomic_xchg(&poweroff_syncing, 0) && poweroff_may_log(path))
		pr_emerg("%s: file data is still being written to disk, some of it may be lost\n",
			 poweroff_reasons[reason]);
	ioport_region_outb(&poweroff_ports, 0, first & 0xff);
	/* The backstop, or a new delay, has the same reason: that is no news. */
	if (first >> 8 != reason)
		pr_emerg("%s: the machine is already ending with code %d (%s)\n",
			 poweroff_reasons[reason], first & 0xff, poweroff_reasons[first >> 8]);
}

/* Context: any. */
void deferred_reset_survived(void)
{
	pr_emerg("the machine still runs 1000 ms after code %d was written to port 0x%x: was QEMU started with -no-shutdown?\n",
		 atomic_read(&poweroff_verdict) & 0xff, poweroff_ports.base);
}

/* Context: atomic, the other CPUs stopped. There is nothing to write, or no way to. */
static void poweroff_end_now(enum poweroff_reason reason, int code, enum poweroff_path path)
{
	poweroff_end(reason, code, path);
	mdelay(1000);
	deferred_reset_survived();
}

/* A halt brings the deadline forward to now. */
static bool poweroff_halting;

/* Context: process (@in_work), or hard interrupt. */
void deferred_reset_expire(bool in_work)
{
	/* By then the other CPUs have said what they run. */
	if (!in_work && atomic_read(&poweroff_verdict) == POWEROFF_UNDECIDED)
		mdelay(100);
	poweroff_end(READ_ONCE(poweroff_halting) ? BY_HALT : BY_DEADLINE,
		     READ_ONCE(poweroff_code.value), in_work ? IN_PROCESS : IN_INTERRUPT);
}

/* Says what this CPU runs instead of the work. Context: hard interrupt. */
void deferred_reset_overdue(void)
{
	struct pt_regs *regs = get_irq_regs();

	if (atomic_read(&poweroff_verdict) != POWEROFF_UNDECIDED || !poweroff_may_log(IN_INTERRUPT))
		return;
	if (!regs || user_mode(regs))
		pr_emerg("CPU %d runs %s, pid %d, in user space\n", smp_processor_id(),
			 current->comm, current->pid);
	else
		pr_emerg("CPU %d runs %s, pid %d, in %pS\n", smp_processor_id(),
			 current->comm, current->pid, (void *)instruction_pointer(regs));
}

/*
 * Whether the deadline may be armed: parameters are set before init and after exit, too.
 * Whether nowayout has taken a reference to this module. Both under the parameter lock of
 * this module, which the kernel holds whenever it calls an operation of a parameter.
 */
static bool poweroff_ready, poweroff_pinned;

/* Context: process, under the parameter lock. */
static int poweroff_follow_delay(int seconds)
{
	s64 left = deferred_reset_remaining();

	if (!poweroff_ready)
		return 0;
	if (poweroff_nowayout.value && left >= 0 &&
	    (seconds < 0 || seconds * (s64)NSEC_PER_SEC > left)) {
		pr_err("delay: loaded with nowayout=1: give less than what remains\n");
		return -EPERM;
	}
	/* Fails if the module is being unloaded. */
	if (poweroff_nowayout.value && seconds >= 0 && !poweroff_pinned) {
		poweroff_pinned = try_module_get(THIS_MODULE);
		if (!poweroff_pinned)
			return -EBUSY;
	}
	deferred_reset_set(seconds * (s64)NSEC_PER_SEC);
	/* At once: the backstop sees to it that this is soon. */
	while (!seconds && deferred_reset_remaining() >= 0)
		usleep_range(USEC_PER_MSEC, 2 * USEC_PER_MSEC);
	return 0;
}

/* At most 31 days. */
POWEROFF_PARAM(delay, 0, -1, 2678400, poweroff_follow_delay, 0644, 0,
	       "seconds until the exit; 0 at once, -1 never; writing re-arms from now");

static int poweroff_remaining_set(const char *text, const struct kernel_param *kp)
{
	pr_err("%s: can only be read: set delay instead\n", kp->name);
	return -EPERM;
}

/* Context: process, under the parameter lock. */
static int poweroff_remaining_get(char *buffer, const struct kernel_param *kp)
{
	s64 left = poweroff_ready ? deferred_reset_remaining() : -1;

	/* Rounded up: 0 means now. */
	return sysfs_emit(buffer, "%lld\n",
			  left < 0 ? -1LL : (s64)DIV_ROUND_UP_ULL(left, NSEC_PER_SEC));
}

static const struct kernel_param_ops poweroff_remaining_ops = {
	.set = poweroff_remaining_set,
	.get = poweroff_remaining_get,
};

module_param_cb(remaining, &poweroff_remaining_ops, NULL, 0444);
__MODULE_PARM_TYPE(remaining, "int");
MODULE_PARM_DESC(remaining, "seconds left; -1 when nothing is pending (read only)");

/*
 * On power-off. User space has unmounted its file systems.
 * Context: atomic, the other CPUs stopped and interrupts off, but for a forced power-off.
 */
static int poweroff_power_off(struct sys_off_data *data)
{
	poweroff_end_now(BY_POWER_OFF, READ_ONCE(poweroff_code.value), IN_POWER_OFF);
	return NOTIFY_DONE;
}

static struct sys_off_handler *poweroff_handler;

/*
 * On halt, for which the kernel has no sys-off handlers. The deadline's work can write
 * data to disk while the disks still work, and has its backstop.
 * Context: process, may sleep.
 */
static int poweroff_shutdown(struct notifier_block *block, unsigned long action, void *data)
{
	if (action != SYS_HALT)
		return NOTIFY_DONE;
	kernel_param_lock(THIS_MODULE);
	WRITE_ONCE(poweroff_halting, true);
	poweroff_follow_delay(0);
	kernel_param_unlock(THIS_MODULE);
	return NOTIFY_DONE;
}

/* After all other notifiers. */
static struct notifier_block poweroff_shutdown_notifier = {
	.notifier_call = poweroff_shutdown,
	.priority = INT_MIN,
};

/* A panic has begun, and ends the machine. Only its own CPU still runs. */
static bool poweroff_panicking;

/*
 * On panic. The kernel calls the dumpers of its log twice: with KMSG_DUMP_PANIC before
 * it flushes the consoles, and with KMSG_DUMP_EMERG when it restarts the machine, which
 * is after that. So have it restart without a delay, and end the machine then: the text
 * of the panic is on the console, even if another CPU held the console's lock.
 * Context: atomic, NMI included; a panic has stopped the other CPUs.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static void poweroff_dump(struct kmsg_dumper *dumper, struct kmsg_dump_detail *detail)
{
	enum kmsg_dump_reason reason = detail->reason;
#else
static void poweroff_dump(struct kmsg_dumper *dumper, enum kmsg_dump_reason reason)
{
#endif
	int code = READ_ONCE(poweroff_panic_code.value);

	/* If there was a reason before, its code is what is written. */
	if (reason == KMSG_DUMP_PANIC &&
	    (code >= 0 || atomic_read(&poweroff_verdict) != POWEROFF_UNDECIDED)) {
		poweroff_panicking = true;
		panic_timeout = -1;
	}
	if (reason == KMSG_DUMP_EMERG && poweroff_panicking)
		poweroff_end_now(BY_PANIC, code, IN_PANIC);
}

static struct kmsg_dumper poweroff_dumper = {
	.dump = poweroff_dump,
	.max_reason = KMSG_DUMP_EMERG,
};

/* Reserves the ports, and makes sure that the device is there. Reads, and writes nothing. */
static int __init poweroff_claim_ports(struct ioport_region *claimed)
{
	struct ioport_region region __free(ioport_region) = {};
	int base = poweroff_iobase.value, size = poweroff_iosize.value;
	int err = ioport_region_request(&region, base, size, KBUILD_MODNAME);
	int offset;

	if (err == -EBUSY)
		pr_err("ports 0x%x-0x%x are taken: see /proc/ioports for the owner, or give QEMU and this module another iobase=\n",
		       base, base + size - 1);
	else if (err)
		pr_err("iobase=0x%x iosize=%d: past the last port, 0xffff: give a range that ends there or earlier\n",
		       base, size);
	if (err)
		return err;

	for (offset = 0; offset < size; offset++) {
		if (ioport_region_inb(&region, offset) == 0x00)
			continue;
		pr_err("no device at port 0x%x: start QEMU with -device isa-debug-exit,iobase=0x%x,iosize=0x%02x\n",
		       base + offset, base, size);
		return -ENODEV;
	}

	*claimed = ioport_region_take(&region);
	return 0;
}

static int __init poweroff_init(void)
{
	int err = poweroff_claim_ports(&poweroff_ports);

	if (err)
		return err;

	err = deferred_reset_init();
	if (err) {
		pr_err("cannot prepare the deadline: error %d: %s, and load again\n", err,
		       err == -ENOSPC ? "unload a module that follows processor hotplug" :
		       "free memory, or raise kernel.threads-max");
		goto release_ports;
	}

	/*
	 * The handlers of ACPI and of EFI (drivers/firmware/efi/reboot.c, one above ACPI) end
	 * the machine with status 0 and do not return. A priority has room for one handler.
	 */
	poweroff_handler = register_sys_off_handler(SYS_OFF_MODE_POWER_OFF,
						    SYS_OFF_PRIO_FIRMWARE + 16,
						    poweroff_power_off, NULL);
	err = PTR_ERR_OR_ZERO(poweroff_handler);
	if (err) {
		pr_err("cannot register the power-off handler: error %d: %s, and load again\n", err,
		       err == -EBUSY ? "unload the driver that has its priority" : "free memory");
		goto destroy_deadline;
	}

	err = kmsg_dump_register(&poweroff_dumper);
	if (err) {
		pr_err("cannot register the log dumper: error %d\n", err);
		goto unregister_power_off;
	}
	err = register_reboot_notifier(&poweroff_shutdown_notifier);
	if (err) {
		pr_err("cannot register the shutdown notifier: error %d\n", err);
		goto unregister_dumper;
	}

	if (!IS_ENABLED(CONFIG_PM_SLEEP))
		pr_warn("sync=1 writes nothing: this kernel has no CONFIG_PM_SLEEP\n");
	kernel_param_lock(THIS_MODULE);
	if (poweroff_delay.value < 0)
		pr_info("holding ports 0x%x-0x%x; no delay set\n", poweroff_ports.base,
			poweroff_ports.base + poweroff_ports.size - 1);
	else
		pr_info("holding ports 0x%x-0x%x; ending the machine with code %d in %d s\n",
			poweroff_ports.base, poweroff_ports.base + poweroff_ports.size - 1,
			poweroff_code.value, poweroff_delay.value);
	poweroff_ready = true;
	/* Cannot fail: nothing is armed, and a module that loads is not being unloaded. */
	poweroff_follow_delay(poweroff_halting ? 0 : poweroff_delay.value);
	kernel_param_unlock(THIS_MODULE);
	return 0;

unregister_dumper:
	kmsg_dump_unregister(&poweroff_dumper);
unregister_power_off:
	unregister_sys_off_handler(poweroff_handler);
destroy_deadline:
	deferred_reset_destroy();
release_ports:
	ioport_region_release(&poweroff_ports);
	return err;
}

/* In exact reverse of init. */
static void __exit poweroff_exit(void)
{
	kernel_param_lock(THIS_MODULE);
	poweroff_ready = false;
	deferred_reset_set(-1);
	kernel_param_unlock(THIS_MODULE);
	unregister_reboot_notifier(&poweroff_shutdown_notifier);
	kmsg_dump_unregister(&poweroff_dumper);
	unregister_sys_off_handler(poweroff_handler);
	deferred_reset_destroy();
	ioport_region_release(&poweroff_ports);
	pr_info("gave the ports back\n");
}

module_init(poweroff_init);
module_exit(poweroff_exit);

MODULE_DESCRIPTION("End a QEMU virtual machine with an exit code, through isa-debug-exit");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
MODULE_VERSION(QEMU_POWEROFF_VERSION);
