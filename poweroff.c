// SPDX-License-Identifier: GPL-2.0
/*
 * End a QEMU virtual machine with an exit code of the guest's choice.
 *
 * QEMU's isa-debug-exit device turns a byte written to its port into the end of
 * the machine, with the process status (byte << 1) | 1 (hw/misc/debugexit.c in
 * QEMU's source). This file is the policy: the parameters, and which events end
 * the machine with which code. How a range of ports is held, and how a wait is
 * kept, is in ioport_region.c and deferred_reset.c.
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
#include <linux/reboot.h>
#include <linux/stringify.h>
#include <linux/sysfs.h>
#include <linux/version.h>

#include "deferred_reset.h"
#include "ioport_region.h"
#include "version.h"

/* QEMU's defaults are 0x501 and 2; these are the ones that the rig gives it. */
#define IOBASE_DEFAULT	0x10f4
#define IOSIZE_DEFAULT	4

/* The process status has eight bits, and the lowest is taken: 128 would look like 0. */
#define CODE_DEFAULT	0
#define CODE_MAX	127

/* timeout(1), env(1) and the shell have 124 to 127. */
#define PANIC_CODE_NEVER	-1
#define PANIC_CODE_DEFAULT	121

#define DELAY_NEVER	-1
#define DELAY_DEFAULT_S	0
#define DELAY_MAX_S	(31 * 24 * 60 * 60)

/* What an x86 machine reads from a port with no device behind it. */
#define NO_DEVICE	0xff

/*
 * Before ACPI's handler, which ends the machine with status 0 and does not return,
 * and before that of EFI, in drivers/firmware/efi/reboot.c, which is one above. A
 * priority has room for one handler.
 */
#define POWER_OFF_PRIORITY	(SYS_OFF_PRIO_FIRMWARE + 16)

/* How long QEMU may take to end once it was told to. */
#define END_GRACE_MS	1000

/**
 * struct ranged - an integer parameter and the values that it may take
 * @value: now
 * @min: smallest
 * @max: largest
 */
struct ranged {
	int value;
	int min;
	int max;
};

/*
 * Context: process; from the command line of the load, before init, or from
 * sysfs. Under the parameter lock of this module in both cases.
 */
static int ranged_parse(const char *text, const struct kernel_param *kp, int *value)
{
	const struct ranged *ranged = kp->arg;
	int err = kstrtoint(text, 0, value);

	if (err == -EINVAL) {
		pr_err("%s: not a number: give an integer from %d to %d\n", kp->name,
		       ranged->min, ranged->max);
		return -EINVAL;
	}
	if (err || *value < ranged->min || *value > ranged->max) {
		pr_err("%s: out of range: give an integer from %d to %d\n", kp->name,
		       ranged->min, ranged->max);
		return -ERANGE;
	}
	return 0;
}

static int ranged_set(const char *text, const struct kernel_param *kp)
{
	struct ranged *ranged = kp->arg;
	int value;
	int err = ranged_parse(text, kp, &value);

	if (!err)
		WRITE_ONCE(ranged->value, value);
	return err;
}

static int ranged_get(char *buffer, const struct kernel_param *kp)
{
	const struct ranged *ranged = kp->arg;

	return sysfs_emit(buffer, "%d\n", READ_ONCE(ranged->value));
}

static const struct kernel_param_ops ranged_ops = {
	.set = ranged_set,
	.get = ranged_get,
};

static struct ranged iobase = { IOBASE_DEFAULT, 0, IOPORT_SPACE_SIZE - 1 };
module_param_cb(iobase, &ranged_ops, &iobase, 0444);
__MODULE_PARM_TYPE(iobase, "int");
MODULE_PARM_DESC(iobase,
		 "first I/O port, as in -device isa-debug-exit,iobase= (0-0xffff, default "
		 __stringify(IOBASE_DEFAULT) ")");

static struct ranged iosize = { IOSIZE_DEFAULT, 1, IOPORT_SPACE_SIZE };
module_param_cb(iosize, &ranged_ops, &iosize, 0444);
__MODULE_PARM_TYPE(iosize, "int");
MODULE_PARM_DESC(iosize,
		 "number of I/O ports, as in -device isa-debug-exit,iosize= (1-0x10000, default "
		 __stringify(IOSIZE_DEFAULT) ")");

static struct ranged code = { CODE_DEFAULT, 0, CODE_MAX };
module_param_cb(code, &ranged_ops, &code, 0644);
__MODULE_PARM_TYPE(code, "int");
MODULE_PARM_DESC(code, "exit code; QEMU exits with (code << 1) | 1 (0-"
		 __stringify(CODE_MAX) ", default " __stringify(CODE_DEFAULT) ")");

static struct ranged panic_code = { PANIC_CODE_DEFAULT, PANIC_CODE_NEVER, CODE_MAX };
module_param_cb(panic_code, &ranged_ops, &panic_code, 0644);
__MODULE_PARM_TYPE(panic_code, "int");
MODULE_PARM_DESC(panic_code, "exit code on a kernel panic; -1 leaves panics alone (-1-"
		 __stringify(CODE_MAX) ", default " __stringify(PANIC_CODE_DEFAULT) ")");

/* Registered below, with what a write to it does. */
static struct ranged delay_s = { DELAY_DEFAULT_S, DELAY_NEVER, DELAY_MAX_S };

/* Filled before any of the ways down is open, emptied after all are closed. */
static struct ioport_region ports;

enum reason {
	DEADLINE,
	POWER_OFF,
	PANIC,
	HALT,
};

static const char * const reason_names[] = {
	[DEADLINE] = "deadline",
	[POWER_OFF] = "power-off",
	[PANIC] = "panic",
	[HALT] = "halt",
};

/*
 * The first reason to end the machine, and its code. From QEMU 9.1 the write to the
 * port returns, the guest runs on for a moment, and the last write wins. So whoever
 * comes second writes the code of the first. That also helps where the first was
 * stopped between its claim and its write: a panic stops the other processors
 * wherever they are.
 */
#define UNDECIDED		-1
#define VERDICT(reason, code)	((reason) << 8 | (code))
#define VERDICT_REASON(verdict)	((verdict) >> 8)
#define VERDICT_CODE(verdict)	((verdict) & 0xff)
static atomic_t verdict = ATOMIC_INIT(UNDECIDED);

/*
 * Ends the machine, or returns if QEMU takes a moment to.
 *
 * Context: any. The first one logs, and may have to wait for the console, for ever
 * if the console is stuck. Whoever comes later is there for that case: it writes to
 * the port before it logs, and up to QEMU 9.0 does not come back from there. It needs
 * a processor that takes interrupts, besides the one that is stuck with the console
 * and the one that waits for it; at a power-off there is none.
 */
static void end_machine(enum reason reason, int ending_code, const char *path)
{
	int first = atomic_cmpxchg(&verdict, UNDECIDED, VERDICT(reason, ending_code));

	if (first == UNDECIDED) {
		pr_emerg("%s: ending the machine with code %d (%s)\n",
			 reason_names[reason], ending_code, path);
		ioport_region_outb(&ports, 0, ending_code);
		return;
	}
	ioport_region_outb(&ports, 0, VERDICT_CODE(first));
	/* The same reason once more, by its backstop or a new delay, is no news. */
	if (VERDICT_REASON(first) == reason)
		return;
	pr_emerg("%s: the machine is already ending with code %d (%s)\n",
		 reason_names[reason], VERDICT_CODE(first),
		 reason_names[VERDICT_REASON(first)]);
}

static void report_survival(void)
{
	pr_emerg("the machine still runs %d ms after code %d was written to port 0x%x: was QEMU started with -no-shutdown?\n",
		 END_GRACE_MS, VERDICT_CODE(atomic_read(&verdict)), ports.base);
}

/* The way down by delay. Context: process, or hard interrupt for the backstop. */
static void deadline_expire(struct deferred_reset *reset, enum deferred_reset_path path)
{
	end_machine(DEADLINE, READ_ONCE(code.value),
		    path == DEFERRED_RESET_BACKSTOP ? "hard interrupt" : "process");
}

/* Context: hard interrupt. */
static void deadline_survived(struct deferred_reset *reset)
{
	report_survival();
}

static const struct deferred_reset_ops deadline_ops = {
	.expire = deadline_expire,
	.survived = deadline_survived,
};

static struct deferred_reset deadline;

/*
 * Whether @deadline may be armed. Parameters are set before init has made it and
 * until the module is freed after exit. Under the parameter lock of this module,
 * which the kernel holds whenever it calls a parameter's operation.
 */
static bool deadline_ready;

/* Context: process, under the parameter lock. */
static void deadline_follow_delay(void)
{
	if (delay_s.value == DELAY_NEVER)
		deferred_reset_cancel(&deadline);
	else
		deferred_reset_arm(&deadline, ktime_set(delay_s.value, 0));
}

/* Context: process, under the parameter lock. */
static int delay_set(const char *text, const struct kernel_param *kp)
{
	int err = ranged_set(text, kp);

	if (!err && deadline_ready)
		deadline_follow_delay();
	return err;
}

static const struct kernel_param_ops delay_ops = {
	.set = delay_set,
	.get = ranged_get,
};

module_param_cb(delay, &delay_ops, &delay_s, 0644);
__MODULE_PARM_TYPE(delay, "int");
MODULE_PARM_DESC(delay,
		 "seconds until the exit; 0 at once, -1 never; writing re-arms from now (-1-2678400, default "
		 __stringify(DELAY_DEFAULT_S) ")");

static int remaining_set(const char *text, const struct kernel_param *kp)
{
	pr_err("%s: can only be read: set delay instead\n", kp->name);
	return -EPERM;
}

/* Context: process, under the parameter lock. */
static int remaining_get(char *buffer, const struct kernel_param *kp)
{
	ktime_t left = deadline_ready ? deferred_reset_remaining(&deadline) : -1;

	/* Rounded up: 0 means now. */
	return sysfs_emit(buffer, "%lld\n",
			  left < 0 ? -1LL : (s64)DIV_ROUND_UP_ULL(left, NSEC_PER_SEC));
}

static const struct kernel_param_ops remaining_ops = {
	.set = remaining_set,
	.get = remaining_get,
};

module_param_cb(remaining, &remaining_ops, NULL, 0444);
__MODULE_PARM_TYPE(remaining, "int");
MODULE_PARM_DESC(remaining, "seconds left; -1 when nothing is pending (read only)");

/*
 * The way down by power-off. Context: atomic. The other processors are stopped and
 * interrupts off, but for a forced power-off.
 */
static int power_off(struct sys_off_data *data)
{
	end_machine(POWER_OFF, READ_ONCE(code.value), "power-off");
	mdelay(END_GRACE_MS);
	report_survival();
	return NOTIFY_DONE;
}

static struct sys_off_handler *power_off_handler;

/*
 * The ways down by panic and by halt. There is no sys-off handler for a halt, and a
 * panic notifier would come before pstore; the dumpers of the kernel's log come
 * late in both. They run in the order of their registration, so a pstore backend
 * that was there before this module has had its turn. Of a panic in NMI context a
 * legacy console prints nothing before the dumpers: the code is right, the text lost.
 *
 * Context: a panic has stopped the other processors and turned interrupts off; a
 * halt is in process context.
 */
static void dying(enum kmsg_dump_reason reason)
{
	int panicking = READ_ONCE(panic_code.value);

	/* Where there was a reason before, its code is what is written. */
	if (reason == KMSG_DUMP_PANIC &&
	    (panicking != PANIC_CODE_NEVER || atomic_read(&verdict) != UNDECIDED))
		end_machine(PANIC, panicking, "panic");
	else if (reason == KMSG_DUMP_SHUTDOWN && system_state == SYSTEM_HALT)
		end_machine(HALT, READ_ONCE(code.value), "process");
	else
		return;
	mdelay(END_GRACE_MS);
	report_survival();
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static void log_dump(struct kmsg_dumper *dumper, struct kmsg_dump_detail *detail)
{
	dying(detail->reason);
}
#else
static void log_dump(struct kmsg_dumper *dumper, enum kmsg_dump_reason reason)
{
	dying(reason);
}
#endif

static struct kmsg_dumper log_dumper = {
	.dump = log_dump,
	.max_reason = KMSG_DUMP_SHUTDOWN,
};

/*
 * Reserves the ports that the parameters name and makes sure that the device is
 * there; says what to do if not.
 */
static int __init claim_ports(struct ioport_region *claimed)
{
	struct ioport_region region __free(ioport_region) = {};
	int base = iobase.value, size = iosize.value;
	int err = ioport_region_request(&region, base, size, KBUILD_MODNAME);

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

	if (ioport_region_inb(&region, 0) == NO_DEVICE) {
		pr_err("no device at port 0x%x: start QEMU with -device isa-debug-exit,iobase=0x%x,iosize=0x%02x\n",
		       base, base, size);
		return -ENODEV;
	}

	*claimed = ioport_region_take(&region);
	return 0;
}

static int __init qemu_poweroff_init(void)
{
	int err = claim_ports(&ports);

	if (err)
		return err;

	err = deferred_reset_init(&deadline, &deadline_ops);
	if (err) {
		pr_err("cannot prepare the deadline: error %d: %s, and load again\n", err,
		       err == -ENOSPC ? "unload a module that follows processor hotplug" :
		       "free memory, or raise kernel.threads-max");
		goto release_ports;
	}

	power_off_handler = register_sys_off_handler(SYS_OFF_MODE_POWER_OFF,
						     POWER_OFF_PRIORITY, power_off, NULL);
	if (IS_ERR(power_off_handler)) {
		err = PTR_ERR(power_off_handler);
		pr_err("cannot register the power-off handler: error %d: %s, and load again\n",
		       err, err == -EBUSY ? "unload the driver that has its priority" :
		       "free memory");
		goto destroy_deadline;
	}

	err = kmsg_dump_register(&log_dumper);
	if (err) {
		pr_err("cannot register the log dumper: error %d: was the kernel built with CONFIG_PRINTK?\n",
		       err);
		goto unregister_power_off;
	}

	kernel_param_lock(THIS_MODULE);
	if (delay_s.value == DELAY_NEVER)
		pr_info("holding ports 0x%x-0x%x; no delay set\n", ports.base,
			ports.base + ports.size - 1);
	else
		pr_info("holding ports 0x%x-0x%x; ending the machine with code %d in %d s\n",
			ports.base, ports.base + ports.size - 1, code.value,
			delay_s.value);
	deadline_ready = true;
	deadline_follow_delay();
	kernel_param_unlock(THIS_MODULE);
	return 0;

unregister_power_off:
	unregister_sys_off_handler(power_off_handler);
destroy_deadline:
	deferred_reset_destroy(&deadline);
release_ports:
	ioport_region_release(&ports);
	return err;
}

/* In exact reverse of init. */
static void __exit qemu_poweroff_exit(void)
{
	kernel_param_lock(THIS_MODULE);
	deadline_ready = false;
	deferred_reset_cancel(&deadline);
	kernel_param_unlock(THIS_MODULE);
	kmsg_dump_unregister(&log_dumper);
	unregister_sys_off_handler(power_off_handler);
	deferred_reset_destroy(&deadline);
	ioport_region_release(&ports);
	pr_info("gave the ports back\n");
}

module_init(qemu_poweroff_init);
module_exit(qemu_poweroff_exit);

MODULE_DESCRIPTION("End a QEMU virtual machine with an exit code, through isa-debug-exit");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
MODULE_VERSION(QEMU_POWEROFF_VERSION);
