/* SPDX-License-Identifier: GPL-2.0 */
/* What is known before a machine is started. */
#ifndef QEMU_RUN_SETUP_H
#define QEMU_RUN_SETUP_H

#include "kernel.h"
#include "options.h"
#include "places.h"
#include "signals.h"

/* struct setup - what every machine of this run is made from */
struct setup {
	const struct options *options;	/* the command line */
	struct places places;		/* where things are */
	struct kernel kernel;		/* the kernel and the driver for it */
	bool kvm;			/* the guest's processors run on KVM, else on TCG */
	struct signals *signals;	/* to this process: they may end what takes long */
	struct error *error;		/* receives what goes wrong */
};

#endif
