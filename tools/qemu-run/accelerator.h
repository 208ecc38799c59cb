/* SPDX-License-Identifier: GPL-2.0 */
/* KVM, where it works, or else TCG. */
#ifndef QEMU_RUN_ACCELERATOR_H
#define QEMU_RUN_ACCELERATOR_H

#include "setup.h"

/**
 * accelerator_choose() - decides between KVM and TCG
 * @setup: what the user wants, and the kernel that scripts/accel tries KVM with, once a
 *	   boot of the host; its @kvm receives the choice
 *
 * Return: 0; -1 on an error, or when interrupted.
 */
int accelerator_choose(struct setup *setup);

#endif
