/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's root: what scripts/initramfs packs, and for a guest on a serial port,
 * behind it in an archive of its own, the job. The kernel unpacks both.
 */
#ifndef QEMU_RUN_INITRAMFS_H
#define QEMU_RUN_INITRAMFS_H

#include "setup.h"

/* How many modules there may be: see initramfs_modules(). */
#define INITRAMFS_MODULES 16

/**
 * initramfs_modules() - the modules of the kernel's that are packed
 * @setup: the kernel
 * @with_virtio: those for a channel by virtio, too
 * @names: receives their names
 *
 * Those that the kernel has: an image may have them built in, and its boot will tell.
 *
 * Return: how many.
 */
size_t initramfs_modules(const struct setup *setup, bool with_virtio,
			 const char *names[INITRAMFS_MODULES]);

/**
 * initramfs_make() - packs the guest's root
 * @setup: what goes into it
 * @serial: for a guest on a serial port, with its job
 *
 * Return: the file, which has no name; -1 on an error, or when interrupted.
 */
int initramfs_make(const struct setup *setup, bool serial);

#endif
