/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One pending expiry: on time, and not to be held up.
 */
#ifndef DEFERRED_RESET_H
#define DEFERRED_RESET_H

#include <linux/ktime.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct deferred_reset;
struct deferred_reset_tick;

/* How long the work may be overdue, and how long an expiry may be in vain. */
#define DEFERRED_RESET_GRACE_NS NSEC_PER_SEC

/* The longest wait: 100 years, far from where sums of ktime_t overflow. */
#define DEFERRED_RESET_MAX_NS (100LL * 365 * 24 * 60 * 60 * NSEC_PER_SEC)

/**
 * enum deferred_reset_state - how far an expiry is
 * @DEFERRED_RESET_IDLE: nothing is pending; left by deferred_reset_arm()
 * @DEFERRED_RESET_ARMED: a deadline is set; left by deferred_reset_cancel(), or once
 *	the deadline has passed, by a tick, which pulls the work forward, or by the work
 * @DEFERRED_RESET_EXPIRING: @expire is to be called, or has not returned yet; left
 *	when a call of it returns
 * @DEFERRED_RESET_EXPIRED: @expire has returned; left a second later, for
 *	%DEFERRED_RESET_IDLE and with a call of @survived, or by arming or cancelling
 */
enum deferred_reset_state {
	DEFERRED_RESET_IDLE,
	DEFERRED_RESET_ARMED,
	DEFERRED_RESET_EXPIRING,
	DEFERRED_RESET_EXPIRED,
};

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
 * @expire: end whatever is to be ended. May sleep on the path %DEFERRED_RESET_WORK
 *	only. A call that does not return within a second is followed by one on the
 *	path %DEFERRED_RESET_BACKSTOP, every second, until one of the calls returns.
 *	So the calls may overlap, and the first may be the last to end.
 * @survived: a second after @expire returned the machine still runs. Called once, in
 *	hard-interrupt context.
 */
struct deferred_reset_ops {
	void (*expire)(struct deferred_reset *reset, enum deferred_reset_path path);
	void (*survived)(struct deferred_reset *reset);
};

/**
 * struct deferred_reset - one pending expiry
 *
 * Embed it and use container_of() in the callbacks. The caller serialises arming and
 * cancelling.
 */
struct deferred_reset {
	/* private: */
	const struct deferred_reset_ops *ops;
	struct workqueue_struct *queue;
	struct delayed_work work;
	struct deferred_reset_tick __percpu *ticks;
	int hotplug_state;
	struct hlist_node hotplug_node;

	raw_spinlock_t lock;		/* protects what follows */
	enum deferred_reset_state state;
	s64 next;			/* boottime, ns, at which the state changes next */
	unsigned int calls;		/* callbacks that have not returned yet */
};

/**
 * deferred_reset_init() - make an expiry, not armed
 * @reset: the expiry
 * @ops: what to do when the time is up; must outlive @reset
 *
 * Starts a timer on every online CPU, and waits until each of them has done so.
 *
 * Context: Process context, may sleep.
 * Return: 0; -ENOMEM; -ENOSPC where the kernel has no slot left for callbacks of
 *	   CPU hotplug. After an error there is nothing to undo.
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
 * Replaces an earlier deadline, with no moment between in which there is none. If the
 * earlier one has passed, waits for its expiry first, as deferred_reset_cancel() does.
 * Never expires early. Time that the system is suspended counts. Waits for no other
 * CPU. The deadline is late by up to a second if it is less than a second away and
 * the CPU that armed it takes no interrupts any more.
 *
 * Context: Process context, may sleep; not from the callbacks. Serialised by the
 *	    caller against itself and deferred_reset_cancel().
 */
void deferred_reset_arm(struct deferred_reset *reset, ktime_t delay);

/**
 * deferred_reset_cancel() - end the wait without expiring
 * @reset: the expiry; one that is not armed is left alone
 *
 * An expiry whose deadline has passed is not taken back: this waits for it, with the
 * backstop in place. None of the callbacks is called afterwards, until @reset is
 * armed again.
 *
 * Context: Process context, may sleep; not from the callbacks. Serialised by the
 *	    caller against itself and deferred_reset_arm().
 */
void deferred_reset_cancel(struct deferred_reset *reset);

/**
 * deferred_reset_remaining() - the time until the expiry
 * @reset: the expiry
 *
 * Context: Any but NMI.
 * Return: the time, 0 where it is overdue; -1 ns where nothing is pending.
 */
ktime_t deferred_reset_remaining(struct deferred_reset *reset);

#endif /* DEFERRED_RESET_H */
