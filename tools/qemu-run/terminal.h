/* SPDX-License-Identifier: GPL-2.0 */
/* The user's terminal, while the guest has it. */
#ifndef QEMU_RUN_TERMINAL_H
#define QEMU_RUN_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>
#include "wire/protocol.h"

/* struct terminal - the terminal at stdin */
struct terminal {
	bool raw;		/* it is in raw mode */
	unsigned int escapes;	/* Ctrl-] typed in a row */
	struct termios was;	/* its modes before */
};

/**
 * terminal_begin() - puts the terminal into raw mode
 * @terminal: the terminal
 */
void terminal_begin(struct terminal *terminal);

/**
 * terminal_end() - gives it its own modes back
 * @terminal: the terminal
 */
void terminal_end(struct terminal *terminal);

/**
 * terminal_escaped() - whether the user wants out: Ctrl-] three times in a row
 * @terminal: the terminal
 * @data: what was typed
 * @length: how many bytes
 */
bool terminal_escaped(struct terminal *terminal, const unsigned char *data, size_t length);

/**
 * terminal_window() - the size of the terminal at stdout, in rows and columns
 */
struct winsize terminal_window(void);

#endif
