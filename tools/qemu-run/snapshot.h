/* SPDX-License-Identifier: GPL-2.0 */
/* The state of a guest's devices, written to a file. */
#ifndef QEMU_RUN_SNAPSHOT_H
#define QEMU_RUN_SNAPSHOT_H

#include "session.h"

/**
 * snapshot_save() - has QEMU stop its guest and write its devices' state
 * @session: the guest's session; its error receives what went wrong
 * @file: where to, open for writing only
 *
 * The guest runs until then: one that is stopped before is restored stopped.
 *
 * Return: 1 if QEMU wrote by file:, and restores by it; 0 by fd:; -1 on an error.
 */
int snapshot_save(struct session *session, int file);

#endif
