/* SPDX-License-Identifier: GPL-2.0 */
/* All modules of the kernel, for a guest whose root is BusyBox. */
#ifndef QEMU_RUN_GUEST_MODULES_H
#define QEMU_RUN_GUEST_MODULES_H

/**
 * modules_attend() - has /lib/modules/RELEASE mounted when a process first goes there
 *
 * Starts a process that mounts the host's directory, by 9p. Where it cannot be mounted,
 * the modules of the initramfs stay there.
 *
 * Return: 0 or a negative errno.
 */
int modules_attend(void);

#endif
