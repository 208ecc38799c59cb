/* SPDX-License-Identifier: GPL-2.0 */
/* The connection to the host, as bytes. */
#ifndef QEMU_RUN_GUEST_CHANNEL_H
#define QEMU_RUN_GUEST_CHANNEL_H

#include <stdbool.h>

/**
 * channel_open() - opens the connection to the host
 * @serial: by the second serial port, and not by virtio
 *
 * Says on the console what the kernel lacks when there is none.
 *
 * Return: a descriptor that does not block, or a negative errno.
 */
int channel_open(bool serial);

#endif
