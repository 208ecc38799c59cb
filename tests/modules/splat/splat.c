// SPDX-License-Identifier: GPL-2.0
/*
 * Reports on demand: what the kernel's own checks say of a mistake, and lines that look
 * so. Writing to a parameter does it. No prefix: say= writes whole lines.
 *
 * Nothing here is undone: the machine is thrown away afterwards.
 */
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

/* What the caller of these is, the report has to tell. */
static noinline int splat_warn(void)
{
	WARN(1, "splat: the reason\n");
	return 0;
}

static noinline int splat_duplicate(void)
{
	if (kobject_create_and_add("splat_twice", kernel_kobj))
		kobject_create_and_add("splat_twice", kernel_kobj);
	return 0;
}

static noinline int splat_double_free(void)
{
	struct kmem_cache *cache;
	void *object;

	/* This cache alone is checked, whatever the kernel's command line says. */
	cache = kmem_cache_create("splat_cache", 64, 0,
				  SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE, NULL);
	if (!cache)
		return -ENOMEM;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	if (!object)
		return -ENOMEM;
	kmem_cache_free(cache, object);
	kmem_cache_free(cache, object);
	return 0;
}

static int splat_release(void)
{
	release_region(0x5678, 8);
	return 0;
}

static void leak_preempt_count(struct tasklet_struct *tasklet)
{
	preempt_disable();
}

static int splat_softirq(void)
{
	static struct tasklet_struct tasklet;

	tasklet_setup(&tasklet, leak_preempt_count);
	tasklet_schedule(&tasklet);
	return 0;
}

static void splat_kobject_release(struct kobject *kobj)
{
}

static const struct kobj_type splat_type = { .release = splat_kobject_release };
static struct kobject splat_kobject;

static int splat_kobject_init(void)
{
	/* Kernels before 6.2 take no constant type. */
	kobject_init(&splat_kobject, (struct kobj_type *)&splat_type);
	kobject_init(&splat_kobject, (struct kobj_type *)&splat_type);
	return 0;
}

static int splat_kobject_add(void)
{
	static struct kobject raw;

	/* It fails, as it should. */
	if (!kobject_add(&raw, NULL, "splat_raw"))
		return -EEXIST;
	return 0;
}

/* The scheduler takes back the count that was leaked. */
static int splat_atomic(void)
{
	preempt_disable();
	schedule();
	return 0;
}

static int splat_timeout(void)
{
	schedule_timeout(-5);
	return 0;
}

static int splat_iounmap(void)
{
	iounmap((void __iomem *)(VMALLOC_END & PAGE_MASK) - PAGE_SIZE);
	return 0;
}

static int splat_gfp(void)
{
	struct kmem_cache *cache = kmem_cache_create("splat_gfp", 64, 0, SLAB_RED_ZONE, NULL);

	if (!cache || !kmem_cache_alloc(cache, GFP_KERNEL | __GFP_HIGHMEM))
		return -ENOMEM;
	return 0;
}

/* For longer than the test takes. */
static int splat_sleep(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_timeout(1000 * HZ);
	return 0;
}

/* Lockdep alone minds; it reports once, and then it is off. */
static int splat_unlock(void)
{
	static DEFINE_MUTEX(mutex);

	mutex_unlock(&mutex);
	return 0;
}

static const struct {
	const char *name;
	int (*act)(void);
} splats[] = {
	/* A WARN() with a text of its own. */
	{ "warn", splat_warn },
	/* The same name twice in one directory of sysfs. Does not taint. */
	{ "duplicate", splat_duplicate },
	/* An object of a cache of its own, freed twice. */
	{ "double_free", splat_double_free },
	/* Ports that nobody holds. */
	{ "release", splat_release },
	/* A tasklet that returns with preemption disabled. */
	{ "softirq", splat_softirq },
	/* An object that is initialized twice, and one that is not, and is added. */
	{ "kobject_init", splat_kobject_init },
	{ "kobject_add", splat_kobject_add },
	/* A sleep with preemption disabled; one of a negative time. */
	{ "atomic", splat_atomic },
	{ "timeout", splat_timeout },
	/* An address that is not mapped; memory that a slab cannot be of. */
	{ "iounmap", splat_iounmap },
	{ "gfp", splat_gfp },
	/* A task that hangs. */
	{ "sleep", splat_sleep },
	/* A mutex that nobody holds. */
	{ "unlock", splat_unlock },
};

static int what_set(const char *text, const struct kernel_param *kp)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(splats); i++)
		if (sysfs_streq(text, splats[i].name))
			return splats[i].act();
	pr_err("splat: what=%s: no such report\n", text);
	return -EINVAL;
}

static const struct kernel_param_ops what_ops = {
	.set = what_set,
};

module_param_cb(what, &what_ops, NULL, 0200);
__MODULE_PARM_TYPE(what, "string");
MODULE_PARM_DESC(what, "the report: see the table in the source");

static int say_set(const char *text, const struct kernel_param *kp)
{
	pr_warn("%s\n", text);
	return 0;
}

static const struct kernel_param_ops say_ops = {
	.set = say_set,
};

module_param_cb(say, &say_ops, NULL, 0200);
__MODULE_PARM_TYPE(say, "string");
MODULE_PARM_DESC(say, "a line for the log, as the kernel's");

/* No other process of this processor runs in between. */
static int flood_set(const char *text, const struct kernel_param *kp)
{
	uint count, i;
	int err;

	err = kstrtouint(text, 0, &count);
	if (err)
		return err;
	preempt_disable();
	for (i = 0; i < count; i++)
		pr_info("splat: line %u of a flood of %u\n", i, count);
	preempt_enable();
	return 0;
}

static const struct kernel_param_ops flood_ops = {
	.set = flood_set,
};

module_param_cb(flood, &flood_ops, NULL, 0200);
__MODULE_PARM_TYPE(flood, "uint");
MODULE_PARM_DESC(flood, "so many lines for the log");

static int fail;
module_param(fail, int, 0);
MODULE_PARM_DESC(fail, "an errno for the load to fail with (default: 0)");

static int __init splat_init(void)
{
	if (!fail)
		return 0;
	pr_err("splat: first of two lines about a failure\n");
	pr_err("splat: second line: nothing answers at port %#x\n", 0x1234);
	return -fail;
}
module_init(splat_init);

static void __exit splat_exit(void)
{
}
module_exit(splat_exit);

MODULE_DESCRIPTION("Reports on demand, for the tests of qemu-run");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
