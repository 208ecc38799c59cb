/* SPDX-License-Identifier: GPL-2.0 */
/* A run, as the user is told of it: lines on stderr, and the file of --json. */
#ifndef QEMU_RUN_REPORT_H
#define QEMU_RUN_REPORT_H

#include "outcome.h"
#include "session.h"

/* struct report - all there is to tell */
struct report {
	const struct setup *setup;	/* what the machines were made from */
	const struct session *session;	/* the last one; all zeroes where there was none */
	const struct error *error;	/* what went wrong here */
	uint64_t begin_ns;		/* when this program was started, by now_ns() */
	uint64_t ready_ns;		/* when the kernel and its template were there, or 0 */
	struct verdict verdict;		/* what is made of it all */
};

/**
 * report_lines() - says on stderr what went wrong, and how the run ended if not well
 * @report: the report
 */
void report_lines(const struct report *report);

/**
 * report_json() - writes the file of --json
 * @report: the report
 *
 * Return: 0 or a negative errno.
 */
int report_json(const struct report *report);

#endif
