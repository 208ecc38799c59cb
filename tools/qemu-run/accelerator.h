/* SPDX-License-Identifier: GPL-2.0 */
/* KVM, where it works, or else TCG. */
#ifndef QEMU_RUN_ACCELERATOR_H
#define QEMU_RUN_ACCELERATOR_H

#include <stdbool.h>
#include "kernel.h"

/**
 * struct accelerator - what the guest's processors run on
 * @kvm: KVM; else TCG, QEMU's emulator
 */
struct accelerator {
	bool kvm;
};

/**
 * accelerator_choose() - decides between KVM and TCG
 * @accelerator: receives it
 * @options: what the user wants
 * @places: where scripts/accel is, which tries KVM once a boot of the host
 * @kernel: what it tries KVM with
 * @signals: may end the attempt
 * @error: receives what went wrong
 *
 * Return: 0; -1 on an error, or when interrupted.
 */
int accelerator_choose(struct accelerator *accelerator, const struct options *options,
		       const struct places *places, const struct kernel *kernel,
		       struct signals *signals, struct error *error);

#endif
