/* SPDX-License-Identifier: GPL-2.0 */
/* The disks of --disk: their driver is in the template, what is on them is not. */
#ifndef QEMU_RUN_GUEST_BLK_H
#define QEMU_RUN_GUEST_BLK_H

#include <stddef.h>
#include <stdint.h>

/**
 * blk_look() - has the kernel look at disks that were empty in the template
 * @begun: for each disk, whether there is something where a partition table may be
 * @count: how many disks
 *
 * Return: 0; -ENODEV if one of them has no driver.
 */
int blk_look(const uint8_t *begun, size_t count);

#endif
