// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "hang.h"

/* Lines that say nothing about a cause. Beginnings, behind the time. */
static const char *const noise[] = {
	"Hardware name:", "Code: ", "RSP: ", "RAX: ", "RDX: ", "RBP: ", "R10: ", "R13: ", "FS: ",
	"CS: ", "CR2: ", "DR0: ", "DR3: ", "PKRU: ", "? ", "<TASK>", "</TASK>", "Modules linked in:",
	"Sending NMI from ", "INFO: NMI handler (nmi_cpu_backtrace",
};

/* With one of these a part of the report begins; the first is about one processor. */
static const char *const parts[] = {
	"NMI backtrace for cpu ", "sysrq: ", "task:", "qemu-run: ", "qemu_poweroff: ",
	"Kernel panic", "Kernel Offset", "---[", "rcu: ", "watchdog: ", "INFO: task ", "BUG: ",
	"WARNING: ",
};

/**
 * struct part - what is said about one processor
 * @text: its lines
 * @swapper: it runs its idle task
 * @placed: where it is was said
 * @idle: there it waits for an interrupt
 * @asking: its task asked for the report
 */
struct part {
	struct text text;
	bool swapper;
	bool placed;
	bool idle;
	bool asking;
};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* said() - a line behind its time, and behind what else the kernel puts in brackets. */
static const char *said(const char *line)
{
	const char *end;

	while (*line == '[' && (end = strchr(line, ']')))
		line = end + 1 + strspn(end + 1, " ");
	return line + strspn(line, " ");
}

static bool is_noise(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		if (begins(text, noise[i]))
			return true;
	return begins(text, parts[0]) && strstr(text, " skipped: idling ");
}

static bool part_begins(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (begins(text, parts[i]))
			return true;
	return false;
}

static void look(struct part *part, const char *text)
{
	if (strstr(text, "swapper/"))
		part->swapper = true;
	if (strstr(text, "write_sysrq_trigger"))
		part->asking = true;
	/* An interrupt may spin on a processor that idled: the first place counts. */
	if (begins(text, "RIP: 0010:") && !part->placed) {
		part->placed = true;
		part->idle = strstr(text, "halt") || strstr(text, "idle") || strstr(text, "mwait");
	}
}

static void part_end(struct part *part, struct text *culprits)
{
	if (!part->asking && !(part->swapper && part->idle) && part->text.length)
		text_add(culprits, part->text.data, part->text.length);
	text_free(&part->text);
	*part = (struct part){ 0 };
}

void hang_filter(const struct text *console, struct text *culprits)
{
	const char *at = console->data, *end, *next;
	struct part part = { 0 };
	bool open = false;

	if (!console->length)
		return;
	end = at + console->length;
	for (; at < end; at = next) {
		const char *newline = memchr(at, '\n', end - at);
		const char *text;
		char *line;

		next = newline ? newline + 1 : end;
		line = print("%.*s", (int)(next - at), at);
		text = said(line);
		if (part_begins(text)) {
			part_end(&part, culprits);
			open = begins(text, parts[0]);
		}
		if (open)
			look(&part, text);
		if (!is_noise(text))
			text_add(open ? &part.text : culprits, at, next - at);
		free(line);
	}
	part_end(&part, culprits);
}
