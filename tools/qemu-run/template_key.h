/* SPDX-License-Identifier: GPL-2.0 */
/* What a template was made of. */
#ifndef QEMU_RUN_TEMPLATE_KEY_H
#define QEMU_RUN_TEMPLATE_KEY_H

#include "setup.h"

/**
 * template_key() - what a template for this run is made of
 * @setup: the run
 *
 * Return: a text that is another one for another template, to be freed.
 */
char *template_key(const struct setup *setup);

#endif
