/* SPDX-License-Identifier: GPL-2.0 */
/* How fast the host's time stamp counter is: what a guest under TCG counts by. */
#ifndef QEMU_RUN_TSC_H
#define QEMU_RUN_TSC_H

/**
 * tsc_khz() - measure the host's time stamp counter
 *
 * For the kernel's tsc_early_khz=. An emulated timer on a busy host is read too
 * irregularly to measure the TSC by. A kernel that has only the PIT, as on a microvm,
 * gives up on the TSC and then hangs for want of another clock; one that has more may
 * be wrong many times over, and keeps to it: what it measures later counts only within
 * one percent.
 *
 * Return: kHz, after 20 ms.
 */
unsigned long tsc_khz(void);

#endif
