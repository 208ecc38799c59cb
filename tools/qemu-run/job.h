/* SPDX-License-Identifier: GPL-2.0 */
/* What the guest has to do, as frames: wire/protocol.h has their order. */
#ifndef QEMU_RUN_JOB_H
#define QEMU_RUN_JOB_H

#include "setup.h"
#include "wire/tree.h"

/* struct job_writer - where the frames of a job go */
struct job_writer {
	tree_emit *emit;		/* takes one; has said why when it fails */
	void *context;			/* for emit */
	struct error *error;		/* receives what went wrong */
};

/**
 * job_head() - the clock, the seed, the terminal
 * @job: receives them; to be wiped after use
 * @options: the command line
 * @error: receives what went wrong
 *
 * Return: 0 or -1.
 */
int job_head(struct job *job, const struct options *options, struct error *error);

/**
 * job_modules() - writes the modules of -m
 * @setup: which
 * @writer: where to
 *
 * Return: 0 or -1.
 */
int job_modules(const struct setup *setup, const struct job_writer *writer);

/**
 * job_body() - writes all but the head: the command, files, modules, ...
 * @setup: the command line and the kernel
 * @modules_are_loaded: the template keeps the modules of -m
 * @writer: where to
 *
 * Return: 0 or -1.
 */
int job_body(const struct setup *setup, bool modules_are_loaded,
	     const struct job_writer *writer);

#endif
