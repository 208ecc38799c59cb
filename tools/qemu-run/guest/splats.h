/* SPDX-License-Identifier: GPL-2.0 */
/* How the kernel reports its own mistakes, line by line. */
#ifndef QEMU_RUN_GUEST_SPLATS_H
#define QEMU_RUN_GUEST_SPLATS_H

#include <stdbool.h>

/**
 * splat_opens() - whether a line of the log opens a report of a kernel's mistake
 * @line: the line, as the kernel wrote it
 *
 * Return: whether it does.
 */
bool splat_opens(const char *line);

#endif
