// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "console.h"
#include "wire/protocol.h"

#define CONSOLE_KEEP (64 * 1024)
/* A line of the console longer than this is no line. */
#define LINE_MAX_KEEP 4096

void console_finish(struct console *console, struct text *shown, bool raw)
{
	if (!console->line.length)
		return;
	text_print(shown, "| %s%s\n", console->line.data, raw ? "\r" : "");
	text_free(&console->line);
}

/*
 * The guest writes what it likes: bytes that would move this terminal's cursor, or
 * worse, are not passed on.
 */
static void show(struct console *console, const char *data, size_t length,
		 struct text *shown, bool raw)
{
	size_t i;

	for (i = 0; i < length; i++) {
		unsigned char c = data[i];

		if (c == '\n' || console->line.length >= LINE_MAX_KEEP) {
			console_finish(console, shown, raw);
			if (c == '\n')
				continue;
		}
		if (c == '\r' || c == '\0')
			continue;
		text_print(&console->line,
			   c == '\t' || (c >= ' ' && c < 0x7f) ? "%c" : "\\x%02x", c);
	}
}

bool console_receive(struct console *console, struct text *shown, bool raw)
{
	size_t before = console->text.length, i;

	if (!text_receive(&console->text, &console->fd, SIZE_MAX / 4))
		return false;
	if (console->copy >= 0 && !console->copy_lost)
		console->copy_lost = write_patiently(console->copy, console->text.data + before,
						     console->text.length - before);
	if (shown)
		show(console, console->text.data + before, console->text.length - before, shown,
		     raw);
	/* A search ends at a NUL. */
	for (i = before; i < console->text.length; i++)
		if (!console->text.data[i])
			console->text.data[i] = ' ';
	if (console->text.length > 2 * CONSOLE_KEEP)
		text_drop(&console->text, console->text.length - CONSOLE_KEEP);
	return true;
}

bool console_has(const struct console *console, size_t from, const char *text)
{
	/* If the console grew by much, its beginning was dropped. */
	if (console->text.length < from)
		from = 0;
	return console->text.length > from && strcasestr(console->text.data + from, text);
}

void console_free(struct console *console)
{
	close_fd(&console->fd);
	text_free(&console->text);
	text_free(&console->line);
}

char *console_said(const struct console *console, const char *what)
{
	char *begin = print(LOG_PREFIX "%s", what);
	const char *text = console->text.data ? strstr(console->text.data, begin) : NULL;
	size_t length = 0;

	if (text)
		text += strlen(begin);
	free(begin);
	while (text && length < 400 && text[length] >= ' ' && text[length] < 0x7f)
		length++;
	return length ? print("%.*s", (int)length, text) : NULL;
}
