/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel to run, and the driver for it. */
#ifndef QEMU_RUN_KERNEL_H
#define QEMU_RUN_KERNEL_H

#include "error.h"
#include "options.h"
#include "places.h"
#include "signals.h"

/**
 * struct kernel - the kernel to run
 * @directory: as scripts/kernel prints it
 * @release: as uname -r gives it
 * @image: vmlinux, or else the bzImage
 * @modules: the directory of its modules, modules.dep among them
 * @driver: qemu_poweroff.ko for it, or NULL
 */
struct kernel {
	char *directory;
	char *release;
	char *image;
	char *modules;
	char *driver;
};

/**
 * kernel_find() - finds or fetches the kernel, and the driver for it
 * @kernel: receives it
 * @options: which
 * @places: where scripts/kernel and scripts/module are
 * @signals: may end the search
 * @error: receives what went wrong
 *
 * Return: 0; -1 on an error, or when interrupted.
 */
int kernel_find(struct kernel *kernel, const struct options *options,
		const struct places *places, struct signals *signals, struct error *error);

/**
 * kernel_hz() - reads CONFIG_HZ from the kernel's configuration
 * @kernel: the kernel
 *
 * Return: ticks a second, or 0 if the configuration is not there.
 */
unsigned long kernel_hz(const struct kernel *kernel);

void kernel_free(struct kernel *kernel);

#endif
