// SPDX-License-Identifier: GPL-2.0
/*
 * One expiry: a delayed_work, which expires in process context, in good order. Its timer is late
 * by up to an eighth, and an ill machine may not run it. So each CPU has an exact timer. The first
 * to find a step due takes it for all, by compare-and-exchange: no lock's owner can hang. Steps:
 *	ARMED	at the deadline, pull the work forward
 *	QUEUED	a second later, and every second, expire here in the interrupt: the backstop
 *	VAIN	a second after an expiry returned, say that the machine survived
 * Arming has each CPU start its timer, in an interrupt that nobody waits for. One that is still
 * on its way serves the next arming, too. Without a deadline, or on isolated CPUs, no timer runs.
 */
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/sched/isolation.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include "deferred_reset.h"
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define hrtimer_setup(timer, fn, clock, mode) \
	(hrtimer_init(timer, clock, mode), (void)((timer)->function = (fn)))
#endif
/* Absolute, on the CPU that starts it, in hard-interrupt context on PREEMPT_RT too. */
#define TIMER_MODE HRTIMER_MODE_ABS_PINNED_HARD
/* The time of the next step in ns, by the clock that counts suspends; in bits 0 and 1 the step. */
enum { ARMED, QUEUED, VAIN, STEP = 3 };
#define NOTHING ((S64_MAX & ~STEP) | VAIN)
static atomic64_t reset_next = ATOMIC64_INIT(NOTHING);
static struct workqueue_struct *reset_wq;
static int reset_hotplug;
static DEFINE_PER_CPU(struct hrtimer, reset_timers);
static DEFINE_PER_CPU(call_single_data_t, reset_kicks);

static s64 reset_in(s64 delay_ns, int step)
{
	return ((ktime_get_boottime_ns() + delay_ns + STEP) & ~STEP) | step;
}

/* Context: process, queued by its own timer or a CPU's; or hard interrupt. Any may be first. */
static void reset_expire(struct work_struct *work)
{
	s64 next = atomic64_read(&reset_next), queued = reset_in(NSEC_PER_SEC, QUEUED);

	if ((next & STEP) == ARMED && ktime_get_boottime_ns() >= next &&
	    atomic64_try_cmpxchg(&reset_next, &next, queued))
		next = queued;
	if ((next & STEP) == QUEUED)
		deferred_reset_expire(work);
	while ((next & STEP) == QUEUED &&
	       !atomic64_try_cmpxchg(&reset_next, &next, reset_in(NSEC_PER_SEC, VAIN)))
		;
}

static DECLARE_DELAYED_WORK(reset_work, reset_expire);

/* Context: hard interrupt, on each CPU. */
static enum hrtimer_restart reset_fire(struct hrtimer *timer)
{
	s64 now = ktime_get_boottime_ns(), next = atomic64_read(&reset_next), step = next & STEP;
	/* From now: after a pause of the whole machine the work still has its second. */
	s64 later = step == VAIN ? NOTHING : reset_in(NSEC_PER_SEC, QUEUED);

	if (step == QUEUED && (hrtimer_get_expires(timer) & STEP) == QUEUED)
		deferred_reset_overdue();
	if (now >= next && atomic64_try_cmpxchg(&reset_next, &next, later)) {
		if (step == ARMED)
			mod_delayed_work(reset_wq, &reset_work, 0);
		else if (step == QUEUED)
			reset_expire(NULL);
		else
			deferred_reset_survived();
	}
	/* Not by HRTIMER_RESTART: another CPU may have started this timer meanwhile. */
	next = atomic64_read(&reset_next);
	if (next != NOTHING)
		hrtimer_start(timer, next, TIMER_MODE);
	return HRTIMER_NORESTART;
}

/* Has this CPU look what is due. Context: interrupts off, or a thread of this CPU. */
static void reset_kick(void *unused)
{
	hrtimer_start(this_cpu_ptr(&reset_timers), 0, TIMER_MODE);
}

/* Context: process, on the CPU that comes up. When it went, its timer moved to another. */
static int reset_online(unsigned int cpu)
{
	hrtimer_cancel(this_cpu_ptr(&reset_timers));
	if (housekeeping_cpu(cpu, HK_TYPE_TIMER))
		reset_kick(NULL);
	return 0;
}

int deferred_reset_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		INIT_CSD(per_cpu_ptr(&reset_kicks, cpu), reset_kick, NULL);
		hrtimer_setup(&per_cpu(reset_timers, cpu), reset_fire, CLOCK_BOOTTIME, TIMER_MODE);
	}
	/* Its own: nobody else fills it. Not bound to a CPU. A rescuer needs no memory. */
	reset_wq = alloc_workqueue("deferred_reset", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 1);
	if (!reset_wq)
		return -ENOMEM;
	reset_hotplug = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "deferred_reset:online",
						  reset_online, NULL);
	if (reset_hotplug < 0)
		destroy_workqueue(reset_wq);
	return min(reset_hotplug, 0);
}

void deferred_reset_destroy(void)
{
	int cpu;

	deferred_reset_set(-1);
	cpuhp_remove_state_nocalls(reset_hotplug);
	/* A CPU may answer the first before a kick that was sent earlier, but not the second. */
	kick_all_cpus_sync();
	kick_all_cpus_sync();
	for_each_possible_cpu(cpu)
		hrtimer_cancel(per_cpu_ptr(&reset_timers, cpu));
	cancel_delayed_work_sync(&reset_work);
	destroy_workqueue(reset_wq);
}

void deferred_reset_set(s64 delay_ns)
{
	s64 next, state = delay_ns < 0 ? NOTHING : reset_in(delay_ns, ARMED);
	int cpu;

	while (((next = atomic64_read(&reset_next)) & STEP) == QUEUED ||
	       !atomic64_try_cmpxchg(&reset_next, &next, state))
		usleep_range(1000, 2000);
	if (delay_ns < 0)
		return;
	mod_delayed_work(reset_wq, &reset_work, nsecs_to_jiffies(delay_ns) + 1);
	for_each_online_cpu(cpu)
		if (housekeeping_cpu(cpu, HK_TYPE_TIMER))
			smp_call_function_single_async(cpu, per_cpu_ptr(&reset_kicks, cpu));
}

s64 deferred_reset_remaining(void)
{
	s64 next = atomic64_read(&reset_next);

	return (next & STEP) == VAIN ? -1 : (next & STEP) == QUEUED ? 0 :
	       max_t(s64, next - ktime_get_boottime_ns(), 0);
}
