/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's root: what scripts/initramfs packs, and for a guest on a serial port,
 * behind it in an archive of its own, the job. The kernel unpacks both.
 */
#ifndef QEMU_RUN_INITRAMFS_H
#define QEMU_RUN_INITRAMFS_H

#include "setup.h"

/* BusyBox, init and three modules are 3 MiB. */
#define INITRAMFS_MAX (256 << 20)

/**
 * initramfs_make() - packs the guest's root
 * @setup: what goes into it
 * @serial: for a guest on a serial port, with its job
 * @file: where to
 * @signals: may end the packing
 * @error: receives what went wrong
 *
 * Return: 0; -1 on an error, or when interrupted.
 */
int initramfs_make(const struct setup *setup, bool serial, int file, struct signals *signals,
		   struct error *error);

#endif
