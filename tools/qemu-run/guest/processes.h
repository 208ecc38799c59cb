/* SPDX-License-Identifier: GPL-2.0 */
/* The processes of the command, for those who ask why it takes so long. */
#ifndef QEMU_RUN_GUEST_PROCESSES_H
#define QEMU_RUN_GUEST_PROCESSES_H

/**
 * processes_log() - writes to the console what each of them is and waits for
 * @limit_ms: returns after so long, whatever happens
 *
 * All but init and the kernel's threads. A kernel without CONFIG_STACKTRACE does not
 * tell where a process waits.
 */
void processes_log(int limit_ms);

#endif
