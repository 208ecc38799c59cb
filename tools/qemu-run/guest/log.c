// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../wire/protocol.h"
#include "log.h"

/* More records than a log holds: a module may log on and on. */
#define READS_MAX 20000

void log_at(int level, const char *format, ...)
{
	int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC), length;
	va_list arguments;
	char line[512];

	/* A kernel without a log has a console all the same. */
	if (log < 0)
		log = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (log < 0)
		return;
	length = snprintf(line, sizeof(line), "<%d>" LOG_PREFIX, level);
	va_start(arguments, format);
	length += vsnprintf(line + length, sizeof(line) - 1 - length, format, arguments);
	va_end(arguments);
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	/* A line without it waits for the next one before it is printed. */
	strcpy(line + length, "\n");
	(void)!write(log, line, strlen(line));
	close(log);
}

/* The text of a record "priority,sequence,time,flags;text\n", or NULL. */
static char *parse_record(char *record)
{
	char *text = strchr(record, ';');

	/* Facility 0 is the kernel's. Others are those of programs that write there. */
	if (!text || strtoul(record, NULL, 10) >> 3)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text + 1;
}

size_t log_read(int log, char *text, size_t size)
{
	static const char left_out[] = "\n  ...";
	const size_t mark = sizeof(left_out) - 1;
	char record[8192], line[1024], *rest;
	size_t length = 0, added;
	const char *parsed;
	ssize_t got;
	int reads;

	for (reads = 0; reads < READS_MAX; reads++) {
		got = read(log, record, sizeof(record) - 1);
		/* EPIPE: the kernel has overwritten records. The next read goes on behind them. */
		if (got < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (got <= 0)
			break;
		record[got] = '\0';
		parsed = parse_record(record);
		if (!parsed)
			continue;
		added = snprintf(line, sizeof(line), "\n  %.1000s", parsed);
		if (length + added >= size) {
			/* The later half stays, from the beginning of a line on. */
			rest = strchrnul(text + length / 2, '\n');
			length = mark + strlen(rest);
			memmove(text + mark, rest, length - mark);
			memcpy(text, left_out, mark);
		}
		memcpy(text + length, line, added + 1);
		length += added;
	}
	return length;
}

size_t read_start(int directory, const char *path, char *text, size_t size)
{
	int file = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length = file < 0 ? 0 : read(file, text, size - 1);

	close(file);
	if (length < 0)
		length = 0;
	text[length] = '\0';
	return length;
}

int write_file(const char *path, int flags, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
	int err = 0;

	if (file < 0)
		return -errno;
	if (write(file, text, strlen(text)) < 0)
		err = -errno;
	close(file);
	return err;
}
