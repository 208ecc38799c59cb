/* SPDX-License-Identifier: GPL-2.0 */
/* Directories of the host in the guest: its root, and what it may write to. */
#ifndef QEMU_RUN_GUEST_ROOT_H
#define QEMU_RUN_GUEST_ROOT_H

#include <stdbool.h>

/* Where the file system is that the root lies over, before it is entered. */
#define ROOT_LOWER "/.lower"

/**
 * root_prepare() - prepares for root_enter(), before a template is saved
 *
 * What is done here, no clone has to do.
 *
 * Return: 0 or a negative errno.
 */
int root_prepare(void);

/**
 * root_link_kernel() - has /boot/config-RELEASE and System.map-RELEASE lead to the modules
 * @root: where the root is, "" for this process's
 *
 * Return: 0 or a negative errno.
 */
int root_link_kernel(const char *root);

/**
 * root_enter() - makes the host's directory the root of this process
 * @place: where modprobe looks for the kernel's modules, if that directory does not
 *	   have them there; else ""
 * @modules: where it has them, for a link at @place; "": nowhere, and a share of their
 *	     own is mounted at @place
 * @closed: a directory that QEMU cannot read, of which the guest has one of its own; or ""
 * @hosts: what /etc/hosts is to hold, or ""
 * @shown: what of the host's is to be there in directories that are the guest's own: paths,
 *	   and after them an empty one
 *
 * Mounts the directory read-only by 9p, and over it a file system in memory. What is
 * mounted at /proc, /sys, /dev, /run and /tmp moves there. The kernel's own helpers
 * follow, since they have their root from this process.
 *
 * Return: 0 or a negative errno.
 */
int root_enter(const char *place, const char *modules, const char *closed, const char *hosts,
	       const char *shown);

/**
 * root_enter_image() - the same with what is mounted at ROOT_LOWER
 *
 * Context: after root_prepare(), and before a template is saved.
 *
 * Return: 0 or a negative errno.
 */
int root_enter_image(void);

/**
 * root_follow() - makes the same the root of a process that was made before
 *
 * Return: 0 or a negative errno.
 */
int root_follow(void);

/**
 * root_share() - mounts a directory of the host
 * @tag: of the virtio device
 * @path: where to; made where it is missing
 * @writable: for reading and writing, else for reading
 *
 * Return: 0 or a negative errno.
 */
int root_share(const char *tag, const char *path, bool writable);

/**
 * root_missing() - what this kernel lacks that a directory of the host needs
 * @overlay: whether the directory is to be the root
 *
 * Return: text for a message, such as the kernel's option, or NULL.
 */
const char *root_missing(bool overlay);

/**
 * root_attend_modules() - has /lib/modules/RELEASE mounted when a process first goes there
 *
 * Starts a process that mounts the host's directory, by 9p. Where it cannot be mounted,
 * the modules of the initramfs stay there.
 *
 * Return: 0 or a negative errno.
 */
int root_attend_modules(void);

#endif
