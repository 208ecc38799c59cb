// SPDX-License-Identifier: GPL-2.0
/*
 * One pending expiry: a work, and ticks that keep it honest.
 *
 * The work is what expires: in process context everything can be done in good order.
 * But no work runs on a machine that no longer schedules. So a timer queues the work
 * at the deadline, and expires in hard-interrupt context itself if the work has not
 * done so a second later.
 *
 * A timer fires on the CPU that started it, and a CPU that spins with interrupts off
 * fires none. So every online CPU has a timer, its tick. A tick looks at the deadline
 * once a second, and once more at the deadline itself. CPU hotplug starts and stops
 * the ticks; arming has to call no other CPU, and waits for none.
 *
 * One raw spinlock protects the state. It is held for a few instructions, and never
 * around a callback or the workqueue, where a CPU could be lost.
 */
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/hrtimer.h>
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

/* Context: any. A callback has returned that was counted in @calls. */
static void deferred_reset_returned(struct deferred_reset *reset)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&reset->lock, flags);
	/* Only now: an expiry that hangs has not expired, and needs the backstop. */
	if (reset->state == DEFERRED_RESET_EXPIRING) {
		reset->state = DEFERRED_RESET_EXPIRED;
		reset->next = ktime_get_boottime_ns() + DEFERRED_RESET_GRACE_NS;
	}
	reset->calls--;
	raw_spin_unlock_irqrestore(&reset->lock, flags);
}

/* Context: process. Comes for nothing if the backstop was faster. */
static void deferred_reset_work(struct work_struct *work)
{
	struct deferred_reset *reset = container_of(work, struct deferred_reset, work);
	bool expiring;

	raw_spin_lock_irq(&reset->lock);
	expiring = reset->state == DEFERRED_RESET_EXPIRING;
	reset->calls += expiring;
	raw_spin_unlock_irq(&reset->lock);
	if (expiring) {
		reset->ops->expire(reset, DEFERRED_RESET_WORK);
		deferred_reset_returned(reset);
	}
}

/* Context: hard interrupt, on each CPU. One CPU makes a step, the others see it made. */
static enum hrtimer_restart deferred_reset_tick(struct hrtimer *timer)
{
	struct deferred_reset *reset =
		container_of(timer, struct deferred_reset_tick, timer)->reset;
	enum deferred_reset_state due = DEFERRED_RESET_IDLE;
	s64 now = ktime_get_boottime_ns();
	/* Counted from now: after a pause of the machine the work still gets its second. */
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
		queue_work(reset->queue, &reset->work);
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
	INIT_WORK(&reset->work, deferred_reset_work);

	/* Its own, so that nobody else fills it; not bound to a CPU; with a rescuer. */
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

	/* A state of several instances: only its calls get a pointer. */
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
	free_percpu(reset->ticks);
	destroy_workqueue(reset->queue);
}

/* Waits, asleep, for an expiry that has begun. Context: process. */
static void deferred_reset_lock_settled(struct deferred_reset *reset)
	__acquires(&reset->lock)
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
	struct hrtimer *timer;

	deferred_reset_lock_settled(reset);
	reset->state = DEFERRED_RESET_ARMED;
	reset->next = ktime_get_boottime_ns() + ns;
	/* The next tick may come after the deadline. A CPU that goes down has no tick. */
	timer = &this_cpu_ptr(reset->ticks)->timer;
	if (hrtimer_is_queued(timer))
		hrtimer_start(timer, 0, TIMER_MODE);
	raw_spin_unlock_irq(&reset->lock);

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
	ktime_t left = -1;

	raw_spin_lock_irqsave(&reset->lock, flags);
	if (reset->state == DEFERRED_RESET_EXPIRING)
		left = 0;
	else if (reset->state == DEFERRED_RESET_ARMED)
		left = max_t(s64, reset->next - ktime_get_boottime_ns(), 0);
	raw_spin_unlock_irqrestore(&reset->lock, flags);
	return left;
}
