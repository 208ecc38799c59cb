/* SPDX-License-Identifier: GPL-2.0 */
/* What is known before a machine is started. */
#ifndef QEMU_RUN_SETUP_H
#define QEMU_RUN_SETUP_H

#include "accelerator.h"
#include "kernel.h"
#include "options.h"
#include "places.h"

/**
 * struct setup - what every machine of this run is made from
 * @options: the command line
 * @places: where things are
 * @kernel: the kernel and the driver for it
 * @accelerator: KVM or TCG
 */
struct setup {
	const struct options *options;
	struct places places;
	struct kernel kernel;
	struct accelerator accelerator;
};

#endif
