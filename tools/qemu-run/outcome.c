// SPDX-License-Identifier: GPL-2.0
/* What to make of how QEMU ended, in one place. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"

/* Machine check, bad page, oops, warning, soft lockup: the kernel's own complaints. */
#define TAINT_COMPLAINTS (1 << 4 | 1 << 5 | 1 << 7 | 1 << 9 | 1 << 14)

/* The exit statuses, as qemu-run(1) has them. */
enum {
	EXIT_SPLAT = 120,
	EXIT_PANIC,
	EXIT_SILENT,
	EXIT_HUNG,
	EXIT_DEADLINE,
	EXIT_CANNOT_RUN,
	EXIT_NOT_EXECUTABLE,
	EXIT_NOT_FOUND,
};

#define CODE_PANIC    121
#define CODE_DEADLINE 124

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[] = {
		[OUTCOME_NONE] = "none",
		[OUTCOME_EXIT] = "exit",
		[OUTCOME_SIGNAL] = "signal",
		[OUTCOME_SPLAT] = "splat",
		[OUTCOME_PANIC] = "panic",
		[OUTCOME_SILENT] = "silent",
		[OUTCOME_HUNG] = "hung",
		[OUTCOME_DEADLINE] = "deadline",
		[OUTCOME_CANNOT_RUN] = "cannot-run",
		[OUTCOME_NOT_EXECUTABLE] = "not-executable",
		[OUTCOME_NOT_FOUND] = "not-found",
		[OUTCOME_PORT] = "port",
		[OUTCOME_INTERRUPTED] = "interrupted",
	};

	return names[outcome];
}

void outcome_set(struct run *run, enum outcome outcome, int exit_status)
{
	if (run->outcome != OUTCOME_NONE)
		return;
	run->outcome = outcome;
	run->exit_status = exit_status;
}

static bool panicked(struct run *run)
{
	return run->console.data && memmem(run->console.data, run->console.length,
					   "Kernel panic - not syncing", 26);
}

static bool complained(struct run *run)
{
	return run->complaints.count ||
	       (run->status.taint_after & ~run->status.taint_before & TAINT_COMPLAINTS);
}

char *lack_said(struct run *run)
{
	const char *text = run->console.data ? strstr(run->console.data, VIRTIO_MISSING) : NULL;
	size_t length = 0;

	if (!text || run->hello)
		return NULL;
	text += strlen(VIRTIO_MISSING);
	while (length < 200 && text[length] >= ' ' && text[length] < 0x7f)
		length++;
	return length ? print("%.*s", (int)length, text) : NULL;
}

/* printable() - a text from the guest, safe for a terminal; to be freed. */
static char *printable(const char *data, size_t length)
{
	struct text text = { 0 };
	size_t i;

	text_add(&text, "", 0);
	for (i = 0; i < length; i++) {
		unsigned char c = data[i];

		if (c == '\r')
			continue;
		if (c == '\n' || c == '\t' || (c >= ' ' && c < 0x7f))
			text_add(&text, &data[i], 1);
		else
			text_print(&text, "\\x%02x", c);
	}
	return text.data;
}

static void show_console_end(struct run *run, int lines)
{
	size_t start = run->console.length;
	char *text;

	if (run->options.verbose || !run->console.length)
		return;
	while (start && (run->console.data[start - 1] != '\n' || start == run->console.length ||
			 lines-- > 0))
		start--;
	text = printable(run->console.data + start, run->console.length - start);
	say("the console's last lines:\n%s", text);
	free(text);
}

/* The command has ended, and the guest said how. */
static void decide_with_status(struct run *run)
{
	int code = run->status.code & 0x7f;

	/*
	 * Without a way to the port the machine is powered off, and with --bare the
	 * port is the command's: nothing to compare.
	 */
	if (run->status.method != POWEROFF_NONE && !run->options.bare && run->qemu_code != code) {
		fail(run, "the guest reported status %u, and ended QEMU with code %d: trusting neither",
		     run->status.code, run->qemu_code);
		outcome_set(run, OUTCOME_SILENT, EXIT_SILENT);
		return;
	}
	/* What was lost on its way to a full disk makes any status meaningless. */
	if (run->output_lost) {
		outcome_set(run, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN);
		return;
	}
	if (run->status.code == 0) {
		if (run->get_failed || run->get_index != run->options.gets.count || run->failure)
			outcome_set(run, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN);
		else if (complained(run) && !run->options.allow_splat)
			outcome_set(run, OUTCOME_SPLAT, EXIT_SPLAT);
	}
	outcome_set(run, run->status.signal ? OUTCOME_SIGNAL : OUTCOME_EXIT, run->status.code);
}

/* It ended without a word. */
static void decide_without_status(struct run *run)
{
	char *said = lack_said(run);

	if (run->deadline_passed) {
		outcome_set(run, OUTCOME_DEADLINE, EXIT_DEADLINE);
	} else if (run->options.bare && run->started && run->qemu_code >= 0) {
		outcome_set(run, OUTCOME_PORT, run->qemu_code);
	} else if (run->qemu_code == CODE_DEADLINE && run->started && run->options.timeout_ms) {
		outcome_set(run, OUTCOME_DEADLINE, EXIT_DEADLINE);
	} else if (said) {
		fail(run, "kernel %s lacks %s, too: qemu-run cannot talk to its guest",
		     run->kernel.release, said);
		outcome_set(run, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN);
	} else if (run->qemu_code == EXIT_CANNOT_RUN && !run->started) {
		/* Init's last word: it said on the console what is missing. */
		fail(run, "the guest's init could not begin with kernel %s: it needs more of it",
		     run->kernel.release);
		show_console_end(run, 10);
		outcome_set(run, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN);
	} else if (run->qemu_code == CODE_PANIC || panicked(run)) {
		outcome_set(run, OUTCOME_PANIC, EXIT_PANIC);
	} else if (!run->started && !run->console.length && !run->hello &&
		   WEXITSTATUS(run->vm.wait_status)) {
		/* It never got as far as a guest. */
		fail(run, "QEMU: %s", run->errors.length ? run->errors.data :
							   "ended at once, without a word");
		outcome_set(run, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN);
	} else {
		outcome_set(run, OUTCOME_SILENT, EXIT_SILENT);
	}
	free(said);
}

void outcome_decide(struct run *run)
{
	struct vm *vm = &run->vm;

	if (run->outcome != OUTCOME_NONE)
		return;
	run->qemu_code = -1;
	if (vm->ended && WIFEXITED(vm->wait_status) && WEXITSTATUS(vm->wait_status) & 1)
		run->qemu_code = WEXITSTATUS(vm->wait_status) >> 1;

	if (run->interrupted) {
		outcome_set(run, OUTCOME_INTERRUPTED, 128 + run->interrupted);
	} else if (run->killed) {
		outcome_set(run, OUTCOME_HUNG, EXIT_HUNG);
	} else if (run->bad_guest && run->serial && !run->hello) {
		/* What came is the console's: the only port that the kernel knows. */
		fail(run, "kernel %s lacks a second serial port (CONFIG_SERIAL_8250_NR_UARTS), too: qemu-run cannot talk to its guest",
		     run->kernel.release);
		outcome_set(run, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN);
	} else if (run->bad_guest) {
		fail(run, "the guest sent what is no message: ended it");
		outcome_set(run, OUTCOME_SILENT, EXIT_SILENT);
	} else if (!vm->ended) {
		outcome_set(run, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN);
	} else if (WIFSIGNALED(vm->wait_status)) {
		fail(run, "QEMU was ended by signal %d (%s)%s%s", WTERMSIG(vm->wait_status),
		     strsignal(WTERMSIG(vm->wait_status)), run->errors.length ? ": " : "",
		     run->errors.length ? run->errors.data : "");
		outcome_set(run, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN);
	} else if (run->refused) {
		outcome_set(run,
			    run->refused_status == EXIT_NOT_FOUND ? OUTCOME_NOT_FOUND :
			    run->refused_status == EXIT_NOT_EXECUTABLE ? OUTCOME_NOT_EXECUTABLE :
									 OUTCOME_CANNOT_RUN,
			    run->refused_status);
	} else if (run->have_status) {
		decide_with_status(run);
	} else {
		decide_without_status(run);
	}
}

static void show_complaints(struct run *run)
{
	size_t i;

	for (i = 0; i < run->complaints.count; i++) {
		char *text = printable(run->complaints.items[i], strlen(run->complaints.items[i]));

		say("  %s", text);
		free(text);
	}
}

static void explain(struct run *run)
{
	char *why = run->refusal ? printable(run->refusal, strlen(run->refusal)) : copy("");

	switch (run->outcome) {
	case OUTCOME_NONE:
	case OUTCOME_EXIT:
	case OUTCOME_SIGNAL:
		if (run->have_status && complained(run) && run->exit_status)
			say("the kernel complained, and the command returned %d", run->exit_status);
		break;
	case OUTCOME_SPLAT:
		say("the command returned 0, but the kernel complained (taint %#llx):",
		    (unsigned long long)(run->status.taint_after & ~run->status.taint_before));
		show_complaints(run);
		break;
	case OUTCOME_PANIC:
		say("the guest's kernel panicked%s", run->started ? "" : " while it booted");
		show_console_end(run, 60);
		break;
	case OUTCOME_SILENT:
		if (run->qemu_code >= 0)
			say("the guest ended QEMU with code %d and no word about the command",
			    run->qemu_code);
		else
			say("the guest ended without a word about the command: a reset, a triple fault or a power-off");
		show_console_end(run, 20);
		break;
	case OUTCOME_HUNG:
		say("the guest hung and had to be killed");
		show_console_end(run, 100);
		break;
	case OUTCOME_DEADLINE:
		say("the deadline of %g s has passed", run->options.timeout_ms / 1000.0);
		show_console_end(run, 60);
		break;
	case OUTCOME_CANNOT_RUN:
		if (run->refusal)
			say("the guest cannot run the command: %s", why);
		break;
	case OUTCOME_NOT_EXECUTABLE:
	case OUTCOME_NOT_FOUND:
		say("the guest cannot execute %s", why);
		break;
	case OUTCOME_PORT:
		say("the guest ended QEMU with code %d (status %d)", run->qemu_code,
		    WEXITSTATUS(run->vm.wait_status));
		break;
	case OUTCOME_INTERRUPTED:
		say("ended by signal %d (%s)", run->interrupted, strsignal(run->interrupted));
		break;
	}
	free(why);
}

int outcome_report(struct run *run)
{
	int err;

	outcome_set(run, OUTCOME_CANNOT_RUN, EXIT_CANNOT_RUN);
	explain(run);
	if (run->options.json) {
		err = json_write(run);
		if (err) {
			say("--json %s: %s", run->options.json, strerror(-err));
			if (!run->exit_status)
				run->exit_status = EXIT_CANNOT_RUN;
		}
	}
	return run->exit_status;
}
