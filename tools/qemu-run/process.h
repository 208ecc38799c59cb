/* SPDX-License-Identifier: GPL-2.0 */
/* Programs of the host's. */
#ifndef QEMU_RUN_PROCESS_H
#define QEMU_RUN_PROCESS_H

#include <stddef.h>
#include "error.h"
#include "signals.h"

/**
 * process_run() - runs a program to its end
 * @argv: the program; its stdin is empty
 * @output: receives its stdout, NUL-terminated
 * @limit: more output than that is an error
 * @signals: a signal that ends this run ends the program, too
 * @error: receives what went wrong
 *
 * Return: its exit status; -1 on an error, or when interrupted.
 */
int process_run(const char *const argv[], struct text *output, size_t limit,
		struct signals *signals, struct error *error);

#endif
