// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of deferred_reset: when it expires, from where, and how often.
 *
 * A guest without KVM can be arbitrarily late, so nothing here asserts that
 * something comes soon; only that it comes, and not early.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include <kunit/test.h>

/* With its queue, which some cases block. */
#include "deferred_reset.c"

/* Late enough for what a case does before it, on a slow machine. */
#define DELAY_MS	400

/* By then whatever may come twice has come twice: two graces and some. */
#define SETTLE_MS	2500

/* Before this anything that is to come has come, or never will. */
#define LIMIT_MS	30000

/**
 * struct trial - an expiry that keeps a record of itself
 * @by_work: how often the work expired
 * @by_backstop: how often the backstop did
 * @overdue: how often a processor was asked what it does instead
 * @survivals: how often the expiry was said to be in vain
 * @wrong_context: how often any of these came in another context than promised
 * @expired_at: boottime, ns, of the first expiry
 * @survived_at: boottime, ns, of the last survival
 * @started: an expiry has begun
 * @held: the work is to be held up in its expiry, as long as this is set
 * @returned: an expiry by the work has come to its end
 * @backstop_held: as @held, for the backstop on processor 0; that on another waits
 *		   until there is one
 * @backstop_entered: the backstop on processor 0 has begun
 * @hang: an interrupt that does not end before an expiry has begun
 * @gave_up: the backstop was not let go, or no expiry came
 */
struct trial {
	atomic_t by_work;
	atomic_t by_backstop;
	atomic_t overdue;
	atomic_t survivals;
	atomic_t wrong_context;
	atomic64_t expired_at;
	atomic64_t survived_at;
	struct completion started;
	bool held;
	bool returned;
	bool backstop_held;
	bool backstop_entered;
	struct irq_work hang;
	bool gave_up;
};

/* By the clock, as jiffies may stand still beside a processor without interrupts. */
static void hold_up_backstop(struct trial *trial)
{
	s64 limit = ktime_get_boottime_ns() + LIMIT_MS / 3 * NSEC_PER_MSEC;
	bool here = smp_processor_id() == 0;

	if (here)
		WRITE_ONCE(trial->backstop_entered, true);
	while (here ? READ_ONCE(trial->backstop_held) : !READ_ONCE(trial->backstop_entered)) {
		if (ktime_get_boottime_ns() > limit) {
			WRITE_ONCE(trial->gave_up, true);
			return;
		}
		cpu_relax();
	}
}

/* The one under test, as there is one expiry. */
static struct trial *tried;

void deferred_reset_expire(bool in_work)
{
	struct trial *trial = tried;
	unsigned long limit = jiffies + msecs_to_jiffies(LIMIT_MS);

	atomic64_cmpxchg(&trial->expired_at, 0, ktime_get_boottime_ns());
	if (in_work == !!in_hardirq() || in_work != in_task())
		atomic_inc(&trial->wrong_context);
	atomic_inc(in_work ? &trial->by_work : &trial->by_backstop);
	complete(&trial->started);
	if (!in_work) {
		if (READ_ONCE(trial->backstop_held))
			hold_up_backstop(trial);
		return;
	}
	/* It must not sleep, and so is held up as a processor in a loop is. */
	while (READ_ONCE(trial->held) && time_before(jiffies, limit))
		cpu_relax();
	WRITE_ONCE(trial->returned, true);
}

void deferred_reset_overdue(void)
{
	if (!in_hardirq())
		atomic_inc(&tried->wrong_context);
	atomic_inc(&tried->overdue);
}

void deferred_reset_survived(void)
{
	struct trial *trial = tried;

	if (!in_hardirq())
		atomic_inc(&trial->wrong_context);
	atomic64_set(&trial->survived_at, ktime_get_boottime_ns());
	atomic_inc(&trial->survivals);
}

static int trial_init(struct kunit *test)
{
	struct trial *trial = kunit_kzalloc(test, sizeof(*trial), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, trial);
	init_completion(&trial->started);
	tried = trial;
	KUNIT_ASSERT_EQ(test, deferred_reset_init(), 0);
	test->priv = trial;
	return 0;
}

static void trial_exit(struct kunit *test)
{
	struct trial *trial = test->priv;

	if (!trial)
		return;
	WRITE_ONCE(trial->held, false);
	WRITE_ONCE(trial->backstop_held, false);
	deferred_reset_destroy();
	KUNIT_EXPECT_EQ(test, atomic_read(&trial->wrong_context), 0);
}

static void expect_calls(struct kunit *test, int by_work, int by_backstop, int survivals)
{
	struct trial *trial = test->priv;

	KUNIT_EXPECT_EQ(test, atomic_read(&trial->by_work), by_work);
	KUNIT_EXPECT_EQ(test, atomic_read(&trial->by_backstop), by_backstop);
	KUNIT_EXPECT_EQ(test, atomic_read(&trial->survivals), survivals);
}

/* Arms, and returns the boottime, in ns, before which no expiry may come. */
static s64 arm(struct trial *trial, unsigned int delay_ms)
{
	s64 now = ktime_get_boottime_ns();

	deferred_reset_set(delay_ms * (s64)NSEC_PER_MSEC);
	return now + delay_ms * NSEC_PER_MSEC;
}

static void await_expiry(struct kunit *test)
{
	struct trial *trial = test->priv;

	KUNIT_ASSERT_NE(test,
			wait_for_completion_timeout(&trial->started,
						    msecs_to_jiffies(LIMIT_MS)),
			0UL);
}

static void await_count(struct kunit *test, atomic_t *counter, int count)
{
	unsigned long limit = jiffies + msecs_to_jiffies(LIMIT_MS);

	while (atomic_read(counter) < count && time_before(jiffies, limit))
		msleep(20);
	KUNIT_ASSERT_GE(test, atomic_read(counter), count);
}

static void never_armed(struct kunit *test)
{
	struct trial *trial = test->priv;

	KUNIT_EXPECT_EQ(test, deferred_reset_remaining(), -1LL);
	deferred_reset_set(-1);
	deferred_reset_set(-1);
	KUNIT_EXPECT_EQ(test, deferred_reset_remaining(), -1LL);
	expect_calls(test, 0, 0, 0);
}

static void armed(struct kunit *test)
{
	struct trial *trial = test->priv;
	s64 due = arm(trial, DELAY_MS);

	await_expiry(test);
	KUNIT_EXPECT_GE(test, atomic64_read(&trial->expired_at), due);
	deferred_reset_set(-1);
	expect_calls(test, 1, 0, 0);
}

/* Waits that are not a multiple of a tick, or less than one. */
static void armed_never_early(struct kunit *test)
{
	static const unsigned int delays_us[] = { 1, 999, 1000, 3999, 4001, 10007, 99999 };
	struct trial *trial = test->priv;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(delays_us); i++) {
		s64 now = ktime_get_boottime_ns();

		atomic64_set(&trial->expired_at, 0);
		deferred_reset_set(delays_us[i] * (s64)NSEC_PER_USEC);
		await_expiry(test);
		KUNIT_EXPECT_GE_MSG(test, atomic64_read(&trial->expired_at),
				    now + delays_us[i] * (s64)NSEC_PER_USEC, "%u us",
				    delays_us[i]);
	}
	deferred_reset_set(-1);
	expect_calls(test, ARRAY_SIZE(delays_us), 0, 0);
}

static void at_once(struct kunit *test)
{
	arm(test->priv, 0);
	await_expiry(test);
	deferred_reset_set(-1);
	expect_calls(test, 1, 0, 0);
}

static void for_ever(struct kunit *test)
{
	s64 years = 100LL * 365 * 24 * 60 * 60 * NSEC_PER_SEC, left;

	deferred_reset_set(years);
	left = deferred_reset_remaining();
	KUNIT_EXPECT_LE(test, left, years);
	KUNIT_EXPECT_GT(test, left, years / 2);
	msleep(DELAY_MS);
	deferred_reset_set(-1);
	expect_calls(test, 0, 0, 0);
}

/* By the clock, as in hold_up_backstop(). */
static void hang(struct irq_work *work)
{
	struct trial *trial = container_of(work, struct trial, hang);
	s64 limit = ktime_get_boottime_ns() + LIMIT_MS / 3 * NSEC_PER_MSEC;

	while (!atomic64_read(&trial->expired_at)) {
		if (ktime_get_boottime_ns() > limit) {
			WRITE_ONCE(trial->gave_up, true);
			return;
		}
		cpu_relax();
	}
}

/* From then on this processor is lost: the deadline is another's business, too. */
static void armed_before_an_interrupt_hangs(struct kunit *test)
{
	struct trial *trial = test->priv;

	if (num_online_cpus() < 2)
		kunit_skip(test, "takes two processors");
	trial->hang = IRQ_WORK_INIT_HARD(hang);
	arm(trial, DELAY_MS);
	irq_work_queue(&trial->hang);
	irq_work_sync(&trial->hang);
	KUNIT_EXPECT_FALSE(test, trial->gave_up);
	await_expiry(test);
	deferred_reset_set(-1);
}

static void rearmed(struct kunit *test)
{
	struct trial *trial = test->priv;
	s64 due;

	/* The first must not pass before the second is there. */
	arm(trial, 5 * DELAY_MS);
	due = arm(trial, 7 * DELAY_MS);
	await_expiry(test);
	KUNIT_EXPECT_GE(test, atomic64_read(&trial->expired_at), due);
	deferred_reset_set(-1);
	expect_calls(test, 1, 0, 0);
}

static void rearmed_sooner(struct kunit *test)
{
	struct trial *trial = test->priv;
	s64 due;

	arm(trial, 100 * LIMIT_MS);
	due = arm(trial, DELAY_MS);
	await_expiry(test);
	KUNIT_EXPECT_GE(test, atomic64_read(&trial->expired_at), due);
	deferred_reset_set(-1);
	expect_calls(test, 1, 0, 0);
}

static void rearmed_after_expiry(struct kunit *test)
{
	struct trial *trial = test->priv;

	arm(trial, DELAY_MS);
	await_expiry(test);
	arm(trial, DELAY_MS);
	KUNIT_EXPECT_GE(test, deferred_reset_remaining(), 0LL);
	await_expiry(test);
	deferred_reset_set(-1);
	expect_calls(test, 2, 0, 0);
}

static void cancelled(struct kunit *test)
{
	struct trial *trial = test->priv;

	arm(trial, DELAY_MS);
	deferred_reset_set(-1);
	KUNIT_EXPECT_EQ(test, deferred_reset_remaining(), -1LL);
	msleep(DELAY_MS + SETTLE_MS);
	expect_calls(test, 0, 0, 0);
}

/* Where waits end, cancelling meets the timers and the work in every state. */
static void cancelled_at_the_deadline(struct kunit *test)
{
	struct trial *trial = test->priv;
	int expiries, round;

	for (round = 0; round < 100; round++) {
		arm(trial, 4);
		usleep_range(3000 + 20 * round, 3010 + 20 * round);
		deferred_reset_set(-1);
		expiries = atomic_read(&trial->by_work) + atomic_read(&trial->by_backstop);
		KUNIT_EXPECT_LE(test, expiries, round + 1);
	}
	msleep(SETTLE_MS);
	KUNIT_EXPECT_EQ(test, atomic_read(&trial->by_work) + atomic_read(&trial->by_backstop),
			expiries);
}

static void let_go(struct work_struct *work);
static struct trial *let_go_trial;
static DECLARE_DELAYED_WORK(let_go_work, let_go);

static void let_go(struct work_struct *work)
{
	WRITE_ONCE(let_go_trial->held, false);
}

static void cancelled_while_firing(struct kunit *test)
{
	struct trial *trial = test->priv;

	trial->held = true;
	let_go_trial = trial;
	arm(trial, DELAY_MS);
	await_expiry(test);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(trial->returned));
	schedule_delayed_work(&let_go_work, msecs_to_jiffies(100));
	deferred_reset_set(-1);
	/* Cancelling has waited for it. */
	KUNIT_EXPECT_TRUE(test, READ_ONCE(trial->returned));
	cancel_delayed_work_sync(&let_go_work);
	msleep(SETTLE_MS);
	KUNIT_EXPECT_EQ(test, atomic_read(&trial->by_work), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&trial->survivals), 0);
	KUNIT_EXPECT_EQ(test, deferred_reset_remaining(), -1LL);
}

static void fired_once_only(struct kunit *test)
{
	struct trial *trial = test->priv;

	arm(trial, DELAY_MS);
	await_expiry(test);
	await_count(test, &trial->survivals, 1);
	msleep(SETTLE_MS);
	/* Neither the work, nor the backstop, nor the survival came again. */
	expect_calls(test, 1, 0, 1);
	KUNIT_EXPECT_GE(test, atomic64_read(&trial->survived_at),
			atomic64_read(&trial->expired_at) + (s64)NSEC_PER_SEC);
	deferred_reset_set(-1);
	expect_calls(test, 1, 0, 1);
}

/* The work began, and is held up in its expiry. */
static void backstop_of_held_up_work(struct kunit *test)
{
	struct trial *trial = test->priv;
	s64 due;

	trial->held = true;
	due = arm(trial, DELAY_MS);
	await_expiry(test);
	await_count(test, &trial->by_backstop, 1);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(trial->returned));
	/* The work has had its second. */
	KUNIT_EXPECT_GE(test, ktime_get_boottime_ns(), due + (s64)NSEC_PER_SEC);
	await_count(test, &trial->survivals, 1);
	WRITE_ONCE(trial->held, false);
	deferred_reset_set(-1);
	expect_calls(test, 1, 1, 1);
}

static void block(struct work_struct *work);
static DECLARE_WORK(block_work, block);
static DECLARE_COMPLETION(unblock);

static void block(struct work_struct *work)
{
	wait_for_completion(&unblock);
}

/* The work never began: its queue is full. It comes back to life afterwards. */
static void backstop_of_blocked_work(struct kunit *test)
{
	struct trial *trial = test->priv;
	s64 due;

	reinit_completion(&unblock);
	queue_work(reset_wq, &block_work);
	due = arm(trial, DELAY_MS);
	await_expiry(test);
	KUNIT_EXPECT_GE(test, atomic64_read(&trial->expired_at),
			due + (s64)NSEC_PER_SEC);
	expect_calls(test, 0, 1, 0);
	complete(&unblock);
	flush_work(&block_work);
	await_count(test, &trial->survivals, 1);
	msleep(SETTLE_MS);
	expect_calls(test, 0, 1, 1);
}

static int let_backstop_go(void *data)
{
	struct trial *trial = data;

	WRITE_ONCE(trial->backstop_held, false);
	return 0;
}

/*
 * The backstop of one processor hangs, that of another has expired: whoever arms then does
 * not wait for the first. A thread of its own lets go, as what must be woken on the processor
 * that hangs never runs.
 */
static void rearmed_while_backstop_hangs(struct kunit *test)
{
	struct trial *trial = test->priv;
	struct task_struct *thread;

	if (!cpu_online(1))
		kunit_skip(test, "takes two processors");
	set_cpus_allowed_ptr(current, cpumask_of(1));
	thread = kthread_create_on_cpu(let_backstop_go, trial, 1, "let_backstop_go");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	get_task_struct(thread);
	trial->backstop_held = true;
	reinit_completion(&unblock);
	queue_work(reset_wq, &block_work);
	arm(trial, DELAY_MS);
	await_count(test, &trial->by_backstop, 2);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(trial->backstop_entered));

	deferred_reset_set(1000 * (s64)NSEC_PER_SEC);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(trial->backstop_held));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(trial->gave_up));
	wake_up_process(thread);
	kthread_stop(thread);
	put_task_struct(thread);
	KUNIT_EXPECT_GT(test, deferred_reset_remaining(), 0LL);
	complete(&unblock);
	flush_work(&block_work);
	deferred_reset_set(-1);
	KUNIT_EXPECT_EQ(test, atomic_read(&trial->by_work), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&trial->by_backstop), 2);
}

/* What a call of the work that never returns must not hold up. */
static void rearmed_while_work_hangs(struct kunit *test)
{
	struct trial *trial = test->priv;

	trial->held = true;
	arm(trial, DELAY_MS);
	await_count(test, &trial->by_backstop, 1);
	arm(trial, DELAY_MS);
	await_count(test, &trial->by_backstop, 2);
	deferred_reset_set(-1);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(trial->returned));
	KUNIT_EXPECT_EQ(test, deferred_reset_remaining(), -1LL);
	WRITE_ONCE(trial->held, false);
	/* The second work was queued behind the first, and has nothing to do. */
	flush_delayed_work(&reset_work);
	expect_calls(test, 1, 2, 0);
}

static void remaining(struct kunit *test)
{
	struct trial *trial = test->priv;
	s64 first, second;

	deferred_reset_set(1000 * (s64)NSEC_PER_SEC);
	first = deferred_reset_remaining();
	msleep(20);
	second = deferred_reset_remaining();
	KUNIT_EXPECT_LE(test, first, 1000 * (s64)NSEC_PER_SEC);
	KUNIT_EXPECT_GT(test, second, 0LL);
	KUNIT_EXPECT_LE(test, second, first - 20 * (s64)NSEC_PER_MSEC);

	/* Overdue and not expired: 0. Expired: nothing is pending. */
	trial->held = true;
	arm(trial, DELAY_MS);
	await_expiry(test);
	KUNIT_EXPECT_EQ(test, deferred_reset_remaining(), 0LL);
	WRITE_ONCE(trial->held, false);
	await_count(test, &trial->survivals, 1);
	KUNIT_EXPECT_EQ(test, deferred_reset_remaining(), -1LL);
}

/* The timers and the queue come and go: KASAN and debug objects look on. */
static void destroyed_while_armed(struct kunit *test)
{
	arm(test->priv, DELAY_MS);
	deferred_reset_destroy();
	msleep(DELAY_MS + SETTLE_MS);
	expect_calls(test, 0, 0, 0);
	KUNIT_ASSERT_EQ(test, deferred_reset_init(), 0);
}

/* Each processor that takes interrupts is asked once, and only if the work does not come. */
static void overdue(struct kunit *test)
{
	struct trial *trial = test->priv;

	arm(trial, DELAY_MS);
	await_count(test, &trial->survivals, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&trial->overdue), 0);

	reinit_completion(&unblock);
	queue_work(reset_wq, &block_work);
	arm(trial, DELAY_MS);
	await_count(test, &trial->survivals, 2);
	complete(&unblock);
	flush_work(&block_work);
	KUNIT_EXPECT_GE(test, atomic_read(&trial->overdue), 1);
	KUNIT_EXPECT_LE(test, atomic_read(&trial->overdue), num_online_cpus());
}

/* No timer runs before there is a deadline, nor after it is gone. */
static void idle_without_deadline(struct kunit *test)
{
	int cpu;

	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_FALSE(test, hrtimer_active(per_cpu_ptr(&reset_timers, cpu)));
	arm(test->priv, DELAY_MS);
	msleep(DELAY_MS / 4);
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_TRUE(test, hrtimer_active(per_cpu_ptr(&reset_timers, cpu)));
	deferred_reset_set(-1);
	msleep(2 * DELAY_MS);
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_FALSE(test, hrtimer_active(per_cpu_ptr(&reset_timers, cpu)));
	expect_calls(test, 0, 0, 0);
}

static struct kunit_case deferred_reset_cases[] = {
	KUNIT_CASE(never_armed),
	KUNIT_CASE(armed),
	KUNIT_CASE(armed_never_early),
	KUNIT_CASE(at_once),
	KUNIT_CASE(for_ever),
	KUNIT_CASE(armed_before_an_interrupt_hangs),
	KUNIT_CASE(rearmed),
	KUNIT_CASE(rearmed_sooner),
	KUNIT_CASE(rearmed_after_expiry),
	KUNIT_CASE(cancelled),
	KUNIT_CASE(cancelled_at_the_deadline),
	KUNIT_CASE(cancelled_while_firing),
	KUNIT_CASE(fired_once_only),
	KUNIT_CASE(backstop_of_held_up_work),
	KUNIT_CASE(backstop_of_blocked_work),
	KUNIT_CASE(rearmed_while_backstop_hangs),
	KUNIT_CASE(rearmed_while_work_hangs),
	KUNIT_CASE(overdue),
	KUNIT_CASE(idle_without_deadline),
	KUNIT_CASE(remaining),
	KUNIT_CASE(destroyed_while_armed),
	{}
};

static struct kunit_suite deferred_reset_suite = {
	.name = "deferred_reset",
	.init = trial_init,
	.exit = trial_exit,
	.test_cases = deferred_reset_cases,
};

kunit_test_suite(deferred_reset_suite);

MODULE_DESCRIPTION("KUnit suite of deferred_reset");
MODULE_LICENSE("GPL");
