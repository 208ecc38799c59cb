// SPDX-License-Identifier: GPL-2.0
/*
 * One pending expiry: a delayed_work.
 */
#include "deferred_reset.h"

static void deferred_reset_work(struct work_struct *work)
{
	struct deferred_reset *reset =
		container_of(to_delayed_work(work), struct deferred_reset, work);

	reset->expire(reset);
}

void deferred_reset_init(struct deferred_reset *reset, deferred_reset_expire_fn expire)
{
	INIT_DELAYED_WORK(&reset->work, deferred_reset_work);
	reset->expire = expire;
}

void deferred_reset_arm(struct deferred_reset *reset, ktime_t delay)
{
	s64 ns = max_t(s64, ktime_to_ns(delay), 0);

	deferred_reset_cancel(reset);
	/*
	 * Rounded up, so as not to expire early. The high-priority queue is
	 * shared and always there: arming cannot fail.
	 */
	queue_delayed_work(system_highpri_wq, &reset->work,
			   nsecs_to_jiffies64(ns + TICK_NSEC - 1));
}

void deferred_reset_cancel(struct deferred_reset *reset)
{
	cancel_delayed_work_sync(&reset->work);
}
