/* SPDX-License-Identifier: GPL-2.0 */
/* The root's own init as PID 1, and this program beside it. */
#ifndef QEMU_RUN_GUEST_SYSTEM_H
#define QEMU_RUN_GUEST_SYSTEM_H

/**
 * system_boot() - gives PID 1 to another init, and waits until its system is ready
 * @init: that init's path
 * @ready: a command that returns 0 when the system is ready, each byte as two hexadecimal
 *	   digits; NULL: as systemd says
 *
 * Returns in a child of PID 1, which goes on in place of its parent: the agent. It adopts the
 * processes that the command leaves behind.
 *
 * Context: in the root, before a template is saved. Nothing of the host's is mounted when
 * it returns. Ends the machine if it cannot. The host bounds how long it may take.
 */
void system_boot(const char *init, const char *ready);

#endif
