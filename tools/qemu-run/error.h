/* SPDX-License-Identifier: GPL-2.0 */
/* What went wrong: filled by whoever finds out, said by main(). */
#ifndef QEMU_RUN_ERROR_H
#define QEMU_RUN_ERROR_H

#include <stdbool.h>
#include "util.h"

/*
 * struct error - messages, the first of them the cause of the others
 *
 * All zeroes: nothing went wrong.
 */
struct error {
	struct list messages;	/* "what: why, what to do", each one line or more */
};

/**
 * error_add() - adds a message
 * @error: where to
 * @format: as for printf(3); newlines at the end are dropped
 *
 * Return: -1, for the caller to return.
 */
int error_add(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * error_first() - the first message
 * @error: the error
 *
 * Return: the message, or NULL where there is none.
 */
const char *error_first(const struct error *error);

/**
 * error_say() - prints all messages on stderr
 * @error: the error
 */
void error_say(const struct error *error);

void error_free(struct error *error);

#endif
