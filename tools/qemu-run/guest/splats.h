/* SPDX-License-Identifier: GPL-2.0 */
/* How the kernel reports its own mistakes, line by line. */
#ifndef QEMU_RUN_GUEST_SPLATS_H
#define QEMU_RUN_GUEST_SPLATS_H

#include <stdbool.h>
#include <stddef.h>

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
 * splat_frame() - the place that a line of a stack trace names
 * @line: the line: " nb_write+0x14/0x2f [nullbug]"
 *
 * Return: the text behind the blanks, or NULL if the line is no such line, if the frame
 * may be stale ("? nb_write"), or if it belongs to what makes reports or enters the
 * kernel.
 */
const char *splat_frame(const char *line);

/**
 * splat_place() - the place that a line names outside of a stack trace
 * @line: the line
 *
 * That is the instruction pointer in the kernel, the access that KASAN saw, or a lock.
 *
 * Return: the text, or NULL.
 */
const char *splat_place(const char *line);

#endif
