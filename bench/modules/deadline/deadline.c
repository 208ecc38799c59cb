// SPDX-License-Identifier: GPL-2.0
/*
 * Arms the driver's expiry and a bare delayed_work side by side, for one length after the
 * other, and reports how late each came by the monotonic clock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#include "deferred_reset.h"

static const unsigned int lengths_ms[] = { 100, 1000, 10000, 60000, 600000 };

/* The longest wait to take part; the others end sooner. */
static unsigned int longest_ms = 600000;
module_param(longest_ms, uint, 0444);
MODULE_PARM_DESC(longest_ms, "leave out longer waits (ms, default 600000)");

static unsigned int length_ms;
static ktime_t reset_due, work_due;
static DECLARE_COMPLETION(expired);

/* Context: any. */
static void report(const char *mechanism, ktime_t due)
{
	s64 late_us = ktime_us_delta(ktime_get(), due);

	pr_info("%s %u %lld\n", mechanism, length_ms, late_us);
	complete(&expired);
}

void deferred_reset_expire(bool in_work)
{
	report("deferred_reset", reset_due);
}

void deferred_reset_overdue(void)
{
}

/* Whoever only counts lives on. */
void deferred_reset_survived(void)
{
}

static void bench_work(struct work_struct *unused)
{
	report("delayed_work", work_due);
}

static DECLARE_DELAYED_WORK(bench_delayed_work, bench_work);

static int __init deadline_bench_init(void)
{
	unsigned int i;
	int err = deferred_reset_init();

	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(lengths_ms) && lengths_ms[i] <= longest_ms; i++) {
		length_ms = lengths_ms[i];
		pr_info("armed %u\n", length_ms);
		reset_due = ktime_add_ms(ktime_get(), length_ms);
		deferred_reset_set(length_ms * (s64)NSEC_PER_MSEC);
		work_due = ktime_add_ms(ktime_get(), length_ms);
		schedule_delayed_work(&bench_delayed_work, msecs_to_jiffies(length_ms));
		wait_for_completion(&expired);
		wait_for_completion(&expired);
	}
	pr_info("done\n");
	return 0;
}

static void deadline_bench_exit(void)
{
	deferred_reset_destroy();
	cancel_delayed_work_sync(&bench_delayed_work);
}

module_init(deadline_bench_init);
module_exit(deadline_bench_exit);

MODULE_DESCRIPTION("Lateness of a deferred_reset beside a bare delayed_work");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
