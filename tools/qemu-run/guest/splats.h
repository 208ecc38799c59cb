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

/**
 * splat_is_die_header() - whether a line is of the kind "Oops: 0002 [#1] PREEMPT SMP"
 * @line: the line
 *
 * Such a line opens a report of its own unless one that says "BUG: " came just before.
 *
 * Return: whether it is.
 */
bool splat_is_die_header(const char *line);

/**
 * splat_detail() - the place that a line of a report names
 * @line: the line: " nb_write+0x14/0x2f [nullbug]"
 *
 * That is the instruction pointer in the kernel, the access that KASAN saw, a lock, or a
 * function of the trace; not those that make reports or enter the kernel.
 *
 * Return: the text, or NULL.
 */
const char *splat_detail(const char *line);

#endif
