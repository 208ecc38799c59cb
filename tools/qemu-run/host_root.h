/* SPDX-License-Identifier: GPL-2.0 */
/* The directory of --root, as its guest is to see it. */
#ifndef QEMU_RUN_HOST_ROOT_H
#define QEMU_RUN_HOST_ROOT_H

#include <stdbool.h>
#include "options.h"

/**
 * path_below() - what a path is called with @root as the root
 * @root: the whole path of a directory
 * @path: a whole path
 *
 * Return: a part of @path, or "/"; NULL if it is outside.
 */
const char *path_below(const char *root, const char *path);

/**
 * path_is_own() - whether a path is in a directory that the guest has of its own
 * @path: the path, as it is called in the root
 */
bool path_is_own(const char *path);

/**
 * host_root_here() - where the user stands, as it is called in the root
 * @options: with a root
 *
 * Return: to be freed; NULL if that is outside.
 */
char *host_root_here(const struct options *options);

/**
 * host_root_open() - the root without what its guest has of its own
 * @options: with a root
 *
 * QEMU gets a directory in which OWN_DIRECTORIES are empty but for the way to where the user
 * stands: root of the guest can look below its overlay, and nothing of them is to be there.
 *
 * Return: a descriptor, or a negative errno where this host has no such views.
 */
int host_root_open(const struct options *options);

#endif
