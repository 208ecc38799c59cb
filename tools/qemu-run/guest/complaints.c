// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "complaints.h"

/*
 * How the kernel's own checks begin their reports. Most of them taint, too;
 * lockdep and a few others only print.
 */
static const char *const openings[] = {
	"WARNING: CPU:",
	"WARNING: possible ",
	"WARNING: suspicious RCU usage",
	"WARNING: inconsistent lock state",
	"WARNING: bad unlock balance",
	"WARNING: lock held ",
	"WARNING: held lock freed",
	"WARNING: Nested lock",
	"BUG: ",
	"UBSAN: ",
	"kernel BUG at ",
	"Oops: ",
	"general protection fault",
	"INFO: rcu_",
	"rcu: INFO: ",
	"INFO: task ",
	"watchdog: BUG: ",
	"unregister_netdevice: waiting for ",
};

static bool is_complaint(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
		if (!strncmp(text, openings[i], strlen(openings[i])))
			return true;
	/*
	 * A WARN: up to 6.12 "WARNING: CPU: 0 PID: 1 at FILE:LINE", as above; in 7.2
	 * "WARNING: FILE:LINE at FUNCTION, CPU#0: COMMAND/PID".
	 */
	return !strncmp(text, "WARNING: ", 9) && strstr(text, ", CPU#");
}

void complaints_open(struct complaints *complaints)
{
	complaints->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	complaints->tainted = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
}

void complaints_begin(struct complaints *complaints)
{
	if (!complaints->begun)
		lseek(complaints->log, 0, SEEK_END);
	complaints->begun = true;
}

bool complaints_next(struct complaints *complaints, char *line, size_t size)
{
	char record[8192];
	ssize_t length;

	for (;;) {
		char *text, *end;

		length = read(complaints->log, record, sizeof(record) - 1);
		/* EPIPE: the kernel overwrote records before they were read. */
		if (length < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (length <= 0)
			return false;
		record[length] = '\0';
		/*
		 * "priority,sequence,time,flags;text\n". Facility 0 is the kernel's:
		 * what programs write there is no complaint of the kernel's.
		 */
		if (strtoul(record, NULL, 10) >> 3)
			continue;
		text = strchr(record, ';');
		if (!text++)
			continue;
		end = strchr(text, '\n');
		if (end)
			*end = '\0';
		if (is_complaint(text)) {
			snprintf(line, size, "%s", text);
			return true;
		}
	}
}

uint64_t complaints_taint(const struct complaints *complaints)
{
	char text[32] = "";

	if (pread(complaints->tainted, text, sizeof(text) - 1, 0) < 0)
		return 0;
	return strtoull(text, NULL, 10);
}
