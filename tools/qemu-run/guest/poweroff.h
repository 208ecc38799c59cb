/* SPDX-License-Identifier: GPL-2.0 */
/* How the guest ends its machine with a code. */
#ifndef QEMU_RUN_GUEST_POWEROFF_H
#define QEMU_RUN_GUEST_POWEROFF_H

#include <stdint.h>

/**
 * poweroff_find() - finds the driver, or else the bare port
 */
void poweroff_find(void);

/**
 * poweroff_method() - what was found
 *
 * Return: one of enum poweroff_method.
 */
uint32_t poweroff_method(void);

/**
 * poweroff_arm() - has the driver end the machine later, whatever init does
 * @code: the code to end with
 * @seconds: when; -1: never
 */
void poweroff_arm(unsigned int code, long seconds);

/**
 * poweroff_now() - ends the machine
 * @code: the code to end with, 0-127
 */
void poweroff_now(unsigned int code) __attribute__((noreturn));

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
