/* SPDX-License-Identifier: GPL-2.0 */
/* What a template is of: what was asked for, and the files that it was made of. */
#ifndef QEMU_RUN_TEMPLATE_KEY_H
#define QEMU_RUN_TEMPLATE_KEY_H

#include "setup.h"

/**
 * template_key() - what is asked for
 * @setup: the run
 *
 * Return: a text that is another one for another template, to be freed. It has the names of
 * files, not what is in them: what was made of their former content goes when the new is made.
 */
char *template_key(const struct setup *setup);

/**
 * template_files() - all files that a template is made of
 * @setup: the run; its error receives what is wrong with a module of --preload
 * @files: receives them, see identity.h
 *
 * Return: 0 or -1.
 */
int template_files(const struct setup *setup, struct text *files);

/**
 * template_keep() - keeps why there can be no template, for the runs to come
 * @setup: the run
 * @kind: "lacks" if that is the kernel's fault, "refusal" if it is QEMU's
 * @why: the text
 */
void template_keep(const struct setup *setup, const char *kind, const char *why);

/**
 * template_recall() - why there can be no template, by what an earlier run kept
 * @setup: the run
 * @kind: as for template_keep()
 *
 * Return: the text, to be freed, or NULL.
 */
char *template_recall(const struct setup *setup, const char *kind);

#endif
