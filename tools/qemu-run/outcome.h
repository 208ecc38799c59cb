/* SPDX-License-Identifier: GPL-2.0 */
/* What to make of how a run ended: a function of what is known, and of nothing else. */
#ifndef QEMU_RUN_OUTCOME_H
#define QEMU_RUN_OUTCOME_H

#include "facts.h"
#include "options.h"

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
	OUTCOME_PORT,	     /* --bare: the guest wrote the port itself */
	OUTCOME_INTERRUPTED, /* by a signal to qemu-run */
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

/**
 * struct ending - how a machine ended, as the host saw it
 * @ended: QEMU has ended
 * @wait_status: as waitpid(2) gave it
 * @end_ns: when, by now_ns()
 * @loading: QEMU had made the machine of a template, and loaded its state
 * @load_refused: QEMU's monitor said that it cannot load it
 * @killed: the guest hung, and the host gave up on it
 * @halted: its kernel panicked, and stood still
 * @interrupted: the signal that ended qemu-run, or 0
 * @bad_guest: the guest sent what no honest guest sends
 * @input_lost: some of the command's input was lost on its way
 * @output_lost: some of the command's output could not be written
 * @gets_complete: all that --get asked for was written
 * @failed: something else went wrong here, and was said
 * @spoke: there is something on the console
 * @panicked: a kernel panic is on the console
 * @serial: the channel was a serial port
 * @missing: what the guest said on its console that its kernel lacks, or NULL
 * @cannot: what it said there of why it cannot begin, or NULL
 * @messages: QEMU's stderr, or NULL
 * @memory_in: the directory with the file of the guest's memory, or NULL
 */
struct ending {
	bool ended;
	int wait_status;
	uint64_t end_ns;
	bool loading;
	bool load_refused;
	bool killed;
	bool halted;
	int interrupted;
	bool bad_guest;
	bool input_lost;
	bool output_lost;
	bool gets_complete;
	bool failed;
	bool spoke;
	bool panicked;
	bool serial;
	char *missing;
	char *cannot;
	const char *messages;
	const char *memory_in;
};

/**
 * struct verdict - what is made of it
 * @outcome: the outcome
 * @exit_status: what to exit with
 * @qemu_code: what the guest wrote to the port, or -1
 * @why: what there is to say beside the outcome's own line, to be freed, or NULL
 */
struct verdict {
	enum outcome outcome;
	int exit_status;
	int qemu_code;
	char *why;
};

/**
 * outcome_decide() - what to make of how a machine ended
 * @facts: what its guest said
 * @ending: what the host saw
 * @options: what the user wanted
 * @release: the kernel's
 *
 * Return: the verdict.
 */
struct verdict outcome_decide(const struct facts *facts, const struct ending *ending,
			      const struct options *options, const char *release);

/**
 * outcome_blames_template() - whether a run failed because its template is damaged
 * @facts: what its guest said
 * @ending: what the host saw
 * @options: what the user wanted
 *
 * Either QEMU says that it cannot load the template, or the guest does not answer, with
 * nothing of the user's in it. All else is the user's or the kernel's: a second boot would
 * only fail again, later.
 */
bool outcome_blames_template(const struct facts *facts, const struct ending *ending,
			     const struct options *options);

/**
 * outcome_name() - as it stands in the file of --json
 * @outcome: the outcome
 */
const char *outcome_name(enum outcome outcome);

#endif
