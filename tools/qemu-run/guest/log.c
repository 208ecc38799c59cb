// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "../wire/protocol.h"
#include "log.h"

static void put_line(const char *line)
{
	int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	/* A kernel without a log has a console all the same. */
	if (log < 0)
		log = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (log < 0)
		return;
	(void)!write(log, line, strlen(line));
	close(log);
}

void log_line(const char *format, ...)
{
	char line[512];
	va_list arguments;
	int length;

	length = snprintf(line, sizeof(line), "<4>qemu-run: ");
	va_start(arguments, format);
	vsnprintf(line + length, sizeof(line) - length, format, arguments);
	va_end(arguments);
	put_line(line);
}

void log_missing(const char *what)
{
	char line[256];

	snprintf(line, sizeof(line), "<0>" VIRTIO_MISSING "%s\n", what);
	put_line(line);
}

int write_text(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (file < 0)
		return -errno;
	if (write(file, text, strlen(text)) < 0)
		err = -errno;
	close(file);
	return err;
}
