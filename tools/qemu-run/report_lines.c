// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
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

static void show_end(const struct report *report, const struct text *console, int lines)
{
	size_t start;
	char *text;

	if (report->setup->options->verbose || !console->length)
		return;
	start = text_tail(console, lines);
	text = printable(console->data + start, console->length - start);
	say("the console's last lines:\n%s", text);
	free(text);
}

static void show_console_end(const struct report *report, int lines)
{
	show_end(report, &report->session->machine.console.text, lines);
}

/*
 * is_idle() - whether a processor's backtrace names no culprit: the processor idles, or runs
 * init, which asked for it. An interrupt may spin on one that idled: its place comes first.
 */
static bool is_idle(const char *backtrace)
{
	const char *place = strstr(backtrace, "RIP: 0010:");
	char *line = place ? print("%.*s", (int)strcspn(place, "\n"), place) : copy("");
	bool idle = strstr(line, "halt") || strstr(line, "idle") || strstr(line, "mwait");

	free(line);
	return strstr(backtrace, "write_sysrq_trigger") || (idle && strstr(backtrace, "swapper/"));
}

/* show_hang() - the console's end, without the backtraces that name no culprit */
static void show_hang(const struct report *report, int lines)
{
	const struct text *console = &report->session->machine.console.text;
	char *text = printable(console->data, console->length), *part = text, *end;
	struct text shown;

	while ((part = strstr(part, "NMI backtrace for cpu ")) && (end = strstr(part, "</TASK>"))) {
		*end = '\0';
		while (part > text && part[-1] != '\n')
			part--;
		if (is_idle(part)) {
			end += 1 + strcspn(end + 1, "\n");
			memmove(part, end + !!*end, strlen(end + !!*end) + 1);
		} else {
			*end = '<';
			part = end;
		}
	}
	shown = (struct text){ .data = text, .length = strlen(text) };
	show_end(report, &shown, lines);
	free(text);
}

/* say_guest() - says what the guest said, unless that is NULL */
static void say_guest(const char *what, const char *text)
{
	char *safe = text ? printable(text, strlen(text)) : NULL;

	if (safe)
		say("%s%s", what, safe);
	free(safe);
}

static void show_complaints(const struct facts *facts, size_t from, size_t to)
{
	for (; from < to; from++)
		say_guest("  ", facts->complaints.items[from]);
}

/* What the kernel complained of, and what became of the command. */
static void explain_complaints(const struct facts *facts)
{
	char *words = facts_taint_words(facts_new_taint(facts));
	char *taint = words ? print(" (%s)", words) : copy("");

	if (facts->early)
		say("the kernel complained before the command:");
	show_complaints(facts, 0, facts->early);
	if (facts->complaints.count == facts->early)
		;
	else if (facts_killed_by_oops(facts))
		say("an oops of the kernel's killed the command%s:", taint);
	else if (facts->have_status)
		say("the command returned %u, but the kernel complained%s:", facts->status.code,
		    taint);
	else
		say("the kernel complained%s:", taint);
	show_complaints(facts, facts->early, facts->complaints.count);
	if (facts->untold)
		say("  and %zu complaints more", facts->untold);
	free(taint);
	free(words);
}

static void explain_silence(const struct report *report)
{
	if (report->verdict.why)
		;
	else if (report->verdict.qemu_code >= 0)
		say("the guest ended QEMU with code %d and no word about the command",
		    report->verdict.qemu_code);
	else
		say("the guest ended without a word about the command: a reset, a triple fault or a power-off");
	show_console_end(report, 20);
}

/* What is not in the BusyBox guest may be here. */
static void hint_host(const struct options *options)
{
	static const char *const places[] = {
		"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin",
	};
	const char *program = options->command.items[0];
	size_t i;

	if (options->root || options->image || !*program)
		return;
	if (strchr(program, '/')) {
		if (!access(program, F_OK))
			say("%s is here: bring it with -f, into /root of the guest, or use --root /",
			    program);
		return;
	}
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *path = print("%s/%s", places[i], program);
		bool here = !access(path, X_OK);

		if (here)
			say("%s is here: use --root /, or bring it with -f if it is linked statically",
			    path);
		free(path);
		if (here)
			return;
	}
}

void report_lines(const struct report *report)
{
	const struct facts *facts = &report->session->facts;
	const struct verdict *verdict = &report->verdict;

	error_say(report->error);
	if (verdict->why)
		say("%s", verdict->why);
	if (facts->have_status && facts->status.cpus < report->setup->options->cpus)
		say("--cpus %u: kernel %s takes %u: see its CONFIG_SMP and CONFIG_NR_CPUS",
		    report->setup->options->cpus, report->setup->kernel.release,
		    facts->status.cpus);
	if (*facts->driver_error)
		say_guest("the driver does not load in the guest:", facts->driver_error);
	explain_complaints(facts);
	switch (verdict->outcome) {
	case OUTCOME_EXIT:
	case OUTCOME_SIGNAL:
	case OUTCOME_SPLAT:
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
		show_hang(report, 200);
		break;
	case OUTCOME_DEADLINE:
		say("the deadline of %g s has passed",
		    report->setup->options->timeout_ms / 1000.0);
		show_hang(report, 120);
		break;
	case OUTCOME_CANNOT_RUN:
		say_guest("the guest cannot run the command: ", facts->refusal);
		/* What it lacks may be read from there, if its init did not say. */
		if (verdict->qemu_code == EXIT_CANNOT_RUN && !facts->started && !facts->refused &&
		    !console_has(&report->session->machine.console, 0, LOG_PREFIX LOG_CANNOT))
			show_console_end(report, 10);
		break;
	case OUTCOME_NOT_EXECUTABLE:
	case OUTCOME_NOT_FOUND:
		say_guest("the guest cannot execute: ", facts->refusal);
		hint_host(report->setup->options);
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
