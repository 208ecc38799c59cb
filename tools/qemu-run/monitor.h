/* SPDX-License-Identifier: GPL-2.0 */
/* Commands to QEMU while it runs. */
#ifndef QEMU_RUN_MONITOR_H
#define QEMU_RUN_MONITOR_H

#include <jansson.h>
#include "session.h"

/**
 * monitor_try() - has QEMU do something, and waits for its reply
 * @session: the session
 * @command: "execute", and "arguments" where there are any; JSON text without newlines
 * @fd: goes with it, or -1
 * @end_ns: by now_ns(); later, QEMU is taken not to answer
 *
 * Return: the reply, which may be a refusal, for json_decref(), or NULL.
 */
json_t *monitor_try(struct session *session, const char *command, int fd, uint64_t end_ns);

/**
 * monitor_do() - has QEMU do something that it must not refuse
 * @session: the session; its error receives why QEMU did not do it
 * @command: as for monitor_try()
 * @fd: goes with it, or -1
 *
 * Return: the reply, for json_decref(), or NULL.
 */
json_t *monitor_do(struct session *session, const char *command, int fd);

#endif
