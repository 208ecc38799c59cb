// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "report.h"

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

static void show_console_end(const struct report *report, int lines)
{
	const struct console *console;
	size_t start;
	char *text;

	if (!report->session || report->setup->options->verbose)
		return;
	console = &report->session->machine.console;
	if (!console->text.length)
		return;
	start = console_tail(console, lines);
	text = printable(console->text.data + start, console->text.length - start);
	say("the console's last lines:\n%s", text);
	free(text);
}

static void show_complaints(const struct facts *facts)
{
	size_t i;

	for (i = 0; i < facts->complaints.count; i++) {
		const char *complaint = facts->complaints.items[i];
		char *text = printable(complaint, strlen(complaint));

		say("  %s", text);
		free(text);
	}
}

static void explain_splat(const struct facts *facts)
{
	say("the command returned 0, but the kernel complained (taint %#llx):",
	    (unsigned long long)facts_new_taint(facts));
	show_complaints(facts);
}

static void explain_silence(const struct report *report)
{
	if (report->verdict.qemu_code >= 0)
		say("the guest ended QEMU with code %d and no word about the command",
		    report->verdict.qemu_code);
	else
		say("the guest ended without a word about the command: a reset, a triple fault or a power-off");
	show_console_end(report, 20);
}

static void explain_refusal(const char *what, const struct facts *facts)
{
	char *why;

	if (!facts->refusal)
		return;
	why = printable(facts->refusal, strlen(facts->refusal));
	say("the guest cannot %s: %s", what, why);
	free(why);
}

void report_lines(const struct report *report)
{
	static const struct facts nothing;
	const struct facts *facts = report->session ? &report->session->facts : &nothing;
	const struct verdict *verdict = &report->verdict;

	error_say(report->error);
	if (verdict->why)
		say("%s", verdict->why);
	switch (verdict->outcome) {
	case OUTCOME_EXIT:
	case OUTCOME_SIGNAL:
		if (facts_complained(facts) && verdict->exit_status)
			say("the kernel complained, and the command returned %d",
			    verdict->exit_status);
		break;
	case OUTCOME_SPLAT:
		explain_splat(facts);
		break;
	case OUTCOME_PANIC:
		say("the guest's kernel panicked%s", facts->started ? "" : " while it booted");
		show_console_end(report, 60);
		break;
	case OUTCOME_SILENT:
		explain_silence(report);
		break;
	case OUTCOME_HUNG:
		say("the guest hung and had to be killed");
		show_console_end(report, 100);
		break;
	case OUTCOME_DEADLINE:
		say("the deadline of %g s has passed",
		    report->setup->options->timeout_ms / 1000.0);
		show_console_end(report, 60);
		break;
	case OUTCOME_CANNOT_RUN:
		explain_refusal("run the command", facts);
		/* Its init said there why it could not begin. */
		if (verdict->qemu_code == EXIT_CANNOT_RUN && !facts->started && !facts->refused)
			show_console_end(report, 10);
		break;
	case OUTCOME_NOT_EXECUTABLE:
	case OUTCOME_NOT_FOUND:
		explain_refusal("execute", facts);
		break;
	case OUTCOME_PORT:
		say("the guest ended QEMU with code %d (status %d)", verdict->qemu_code,
		    WEXITSTATUS(report->session->machine.wait_status));
		break;
	case OUTCOME_INTERRUPTED:
		say("ended by signal %d (%s)", verdict->exit_status - 128,
		    strsignal(verdict->exit_status - 128));
		break;
	}
}
