/* SPDX-License-Identifier: GPL-2.0 */
/* The disks, and directories of the host, that may be written to when the machine ends. */
#ifndef QEMU_RUN_GUEST_DISKS_H
#define QEMU_RUN_GUEST_DISKS_H

/**
 * disks_settle() - ends all processes, writes all file data to the disks, and unmounts them
 * @limit_ms: how long the disks may take
 *
 * Return: NULL, or why not all data is written.
 */
const char *disks_settle(int limit_ms);

#endif
