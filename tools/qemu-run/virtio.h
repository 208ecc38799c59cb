/* SPDX-License-Identifier: GPL-2.0 */
/* Whether a kernel has what a restored guest is talked to by: virtio-serial. */
#ifndef QEMU_RUN_VIRTIO_H
#define QEMU_RUN_VIRTIO_H

#include "session.h"

/**
 * virtio_missing() - what a kernel lacks for a channel by virtio
 * @setup: the kernel and its machine
 *
 * By the kernel's configuration and its modules, or by what an earlier boot said.
 *
 * Return: the text, to be freed, or NULL if it lacks nothing.
 */
char *virtio_missing(const struct setup *setup);

/**
 * virtio_missing_said() - the same, by what a guest said on its console
 * @session: a session that ended before its guest said hello
 *
 * Return: the text, to be freed, or NULL if it said nothing.
 */
char *virtio_missing_said(const struct session *session);

/**
 * virtio_missing_keep() - keeps what a guest said for the runs to come
 * @setup: its kernel and machine
 * @missing: what is missing
 */
void virtio_missing_keep(const struct setup *setup, const char *missing);

/**
 * virtio_modules() - what a kernel needs
 * @options: to know the machine from
 *
 * Return: names of modules, NULL at the end.
 */
const char *const *virtio_modules(const struct options *options);

#endif
