// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "report.h"

#define CONSOLE_LINES 40

/* Bytes above 0x7f become the characters of the same number: always valid UTF-8. */
static json_t *string(const char *data, size_t length)
{
	struct text text = { 0 };
	json_t *json;
	size_t i;

	text_add(&text, "", 0);
	for (i = 0; i < length; i++) {
		unsigned char c = data[i];
		const char two[] = { (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)) };

		text_add(&text, c < 0x80 ? &data[i] : two, c < 0x80 ? 1 : 2);
	}
	json = json_stringn(text.data, text.length);
	text_free(&text);
	return json;
}

static json_t *text_or_null(const char *text)
{
	return text ? string(text, strlen(text)) : json_null();
}

static json_t *number_or_null(long long value, bool known)
{
	return known ? json_integer(value) : json_null();
}

/* Milliseconds, to the microsecond. */
static json_t *milliseconds(uint64_t ns)
{
	return json_real(round(ns / 1e3) / 1e3);
}

static json_t *phases(const struct report *report)
{
	const struct session *session = report->session;
	const struct {
		const char *name;
		uint64_t end;
	} all[] = {
		{ "prepare", report->ready_ns },
		{ "spawn", session->machine.start_ns },
		{ "start", session->facts.started_ns },
		{ "command", session->facts.returned_ns },
		{ "end", session->machine.end_ns },
	};
	uint64_t before = report->begin_ns;
	json_t *json = json_object();
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].end < before) {
			json_object_set_new(json, all[i].name, json_null());
			continue;
		}
		json_object_set_new(json, all[i].name, milliseconds(all[i].end - before));
		before = all[i].end;
	}
	return json;
}

static const char *method_name(uint32_t method)
{
	return method == POWEROFF_DRIVER ? "driver" :
	       method == POWEROFF_PORT	 ? "init" : "power-off";
}

/* last_of() - where a text is on the console for the last time, or NULL */
static const char *last_of(const struct console *console, const char *text)
{
	const char *last = NULL, *next = console->text.data;

	while (next && (next = strstr(next, text)))
		last = next++;
	return last;
}

/* path_taken() - how the guest came to its end. */
static json_t *path_taken(const struct report *report)
{
	const struct facts *facts = &report->session->facts;
	const char *line;

	if (facts->have_status && report->verdict.outcome != OUTCOME_HUNG)
		return text_or_null(method_name(facts->method));
	if (facts->deadline_passed && report->verdict.outcome == OUTCOME_DEADLINE)
		return text_or_null(method_name(facts->method));
	/* What the driver said last: "qemu_poweroff: ..." */
	line = last_of(&report->session->machine.console, "qemu_poweroff: ");
	return line ? string(line, strcspn(line, "\r\n")) : json_null();
}

static json_t *console_lines(const struct console *console)
{
	size_t start = text_tail(&console->text, CONSOLE_LINES - 1), end;
	json_t *json = json_array();

	for (; start < console->text.length; start = end + 1) {
		const char *line = console->text.data + start;
		const char *newline = memchr(line, '\n', console->text.length - start);
		size_t length;

		end = newline ? start + (newline - line) : console->text.length;
		length = end - start;
		if (length && line[length - 1] == '\r')
			length--;
		json_array_append_new(json, string(line, length));
	}
	return json;
}

static json_t *words(const struct list *list)
{
	json_t *json = json_array();
	size_t i;

	for (i = 0; i < list->count; i++)
		json_array_append_new(json, text_or_null(list->items[i]));
	return json;
}

static json_t *module_names(const struct options *options)
{
	json_t *json = json_array();
	size_t i;

	for (i = 0; i < options->module_count; i++)
		json_array_append_new(json, text_or_null(options->modules[i].name));
	return json;
}

/* line_with() - the last line of the console that has a text in it, or null */
static json_t *line_with(const struct console *console, const char *text)
{
	const char *line = last_of(console, text);

	while (line && line > console->text.data && line[-1] != '\n')
		line--;
	return line ? string(line, strcspn(line, "\r\n")) : json_null();
}

/* What went wrong here, or else what the guest said of it. */
static json_t *message(const struct report *report)
{
	const char *first = error_first(report->error);

	if (first || report->verdict.why)
		return text_or_null(first ? first : report->verdict.why);
	if (report->session->facts.refusal)
		return text_or_null(report->session->facts.refusal);
	if (report->verdict.outcome == OUTCOME_PANIC)
		return line_with(&report->session->machine.console, "Kernel panic - ");
	if (report->verdict.outcome == OUTCOME_HUNG)
		return json_string("the guest hung and had to be killed");
	if (report->verdict.outcome == OUTCOME_DEADLINE)
		return json_string("the deadline has passed");
	return json_null();
}

/* What only a session knows: null, but for lists, where no machine was started. */
static void add_session(json_t *json, const struct report *report)
{
	const struct session *session = report->session;
	const struct facts *facts = &session->facts;
	const struct machine *machine = &session->machine;
	const struct options *options = report->setup->options;
	bool started = machine->start_ns, status = facts->have_status;

	json_object_set_new(json, "command_status", number_or_null(facts->status.code, status));
	json_object_set_new(json, "signal",
			    number_or_null(facts->status.signal, status && facts->status.signal));
	json_object_set_new(json, "qemu_status",
			    number_or_null(WEXITSTATUS(machine->wait_status),
					   machine->ended && WIFEXITED(machine->wait_status)));
	json_object_set_new(json, "run_ms",
			    started ? milliseconds(facts->status.run_ns) : json_null());
	json_object_set_new(json, "start", text_or_null(!started ? NULL :
							machine->restored ? "restored" : "cold"));
	json_object_set_new(json, "modules",
			    text_or_null(!started ? NULL :
					 !options->module_count ? "none" :
					 options->preload && machine->restored ? "preloaded" :
										 "loaded"));
	json_object_set_new(json, "channel",
			    text_or_null(!started ? NULL :
					 machine->channel.serial ? "serial" : "virtio"));
	json_object_set_new(json, "path", path_taken(report));
	json_object_set_new(json, "taint",
			    number_or_null((long long)facts_new_taint(facts), status));
	json_object_set_new(json, "complaints", words(&facts->complaints));
	json_object_set_new(json, "console", console_lines(&machine->console));
}

int report_json(const struct report *report)
{
	const struct setup *setup = report->setup;
	const char *path = setup->options->json;
	json_t *json = json_object();
	int file = STDERR_FILENO, err;
	char *text;

	json_object_set_new(json, "outcome", json_string(outcome_name(report->verdict.outcome)));
	json_object_set_new(json, "exit_status", json_integer(report->verdict.exit_status));
	json_object_set_new(json, "code", number_or_null(report->verdict.qemu_code,
							 report->verdict.qemu_code >= 0));
	json_object_set_new(json, "command", words(&setup->options->command));
	json_object_set_new(json, "module_list", module_names(setup->options));
	json_object_set_new(json, "message", message(report));
	json_object_set_new(json, "duration_ms", milliseconds(now_ns() - report->begin_ns));
	json_object_set_new(json, "phases_ms", phases(report));
	json_object_set_new(json, "kernel", text_or_null(setup->kernel.release));
	json_object_set_new(json, "root", text_or_null(setup->options->root ? setup->options->root :
							   setup->options->image));
	json_object_set_new(json, "accelerator", json_string(setup->kvm ? "kvm" : "tcg"));
	add_session(json, report);
	text = must(json_dumps(json, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12)));
	json_decref(json);

	/* Not blocking: a FIFO without a reader is an error, not a wait. */
	if (strcmp(path, "-"))
		file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);
	err = file < 0 ? -errno : write_patiently(file, text, strlen(text));
	if (!err)
		err = write_patiently(file, "\n", 1);
	if (file >= 0 && file != STDERR_FILENO && close(file) && !err)
		err = -errno;
	free(text);
	return err;
}
