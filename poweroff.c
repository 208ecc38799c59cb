// SPDX-License-Identifier: GPL-2.0
/*
 * End a QEMU virtual machine with an exit code of the guest's choice.
 *
 * QEMU's isa-debug-exit device turns a byte written to its port into the end of
 * the machine, with the process status (byte << 1) | 1 (hw/misc/debugexit.c in
 * QEMU's source). This file is the policy: the parameters, and which events end
 * the machine with which code. ioport_region.c holds the ports, deferred_reset.c
 * keeps the deadline, cpu_report.c says what held it up.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kmsg_dump.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/panic.h>
#include <linux/reboot.h>
#include <linux/stringify.h>
#include <linux/suspend.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>
#include <linux/version.h>

#include "cpu_report.h"
#include "deferred_reset.h"
#include "ioport_region.h"
#include "version.h"

/* QEMU's defaults are 0x501 and 2. scripts/vm and qemu-run give QEMU these. */
#define POWEROFF_IOBASE		0x10f4
#define POWEROFF_IOSIZE		4

/* The process status has eight bits, and the lowest is taken: 128 would look like 0. */
#define POWEROFF_CODE		0
#define POWEROFF_CODE_MAX	127

/* timeout(1), env(1) and the shell have 124 to 127. */
#define POWEROFF_PANIC_NEVER	-1
#define POWEROFF_PANIC_CODE	121

#define POWEROFF_DELAY_NEVER	-1
#define POWEROFF_DELAY_S	0
#define POWEROFF_DELAY_MAX_S	(31 * 24 * 60 * 60)

#define POWEROFF_SYNC		1
#define POWEROFF_NOWAYOUT	0

/* What isa-debug-exit answers to a read of any of its ports. */
#define POWEROFF_ANSWER		0x00

/*
 * The handlers of ACPI and of EFI (drivers/firmware/efi/reboot.c, one above ACPI) end
 * the machine with status 0 and do not return. A priority has room for one handler.
 */
#define POWEROFF_PRIORITY	(SYS_OFF_PRIO_FIRMWARE + 16)

/* How long QEMU may take to end after the write to the port. */
#define POWEROFF_GRACE_MS	1000

/**
 * struct poweroff_param - an integer parameter and the values that it may take
 * @value: now
 * @min: smallest
 * @max: largest
 */
struct poweroff_param {
	int value;
	int min;
	int max;
};

/*
 * Context: process, under the parameter lock of this module; before init for the
 * command line of the load, later for sysfs.
 */
static int poweroff_param_parse(const char *text, const struct kernel_param *kp, int *value)
{
	const struct poweroff_param *param = kp->arg;
	int err = kstrtoint(text, 0, value);

	if (err == -EINVAL) {
		pr_err("%s: not a number: give an integer from %d to %d\n", kp->name,
		       param->min, param->max);
		return -EINVAL;
	}
	if (err || *value < param->min || *value > param->max) {
		pr_err("%s: out of range: give an integer from %d to %d\n", kp->name,
		       param->min, param->max);
		return -ERANGE;
	}
	return 0;
}

static int poweroff_param_set(const char *text, const struct kernel_param *kp)
{
	struct poweroff_param *param = kp->arg;
	int value;
	int err = poweroff_param_parse(text, kp, &value);

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

static struct poweroff_param poweroff_iobase = { POWEROFF_IOBASE, 0, IOPORT_SPACE_SIZE - 1 };
module_param_cb(iobase, &poweroff_param_ops, &poweroff_iobase, 0444);
__MODULE_PARM_TYPE(iobase, "int");
MODULE_PARM_DESC(iobase,
		 "first I/O port, as in -device isa-debug-exit,iobase= (0-0xffff, default "
		 __stringify(POWEROFF_IOBASE) ")");

static struct poweroff_param poweroff_iosize = { POWEROFF_IOSIZE, 1, IOPORT_SPACE_SIZE };
module_param_cb(iosize, &poweroff_param_ops, &poweroff_iosize, 0444);
__MODULE_PARM_TYPE(iosize, "int");
MODULE_PARM_DESC(iosize,
		 "number of I/O ports, as in -device isa-debug-exit,iosize= (1-0x10000, default "
		 __stringify(POWEROFF_IOSIZE) ")");

static struct poweroff_param poweroff_code = { POWEROFF_CODE, 0, POWEROFF_CODE_MAX };
module_param_cb(code, &poweroff_param_ops, &poweroff_code, 0644);
__MODULE_PARM_TYPE(code, "int");
MODULE_PARM_DESC(code, "exit code; QEMU exits with (code << 1) | 1 (0-"
		 __stringify(POWEROFF_CODE_MAX) ", default " __stringify(POWEROFF_CODE) ")");

static struct poweroff_param poweroff_panic_code = {
	POWEROFF_PANIC_CODE, POWEROFF_PANIC_NEVER, POWEROFF_CODE_MAX
};
module_param_cb(panic_code, &poweroff_param_ops, &poweroff_panic_code, 0644);
__MODULE_PARM_TYPE(panic_code, "int");
MODULE_PARM_DESC(panic_code, "exit code on a kernel panic; -1 leaves panics alone (-1-"
		 __stringify(POWEROFF_CODE_MAX) ", default " __stringify(POWEROFF_PANIC_CODE) ")");

static struct poweroff_param poweroff_sync = { POWEROFF_SYNC, 0, 1 };
module_param_cb(sync, &poweroff_param_ops, &poweroff_sync, 0644);
__MODULE_PARM_TYPE(sync, "int");
MODULE_PARM_DESC(sync, "write file data to disk before the delay or a halt ends the machine (0-1, default "
		 __stringify(POWEROFF_SYNC) ")");

static struct poweroff_param poweroff_nowayout = { POWEROFF_NOWAYOUT, 0, 1 };
module_param_cb(nowayout, &poweroff_param_ops, &poweroff_nowayout, 0444);
__MODULE_PARM_TYPE(nowayout, "int");
MODULE_PARM_DESC(nowayout, "a delay that has begun can only be made shorter, and the module not be unloaded (0-1, default "
		 __stringify(POWEROFF_NOWAYOUT) ")");

/* Registered below, with what a write to it does. */
static struct poweroff_param poweroff_delay = {
	POWEROFF_DELAY_S, POWEROFF_DELAY_NEVER, POWEROFF_DELAY_MAX_S
};

/* Requested before anything can end the machine, released after nothing can any more. */
static struct ioport_region poweroff_ports;

enum poweroff_reason {
	POWEROFF_BY_DEADLINE,
	POWEROFF_BY_POWER_OFF,
	POWEROFF_BY_PANIC,
	POWEROFF_BY_HALT,
};

static const char * const poweroff_reasons[] = {
	[POWEROFF_BY_DEADLINE] = "deadline",
	[POWEROFF_BY_POWER_OFF] = "power-off",
	[POWEROFF_BY_PANIC] = "panic",
	[POWEROFF_BY_HALT] = "halt",
};

enum poweroff_path {
	POWEROFF_IN_PROCESS,
	POWEROFF_IN_INTERRUPT,
	POWEROFF_IN_POWER_OFF,
	POWEROFF_IN_PANIC,
};

static const char * const poweroff_paths[] = {
	[POWEROFF_IN_PROCESS] = "process",
	[POWEROFF_IN_INTERRUPT] = "hard interrupt",
	[POWEROFF_IN_POWER_OFF] = "power-off",
	[POWEROFF_IN_PANIC] = "panic",
};

/*
 * The first reason to end the machine, and its code. It stands: from QEMU 9.1 the write
 * to the port returns, the guest runs on for a moment, and the last write wins. So a
 * later reason writes the code of the first. That also helps if the first was stopped
 * between its decision and its write: a panic stops the other CPUs wherever they are.
 */
#define POWEROFF_UNDECIDED		-1
#define POWEROFF_VERDICT(reason, code)	((reason) << 8 | (code))
#define POWEROFF_VERDICT_REASON(v)	((v) >> 8)
#define POWEROFF_VERDICT_CODE(v)	((v) & 0xff)
static atomic_t poweroff_verdict = ATOMIC_INIT(POWEROFF_UNDECIDED);

/* Data is being written to disk: the verdict is logged, and the port not yet written. */
static atomic_t poweroff_syncing;

/*
 * Ends the machine. Returns if QEMU takes a moment to end, or was told not to.
 *
 * The first caller logs before it writes the port, and may wait for the console, for
 * ever if the console is stuck. A later caller is there for that case, and writes the
 * port first. If the first caller got past its log line and hangs in the sync, the
 * console works, and the next caller says what may be lost before it writes the port.
 *
 * Context: any. POWEROFF_IN_PROCESS is process context, and may sleep.
 */
static void poweroff_end(enum poweroff_reason reason, int code, enum poweroff_path path)
{
	int first = atomic_cmpxchg(&poweroff_verdict, POWEROFF_UNDECIDED,
				   POWEROFF_VERDICT(reason, code));

	if (first == POWEROFF_UNDECIDED) {
		/*
		 * A console that nobody reads takes seconds a line. So the report stops when
		 * the backstop on another CPU would write the port anyway. The other paths
		 * read no clock: a panic may have stopped a CPU that holds the clock's lock.
		 */
		u64 until = path == POWEROFF_IN_INTERRUPT ?
			    ktime_get_mono_fast_ns() + DEFERRED_RESET_GRACE_NS : 0;

		pr_emerg("%s: ending the machine with code %d (%s)\n",
			 poweroff_reasons[reason], code, poweroff_paths[path]);
		if (path == POWEROFF_IN_INTERRUPT)
			cpu_report_log(until);
		if (path == POWEROFF_IN_PROCESS && READ_ONCE(poweroff_sync.value)) {
			atomic_set(&poweroff_syncing, 1);
			/*
			 * The first writes, and flushes the caches of the disks before
			 * its last writes. The second flushes these.
			 */
			ksys_sync_helper();
			ksys_sync_helper();
			atomic_set(&poweroff_syncing, 0);
		}
		ioport_region_outb(&poweroff_ports, 0, code);
		return;
	}
	if (atomic_xchg(&poweroff_syncing, 0))
		pr_emerg("%s: file data is still being written to disk, some of it may be lost\n",
			 poweroff_reasons[reason]);
	ioport_region_outb(&poweroff_ports, 0, POWEROFF_VERDICT_CODE(first));
	/* The backstop, or a new delay, has the same reason: that is no news. */
	if (POWEROFF_VERDICT_REASON(first) == reason)
		return;
	pr_emerg("%s: the machine is already ending with code %d (%s)\n",
		 poweroff_reasons[reason], POWEROFF_VERDICT_CODE(first),
		 poweroff_reasons[POWEROFF_VERDICT_REASON(first)]);
}

/* Context: any. */
static void poweroff_report_survival(void)
{
	pr_emerg("the machine still runs %d ms after code %d was written to port 0x%x: was QEMU started with -no-shutdown?\n",
		 POWEROFF_GRACE_MS, POWEROFF_VERDICT_CODE(atomic_read(&poweroff_verdict)),
		 poweroff_ports.base);
}

/* Context: atomic, the other CPUs stopped. There is nothing to write, or no way to. */
static void poweroff_end_now(enum poweroff_reason reason, int code, enum poweroff_path path)
{
	poweroff_end(reason, code, path);
	mdelay(POWEROFF_GRACE_MS);
	poweroff_report_survival();
}

/* A halt brings the deadline forward to now. */
static bool poweroff_halting;

/* Context: process, or hard interrupt for the backstop. */
static void poweroff_expire(struct deferred_reset *reset, enum deferred_reset_path path)
{
	poweroff_end(READ_ONCE(poweroff_halting) ? POWEROFF_BY_HALT : POWEROFF_BY_DEADLINE,
		     READ_ONCE(poweroff_code.value),
		     path == DEFERRED_RESET_WORK ? POWEROFF_IN_PROCESS : POWEROFF_IN_INTERRUPT);
}

/* Context: hard interrupt. */
static void poweroff_survived(struct deferred_reset *reset)
{
	poweroff_report_survival();
}

static const struct deferred_reset_ops poweroff_deadline_ops = {
	.expire = poweroff_expire,
	.survived = poweroff_survived,
};

static struct deferred_reset poweroff_deadline;

/*
 * Whether the deadline may be armed. Parameters are set before init has made it, and
 * until the module is freed after exit. Under the parameter lock of this module, which
 * the kernel holds whenever it calls an operation of a parameter.
 */
static bool poweroff_ready;

/* Whether nowayout has taken a reference to this module. Under the parameter lock. */
static bool poweroff_pinned;

/* Context: process, under the parameter lock. */
static int poweroff_follow_delay(int seconds)
{
	ktime_t left = deferred_reset_remaining(&poweroff_deadline);

	if (poweroff_nowayout.value && left >= 0 &&
	    (seconds == POWEROFF_DELAY_NEVER || ktime_set(seconds, 0) > left)) {
		pr_err("delay: loaded with nowayout=1: give less than what remains\n");
		return -EPERM;
	}
	if (seconds == POWEROFF_DELAY_NEVER) {
		deferred_reset_cancel(&poweroff_deadline);
		return 0;
	}
	/* Fails if the module is being unloaded. */
	if (poweroff_nowayout.value && !poweroff_pinned) {
		poweroff_pinned = try_module_get(THIS_MODULE);
		if (!poweroff_pinned)
			return -EBUSY;
	}
	deferred_reset_arm(&poweroff_deadline, ktime_set(seconds, 0));
	return 0;
}

/* Context: process, under the parameter lock. */
static int poweroff_delay_set(const char *text, const struct kernel_param *kp)
{
	int seconds;
	int err = poweroff_param_parse(text, kp, &seconds);

	if (!err && poweroff_ready)
		err = poweroff_follow_delay(seconds);
	if (!err)
		WRITE_ONCE(poweroff_delay.value, seconds);
	return err;
}

static const struct kernel_param_ops poweroff_delay_ops = {
	.set = poweroff_delay_set,
	.get = poweroff_param_get,
};

module_param_cb(delay, &poweroff_delay_ops, &poweroff_delay, 0644);
__MODULE_PARM_TYPE(delay, "int");
MODULE_PARM_DESC(delay,
		 "seconds until the exit; 0 at once, -1 never; writing re-arms from now (-1-2678400, default "
		 __stringify(POWEROFF_DELAY_S) ")");

static int poweroff_remaining_set(const char *text, const struct kernel_param *kp)
{
	pr_err("%s: can only be read: set delay instead\n", kp->name);
	return -EPERM;
}

/* Context: process, under the parameter lock. */
static int poweroff_remaining_get(char *buffer, const struct kernel_param *kp)
{
	ktime_t left = poweroff_ready ? deferred_reset_remaining(&poweroff_deadline) : -1;

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
 *
 * Context: atomic, the other CPUs stopped and interrupts off, but for a forced
 * power-off.
 */
static int poweroff_power_off(struct sys_off_data *data)
{
	poweroff_end_now(POWEROFF_BY_POWER_OFF, READ_ONCE(poweroff_code.value),
			 POWEROFF_IN_POWER_OFF);
	return NOTIFY_DONE;
}

static struct sys_off_handler *poweroff_handler;

/*
 * On halt, for which the kernel has no sys-off handlers. The deadline's work can write
 * data to disk while the disks still work, and has its backstop.
 *
 * Context: process, may sleep.
 */
static int poweroff_shutdown(struct notifier_block *block, unsigned long action, void *data)
{
	if (action != SYS_HALT)
		return NOTIFY_DONE;
	kernel_param_lock(THIS_MODULE);
	WRITE_ONCE(poweroff_halting, true);
	deferred_reset_arm(&poweroff_deadline, 0);
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
 *
 * Context: atomic, NMI included; a panic has stopped the other CPUs.
 */
static void poweroff_dump(enum kmsg_dump_reason reason)
{
	int code = READ_ONCE(poweroff_panic_code.value);

	/* If there was a reason before, its code is what is written. */
	if (reason == KMSG_DUMP_PANIC &&
	    (code != POWEROFF_PANIC_NEVER ||
	     atomic_read(&poweroff_verdict) != POWEROFF_UNDECIDED)) {
		poweroff_panicking = true;
		panic_timeout = -1;
	}
	if (reason == KMSG_DUMP_EMERG && poweroff_panicking)
		poweroff_end_now(POWEROFF_BY_PANIC, code, POWEROFF_IN_PANIC);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static void poweroff_dumper_dump(struct kmsg_dumper *dumper, struct kmsg_dump_detail *detail)
{
	poweroff_dump(detail->reason);
}
#else
static void poweroff_dumper_dump(struct kmsg_dumper *dumper, enum kmsg_dump_reason reason)
{
	poweroff_dump(reason);
}
#endif

static struct kmsg_dumper poweroff_dumper = {
	.dump = poweroff_dumper_dump,
	.max_reason = KMSG_DUMP_EMERG,
};

/*
 * Reserves the ports that the parameters name, and makes sure that the device is there.
 * Says what to do if not. Reads, and writes nothing.
 */
static int __init poweroff_claim_ports(struct ioport_region *claimed)
{
	struct ioport_region region __free(ioport_region) = {};
	int base = poweroff_iobase.value, size = poweroff_iosize.value;
	int err = ioport_region_request(&region, base, size, KBUILD_MODNAME);
	int offset;

	switch (err) {
	case 0:
		break;
	case -EBUSY:
		pr_err("ports 0x%x-0x%x are taken: see /proc/ioports for the owner, or give QEMU and this module another iobase=\n",
		       base, base + size - 1);
		return err;
	default:
		pr_err("iobase=0x%x iosize=%d: past the last port, 0xffff: give a range that ends there or earlier\n",
		       base, size);
		return err;
	}

	for (offset = 0; offset < size; offset++) {
		if (ioport_region_inb(&region, offset) == POWEROFF_ANSWER)
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

	err = deferred_reset_init(&poweroff_deadline, &poweroff_deadline_ops);
	if (err) {
		pr_err("cannot prepare the deadline: error %d: %s, and load again\n", err,
		       err == -ENOSPC ? "unload a module that follows processor hotplug" :
		       "free memory, or raise kernel.threads-max");
		goto release_ports;
	}

	poweroff_handler = register_sys_off_handler(SYS_OFF_MODE_POWER_OFF, POWEROFF_PRIORITY,
						    poweroff_power_off, NULL);
	if (IS_ERR(poweroff_handler)) {
		err = PTR_ERR(poweroff_handler);
		pr_err("cannot register the power-off handler: error %d: %s, and load again\n",
		       err, err == -EBUSY ? "unload the driver that has its priority" :
		       "free memory");
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

	kernel_param_lock(THIS_MODULE);
	if (poweroff_delay.value == POWEROFF_DELAY_NEVER)
		pr_info("holding ports 0x%x-0x%x; no delay set\n", poweroff_ports.base,
			poweroff_ports.base + poweroff_ports.size - 1);
	else
		pr_info("holding ports 0x%x-0x%x; ending the machine with code %d in %d s\n",
			poweroff_ports.base, poweroff_ports.base + poweroff_ports.size - 1,
			poweroff_code.value, poweroff_delay.value);
	poweroff_ready = true;
	/* Cannot fail: nothing is armed, and a module that loads is not being unloaded. */
	poweroff_follow_delay(poweroff_delay.value);
	kernel_param_unlock(THIS_MODULE);
	return 0;

unregister_dumper:
	kmsg_dump_unregister(&poweroff_dumper);
unregister_power_off:
	unregister_sys_off_handler(poweroff_handler);
destroy_deadline:
	deferred_reset_destroy(&poweroff_deadline);
release_ports:
	ioport_region_release(&poweroff_ports);
	return err;
}

/* In exact reverse of init. */
static void __exit poweroff_exit(void)
{
	kernel_param_lock(THIS_MODULE);
	poweroff_ready = false;
	deferred_reset_cancel(&poweroff_deadline);
	kernel_param_unlock(THIS_MODULE);
	unregister_reboot_notifier(&poweroff_shutdown_notifier);
	kmsg_dump_unregister(&poweroff_dumper);
	unregister_sys_off_handler(poweroff_handler);
	/* Runs on every CPU, and so after the calls of cpu_report_log(), too. */
	deferred_reset_destroy(&poweroff_deadline);
	ioport_region_release(&poweroff_ports);
	pr_info("gave the ports back\n");
}

module_init(poweroff_init);
module_exit(poweroff_exit);

MODULE_DESCRIPTION("End a QEMU virtual machine with an exit code, through isa-debug-exit");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
MODULE_VERSION(QEMU_POWEROFF_VERSION);
