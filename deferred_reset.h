/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEFERRED_RESET_H
#define DEFERRED_RESET_H
#include <linux/types.h>
/* The user has these three. Ends what is to be: @in_work, or in hard interrupts, which overlap. */
void deferred_reset_expire(bool in_work);
/* In a hard interrupt on each CPU, before deferred_reset_expire() is called in one. */
void deferred_reset_overdue(void);
/* In a hard interrupt on one CPU, a second after deferred_reset_expire() returned. */
void deferred_reset_survived(void);

/**
 * deferred_reset_init() - prepare the expiry, with no deadline
 * Context: Process context, may sleep.
 * Return: 0; -ENOMEM; -ENOSPC if the kernel has no slot left for a hotplug callback.
 */
int deferred_reset_init(void);

/**
 * deferred_reset_destroy() - take the deadline back, and wait for all calls of the callbacks
 * Context: Process context, may sleep; not from the callbacks.
 */
void deferred_reset_destroy(void);

/**
 * deferred_reset_set() - replace the deadline, with no moment between the old and the new one
 * @delay_ns: from now, up to 100 years, never shortened; negative: no deadline
 * One that has passed is not taken back: waits for a call of its callback. Callers take turns.
 * Context: Process context, may sleep; not from the callbacks.
 */
void deferred_reset_set(s64 delay_ns);

/**
 * deferred_reset_remaining() - the time until the expiry
 * Context: Any but NMI.
 * Return: nanoseconds, 0 where it is overdue; -1 where nothing is pending.
 */
s64 deferred_reset_remaining(void);
#endif
