// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"

#define CONSOLE_LINES 40

/* Bytes above 0x7f become the characters of the same number: always valid JSON. */
static void put_string(struct text *json, const char *data, size_t length)
{
	size_t i;

	text_add(json, "\"", 1);
	for (i = 0; i < length; i++) {
		unsigned char c = data[i];

		if (c == '"' || c == '\\')
			text_print(json, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			text_print(json, "\\u%04x", c);
		else
			text_add(json, &data[i], 1);
	}
	text_add(json, "\"", 1);
}

static void put_field(struct text *json, const char *name, const char *value)
{
	text_print(json, ",\n  \"%s\": ", name);
	if (value)
		put_string(json, value, strlen(value));
	else
		text_print(json, "null");
}

static void put_number(struct text *json, const char *name, long long value, bool known)
{
	if (known)
		text_print(json, ",\n  \"%s\": %lld", name, value);
	else
		text_print(json, ",\n  \"%s\": null", name);
}

static void put_phases(struct run *run, struct text *json)
{
	static const char *const names[PHASES] = {
		[PHASE_READY] = "prepare",  [PHASE_SPAWNED] = "spawn", [PHASE_STARTED] = "start",
		[PHASE_STATUS] = "command", [PHASE_END] = "end",
	};
	uint64_t before = run->phase[PHASE_BEGIN];
	int i;

	text_print(json, ",\n  \"phases_ms\": {");
	for (i = 1; i < PHASES; i++) {
		if (!run->phase[i] || run->phase[i] < before)
			text_print(json, "%s\"%s\": null", i > 1 ? ", " : "", names[i]);
		else
			text_print(json, "%s\"%s\": %.3f", i > 1 ? ", " : "", names[i],
				   (run->phase[i] - before) / 1e6);
		if (run->phase[i] > before)
			before = run->phase[i];
	}
	text_print(json, "}");
}

static const char *way_name(uint32_t way)
{
	return way == POWEROFF_DRIVER ? "driver" : way == POWEROFF_PORT ? "init" : "power-off";
}

/* path_taken() - how the guest came to its end. */
static char *path_taken(struct run *run)
{
	const char *line = NULL, *next = run->console.data, *end;

	if (run->have_status && run->outcome != OUTCOME_HUNG)
		return copy(way_name(run->status.method));
	if (run->deadline_passed && run->outcome == OUTCOME_DEADLINE)
		return copy(way_name(run->deadline_way));
	/* What the driver said last: "qemu_poweroff: ..." */
	while (next && (next = strstr(next, "qemu_poweroff: ")))
		line = next++;
	if (!line)
		return NULL;
	end = strpbrk(line, "\r\n");
	return end ? must(strndup(line, end - line)) : copy(line);
}

static void put_console(struct run *run, struct text *json)
{
	size_t start = run->console.length, end;
	int lines = CONSOLE_LINES;
	bool first = true;

	text_print(json, ",\n  \"console\": [");
	while (start && (run->console.data[start - 1] != '\n' || start == run->console.length ||
			 --lines > 0))
		start--;
	for (; start < run->console.length; start = end + 1) {
		const char *line = run->console.data + start;
		const char *newline = memchr(line, '\n', run->console.length - start);
		size_t length;

		end = newline ? start + (newline - line) : run->console.length;
		length = end - start;
		if (length && line[length - 1] == '\r')
			length--;
		text_print(json, first ? "\n    " : ",\n    ");
		put_string(json, line, length);
		first = false;
	}
	text_print(json, first ? "]" : "\n  ]");
}

int json_write(struct run *run)
{
	struct vm *vm = &run->vm;
	struct text json = { 0 };
	char *path = path_taken(run);
	size_t i;
	int file, err;

	text_print(&json, "{\n  \"outcome\": \"%s\"", outcome_name(run->outcome));
	put_number(&json, "exit_status", run->exit_status, true);
	put_number(&json, "command_status", run->status.code, run->have_status);
	put_number(&json, "signal", run->status.signal, run->have_status && run->status.signal);
	put_number(&json, "qemu_status", WEXITSTATUS(vm->wait_status),
		   vm->ended && WIFEXITED(vm->wait_status));
	put_number(&json, "code", run->qemu_code, run->qemu_code >= 0);
	put_field(&json, "message", run->failure ? run->failure : run->refusal);
	text_print(&json, ",\n  \"duration_ms\": %.3f", (now_ns() - run->phase[PHASE_BEGIN]) / 1e6);
	put_phases(run, &json);
	text_print(&json, ",\n  \"run_ms\": %.3f", run->status.run_ns / 1e6);
	put_field(&json, "kernel", run->kernel.release);
	put_field(&json, "accelerator", run->kvm ? "kvm" : "tcg");
	put_field(&json, "start", run->restored ? "restored" : "cold");
	put_field(&json, "modules", !run->options.modules.count ? "none" :
		  run->options.preload && run->restored ? "preloaded" : "loaded");
	put_field(&json, "channel", run->serial ? "serial" : "virtio");
	put_field(&json, "path", path);
	put_number(&json, "taint", (long long)(run->status.taint_after & ~run->status.taint_before),
		   run->have_status);
	text_print(&json, ",\n  \"complaints\": [");
	for (i = 0; i < run->complaints.count; i++) {
		text_print(&json, i ? ", " : "");
		put_string(&json, run->complaints.items[i], strlen(run->complaints.items[i]));
	}
	text_print(&json, "]");
	put_console(run, &json);
	text_print(&json, "\n}\n");

	if (!strcmp(run->options.json, "-")) {
		err = write_all(STDERR_FILENO, json.data, json.length);
	} else {
		file = open(run->options.json, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		err = file < 0 ? -errno : write_all(file, json.data, json.length);
		if (file >= 0 && close(file) && !err)
			err = -errno;
	}
	text_free(&json);
	free(path);
	return err;
}
