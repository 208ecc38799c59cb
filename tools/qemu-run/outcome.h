/* SPDX-License-Identifier: GPL-2.0 */
/* What to make of how a run ended: a function of what is known, and of nothing else. */
#ifndef QEMU_RUN_OUTCOME_H
#define QEMU_RUN_OUTCOME_H

#include "session.h"

/** enum outcome - how a run ended */
enum outcome {
	OUTCOME_EXIT,
	OUTCOME_SIGNAL,
	OUTCOME_SPLAT,
	OUTCOME_PANIC,
	OUTCOME_SILENT,
	OUTCOME_HUNG,
	OUTCOME_DEADLINE,
	OUTCOME_CANNOT_RUN,
	OUTCOME_NOT_EXECUTABLE,
	OUTCOME_NOT_FOUND,
	OUTCOME_PORT,		/* --bare: the guest wrote the port itself */
	OUTCOME_INTERRUPTED,	/* by a signal to qemu-run */
};

/* The exit statuses that are not the command's own, as qemu-run(1) has them. */
enum exit_status {
	EXIT_SPLAT = 120,
	EXIT_PANIC,
	EXIT_SILENT,
	EXIT_HUNG,
	EXIT_DEADLINE,
	EXIT_CANNOT_RUN,
	EXIT_NOT_EXECUTABLE,
	EXIT_NOT_FOUND,
};

/* struct verdict - what is made of it */
struct verdict {
	enum outcome outcome;
	int exit_status;	/* what to exit with */
	int qemu_code;		/* what the guest wrote to the port, or -1 */
	char *why;		/* beside the outcome's own line, to be freed, or NULL */
};

/**
 * outcome_decide() - what to make of how a machine ended
 * @session: all that is known of it; NULL: there was none
 * @interrupted: the signal that ended this program, or 0
 *
 * Return: the verdict.
 */
struct verdict outcome_decide(const struct session *session, int interrupted);

/**
 * outcome_blames_template() - whether a run failed because its template is damaged
 * @session: the run's, whose machine was restored
 *
 * Either QEMU says that it cannot load the template, or the guest does not answer, with
 * nothing of the user's in it. All else is the user's or the kernel's: a second boot would
 * only fail again, later.
 */
bool outcome_blames_template(const struct session *session);

/**
 * outcome_name() - as it stands in the file of --json
 * @outcome: the outcome
 */
const char *outcome_name(enum outcome outcome);

#endif
