/* SPDX-License-Identifier: GPL-2.0 */
/* The command's process. */
#ifndef QEMU_RUN_GUEST_CHILD_H
#define QEMU_RUN_GUEST_CHILD_H

#include <sys/types.h>
#include "job.h"

/**
 * struct child - the command's process and our ends of its streams
 * @pid: the process
 * @input: where its stdin is written to, or -1
 * @output: where its stdout is read from, or -1; the terminal's master
 * @errors: where its stderr is read from, or -1
 */
struct child {
	pid_t pid;
	int input;
	int output;
	int errors;
};

/**
 * child_prepare() - makes the command's process, which waits for child_start()
 * @child: receives it and its streams
 *
 * Return: 0, or -1 with errno.
 */
int child_prepare(struct child *child);

/**
 * child_start() - starts the command
 * @child: as prepared
 * @job: what to run, where, as whom, with which root, on a terminal or not
 *
 * Return: 0, or the errno, positive, of what kept it from being executed.
 */
int child_start(struct child *child, const struct guest_job *job);

#endif
