/* SPDX-License-Identifier: GPL-2.0 */
/* QEMU's command line. */
#ifndef QEMU_RUN_QEMU_ARGUMENTS_H
#define QEMU_RUN_QEMU_ARGUMENTS_H

#include "machine.h"

/* Where QEMU finds its connections: no path of the file system is involved. */
enum qemu_fd {
	FD_PORT = 10,
	FD_CONSOLE,
	FD_MONITOR,
	FD_MEMORY,
	FD_STATE,
	FD_INITRAMFS,
	FD_ROOT,
	FD_LAST = FD_ROOT,
};

/**
 * qemu_arguments() - QEMU's command line
 * @setup: what the machine is made from
 * @boot: how its guest begins
 * @root_by_fd: FD_ROOT is the directory of --root
 * @arguments: receives it, the program first
 */
void qemu_arguments(const struct setup *setup, const struct boot *boot, bool root_by_fd,
		    struct list *arguments);

#endif
