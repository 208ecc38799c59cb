/* SPDX-License-Identifier: GPL-2.0 */
/* A block image as the guest's root. */
#ifndef QEMU_RUN_GUEST_IMAGE_H
#define QEMU_RUN_GUEST_IMAGE_H

/**
 * image_enter() - makes the image of --root the root of this process
 *
 * Finds the disk by its serial number, and on it a file system, or the partition that
 * holds a Linux root. Mounts that read-only, and over it a file system in memory.
 *
 * Context: before a template is saved, so that each clone has it mounted.
 *
 * Return: NULL, or why not, in the user's terms.
 */
const char *image_enter(void);

#endif
