// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>
#include "complaints.h"
#include "splats.h"

/* How many details of a complaint are sent. */
#define DETAILS_MAX 6

/* So many lines a report may have: registers, and the locks of a long chain. */
#define REPORT_LINES_MAX 200

/* Records that are read in one go. */
#define RECORDS_MAX 16

/* klogctl(2): the size of the log. A record takes 32 bytes of it, or more. */
#define SYSLOG_ACTION_SIZE_BUFFER 10
#define RECORD_SIZE_MIN		  32

void complaints_open(struct complaints *complaints)
{
	complaints->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	complaints->tainted = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
}

static uint64_t read_taint(const struct complaints *complaints)
{
	char text[32] = "";

	if (pread(complaints->tainted, text, sizeof(text) - 1, 0) < 0)
		return 0;
	return strtoull(text, NULL, 10);
}

void complaints_begin(struct complaints *complaints)
{
	if (complaints->begun)
		return;
	complaints->begun = true;
	complaints->taint_before = read_taint(complaints);
}

/* Before the job nobody can be told: a template keeps the text for each of its runs. */
static void emit(struct complaints *complaints, struct port *port, const char *text)
{
	if (port)
		port_send(port, FRAME_COMPLAINT, text, strnlen(text, 1024));
	else
		list_add(&complaints->held, print("%.1024s", text));
}

void complaints_send_held(struct complaints *complaints, struct port *port)
{
	size_t i;

	for (i = 0; i < complaints->held.count; i++)
		emit(complaints, port, complaints->held.items[i]);
}

void complaints_modules_loaded(struct complaints *complaints)
{
	complaints->taint_before |= read_taint(complaints) & ~(uint64_t)TAINT_COMPLAINTS;
}

static void send_detail(struct complaints *complaints, struct port *port, const char *text)
{
	char line[512];

	if (!complaints->details)
		return;
	complaints->details--;
	snprintf(line, sizeof(line), COMPLAINT_DETAIL "%s", text);
	emit(complaints, port, line);
}

static void read_line(struct complaints *complaints, struct port *port, const char *line)
{
	const char *detail;

	if (!strncmp(line, "------------[ cut here", 22)) {
		complaints->cut = true;
		complaints->reason[0] = '\0';
		return;
	}
	/* "BUG: unable to handle page fault", and then "Oops: 0002 [#1]": one report. */
	if (complaints->header_follows && splat_is_die_header(line)) {
		complaints->header_follows = false;
		send_detail(complaints, port, line);
		return;
	}
	if (splat_opens(line)) {
		complaints->report_lines = REPORT_LINES_MAX;
		complaints->header_follows = strstr(line, "BUG");
		emit(complaints, port, line);
		complaints->details = DETAILS_MAX;
		if (complaints->reason[0])
			send_detail(complaints, port, complaints->reason);
		complaints->cut = false;
		complaints->reason[0] = '\0';
		return;
	}
	if (complaints->cut) {
		/* A WARN() that has a text of its own. */
		snprintf(complaints->reason, sizeof(complaints->reason), "%s", line);
		complaints->cut = false;
		return;
	}
	if (!complaints->report_lines)
		return;
	complaints->report_lines--;
	if (!strncmp(line, "---[ end trace", 14)) {
		complaints->report_lines = 0;
		complaints->header_follows = false;
		return;
	}
	detail = splat_detail(line);
	if (detail)
		send_detail(complaints, port, detail);
}

/* "priority,sequence,time,flags;text\n", and then lines about the device. */
static void read_record(struct complaints *complaints, struct port *port, char *record)
{
	char *text, *end, *rest, line[128];
	unsigned long priority;
	uint64_t sequence;

	priority = strtoul(record, &rest, 10);
	if (*rest != ',')
		return;
	sequence = strtoull(rest + 1, NULL, 10);
	/*
	 * Some of the lost records may have been the kernel's: nobody can tell. So a
	 * program that floods the log to hide a complaint gains nothing.
	 */
	if (sequence != complaints->next) {
		snprintf(line, sizeof(line),
			 "init: the kernel's log overran: %" PRIu64 " records were lost; log_buf_len=4M makes it larger",
			 sequence - complaints->next);
		emit(complaints, port, line);
		complaints->details = 0;
		complaints->report_lines = 0;
	}
	complaints->next = sequence + 1;
	/*
	 * Facility 0 is the kernel's, and no program can write a record with it. What
	 * programs write is no complaint of the kernel's.
	 */
	if (priority >> 3)
		return;
	text = strchr(rest, ';');
	if (!text)
		return;
	text++;
	text[strcspn(text, "\n")] = '\0';
	/* The kernel writes a newline within a record so. */
	for (; (end = strstr(text, "\\x0a")); text = end + 4) {
		*end = '\0';
		read_line(complaints, port, text);
	}
	read_line(complaints, port, text);
}

bool complaints_send(struct complaints *complaints, struct port *port)
{
	char record[8192];
	ssize_t length;
	int i;

	for (i = 0; i < RECORDS_MAX; i++) {
		/* EPIPE: records were overwritten. The next one tells how many. */
		do {
			length = read(complaints->log, record, sizeof(record) - 1);
		} while (length < 0 && (errno == EPIPE || errno == EINTR));
		if (length <= 0)
			return false;
		record[length] = '\0';
		read_record(complaints, port, record);
	}
	return true;
}

uint64_t complaints_send_all(struct complaints *complaints, struct port *port)
{
	/* Taint first: the lines that explain it are in the log by now. */
	uint64_t taint = read_taint(complaints);
	int left;

	if (complaints_send(complaints, port)) {
		/* As many records as the log can hold: all that were there by now. */
		left = klogctl(SYSLOG_ACTION_SIZE_BUFFER, NULL, 0) / RECORD_SIZE_MIN;
		for (; left > 0 && complaints_send(complaints, port); left -= RECORDS_MAX)
			;
	}
	return taint;
}
