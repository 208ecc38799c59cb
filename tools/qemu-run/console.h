/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's serial console: its end is kept for the report, and -v shows all of it. */
#ifndef QEMU_RUN_CONSOLE_H
#define QEMU_RUN_CONSOLE_H

#include <stdbool.h>
#include "util.h"

/* struct console - the console */
struct console {
	int fd;			/* not blocking, or -1 */
	struct text text;	/* its last 64 KiB at least */
	int copy;		/* all of it goes there, too; -1: nowhere */
	bool copy_lost;		/* not all of it could be written there */
	struct text line;	/* what -v has not shown yet of an unfinished line */
};

/**
 * console_receive() - reads what the guest has written
 * @console: the console; its descriptor is closed at the end
 * @shown: receives whole lines of it as a terminal may show them, or NULL
 * @raw: the terminal is in raw mode
 *
 * Return: whether there was something.
 */
bool console_receive(struct console *console, struct text *shown, bool raw);

/**
 * console_finish() - shows what is left of an unfinished line
 * @console: the console
 * @shown: as for console_receive()
 * @raw: likewise
 */
void console_finish(struct console *console, struct text *shown, bool raw);

/* How a kernel begins to say that it has panicked. */
#define CONSOLE_PANIC "Kernel panic - not syncing"

/**
 * console_has() - whether a text is on the console
 * @console: the console
 * @from: after so many bytes of @text
 * @text: the text; upper and lower case are the same
 */
bool console_has(const struct console *console, size_t from, const char *text);

void console_free(struct console *console);

/**
 * console_said() - what the guest's init wrote there
 * @console: the console
 * @what: how its line begins, such as LOG_MISSING
 *
 * Return: the rest of the line, to be freed, or NULL.
 */
char *console_said(const struct console *console, const char *what);

#endif
