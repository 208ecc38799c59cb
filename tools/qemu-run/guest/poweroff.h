/* SPDX-License-Identifier: GPL-2.0 */
/* How the guest ends its machine with a code. */
#ifndef QEMU_RUN_GUEST_POWEROFF_H
#define QEMU_RUN_GUEST_POWEROFF_H

#include <stdint.h>

/**
 * struct poweroff - what can end the machine with a code
 * @method: enum poweroff_method
 * @code: qemu_poweroff's parameter, open, or -1
 * @delay: likewise
 * @panic: likewise
 */
struct poweroff {
	uint32_t method;
	int code;
	int delay;
	int panic;
};

/**
 * poweroff_find() - finds the driver, or else the bare port
 * @poweroff: receives what was found
 */
void poweroff_find(struct poweroff *poweroff);

/**
 * poweroff_arm() - has the driver end the machine later, whatever init does
 * @poweroff: as found
 * @code: the code to end with
 * @seconds: when; -1: never
 */
void poweroff_arm(const struct poweroff *poweroff, unsigned int code, long seconds);

/**
 * poweroff_now() - ends the machine
 * @poweroff: as found
 * @code: the code to end with, 0-127
 */
void poweroff_now(const struct poweroff *poweroff, unsigned int code) __attribute__((noreturn));

/**
 * die() - says why init cannot go on, and ends the machine with code 125
 * @what: what failed; errno says why
 *
 * For what leaves no way to tell the host: see refuse() for all else.
 */
void die(const char *what) __attribute__((noreturn));

/**
 * die_because() - the same, for another reason than errno
 * @what: what failed
 * @why: why
 */
void die_because(const char *what, const char *why) __attribute__((noreturn));

#endif
