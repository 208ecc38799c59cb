/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel says about its own mistakes: lines of its log, and its taint. */
#ifndef QEMU_RUN_GUEST_COMPLAINTS_H
#define QEMU_RUN_GUEST_COMPLAINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct complaints - a reader of the kernel's log, and of its taint
 * @log: /dev/kmsg, open, or -1
 * @tainted: /proc/sys/kernel/tainted, open, or -1
 * @begun: the log is read from here on
 * @taint_before: the taint flags when the command started
 */
struct complaints {
	int log;
	int tainted;
	bool begun;
	uint64_t taint_before;
};

/**
 * complaints_open() - opens what is read later
 * @complaints: receives it
 */
void complaints_open(struct complaints *complaints);

/**
 * complaints_begin() - has what the kernel logs from now on belong to the job
 * @complaints: as opened
 *
 * The first call counts: modules that a template keeps come before the job itself.
 */
void complaints_begin(struct complaints *complaints);

/**
 * complaints_next() - the next line in which the kernel complains about itself
 * @complaints: as begun
 * @line: receives it
 * @size: of @line
 *
 * Return: whether there was one.
 */
bool complaints_next(struct complaints *complaints, char *line, size_t size);

/**
 * complaints_taint() - the kernel's taint flags
 * @complaints: as opened
 *
 * Return: the flags.
 */
uint64_t complaints_taint(const struct complaints *complaints);

#endif
