// SPDX-License-Identifier: GPL-2.0
/*
 * deferred_reset against itself: arming, cancelling and destroying at the moment
 * of the expiry, with no machine to end. Runs at load, and leaves one line in the
 * log for each of the races.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "deferred_reset.h"

static uint rounds = 1000;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how often, each of them (default: 1000)");

static uint writers = 8;
module_param(writers, uint, 0444);
MODULE_PARM_DESC(writers, "how many write at once (default: 8)");

/* How far the moment of the next round moves away from the side this one fell to. */
#define STEP_NS		(10 * NSEC_PER_USEC)

/*
 * The wait of a round. A virtual CPU may stand still for longer than that: then there
 * is no race, and the next wait is longer.
 */
#define WAIT_NS		NSEC_PER_MSEC
#define LONGER_NS	(NSEC_PER_MSEC / 2)

/* Longer than any of the races. */
#define FAR_S		3600

/* As a user of deferred_reset serialises its calls. */
static DEFINE_MUTEX(reset_lock);

/* When the armed one is due, at the earliest. Boottime, ns. */
static s64 due;

/* Calls of the callback since they were last counted. */
static atomic_t fired;
static atomic_t early;

/* Under reset_lock. Each arming comes to one of two ends. */
static struct {
	bool pending;
	uint armed;
	uint expired;
	uint cancelled;
	uint stray;	/* calls that belong to no arming */
} tally;

/* Context: process, or hard interrupt. */
void deferred_reset_expire(bool in_work)
{
	if (ktime_get_boottime_ns() < READ_ONCE(due))
		atomic_inc(&early);
	atomic_inc(&fired);
}

void deferred_reset_overdue(void)
{
}

void deferred_reset_survived(void)
{
}

/* Counts how the armed one came to its end, which it has. Returns whether it expired. */
static bool settle(void)
{
	uint calls = atomic_xchg(&fired, 0);

	if (!tally.pending) {
		tally.stray += calls;
		return false;
	}
	tally.pending = false;
	if (calls)
		tally.expired++;
	else
		tally.cancelled++;
	return calls;
}

static bool cancel(void)
{
	deferred_reset_set(-1);
	return settle();
}

/* With none armed. */
static void arm(s64 delay_ns)
{
	/* Nothing may have come since the cancelling. */
	settle();
	WRITE_ONCE(due, ktime_get_boottime_ns() + delay_ns);
	tally.pending = true;
	tally.armed++;
	deferred_reset_set(delay_ns);
}

/* Over the one that is armed, or not. */
static void replace(s64 delay_ns)
{
	deferred_reset_set(delay_ns);
	/* The new one is far away: what has been called, the old one has. */
	settle();
	tally.pending = true;
	tally.armed++;
}

static void report(const char *race)
{
	pr_info("%s: armed %u expired %u cancelled %u early %d stray %u\n", race,
		tally.armed, tally.expired, tally.cancelled,
		atomic_read(&early), tally.stray);
	memset(&tally, 0, sizeof(tally));
	atomic_set(&early, 0);
}

/* Returns whether that moment was still to come. */
static bool wait_until(s64 boottime_ns)
{
	bool to_come = false;

	while (ktime_get_boottime_ns() < boottime_ns) {
		to_come = true;
		cond_resched();
	}
	return to_come;
}

/* Long enough for what was not cancelled after all to come. */
static void wait_for_stray(void)
{
	usleep_range(200, 400);
	settle();
}

static bool destroy(void)
{
	deferred_reset_destroy();
	return settle();
}

/*
 * One round ends its wait at the moment of the expiry: a little earlier after a
 * round that came too late, a little later after one that did not.
 */
static void race(bool (*end)(void), s64 *wait_ns, s64 *offset_ns)
{
	bool in_time;

	arm(*wait_ns);
	in_time = wait_until(due + *offset_ns);
	if (!end())
		*offset_ns += STEP_NS;
	else if (in_time)
		*offset_ns -= STEP_NS;
	else
		*wait_ns += LONGER_NS;
	wait_for_stray();
}

static void race_cancel(void)
{
	s64 wait_ns = WAIT_NS, offset_ns = 0;
	uint i;

	for (i = 0; i < rounds; i++)
		race(cancel, &wait_ns, &offset_ns);
	report("cancel");
}

/* The same, with the end of everything, as on unload. */
static int race_destroy(void)
{
	s64 wait_ns = WAIT_NS, offset_ns = 0;
	uint i;
	int err;

	for (i = 0; i < rounds; i++) {
		race(destroy, &wait_ns, &offset_ns);
		err = deferred_reset_init();
		if (err)
			return err;
	}
	report("destroy");
	return 0;
}

static DECLARE_COMPLETION(written);

static int write(void *unused)
{
	uint i;

	for (i = 0; i < rounds; i++) {
		u32 dice = get_random_u32();

		mutex_lock(&reset_lock);
		switch (dice % 4) {
		case 0:
			cancel();
			break;
		case 1:
			replace(FAR_S * NSEC_PER_SEC);
			break;
		default:
			cancel();
			arm(dice % (2 * NSEC_PER_MSEC));
			break;
		}
		deferred_reset_remaining();
		mutex_unlock(&reset_lock);
		usleep_range(1, 1 + dice % (2 * USEC_PER_MSEC));
	}
	kthread_complete_and_exit(&written, 0);
}

static int race_write(void)
{
	struct task_struct *task = NULL;
	uint started, i;

	for (started = 0; started < writers; started++) {
		task = kthread_run(write, NULL, "races/%u", started);
		if (IS_ERR(task))
			break;
	}
	for (i = 0; i < started; i++)
		wait_for_completion(&written);
	cancel();
	wait_for_stray();
	report("write");
	return PTR_ERR_OR_ZERO(task);
}

static int __init races_init(void)
{
	int err = deferred_reset_init();

	if (err)
		return err;
	race_cancel();
	err = race_destroy();
	if (err)
		return err;
	err = race_write();
	deferred_reset_destroy();
	return err;
}

static void __exit races_exit(void)
{
}

module_init(races_init);
module_exit(races_exit);

MODULE_DESCRIPTION("deferred_reset against itself, for the tests of qemu_poweroff");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
