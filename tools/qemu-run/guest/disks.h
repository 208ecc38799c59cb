/* SPDX-License-Identifier: GPL-2.0 */
/* The disks, and directories of the host, that may be written to when the machine ends. */
#ifndef QEMU_RUN_GUEST_DISKS_H
#define QEMU_RUN_GUEST_DISKS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * disks_settle() - ends all processes, writes all file data to the disks, and unmounts them
 * @limit_ms: how long the disks may take
 * @text: receives why not all data is written
 * @size: of @text
 *
 * Return: whether all data is written.
 */
bool disks_settle(int limit_ms, char *text, size_t size);

#endif
