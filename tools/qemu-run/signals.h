/* SPDX-License-Identifier: GPL-2.0 */
/* Signals to qemu-run, by a descriptor that a loop can wait for. */
#ifndef QEMU_RUN_SIGNALS_H
#define QEMU_RUN_SIGNALS_H

#include <stdbool.h>
#include "error.h"

/* struct signals - what has arrived */
struct signals {
	int fd;			/* readable when there is something for signals_read() */
	int interrupted;	/* the first signal that ends this run, or 0 */
	bool resized;		/* the terminal has another size; the reader resets it */
	bool continued;		/* this process was stopped, and goes on; the reader resets it */
};

/**
 * signals_init() - has signals arrive by a descriptor from here on
 * @signals: receives it
 * @error: receives what went wrong
 *
 * Return: 0 or -1.
 */
int signals_init(struct signals *signals, struct error *error);

/**
 * signals_read() - reads what has arrived
 * @signals: the signals
 *
 * Return: whether this run is to end.
 */
bool signals_read(struct signals *signals);

#endif
