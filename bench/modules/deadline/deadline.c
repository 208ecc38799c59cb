// SPDX-License-Identifier: GPL-2.0
/*
 * Arms the driver's expiry and a bare delayed_work side by side, for several
 * lengths at once, and reports how late each came by the monotonic clock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#include "deferred_reset.h"

/* Each takes a slot for callbacks of CPU hotplug, of which the kernel has some thirty left. */
#define SAMPLES 4

static const unsigned int lengths_ms[] = { 100, 1000, 10000, 60000, 600000 };

/* The longest wait to take part; the others end sooner. */
static unsigned int longest_ms = 600000;
module_param(longest_ms, uint, 0444);
MODULE_PARM_DESC(longest_ms, "leave out longer waits (ms, default 600000)");

struct sample {
	struct deferred_reset reset;
	struct delayed_work work;
	unsigned int length_ms;
	ktime_t reset_due;
	ktime_t work_due;
};

static struct sample samples[ARRAY_SIZE(lengths_ms)][SAMPLES];
static atomic_t pending;

/* Context: any. */
static void report(const char *mechanism, unsigned int length_ms, ktime_t due)
{
	s64 late_us = ktime_us_delta(ktime_get(), due);

	pr_info("%s %u %lld\n", mechanism, length_ms, late_us);
	if (atomic_dec_and_test(&pending))
		pr_info("done\n");
}

static void sample_expire(struct deferred_reset *reset, enum deferred_reset_path path)
{
	struct sample *sample = container_of(reset, struct sample, reset);

	report("deferred_reset", sample->length_ms, sample->reset_due);
}

/* Whoever only counts lives on. */
static void sample_survived(struct deferred_reset *reset)
{
}

static const struct deferred_reset_ops sample_ops = {
	.expire = sample_expire,
	.survived = sample_survived,
};

static void sample_work(struct work_struct *work)
{
	struct sample *sample = container_of(to_delayed_work(work), struct sample, work);

	report("delayed_work", sample->length_ms, sample->work_due);
}

static void deadline_bench_exit(void)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(lengths_ms); i++) {
		for (j = 0; j < SAMPLES; j++) {
			if (!samples[i][j].length_ms)
				continue;
			deferred_reset_destroy(&samples[i][j].reset);
			cancel_delayed_work_sync(&samples[i][j].work);
		}
	}
}

static int __init deadline_bench_init(void)
{
	unsigned int i, j;

	/* The last one down says so; this one is taken back at the end of init. */
	atomic_set(&pending, 1);
	/* The shortest last: none is due while others are still being armed, and logged. */
	for (i = ARRAY_SIZE(lengths_ms); i-- > 0;) {
		for (j = 0; lengths_ms[i] <= longest_ms && j < SAMPLES; j++) {
			struct sample *sample = &samples[i][j];
			int err = deferred_reset_init(&sample->reset, &sample_ops);

			if (err) {
				deadline_bench_exit();
				return err;
			}
			INIT_DELAYED_WORK(&sample->work, sample_work);
			sample->length_ms = lengths_ms[i];
			atomic_add(2, &pending);

			/* Not all at the same fraction of a jiffy. */
			usleep_range(5300, 5400);
			pr_info("armed %u\n", sample->length_ms);
			sample->reset_due = ktime_add_ms(ktime_get(), sample->length_ms);
			deferred_reset_arm(&sample->reset, ms_to_ktime(sample->length_ms));
			sample->work_due = ktime_add_ms(ktime_get(), sample->length_ms);
			schedule_delayed_work(&sample->work,
					      msecs_to_jiffies(sample->length_ms));
		}
	}
	if (atomic_dec_and_test(&pending))
		pr_info("done\n");
	return 0;
}

module_init(deadline_bench_init);
module_exit(deadline_bench_exit);

MODULE_DESCRIPTION("Lateness of a deferred_reset beside a bare delayed_work");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
