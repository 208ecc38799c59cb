/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel says about its own mistakes: lines of its log, and its taint. */
#ifndef QEMU_RUN_GUEST_COMPLAINTS_H
#define QEMU_RUN_GUEST_COMPLAINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../util.h"
#include "port.h"

/**
 * struct complaints - a reader of the kernel's log, and of its taint
 * @log: /dev/kmsg, open, or -1
 * @tainted: /proc/sys/kernel/tainted, open, or -1
 * @begun: the job has begun, or its modules
 * @taint_before: the taint flags when it did
 * @held: complaints from before the job, and their details
 * @next: the sequence number that the next record should have
 * @details: details of the last complaint that may still be sent
 * @report_lines: lines that may still belong to the last report
 * @header_follows: the last report began with "BUG", and a line as "Oops: 0002 [#1]" is
 * part of it
 * @cut: the last line was "cut here": the next line may be a reason
 * @reason: the text of a WARN(), which precedes the line with its place
 */
struct complaints {
	int log;
	int tainted;
	bool begun;
	uint64_t taint_before;
	struct list held;

	uint64_t next;
	unsigned int details;
	unsigned int report_lines;
	bool header_follows;
	bool cut;
	char reason[256];
};

/**
 * complaints_open() - opens what is read later
 * @complaints: receives it
 */
void complaints_open(struct complaints *complaints);

/**
 * complaints_begin() - notes what taint is not the job's
 * @complaints: as opened
 *
 * The first call counts: modules that a template keeps come before the job itself.
 */
void complaints_begin(struct complaints *complaints);

/**
 * complaints_modules_loaded() - ignores the taint that modules set by what they are
 * @complaints: as begun
 *
 * They may be out of tree, or not signed. The flags of a warning, an oops and the like
 * still count as new.
 */
void complaints_modules_loaded(struct complaints *complaints);

/**
 * complaints_send_held() - sends what the kernel complained of before the job
 * @complaints: complaints_send_all() was called without a port
 * @port: receives it
 */
void complaints_send_held(struct complaints *complaints, struct port *port);

/**
 * complaints_send() - sends the complaints that are new in the log
 * @complaints: as opened
 * @port: receives them as frames of type FRAME_COMPLAINT
 *
 * Reads a few records only, so that a kernel that logs without end does not keep the
 * caller from its other work.
 *
 * Return: whether there may be more.
 */
bool complaints_send(struct complaints *complaints, struct port *port);

/**
 * complaints_send_all() - sends the complaints that are in the log by now
 * @complaints: as opened
 * @port: receives them; NULL: holds them for complaints_send_held()
 *
 * Ends even if the kernel logs without end.
 *
 * Return: the kernel's taint flags; the lines that explain them are sent.
 */
uint64_t complaints_send_all(struct complaints *complaints, struct port *port);

#endif
