/* SPDX-License-Identifier: GPL-2.0 */
/* What the console of a guest that hung tells about the cause. */
#ifndef QEMU_RUN_HANG_H
#define QEMU_RUN_HANG_H

#include "util.h"

/**
 * hang_filter() - leaves out what does not keep a guest from going on
 * @console: the console's text
 * @culprits: receives the rest
 *
 * That is: processors that idle, the process that asked for the report, which is init,
 * registers, and what a stack may hold by chance ("? function"). The order is that of the
 * guest: blocked tasks, then what runs, then the command's processes.
 */
void hang_filter(const struct text *console, struct text *culprits);

#endif
