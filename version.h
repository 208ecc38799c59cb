/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The version of the driver, of qemu-run and of their packages. dkms.conf,
 * tools/qemu-run/Makefile and scripts/check read this line.
 */
#ifndef VERSION_H
#define VERSION_H

#define QEMU_POWEROFF_VERSION "1.0"

#endif /* VERSION_H */
