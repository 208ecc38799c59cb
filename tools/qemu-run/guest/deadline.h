/* SPDX-License-Identifier: GPL-2.0 */
/* The time after which the machine ends, whatever the command does. */
#ifndef QEMU_RUN_GUEST_DEADLINE_H
#define QEMU_RUN_GUEST_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include "poweroff.h"

/**
 * struct deadline - the timeout of the command
 * @timer: a timerfd, which is readable once the deadline has passed
 * @disks: there may be disks to write to before the machine ends
 * @armed: the timers run, or have expired
 */
struct deadline {
	int timer;
	bool disks;
	bool armed;
};

/**
 * deadline_prepare() - makes a deadline that never passes
 * @deadline: receives it
 *
 * Ends the machine if it cannot.
 */
void deadline_prepare(struct deadline *deadline);

/**
 * deadline_arm() - starts init's timer, and behind it the driver's
 * @deadline: as prepared
 * @timeout_ms: from now; 0: never
 */
void deadline_arm(struct deadline *deadline, uint64_t timeout_ms);

/**
 * deadline_disarm() - stops both timers
 * @deadline: need not be armed
 */
void deadline_disarm(struct deadline *deadline);

/**
 * deadline_end_machine() - shows what hangs, and ends the machine
 * @deadline: it has passed
 */
void deadline_end_machine(const struct deadline *deadline) __attribute__((noreturn));

#endif
