/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel to run, the driver for it, and KVM where that runs it. */
#ifndef QEMU_RUN_KERNEL_H
#define QEMU_RUN_KERNEL_H

#include "util.h"

struct setup;

/* struct kernel - the kernel to run */
struct kernel {
	char *directory;	/* as scripts/kernel prints it */
	char *release;		/* as uname -r gives it */
	char *image;		/* vmlinux, or else the bzImage */
	char *modules;		/* the directory of its modules, modules.dep among them */
	char *config;		/* its configuration, or NULL */
	char *driver;		/* qemu_poweroff.ko for it, or NULL */
};

/**
 * kernel_find() - finds or fetches the kernel, and the driver for it
 * @setup: the run; its @kernel receives it
 *
 * Return: 0; -1 on an error, or when interrupted.
 */
int kernel_find(struct setup *setup);

/**
 * kernel_choose_accelerator() - decides between KVM and TCG
 * @setup: what the user wants, and the kernel that scripts/accel tries KVM with, once a
 *	   boot of the host; its @kvm receives the choice
 *
 * Return: 0; -1 on an error, or when interrupted.
 */
int kernel_choose_accelerator(struct setup *setup);

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
