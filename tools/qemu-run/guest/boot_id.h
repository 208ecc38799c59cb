/* SPDX-License-Identifier: GPL-2.0 */
/* A number of the boot for each clone of a system. */
#ifndef QEMU_RUN_GUEST_BOOT_ID_H
#define QEMU_RUN_GUEST_BOOT_ID_H

/**
 * boot_id_prepare() - finds out where the number of the template's boot is known
 *
 * Context: before a template is saved, when its system is ready and nothing runs.
 */
void boot_id_prepare(void);

/**
 * boot_id_renew() - replaces it by a new one
 *
 * Context: once in each clone, when its random numbers are its own. Does nothing if
 * boot_id_prepare() was not called.
 */
void boot_id_renew(void);

#endif
