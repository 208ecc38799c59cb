/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel to run, and the driver for it. */
#ifndef QEMU_RUN_KERNEL_H
#define QEMU_RUN_KERNEL_H

#include "util.h"

struct setup;

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
 * @setup: the run; its @kernel receives it
 *
 * Return: 0; -1 on an error, or when interrupted.
 */
int kernel_find(struct setup *setup);

/**
 * kernel_script() - runs one of our scripts that are about a kernel
 * @setup: the run
 * @name: of the script
 * @kernel: for its -k
 * @output: receives its stdout, NUL-terminated
 *
 * Return: as process_run().
 */
int kernel_script(const struct setup *setup, const char *name, const char *kernel,
		  struct text *output);

/**
 * kernel_option() - an option of the kernel's configuration
 * @kernel: the kernel
 * @option: its name, as CONFIG_HZ
 *
 * Return: its value, to be freed, "n" where it is off; NULL if there is no configuration.
 */
char *kernel_option(const struct kernel *kernel, const char *option);

void kernel_free(struct kernel *kernel);

#endif
