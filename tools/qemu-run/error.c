// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"

int error_add(struct error *error, const char *format, ...)
{
	va_list arguments;
	char *message;
	size_t length;

	va_start(arguments, format);
	message = vprint(format, arguments);
	va_end(arguments);
	for (length = strlen(message); length && message[length - 1] == '\n';)
		message[--length] = '\0';
	list_add(&error->messages, message);
	return -1;
}

const char *error_first(const struct error *error)
{
	return error->messages.count ? error->messages.items[0] : NULL;
}

void error_say(const struct error *error)
{
	size_t i;

	for (i = 0; i < error->messages.count; i++)
		say("%s", error->messages.items[i]);
}

void error_free(struct error *error)
{
	list_free(&error->messages);
}
