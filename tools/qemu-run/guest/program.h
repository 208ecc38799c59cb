/* SPDX-License-Identifier: GPL-2.0 */
/* The program that a command names: where it is, and why it cannot be executed. */
#ifndef QEMU_RUN_GUEST_PROGRAM_H
#define QEMU_RUN_GUEST_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/**
 * program_find() - finds a program as a shell does
 * @name: the first word of a command
 * @path: room for the path
 * @size: of @path
 *
 * A name with a slash is a path already. Other names are looked for in PATH.
 *
 * Return: @name, or @path, or NULL: no directory of PATH has an executable file of that
 * name.
 */
const char *program_find(const char *name, char *path, size_t size);

/**
 * program_is_text() - tells whether a file may be a script for sh
 * @path: a file that the kernel does not know how to execute
 *
 * Return: false if the first line holds a NUL byte, or if there is nothing to read.
 */
bool program_is_text(const char *path);

/**
 * program_failure() - says why a command could not be executed
 * @argv: the command
 * @directory: where it was to start
 * @err: the errno, positive, that it failed with
 * @what: receives what failed: the first word of the command, or the directory
 *
 * Return: the reason, in ASCII.
 */
const char *program_failure(char *const argv[], const char *directory, int err,
			    const char **what);

#endif
