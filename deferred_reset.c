// SPDX-License-Identifier: GPL-2.0
/*
 * One pending expiry: a delayed_work, and timers that keep it honest.
 *
 * The work is what expires: it runs in process context, where anything can still
 * be done in good order. Alone it would be late, because the timer wheel rounds
 * a long wait up by as much as an eighth, and it would not come at all on a
 * machine that no longer schedules. So at the deadline an hrtimer pulls the work
 * forward, and expires in hard-interrupt context itself if the work has not done
 * so a second later.
 *
 * An hrtimer fires on the processor that started it, and a processor that spins
 * with interrupts off fires none. So there is one on each processor; whichever
 * comes first acts, and the deadline is met as long as one of them takes
 * interrupts. The kernel moves the timer of a processor that goes offline to
 * another; it comes back with its processor, and one that was not there when the
 * wait started joins it when it comes up.
 *
 * The deadline is its own state. Who expires it claims it first, by negating it; who
 * cancels it withdraws it, by zeroing it. The first of them has it, for good: what
 * was withdrawn does not expire, and what expires is waited for with its backstop in
 * place.
 */
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/version.h>

#include "deferred_reset.h"

/**
 * struct deferred_reset_timer - one processor's timer
 * @timer: expires in hard-interrupt context, on PREEMPT_RT too
 * @call: has that processor start it
 * @reset: what it belongs to
 */
struct deferred_reset_timer {
	struct hrtimer timer;
	call_single_data_t call;
	struct deferred_reset *reset;
};

/*
 * Claims the expiry of what was found to be armed for @due. Returns false where it
 * was withdrawn since, or armed anew: then whoever asks has come for nothing. True
 * where someone else has claimed it, too, and may be held up.
 *
 * Context: any.
 */
static bool deferred_reset_claim(struct deferred_reset *reset, s64 due)
{
	s64 found;

	if (due <= 0)
		return due < 0;
	found = atomic64_cmpxchg(&reset->due, due, -due);
	return found == due || found == -due;
}

/* Context: process, or hard interrupt; the expiry is claimed. */
static void deferred_reset_expire(struct deferred_reset *reset,
				  enum deferred_reset_path path)
{
	reset->ops->expire(reset, path);
	/*
	 * Only now: work that is held up halfway has not expired, and the
	 * backstop must still come.
	 */
	atomic64_set(&reset->fired_at, ktime_get_boottime_ns());
}

/* In jiffies. Rounded up, so as not to come early; the timers mend the lateness. */
static unsigned long deferred_reset_jiffies_left(s64 due)
{
	s64 left = due - ktime_get_boottime_ns();

	return nsecs_to_jiffies64(left > 0 ? left + TICK_NSEC - 1 : 0);
}

/* Context: process. */
static void deferred_reset_work(struct work_struct *work)
{
	struct deferred_reset *reset =
		container_of(to_delayed_work(work), struct deferred_reset, work);
	s64 due = atomic64_read(&reset->due);

	/* Pulled forward while it ran, or come back to life after the backstop. */
	if (atomic64_read(&reset->fired_at))
		return;
	/*
	 * The wheel counts in jiffies, and they stand still while the processor
	 * that advances them does, as a virtual one may. What was queued then comes
	 * early by as much as they leap when it goes on.
	 */
	if (due > ktime_get_boottime_ns()) {
		queue_delayed_work(reset->queue, &reset->work, deferred_reset_jiffies_left(due));
		return;
	}
	if (deferred_reset_claim(reset, due))
		deferred_reset_expire(reset, DEFERRED_RESET_WORK);
}

/*
 * Once for each second from the deadline on, by the processor that comes first. One
 * that is held up here may meet the next.
 *
 * Context: hard interrupt.
 */
static void deferred_reset_step(struct deferred_reset *reset, s64 now)
{
	s64 fired_at = atomic64_read(&reset->fired_at);

	if (fired_at) {
		/* To a processor that comes up afterwards this is old news. */
		if (atomic_read(&reset->survived))
			return;
		if (now - fired_at < DEFERRED_RESET_GRACE_NS) {
			atomic64_set(&reset->next_step, fired_at + DEFERRED_RESET_GRACE_NS);
			return;
		}
		if (!atomic_xchg(&reset->survived, true))
			reset->ops->survived(reset);
		return;
	}
	if (atomic_inc_return(&reset->steps) == 1)
		mod_delayed_work(reset->queue, &reset->work, 0);
	else if (deferred_reset_claim(reset, atomic64_read(&reset->due)))
		deferred_reset_expire(reset, DEFERRED_RESET_BACKSTOP);
}

/* Context: hard interrupt, on each processor. */
static enum hrtimer_restart deferred_reset_timeout(struct hrtimer *timer)
{
	struct deferred_reset *reset =
		container_of(timer, struct deferred_reset_timer, timer)->reset;
	s64 now = ktime_get_boottime_ns();
	s64 next = atomic64_read(&reset->next_step);

	/*
	 * Counted from now: after a long pause the work still gets its second,
	 * unless the pause began after this and before the work.
	 */
	if (now >= next &&
	    atomic64_try_cmpxchg(&reset->next_step, &next, now + DEFERRED_RESET_GRACE_NS))
		deferred_reset_step(reset, now);

	if (atomic_read(&reset->survived))
		return HRTIMER_NORESTART;
	hrtimer_set_expires(timer, ns_to_ktime(atomic64_read(&reset->next_step)));
	return HRTIMER_RESTART;
}

/*
 * Where the timer's callback is not running on another processor, or it would change
 * the time of a timer that is queued.
 *
 * Context: interrupts off.
 */
static void deferred_reset_start_timer(struct deferred_reset *reset)
{
	hrtimer_start(&this_cpu_ptr(reset->timers)->timer,
		      ns_to_ktime(atomic64_read(&reset->next_step)),
		      HRTIMER_MODE_ABS_PINNED_HARD);
}

/* Context: interrupts off; hard interrupt, or process where a processor arms or idles. */
static void deferred_reset_called(void *data)
{
	struct deferred_reset *reset = data;

	deferred_reset_start_timer(reset);
	/* By now the call is free to be made again. */
	atomic_dec_return_release(&reset->calls);
}

/*
 * Has each processor start its timer, without waiting for it: one that takes no
 * interrupts never answers. No call fails, as the processor stays online meanwhile and
 * the last one was answered.
 *
 * Context: process, interrupts off.
 */
static void deferred_reset_call_all(struct deferred_reset *reset)
{
	int cpu;

	for_each_online_cpu(cpu) {
		atomic_inc(&reset->calls);
		smp_call_function_single_async(cpu, &per_cpu_ptr(reset->timers, cpu)->call);
	}
}

/*
 * Waits for no one but a callback of its own timer: a processor must come up
 * whatever has become of the others, and whoever arms must not wait for it.
 *
 * Context: process, on the processor that comes up; the kernel's hotplug lock is
 * held.
 */
static int deferred_reset_online(unsigned int cpu, struct hlist_node *node)
{
	struct deferred_reset *reset = hlist_entry(node, struct deferred_reset, hotplug_node);

	/*
	 * Started, it moved to another processor. Or it is on this one: where going
	 * down failed, or an arming has found this one online.
	 */
	hrtimer_cancel(&per_cpu_ptr(reset->timers, cpu)->timer);
	/*
	 * Either this comes before an arming, and that finds the processor online;
	 * or it comes after, and finds it armed. If both, there is no harm done.
	 */
	raw_spin_lock_irq(&reset->lock);
	if (atomic64_read(&reset->due))
		deferred_reset_start_timer(reset);
	raw_spin_unlock_irq(&reset->lock);
	return 0;
}

int deferred_reset_init(struct deferred_reset *reset, const struct deferred_reset_ops *ops)
{
	int cpu, err;

	*reset = (struct deferred_reset){ .ops = ops };
	raw_spin_lock_init(&reset->lock);
	INIT_DELAYED_WORK(&reset->work, deferred_reset_work);

	/*
	 * A queue of its own, so that no one else's sleepers fill it; unbound, so
	 * that one stuck processor does not hold it; with a rescuer, so that it
	 * needs no memory.
	 */
	reset->queue = alloc_workqueue("deferred_reset",
				       WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 1);
	if (!reset->queue)
		return -ENOMEM;

	reset->timers = alloc_percpu(struct deferred_reset_timer);
	if (!reset->timers) {
		err = -ENOMEM;
		goto destroy_queue;
	}
	for_each_possible_cpu(cpu) {
		struct deferred_reset_timer *timer = per_cpu_ptr(reset->timers, cpu);

		timer->reset = reset;
		INIT_CSD(&timer->call, deferred_reset_called, reset);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
		hrtimer_setup(&timer->timer, deferred_reset_timeout, CLOCK_BOOTTIME,
			      HRTIMER_MODE_ABS_PINNED_HARD);
#else
		hrtimer_init(&timer->timer, CLOCK_BOOTTIME, HRTIMER_MODE_ABS_PINNED_HARD);
		timer->timer.function = deferred_reset_timeout;
#endif
	}

	/* A state of its own, with one instance: only such a callback gets a pointer. */
	err = cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, "deferred_reset:online",
				      deferred_reset_online, NULL);
	if (err < 0)
		goto free_timers;
	reset->hotplug_state = err;

	/* Without calls: nothing is armed, and they would wait for every processor. */
	err = cpuhp_state_add_instance_nocalls(reset->hotplug_state, &reset->hotplug_node);
	if (err)
		goto remove_state;
	return 0;

remove_state:
	cpuhp_remove_multi_state(reset->hotplug_state);
free_timers:
	free_percpu(reset->timers);
destroy_queue:
	destroy_workqueue(reset->queue);
	return err;
}

void deferred_reset_destroy(struct deferred_reset *reset)
{
	deferred_reset_cancel(reset);
	cpuhp_state_remove_instance_nocalls(reset->hotplug_state, &reset->hotplug_node);
	cpuhp_remove_multi_state(reset->hotplug_state);
	free_percpu(reset->timers);
	destroy_workqueue(reset->queue);
}

/*
 * From here on no expiry begins, and no processor that comes up starts a timer.
 * Returns false where an expiry has begun.
 *
 * Context: process; interrupts may be off.
 */
static bool deferred_reset_withdraw(struct deferred_reset *reset)
{
	unsigned long flags;
	bool withdrawn;
	s64 due;

	raw_spin_lock_irqsave(&reset->lock, flags);
	due = atomic64_read(&reset->due);
	withdrawn = due >= 0 && atomic64_try_cmpxchg(&reset->due, &due, 0);
	raw_spin_unlock_irqrestore(&reset->lock, flags);
	return withdrawn;
}

/*
 * Waits for callbacks of the timers that are running. That takes a moment, as no expiry
 * has begun that was not sat out.
 *
 * Context: process; interrupts may be off: a hard timer's end is not slept for, and its
 * callback needs nothing of this processor.
 */
static void deferred_reset_cancel_timers(struct deferred_reset *reset)
{
	int cpu;

	for_each_possible_cpu(cpu)
		hrtimer_cancel(&per_cpu_ptr(reset->timers, cpu)->timer);
}

/*
 * Waits for an expiry, by whomever. Not for the work, which the backstop may take
 * elsewhere in its queue, or come before.
 *
 * Context: process, may sleep.
 */
static void deferred_reset_await_expiry(struct deferred_reset *reset)
{
	while (!atomic64_read(&reset->fired_at))
		usleep_range(USEC_PER_MSEC, 2 * USEC_PER_MSEC);
}

/*
 * Waits for an expiry that has begun, while the backstop stands: one that is held
 * up would otherwise be waited for beyond any deadline.
 *
 * Context: process, may sleep.
 */
static void deferred_reset_sit_out(struct deferred_reset *reset)
{
	int cpu;

	deferred_reset_await_expiry(reset);
	/* From here on no processor that comes up starts a timer. */
	raw_spin_lock_irq(&reset->lock);
	atomic64_set(&reset->due, 0);
	raw_spin_unlock_irq(&reset->lock);
	/*
	 * Of two that came to expire, one may be at it still, and held up: it is slept
	 * for, as hrtimer_cancel() would not. The timers first: their callbacks may yet
	 * queue the work, and none of it may be left when the next arming forgets that
	 * this one has fired.
	 */
	for_each_possible_cpu(cpu)
		while (hrtimer_try_to_cancel(&per_cpu_ptr(reset->timers, cpu)->timer) < 0)
			usleep_range(USEC_PER_MSEC, 2 * USEC_PER_MSEC);
	cancel_delayed_work_sync(&reset->work);
}

void deferred_reset_arm(struct deferred_reset *reset, ktime_t delay)
{
	s64 ns = clamp_t(s64, ktime_to_ns(delay), 0, DEFERRED_RESET_MAX_NS);
	s64 due;

	/*
	 * Until the new deadline stands nothing may take this processor away, not
	 * even an interrupt: the old one is gone, and who is preempted or
	 * interrupted then may never run again.
	 */
	local_irq_disable();
	if (!deferred_reset_withdraw(reset)) {
		local_irq_enable();
		deferred_reset_sit_out(reset);
		local_irq_disable();
	}
	deferred_reset_cancel_timers(reset);

	due = ktime_get_boottime_ns() + ns;
	atomic_set(&reset->survived, false);
	atomic64_set(&reset->next_step, due);
	atomic_set(&reset->steps, 0);
	atomic64_set(&reset->fired_at, 0);
	/* From here on a processor that comes up starts its timer by itself. */
	raw_spin_lock(&reset->lock);
	atomic64_set(&reset->due, due);
	raw_spin_unlock(&reset->lock);

	/* That of an earlier arming may be pending, or on its way to see this one. */
	mod_delayed_work(reset->queue, &reset->work, deferred_reset_jiffies_left(due));
	deferred_reset_call_all(reset);
	/*
	 * From here on the deadline stands, whatever becomes of this processor. But
	 * who cancels must find each timer started; and without preemption here no
	 * processor goes offline with its call unanswered.
	 */
	preempt_disable();
	local_irq_enable();
	atomic_cond_read_acquire(&reset->calls, !VAL);
	preempt_enable();

	if (!ns)
		deferred_reset_await_expiry(reset);
}

void deferred_reset_cancel(struct deferred_reset *reset)
{
	if (!deferred_reset_withdraw(reset))
		deferred_reset_sit_out(reset);
	deferred_reset_cancel_timers(reset);
	/* Last, as the timers queue it; it finds nothing to expire. */
	cancel_delayed_work_sync(&reset->work);
}

ktime_t deferred_reset_remaining(const struct deferred_reset *reset)
{
	s64 due = atomic64_read(&reset->due);

	if (!due || atomic64_read(&reset->fired_at))
		return ns_to_ktime(-1);
	return ns_to_ktime(max_t(s64, abs(due) - ktime_get_boottime_ns(), 0));
}
