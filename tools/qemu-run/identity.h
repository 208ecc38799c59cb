/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which files something was made of: a text with a line for each. What was made is good as
 * long as each line holds. stat(2) decides: device, inode, size, and the times of the last
 * changes to the content and to the inode. The last shows a file that was overwritten and
 * given its old time again. It changes with each new name of the file, too: if it alone would
 * tell, the content of a small file decides, and of files that are many it is not looked at.
 */
#ifndef QEMU_RUN_IDENTITY_H
#define QEMU_RUN_IDENTITY_H

#include "util.h"

/**
 * identity_add() - adds the line of a file
 * @lines: where to
 * @path: the file, or where there is none: its absence counts, too
 *
 * Up to 16 MiB its content decides, where stat(2) shows a change.
 */
void identity_add(struct text *lines, const char *path);

/**
 * identity_add_below() - adds the line of a file in a directory, by stat(2) alone
 * @lines: where to
 * @directory: the directory
 * @name: the file, by its path in there
 */
void identity_add_below(struct text *lines, const char *directory, const char *name);

/**
 * identity_add_tree() - adds a directory and all that is below it
 * @lines: where to
 * @path: the directory
 */
void identity_add_tree(struct text *lines, const char *path);

/**
 * identity_holds() - whether all files are still those that were added
 * @lines: the lines
 */
bool identity_holds(const char *lines);

#endif
