/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One pending expiry: on time, and not to be held up.
 */
#ifndef DEFERRED_RESET_H
#define DEFERRED_RESET_H

#include <linux/atomic.h>
#include <linux/ktime.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct deferred_reset;
struct deferred_reset_timer;

/* How long the work may be overdue, and how long an expiry may be in vain. */
#define DEFERRED_RESET_GRACE_NS NSEC_PER_SEC

/* The longest wait: 100 years, far from where sums of ktime_t overflow. */
#define DEFERRED_RESET_MAX_NS (100LL * 365 * 24 * 60 * 60 * NSEC_PER_SEC)

/**
 * enum deferred_reset_path - from where an expiry comes
 * @DEFERRED_RESET_WORK: from a workqueue, in process context
 * @DEFERRED_RESET_BACKSTOP: from a timer, in hard-interrupt context
 */
enum deferred_reset_path {
	DEFERRED_RESET_WORK,
	DEFERRED_RESET_BACKSTOP,
};

/**
 * struct deferred_reset_ops - what to do when the time is up
 * @expire: end whatever is to be ended. Must not sleep. Called once for each
 *	arming, unless it is held up: a second after the work was pulled forward,
 *	and every second from then on until a call has returned, the backstop calls
 *	it again, from another context. The calls may overlap, and the one that was
 *	held up may come last.
 * @survived: the expiry was in vain: a second after @expire returned the machine
 *	still runs. In hard-interrupt context, once.
 */
struct deferred_reset_ops {
	void (*expire)(struct deferred_reset *reset, enum deferred_reset_path path);
	void (*survived)(struct deferred_reset *reset);
};

/**
 * struct deferred_reset - one pending expiry
 *
 * Embed it and use container_of() in the callbacks. Arming, cancelling and
 * reading what remains are serialised by the caller; expiry is not, and need not
 * be.
 */
struct deferred_reset {
	/* private: */
	const struct deferred_reset_ops *ops;
	struct workqueue_struct *queue;
	struct delayed_work work;
	struct deferred_reset_timer __percpu *timers;

	int hotplug_state;
	struct hlist_node hotplug_node;

	atomic_t calls;		/* to processors, to start their timers: unanswered */
	raw_spinlock_t lock;	/* arming, against processors that come up */
	atomic64_t due;		/* boottime, ns; 0: not armed; negative: it expires */
	atomic64_t next_step;	/* boottime, ns: when the timers act again */
	atomic_t steps;		/* how often they have, since the arming */
	atomic64_t fired_at;	/* boottime, ns; 0 before the expiry */
	atomic_t survived;
};

/**
 * deferred_reset_init() - make an expiry, not armed
 * @reset: the expiry
 * @ops: what to do when the time is up; must outlive @reset
 *
 * Context: Process context, may sleep.
 * Return: 0; -ENOMEM; -ENOSPC where the kernel has no slot left for callbacks of
 *	   processor hotplug. With nothing to undo after an error.
 */
int deferred_reset_init(struct deferred_reset *reset, const struct deferred_reset_ops *ops);

/**
 * deferred_reset_destroy() - cancel and free what deferred_reset_init() took
 * @reset: the expiry
 *
 * Context: Process context, may sleep; not from the callbacks.
 */
void deferred_reset_destroy(struct deferred_reset *reset);

/**
 * deferred_reset_arm() - (re)start the wait, counted from now
 * @reset: the expiry
 * @delay: how long to wait, at most DEFERRED_RESET_MAX_NS; 0 or less expires at
 *	once, before this returns
 *
 * Replaces an earlier arming, with no moment between that has neither, unless
 * that one has begun to expire: then this waits, as deferred_reset_cancel() does.
 * Never expires early. Time that the system is suspended counts. Where a processor
 * takes no interrupts this may not return, but the deadline stands. A processor
 * that comes up later guards it, too.
 *
 * Context: Process context, may sleep; not from the callbacks. Serialised by the
 *	    caller against itself and deferred_reset_cancel().
 */
void deferred_reset_arm(struct deferred_reset *reset, ktime_t delay);

/**
 * deferred_reset_cancel() - end the wait without expiring
 * @reset: the expiry; one that is not armed is left alone
 *
 * An expiry that has begun is not taken back: this waits for it, with the backstop
 * in place. None of the callbacks comes afterwards, until @reset is armed again.
 *
 * Context: Process context, may sleep; not from the callbacks. Serialised by the
 *	    caller against itself and deferred_reset_arm().
 */
void deferred_reset_cancel(struct deferred_reset *reset);

/**
 * deferred_reset_remaining() - the time until the expiry
 * @reset: the expiry
 *
 * Context: Any. Serialised by the caller against deferred_reset_arm() and
 *	    deferred_reset_cancel().
 * Return: the time, 0 where it is overdue; -1 ns where nothing is pending.
 */
ktime_t deferred_reset_remaining(const struct deferred_reset *reset);

#endif /* DEFERRED_RESET_H */
