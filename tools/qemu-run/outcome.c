// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include "outcome.h"

/* The codes that the driver writes to the port on a panic, and at the deadline. */
#define CODE_PANIC    121
#define CODE_DEADLINE 124

/* struct evidence - what there is to decide by */
struct evidence {
	const struct facts *facts;
	const struct ending *ending;
	const struct options *options;
	const char *release;
	int qemu_code;
};

/* Their names, and the exit status of those that have one of their own. */
static const struct {
	const char *name;
	int status;
} outcomes[] = {
	[OUTCOME_EXIT] = { "exit", 0 },
	[OUTCOME_SIGNAL] = { "signal", 0 },
	[OUTCOME_SPLAT] = { "splat", EXIT_SPLAT },
	[OUTCOME_PANIC] = { "panic", EXIT_PANIC },
	[OUTCOME_SILENT] = { "silent", EXIT_SILENT },
	[OUTCOME_HUNG] = { "hung", EXIT_HUNG },
	[OUTCOME_DEADLINE] = { "deadline", EXIT_DEADLINE },
	[OUTCOME_CANNOT_RUN] = { "cannot-run", EXIT_CANNOT_RUN },
	[OUTCOME_NOT_EXECUTABLE] = { "not-executable", EXIT_NOT_EXECUTABLE },
	[OUTCOME_NOT_FOUND] = { "not-found", EXIT_NOT_FOUND },
	[OUTCOME_PORT] = { "port", 0 },
	[OUTCOME_INTERRUPTED] = { "interrupted", 0 },
};

const char *outcome_name(enum outcome outcome)
{
	return outcomes[outcome].name;
}

static struct verdict verdict(enum outcome outcome, char *why)
{
	return (struct verdict){
		.outcome = outcome,
		.exit_status = outcomes[outcome].status,
		.why = why,
	};
}

static struct verdict verdict_with(enum outcome outcome, int exit_status)
{
	return (struct verdict){ .outcome = outcome, .exit_status = exit_status };
}

/*
 * code_agrees() - whether the machine ended with the code that goes with a status
 *
 * Without a way to the port the machine is powered off, and with --bare the port is
 * the command's: nothing to compare.
 */
static bool code_agrees(const struct evidence *evidence, uint32_t status)
{
	return evidence->facts->method == POWEROFF_NONE || evidence->options->bare ||
	       evidence->qemu_code == (int)(status & 0x7f);
}

static struct verdict disagreement(const struct evidence *evidence, uint32_t status)
{
	return verdict(OUTCOME_SILENT,
		       print("the guest reported status %u, and ended QEMU with code %d: trusting neither",
			     status, evidence->qemu_code));
}

/* The guest cannot run the command, and said why. */
static struct verdict decide_refusal(const struct evidence *evidence)
{
	uint32_t status = evidence->facts->refused_status;

	if (!code_agrees(evidence, status))
		return disagreement(evidence, status);
	return verdict(status == EXIT_NOT_FOUND	     ? OUTCOME_NOT_FOUND :
		       status == EXIT_NOT_EXECUTABLE ? OUTCOME_NOT_EXECUTABLE :
						       OUTCOME_CANNOT_RUN, NULL);
}

/* The command has ended, and the guest said how. */
static struct verdict decide_with_status(const struct evidence *evidence)
{
	const struct status *status = &evidence->facts->status;
	const struct ending *ending = evidence->ending;

	if (!code_agrees(evidence, status->code))
		return disagreement(evidence, status->code);
	/* What was lost on its way to a full disk makes any status meaningless. */
	if (ending->output_lost)
		return verdict(OUTCOME_CANNOT_RUN, NULL);
	if (status->code == 0) {
		if (!ending->gets_complete || ending->failed)
			return verdict(OUTCOME_CANNOT_RUN, NULL);
		if (evidence->facts->splats)
			return verdict(OUTCOME_SPLAT, NULL);
	}
	/* The signal is the kernel's, and its complaint the truth of it. */
	if (facts_killed_by_oops(evidence->facts) && evidence->facts->splats)
		return verdict(OUTCOME_SPLAT, NULL);
	return verdict_with(status->signal ? OUTCOME_SIGNAL : OUTCOME_EXIT, status->code);
}

/*
 * past_deadline() - whether the deadline can have ended the machine
 *
 * A power-off in the guest ends with the same code: the driver has it from the
 * beginning. The deadline does not begin before the guest has its job.
 */
static bool past_deadline(const struct evidence *evidence)
{
	const struct facts *facts = evidence->facts;
	uint64_t timeout_ms = evidence->options->timeout_ms;

	return evidence->qemu_code == CODE_DEADLINE && facts->started && timeout_ms &&
	       facts_time_is_up(facts, evidence->ending->end_ns, timeout_ms);
}

/* It ended without a word. */
static struct verdict decide_without_status(const struct evidence *evidence)
{
	const struct ending *ending = evidence->ending;
	const struct facts *facts = evidence->facts;

	if (facts->deadline_passed)
		return verdict(OUTCOME_DEADLINE, NULL);
	if (evidence->options->bare && facts->started && evidence->qemu_code >= 0)
		return verdict_with(OUTCOME_PORT, evidence->qemu_code);
	if (past_deadline(evidence))
		return verdict(OUTCOME_DEADLINE, NULL);
	/* A command can write this, too. */
	if (ending->missing && !facts->started)
		return verdict(OUTCOME_CANNOT_RUN,
			       print("kernel %s lacks %s, too: qemu-run cannot talk to its guest",
				     evidence->release, ending->missing));
	/* Init's last word. */
	if (evidence->qemu_code == EXIT_CANNOT_RUN && !facts->started)
		return verdict(OUTCOME_CANNOT_RUN, ending->cannot ? copy(ending->cannot) :
			       print("the guest's init could not begin with kernel %s: it needs more of it",
				     evidence->release));
	if (evidence->qemu_code == CODE_PANIC || ending->panicked)
		return verdict(OUTCOME_PANIC, NULL);
	/* It never got as far as a guest. */
	if (!facts->started && !ending->spoke && !facts->hello &&
	    WEXITSTATUS(ending->wait_status))
		return verdict(OUTCOME_CANNOT_RUN,
			       print("QEMU: %s", ending->messages ? ending->messages :
					     "ended at once, without a word"));
	return verdict(OUTCOME_SILENT, NULL);
}

static struct verdict decide(const struct evidence *evidence)
{
	const struct ending *ending = evidence->ending;
	const struct facts *facts = evidence->facts;
	int signal = WTERMSIG(ending->wait_status);

	if (ending->interrupted)
		return verdict_with(OUTCOME_INTERRUPTED, 128 + ending->interrupted);
	if (ending->input_lost)
		return verdict(OUTCOME_CANNOT_RUN, NULL);
	if (ending->killed && facts->returned && !facts->have_status)
		return verdict(OUTCOME_HUNG,
			       copy("the command had returned; --get or the disks took too long"));
	if (ending->halted)
		return verdict(OUTCOME_PANIC, NULL);
	/* A disk that another QEMU has locked is found out after the load. */
	if (ending->killed && ending->loading && !facts->answered && ending->messages)
		return verdict(OUTCOME_CANNOT_RUN, print("QEMU: %s", ending->messages));
	if (ending->killed)
		return verdict(OUTCOME_HUNG, NULL);
	/* What came is the console's: the only port that the kernel knows. */
	if (ending->bad_guest && ending->serial && !facts->hello)
		return verdict(OUTCOME_CANNOT_RUN,
			       print("kernel %s lacks a second serial port (CONFIG_SERIAL_8250_NR_UARTS), too: qemu-run cannot talk to its guest",
				     evidence->release));
	if (ending->bad_guest)
		return verdict(OUTCOME_SILENT,
			       copy("the guest sent what no honest guest sends then: ended it"));
	if (!ending->ended)
		return verdict(OUTCOME_CANNOT_RUN, NULL);
	if (WIFSIGNALED(ending->wait_status) && signal == SIGBUS && ending->memory_in)
		return verdict(OUTCOME_CANNOT_RUN,
			       print("QEMU was ended by signal %d (%s): most likely %s is full, and the guest's memory is there: make room (--clean removes the templates), set XDG_CACHE_HOME to a place with more, or use --cold",
				     signal, strsignal(signal), ending->memory_in));
	if (WIFSIGNALED(ending->wait_status))
		return verdict(OUTCOME_CANNOT_RUN,
			       print("QEMU was ended by signal %d (%s)%s%s", signal,
				     strsignal(signal), ending->messages ? ": " : "",
				     ending->messages ? ending->messages : ""));
	/* It ends with 0 then, as at a reset of its guest, but not without a word. */
	if (ending->messages && strstr(ending->messages, "terminating on signal"))
		return verdict(OUTCOME_CANNOT_RUN, copy(ending->messages));
	if (facts->refused)
		return decide_refusal(evidence);
	return facts->have_status ? decide_with_status(evidence) : decide_without_status(evidence);
}

bool outcome_blames_template(const struct facts *facts, const struct ending *ending,
			     const struct options *options)
{
	bool users = options->qemu.count || (options->preload && options->module_count);

	if (!ending->loading || facts->answered || ending->interrupted)
		return false;
	if (ending->load_refused ||
	    (ending->messages && strstr(ending->messages, "load of migration failed")))
		return true;
	/* If QEMU says why the guest does not run, that is the reason. */
	return !users && (ending->bad_guest || (ending->killed && !ending->messages) ||
			  (ending->ended && WIFEXITED(ending->wait_status)));
}

struct verdict outcome_decide(const struct facts *facts, const struct ending *ending,
			      const struct options *options, const char *release)
{
	bool code = ending->ended && WIFEXITED(ending->wait_status) &&
		    WEXITSTATUS(ending->wait_status) & 1;
	struct evidence evidence = {
		.facts = facts,
		.ending = ending,
		.options = options,
		.release = release,
		.qemu_code = code ? WEXITSTATUS(ending->wait_status) >> 1 : -1,
	};
	struct verdict result = decide(&evidence);

	result.qemu_code = evidence.qemu_code;
	return result;
}
