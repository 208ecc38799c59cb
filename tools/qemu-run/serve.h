/* SPDX-License-Identifier: GPL-2.0 */
/* A run of the command, from its job to the end of its machine. */
#ifndef QEMU_RUN_SERVE_H
#define QEMU_RUN_SERVE_H

#include "session.h"

/**
 * serve() - gives the guest its job, and serves it until its machine ends
 * @session: a session whose guest waits for a job
 *
 * A guest that takes too long is asked what it hangs in, and given up.
 */
void serve(struct session *session);

#endif
