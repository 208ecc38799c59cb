/* SPDX-License-Identifier: GPL-2.0 */
/* A guest that boots. */
#ifndef QEMU_RUN_BOOT_H
#define QEMU_RUN_BOOT_H

#include "session.h"

/**
 * boot_wait() - waits until a guest says hello: it has booted, or done what came next
 * @session: its session
 * @to: what it is about to do, for the message that says that it did not
 *
 * Return: 0; -1 if it did not, which the session tells more about.
 */
int boot_wait(struct session *session, const char *to);

/**
 * boot_init() - waits until a guest has booted
 * @session: its session
 *
 * Says which units of its system failed, if any did.
 *
 * Return: 0 or -1, having said why.
 */
int boot_init(struct session *session);

/**
 * virtio_missing_said() - what a kernel lacks for a channel by virtio, as its guest said
 * @session: a session that ended before its guest said hello
 *
 * Return: the text, to be freed, or NULL if it said nothing.
 */
char *virtio_missing_said(const struct session *session);

#endif
