// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "outcome.h"
#include "boot.h"

/* The codes that the driver writes to the port on a panic, and at the deadline. */
#define CODE_PANIC    121
#define CODE_DEADLINE 124

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

/* qemu_code() - what the guest wrote to the port, or -1 */
static int qemu_code(const struct session *session)
{
	int status = session->machine.ended ? session->machine.wait_status : 0;

	return WIFEXITED(status) && WEXITSTATUS(status) & 1 ? WEXITSTATUS(status) >> 1 : -1;
}

/*
 * code_agrees() - whether the machine ended with the code that goes with a status
 *
 * Without a way to the port the machine is powered off, and with --bare the port is
 * the command's: nothing to compare.
 */
static bool code_agrees(const struct session *session, uint32_t status)
{
	return session->facts.method == POWEROFF_NONE || session->setup->options->bare ||
	       qemu_code(session) == (int)(status & 0x7f);
}

static struct verdict disagreement(const struct session *session, uint32_t status)
{
	return verdict(OUTCOME_SILENT,
		       print("the guest reported status %u, and ended QEMU with code %d: trusting neither",
			     status, qemu_code(session)));
}

/* The guest cannot run the command, and said why. */
static struct verdict decide_refusal(const struct session *session)
{
	uint32_t status = session->facts.refused_status;

	if (!code_agrees(session, status))
		return disagreement(session, status);
	return verdict(status == EXIT_NOT_FOUND	     ? OUTCOME_NOT_FOUND :
		       status == EXIT_NOT_EXECUTABLE ? OUTCOME_NOT_EXECUTABLE :
						       OUTCOME_CANNOT_RUN, NULL);
}

/* The command has ended, and the guest said how. */
static struct verdict decide_with_status(const struct session *session)
{
	const struct status *status = &session->facts.status;

	if (!code_agrees(session, status->code))
		return disagreement(session, status->code);
	/* What was lost on its way to a full disk makes any status meaningless. */
	if (session->streams->lost)
		return verdict(OUTCOME_CANNOT_RUN, NULL);
	if (status->code == 0) {
		if (!gets_complete(&session->gets) || error_first(session->error))
			return verdict(OUTCOME_CANNOT_RUN, NULL);
		if (session->facts.splats)
			return verdict(OUTCOME_SPLAT, NULL);
	}
	/* The signal is the kernel's, and its complaint the truth of it. */
	if (facts_killed_by_oops(&session->facts) && session->facts.splats)
		return verdict(OUTCOME_SPLAT, NULL);
	return verdict_with(status->signal ? OUTCOME_SIGNAL : OUTCOME_EXIT, status->code);
}

/*
 * past_deadline() - whether the deadline can have ended the machine
 *
 * A power-off in the guest ends with the same code: the driver has it from the
 * beginning. The deadline does not begin before the guest has its job.
 */
static bool past_deadline(const struct session *session)
{
	uint64_t timeout_ms = session->setup->options->timeout_ms;

	return qemu_code(session) == CODE_DEADLINE && session->facts.started && timeout_ms &&
	       facts_time_is_up(&session->facts, session->machine.end_ns, timeout_ms);
}

/* It ended without a word. */
static struct verdict decide_without_status(const struct session *session)
{
	const struct machine *machine = &session->machine;
	const struct facts *facts = &session->facts;
	const char *release = session->setup->kernel.release;
	int code = qemu_code(session);
	struct verdict result;
	char *said;

	if (facts->deadline_passed)
		return verdict(OUTCOME_DEADLINE, NULL);
	if (session->setup->options->bare && facts->started && code >= 0)
		return verdict_with(OUTCOME_PORT, code);
	if (past_deadline(session))
		return verdict(OUTCOME_DEADLINE, NULL);
	/* A command can write this, too. */
	said = facts->started ? NULL : virtio_missing_said(session);
	if (said) {
		result = verdict(OUTCOME_CANNOT_RUN,
				 print("kernel %s lacks %s, too: qemu-run cannot talk to its guest",
				       release, said));
		free(said);
		return result;
	}
	/* Init's last word. */
	if (code == EXIT_CANNOT_RUN && !facts->started) {
		said = facts->hello ? NULL : console_said(&machine->console, LOG_CANNOT);
		return verdict(OUTCOME_CANNOT_RUN, said ? said :
			       print("the guest's init could not begin with kernel %s: it needs more of it",
				     release));
	}
	if (code == CODE_PANIC || console_has(&machine->console, 0, CONSOLE_PANIC))
		return verdict(OUTCOME_PANIC, NULL);
	/* It never got as far as a guest. */
	if (!facts->started && !machine->console.text.length && !facts->hello &&
	    WEXITSTATUS(machine->wait_status))
		return verdict(OUTCOME_CANNOT_RUN,
			       print("QEMU: %s", machine->messages.data ? machine->messages.data :
					     "ended at once, without a word"));
	return verdict(OUTCOME_SILENT, NULL);
}

static struct verdict decide(const struct session *session)
{
	const struct machine *machine = &session->machine;
	const struct setup *setup = session->setup;
	const struct facts *facts = &session->facts;
	const char *messages = machine->messages.data;
	int status = machine->wait_status, signal = WTERMSIG(status);

	if (session->input_lost)
		return verdict(OUTCOME_CANNOT_RUN, NULL);
	if (session->killed && facts->returned && !facts->have_status)
		return verdict(OUTCOME_HUNG,
			       copy("the command had returned; --get or the disks took too long"));
	if (session->halted)
		return verdict(OUTCOME_PANIC, NULL);
	/* A disk that another QEMU has locked is found out after the load. */
	if (session->killed && session->loading && !facts->answered && messages)
		return verdict(OUTCOME_CANNOT_RUN, print("QEMU: %s", messages));
	if (session->killed)
		return verdict(OUTCOME_HUNG, NULL);
	/* What came is the console's: the only port that the kernel knows. */
	if (session->bad_guest && machine->channel.serial && !facts->hello)
		return verdict(OUTCOME_CANNOT_RUN,
			       print("kernel %s lacks a second serial port (CONFIG_SERIAL_8250_NR_UARTS), too: qemu-run cannot talk to its guest",
				     setup->kernel.release));
	if (session->bad_guest)
		return verdict(OUTCOME_SILENT,
			       copy("the guest sent what no honest guest sends then: ended it"));
	if (!machine->ended)
		return verdict(OUTCOME_CANNOT_RUN, NULL);
	/* The guest's memory is a file of the cache, but for a boot that makes no template. */
	if (WIFSIGNALED(status) && signal == SIGBUS && setup->places.cache &&
	    (machine->restored || !session->streams))
		return verdict(OUTCOME_CANNOT_RUN,
			       print("QEMU was ended by signal %d (%s): most likely %s is full, and the guest's memory is there: make room (--clean removes the templates), set XDG_CACHE_HOME to a place with more, or use --cold",
				     signal, strsignal(signal), setup->places.cache));
	if (WIFSIGNALED(status))
		return verdict(OUTCOME_CANNOT_RUN,
			       print("QEMU was ended by signal %d (%s)%s%s", signal,
				     strsignal(signal), messages ? ": " : "",
				     messages ? messages : ""));
	/* It ends with 0 then, as at a reset of its guest, but not without a word. */
	if (messages && strstr(messages, "terminating on signal"))
		return verdict(OUTCOME_CANNOT_RUN, copy(messages));
	if (facts->refused)
		return decide_refusal(session);
	return facts->have_status ? decide_with_status(session) : decide_without_status(session);
}

bool outcome_blames_template(const struct session *session)
{
	const struct options *options = session->setup->options;
	const struct machine *machine = &session->machine;
	const char *messages = machine->messages.data;
	bool users = options->qemu.count || (options->preload && options->module_count);

	if (!session->loading || session->facts.answered || session->signals->interrupted)
		return false;
	if (session->load_refused || (messages && strstr(messages, "load of migration failed")))
		return true;
	/* If QEMU says why the guest does not run, that is the reason. */
	return !users && (session->bad_guest || (session->killed && !messages) ||
			  (machine->ended && WIFEXITED(machine->wait_status)));
}

struct verdict outcome_decide(const struct session *session, int interrupted)
{
	struct verdict result;

	if (interrupted)
		result = verdict_with(OUTCOME_INTERRUPTED, 128 + interrupted);
	else
		result = session ? decide(session) : verdict(OUTCOME_CANNOT_RUN, NULL);
	result.qemu_code = session ? qemu_code(session) : -1;
	return result;
}
