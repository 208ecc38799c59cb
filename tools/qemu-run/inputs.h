/* SPDX-License-Identifier: GPL-2.0 */
/* Whether the files and ports that the command line names can be used. */
#ifndef QEMU_RUN_INPUTS_H
#define QEMU_RUN_INPUTS_H

#include "error.h"
#include "options.h"

/**
 * inputs_check() - looks at what the command line names before anything is started
 * @options: the command line; receives what each disk image is, and that of the root
 * @error: receives what cannot be used, and why
 *
 * Return: 0 or -1.
 */
int inputs_check(struct options *options, struct error *error);

#endif
