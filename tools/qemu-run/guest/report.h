/* SPDX-License-Identifier: GPL-2.0 */
/* What the host is told when the command has ended. */
#ifndef QEMU_RUN_GUEST_REPORT_H
#define QEMU_RUN_GUEST_REPORT_H

#include "command.h"
#include "complaints.h"
#include "job.h"
#include "port.h"

/**
 * report() - sends results, complaints and the status, and ends the machine
 * @port: the port
 * @job: says which files to send back
 * @command: has ended
 * @complaints: as begun
 */
void report(struct port *port, const struct guest_job *job, const struct command *command,
	    struct complaints *complaints) __attribute__((noreturn));

#endif
