/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One pending expiry.
 */
#ifndef DEFERRED_RESET_H
#define DEFERRED_RESET_H

#include <linux/ktime.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct deferred_reset;

/**
 * typedef deferred_reset_expire_fn - what to do when the time is up
 * @reset: the expiry; embed it and use container_of() to find more
 *
 * Context: Process context, from a workqueue.
 */
typedef void (*deferred_reset_expire_fn)(struct deferred_reset *reset);

/**
 * struct deferred_reset - one pending expiry
 * @work: ends the wait
 * @expire: called once for each arming that is not cancelled
 *
 * Arming and cancelling are serialised by the caller; expiry is not, and needs
 * not be.
 */
struct deferred_reset {
	/* private: */
	struct delayed_work work;
	deferred_reset_expire_fn expire;
};

/**
 * deferred_reset_init() - make an expiry, not armed
 * @reset: the expiry
 * @expire: what to do when the time is up
 *
 * Context: Any.
 */
void deferred_reset_init(struct deferred_reset *reset, deferred_reset_expire_fn expire);

/**
 * deferred_reset_arm() - (re)start the wait, counted from now
 * @reset: the expiry
 * @delay: how long to wait; 0 or less expires at once
 *
 * Replaces an earlier arming. Never expires early.
 *
 * Context: Process context, may sleep. Serialised by the caller against itself
 *	    and deferred_reset_cancel().
 */
void deferred_reset_arm(struct deferred_reset *reset, ktime_t delay);

/**
 * deferred_reset_cancel() - end the wait without expiring
 * @reset: the expiry; one that is not armed is left alone
 *
 * Waits for a callback that is running. Nothing of @reset runs afterwards, until
 * it is armed again.
 *
 * Context: Process context, may sleep; not from the callback. Serialised by the
 *	    caller against itself and deferred_reset_arm().
 */
void deferred_reset_cancel(struct deferred_reset *reset);

#endif /* DEFERRED_RESET_H */
