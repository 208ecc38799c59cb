/* SPDX-License-Identifier: GPL-2.0 */
/* What a template is of: what was asked for, and the files that it was made of. */
#ifndef QEMU_RUN_TEMPLATE_KEY_H
#define QEMU_RUN_TEMPLATE_KEY_H

#include "setup.h"
#include "signals.h"

/**
 * template_key() - what is asked for
 * @setup: the run
 *
 * Return: a text that is another one for another template, to be freed. It has the names of
 * files, not what is in them: what was made of their former content goes when the new is made.
 */
char *template_key(const struct setup *setup);

/**
 * template_machine() - the files that a kernel's boot depends on
 * @setup: the run
 * @files: receives them, see identity.h
 */
void template_machine(const struct setup *setup, struct text *files);

/**
 * template_files() - all files that a template is made of
 * @setup: the run
 * @files: receives them, see identity.h
 * @signals: may end a program that unpacks a module
 * @error: receives what is wrong with a module of --preload
 *
 * Return: 0 or -1.
 */
int template_files(const struct setup *setup, struct text *files, struct signals *signals,
		   struct error *error);

#endif
