/* SPDX-License-Identifier: GPL-2.0 */
/* A guest in files: the state of its devices, and its memory. */
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

/**
 * snapshot_punch() - gives back the room of pages that are all zeroes
 * @file: the file, open to write
 *
 * Guests that map it privately may run: for them nothing changes.
 *
 * Return: 0 or a negative errno.
 */
int snapshot_punch(int file);

/**
 * snapshot_shrink() - gives back what runs made it grow by, if that is much
 * @file: the file, open to write
 * @blocks: st_blocks when it was made; 0: not known
 *
 * A hole that a guest reads or writes takes room on tmpfs from then on, though the file
 * is mapped privately and does not change. On other file systems that allocates nothing.
 */
void snapshot_shrink(int file, long long blocks);

#endif
