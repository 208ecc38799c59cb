// SPDX-License-Identifier: GPL-2.0
/*
 * One pending expiry: a delayed_work, and ticks that keep it honest.
 *
 * The work expires in process context, in good order. But its own timer is late by up
 * to an eighth of the wait, and a machine may no longer run it. So an hrtimer pulls it
 * forward at the deadline, and a second later expires itself, in hard-interrupt context.
 *
 * A CPU that spins with interrupts off fires no timer. So every online CPU has one, its
 * tick, which looks at the deadline once a second, and at the deadline itself. CPU
 * hotplug starts and stops the ticks; arming calls no other CPU, and waits for none.
 *
 * A raw spinlock guards the state. Callbacks and the workqueue are called without it.
 */
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/version.h>

#include "deferred_reset.h"

/* Absolute, on the CPU that starts it, in hard-interrupt context on PREEMPT_RT too. */
#define TIMER_MODE HRTIMER_MODE_ABS_PINNED_HARD

/* The tick of one CPU. Only that CPU starts and stops it. */
struct deferred_reset_tick {
	struct hrtimer timer;
	struct deferred_reset *reset;
};

/* A callback has returned that was counted in @calls. Context: any. */
static void deferred_reset_returned(struct deferred_reset *reset)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&reset->lock, flags);
	/* Not before the call: if it hangs, the backstop is still to come. */
	if (reset->state == DEFERRED_RESET_EXPIRING) {
		reset->state = DEFERRED_RESET_EXPIRED;
		reset->next = ktime_get_boottime_ns() + DEFERRED_RESET_GRACE_NS;
	}
	reset->calls--;
	raw_spin_unlock_irqrestore(&reset->lock, flags);
}

/* Context: process. Finds nothing to do if the backstop has expired already. */
static void deferred_reset_work(struct work_struct *work)
{
	struct deferred_reset *reset = container_of(work, struct deferred_reset, work.work);
	s64 now = ktime_get_boottime_ns();
	bool due;

	raw_spin_lock_irq(&reset->lock);
	/* By a tick, or by its own timer if no tick came before. */
	due = reset->state == DEFERRED_RESET_EXPIRING ||
	      (reset->state == DEFERRED_RESET_ARMED && now >= reset->next);
	if (due) {
		reset->state = DEFERRED_RESET_EXPIRING;
		reset->next = now + DEFERRED_RESET_GRACE_NS;
		reset->calls++;
	}
	raw_spin_unlock_irq(&reset->lock);
	if (!due)
		return;
	reset->ops->expire(reset, DEFERRED_RESET_WORK);
	deferred_reset_returned(reset);
}

/* Context: hard interrupt, on each CPU. The first CPU to find a step due makes it. */
static enum hrtimer_restart deferred_reset_tick(struct hrtimer *timer)
{
	struct deferred_reset *reset =
		container_of(timer, struct deferred_reset_tick, timer)->reset;
	enum deferred_reset_state due = DEFERRED_RESET_IDLE;
	s64 now = ktime_get_boottime_ns();
	/* From now: after a pause of the whole machine the work still gets its second. */
	s64 again = now + DEFERRED_RESET_GRACE_NS;

	raw_spin_lock(&reset->lock);
	if (reset->state != DEFERRED_RESET_IDLE && now >= reset->next) {
		due = reset->state;
		reset->next = again;
		reset->calls += due >= DEFERRED_RESET_EXPIRING;
		reset->state = due == DEFERRED_RESET_EXPIRED ? DEFERRED_RESET_IDLE
							     : DEFERRED_RESET_EXPIRING;
	}
	if (reset->state != DEFERRED_RESET_IDLE)
		again = min(again, reset->next);
	raw_spin_unlock(&reset->lock);

	if (due == DEFERRED_RESET_ARMED)
		mod_delayed_work(reset->queue, &reset->work, 0);
	if (due == DEFERRED_RESET_EXPIRING)
		reset->ops->expire(reset, DEFERRED_RESET_BACKSTOP);
	if (due == DEFERRED_RESET_EXPIRED)
		reset->ops->survived(reset);
	if (due >= DEFERRED_RESET_EXPIRING)
		deferred_reset_returned(reset);
	hrtimer_set_expires(timer, ns_to_ktime(again));
	return HRTIMER_RESTART;
}

/* Context: process, on the CPU that comes up. Its first tick comes at once. */
static int deferred_reset_online(unsigned int cpu, struct hlist_node *node)
{
	struct deferred_reset *reset = hlist_entry(node, struct deferred_reset, hotplug_node);

	hrtimer_start(&per_cpu_ptr(reset->ticks, cpu)->timer, 0, TIMER_MODE);
	return 0;
}

/* Context: process, on the CPU that goes down. A pending timer would migrate. */
static int deferred_reset_offline(unsigned int cpu, struct hlist_node *node)
{
	struct deferred_reset *reset = hlist_entry(node, struct deferred_reset, hotplug_node);

	hrtimer_cancel(&per_cpu_ptr(reset->ticks, cpu)->timer);
	return 0;
}

int deferred_reset_init(struct deferred_reset *reset, const struct deferred_reset_ops *ops)
{
	int cpu, err = -ENOMEM;

	*reset = (struct deferred_reset){ .ops = ops };
	raw_spin_lock_init(&reset->lock);
	INIT_DELAYED_WORK(&reset->work, deferred_reset_work);
	/* Its own: nobody else fills it. Not bound to a CPU. A rescuer needs no memory. */
	reset->queue = alloc_workqueue("deferred_reset",
				       WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 1);
	if (!reset->queue)
		return err;
	reset->ticks = alloc_percpu(struct deferred_reset_tick);
	if (!reset->ticks)
		goto destroy_queue;
	for_each_possible_cpu(cpu) {
		struct deferred_reset_tick *tick = per_cpu_ptr(reset->ticks, cpu);

		tick->reset = reset;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
		hrtimer_setup(&tick->timer, deferred_reset_tick, CLOCK_BOOTTIME, TIMER_MODE);
#else
		hrtimer_init(&tick->timer, CLOCK_BOOTTIME, TIMER_MODE);
		tick->timer.function = deferred_reset_tick;
#endif
	}
	/* Of several instances, although there is one: only then callbacks get a pointer. */
	err = cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, "deferred_reset:online",
				      deferred_reset_online, deferred_reset_offline);
	if (err < 0)
		goto free_ticks;
	reset->hotplug_state = err;

	err = cpuhp_state_add_instance(reset->hotplug_state, &reset->hotplug_node);
	if (!err)
		return 0;
	cpuhp_remove_multi_state(reset->hotplug_state);
free_ticks:
	free_percpu(reset->ticks);
destroy_queue:
	destroy_workqueue(reset->queue);
	return err;
}

void deferred_reset_destroy(struct deferred_reset *reset)
{
	deferred_reset_cancel(reset);
	/* Stops the ticks, which queue the work. */
	cpuhp_state_remove_instance(reset->hotplug_state, &reset->hotplug_node);
	cpuhp_remove_multi_state(reset->hotplug_state);
	cancel_delayed_work_sync(&reset->work);
	free_percpu(reset->ticks);
	destroy_workqueue(reset->queue);
}

/* Waits, asleep, for an expiry that has begun. Context: process. */
static void deferred_reset_lock_settled(struct deferred_reset *reset) __acquires(&reset->lock)
{
	raw_spin_lock_irq(&reset->lock);
	while (reset->state == DEFERRED_RESET_EXPIRING || reset->calls) {
		raw_spin_unlock_irq(&reset->lock);
		usleep_range(USEC_PER_MSEC, 2 * USEC_PER_MSEC);
		raw_spin_lock_irq(&reset->lock);
	}
}

void deferred_reset_arm(struct deferred_reset *reset, ktime_t delay)
{
	s64 ns = clamp_t(s64, ktime_to_ns(delay), 0, DEFERRED_RESET_MAX_NS);

	deferred_reset_lock_settled(reset);
	reset->state = DEFERRED_RESET_ARMED;
	reset->next = ktime_get_boottime_ns() + ns;
	/* The next tick may come after the deadline. A CPU that goes down has no tick. */
	if (hrtimer_is_queued(this_cpu_ptr(&reset->ticks->timer)))
		hrtimer_start(this_cpu_ptr(&reset->ticks->timer), 0, TIMER_MODE);
	raw_spin_unlock_irq(&reset->lock);
	mod_delayed_work(reset->queue, &reset->work, nsecs_to_jiffies(ns));
	/* A tick may have come before that line, and pulled it forward in vain. */
	if (!deferred_reset_remaining(reset))
		mod_delayed_work(reset->queue, &reset->work, 0);
	while (!ns && deferred_reset_remaining(reset) >= 0)
		usleep_range(USEC_PER_MSEC, 2 * USEC_PER_MSEC);
}

void deferred_reset_cancel(struct deferred_reset *reset)
{
	deferred_reset_lock_settled(reset);
	reset->state = DEFERRED_RESET_IDLE;
	raw_spin_unlock_irq(&reset->lock);
}

ktime_t deferred_reset_remaining(struct deferred_reset *reset)
{
	unsigned long flags;
	s64 left;

	raw_spin_lock_irqsave(&reset->lock, flags);
	if (reset->state == DEFERRED_RESET_ARMED)
		left = max_t(s64, reset->next - ktime_get_boottime_ns(), 0);
	else
		left = reset->state == DEFERRED_RESET_EXPIRING ? 0 : -1;
	raw_spin_unlock_irqrestore(&reset->lock, flags);
	return left;
}
