/* SPDX-License-Identifier: GPL-2.0 */
/* The end of the machine, with the host's consent. */
#ifndef QEMU_RUN_GUEST_ENDING_H
#define QEMU_RUN_GUEST_ENDING_H

#include "port.h"

/* What the host takes is 4096 bytes, with the status before the text. */
#define REFUSAL_MAX 4092

/**
 * end_machine() - waits for the host's FRAME_BYE, and ends the machine
 * @port: the port; the host knows by now what has become of the job
 * @code: the exit code; its lower seven bits count
 */
void end_machine(struct port *port, unsigned int code) __attribute__((noreturn));

/**
 * refuse() - tells the host why there will be no command, and ends the machine
 * @port: the port
 * @status: qemu-run's exit status: 125, 126 or 127
 * @what: the option or the program that failed
 * @why: the reason; what does not fit REFUSAL_MAX bytes is cut off
 */
void refuse(struct port *port, unsigned int status, const char *what, const char *why)
	__attribute__((noreturn));

#endif
