/* SPDX-License-Identifier: GPL-2.0 */
/* What is known before a machine is started. */
#ifndef QEMU_RUN_SETUP_H
#define QEMU_RUN_SETUP_H

#include "kernel.h"
#include "options.h"
#include "places.h"
#include "signals.h"

/**
 * struct setup - what every machine of this run is made from
 * @options: the command line
 * @places: where things are
 * @kernel: the kernel and the driver for it
 * @kvm: the guest's processors run on KVM; else on TCG, QEMU's emulator
 * @signals: to this process: they may end what takes long
 * @error: receives what goes wrong
 */
struct setup {
	const struct options *options;
	struct places places;
	struct kernel kernel;
	bool kvm;
	struct signals *signals;
	struct error *error;
};

#endif
