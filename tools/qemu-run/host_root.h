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
 * host_root_is_nixos() - whether the root finds its programs by NIXOS_SYSTEM
 * @options: with a root
 */
bool host_root_is_nixos(const struct options *options);

/**
 * host_root_shown() - what the guest sees of the directories that it has of its own
 * @options: with a root
 * @shown: receives paths, as they are called in the root; none is below another
 *
 * These are the directory where the command starts and its program, each as a whole: what
 * lies directly below /tmp, /run, /run/user/UID or /dev/shm. And NixOS's link to its programs.
 */
void host_root_shown(const struct options *options, struct list *shown);

/**
 * host_root_start() - where the command starts, as it is called in the root
 * @options: with a root
 *
 * That is the directory of -C, from where the user stands, or else where the user stands.
 *
 * Return: to be freed; NULL if that is outside.
 */
char *host_root_start(const struct options *options);

/**
 * host_root_open() - the root without what its guest has of its own
 * @options: with a root
 *
 * QEMU gets a directory in which OWN_DIRECTORIES are empty but for what is shown: root of the
 * guest can look below its overlay, and nothing else of them is to be there.
 *
 * Return: a descriptor, or a negative errno where this host has no such views.
 */
int host_root_open(const struct options *options);

#endif
