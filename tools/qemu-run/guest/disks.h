/* SPDX-License-Identifier: GPL-2.0 */
/* The disks, and directories of the host, that are mounted when the machine ends. */
#ifndef QEMU_RUN_GUEST_DISKS_H
#define QEMU_RUN_GUEST_DISKS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * disks_watch() - begins to watch for file systems that are mounted
 *
 * Return: a descriptor for disks_settle(), or -1.
 */
int disks_watch(void);

/**
 * disks_forget() - what is mounted now is init's own affair
 * @mounts: from disks_watch()
 */
void disks_forget(int mounts);

/**
 * disks_settle() - writes all file data to the disks, and unmounts them
 * @mounts: from disks_watch(); if nothing was mounted since, nothing is done
 * @limit_ms: how long it may take
 * @text: receives why not all data is written
 * @size: of @text
 *
 * Kills the processes that keep a disk from being unmounted.
 *
 * Return: whether all data is written.
 */
bool disks_settle(int mounts, int limit_ms, char *text, size_t size);

#endif
