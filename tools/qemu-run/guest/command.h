/* SPDX-License-Identifier: GPL-2.0 */
/* The command: its process, its streams, its input, and what the host is told at its end. */
#ifndef QEMU_RUN_GUEST_COMMAND_H
#define QEMU_RUN_GUEST_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include "child.h"
#include "complaints.h"
#include "deadline.h"
#include "job.h"
#include "port.h"

/**
 * struct command - the command, from its process to its end
 * @child: the process and our ends of its streams
 * @signals: a signalfd for SIGCHLD
 * @terminal: the command has a terminal
 * @ended: the process has ended
 * @wait_status: how, from waitpid(2)
 * @started_ns: when, by now_ns()
 * @input_end: the host has sent all input there is
 * @input_start: where the first byte is in @input that waits for the command
 * @input_length: how many bytes wait, from @input_start, around the end of @input
 * @input: a ring of bytes
 */
struct command {
	struct child child;
	int signals;
	bool terminal;
	bool ended;
	int wait_status;
	uint64_t started_ns;
	bool input_end;
	size_t input_start;
	size_t input_length;
	unsigned char input[INPUT_WINDOW];
};

/**
 * command_prepare() - makes the process, which waits
 * @command: receives it; all zeroes before
 *
 * Ends the machine if it cannot.
 */
void command_prepare(struct command *command);

/**
 * command_start() - starts the command and its deadline
 * @command: as prepared
 * @job: what to run
 * @port: the port
 * @deadline: is armed
 *
 * Ends the machine if the command cannot be executed.
 */
void command_start(struct command *command, const struct guest_job *job, struct port *port,
		   struct deadline *deadline);

/**
 * command_run() - carries the command's streams until it ends
 * @command: as started
 * @port: the port
 * @deadline: is disarmed when the command has ended
 * @complaints: are sent as they come
 *
 * Ends the machine at the deadline.
 */
void command_run(struct command *command, struct port *port, struct deadline *deadline,
		 struct complaints *complaints);

/**
 * command_report() - sends results, complaints and the status, and ends the machine
 * @command: has ended
 * @job: says which files to send back
 * @port: the port
 * @complaints: as begun
 */
void command_report(const struct command *command, const struct guest_job *job,
		    struct port *port, struct complaints *complaints) __attribute__((noreturn));

#endif
