// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include "disks.h"
#include "report.h"

/* How long disks may take to be written to and unmounted. */
#define SETTLE_MS 30000
/* The same after the timeout: a user who sets one wants the run to end soon after it. */
#define SETTLE_GRACE_MS 3000

static int emit_frame(void *context, uint32_t type, const void *data, uint32_t length)
{
	port_send(context, type, data, length);
	return 0;
}

static void send_results(struct port *port, const struct guest_job *job)
{
	static struct tree_left_out left_out;
	struct {
		struct tree_end end;
		char name[sizeof(left_out.first)];
	} message;
	char path[4096];
	size_t i, length;

	for (i = 0; i < job->gets.count; i++) {
		const char *from = job->gets.items[i];

		bool whole = from[0] == '/';

		length = snprintf(path, sizeof(path), "%s%s%s", whole ? "" : job->directory,
				  whole ? "" : "/", from);
		/* Each tree has the same name: the host knows which path it asked for. */
		message.end.err = length >= sizeof(path) ? ENAMETOOLONG :
				  -tree_send(path, "it", i, emit_frame, port, &left_out);
		message.end.left_out = left_out.count;
		length = left_out.count ? strlen(left_out.first) : 0;
		memcpy(message.name, left_out.first, length);
		port_send(port, FRAME_END, &message, sizeof(message.end) + length);
	}
}

/* How long disks may take: SETTLE_MS, or less after the timeout. */
static int settle_limit_ms(const struct guest_job *job, const struct command *command)
{
	int64_t left_ms = (int64_t)job->options.timeout_ms -
			  (int64_t)(command_elapsed_ns(command) / 1000000);

	if (!job->options.timeout_ms || left_ms > SETTLE_MS - SETTLE_GRACE_MS)
		return SETTLE_MS;
	return (left_ms > 0 ? left_ms : 0) + SETTLE_GRACE_MS;
}

static void settle_disks(struct port *port, const struct guest_job *job,
			 const struct command *command)
{
	char line[1024], text[512];

	if (!port->deadline->disks ||
	    disks_settle(settle_limit_ms(job, command), text, sizeof(text)))
		return;
	snprintf(line, sizeof(line), "init: %s: data may be lost", text);
	port_send(port, FRAME_COMPLAINT, line, strlen(line));
}

void report(struct port *port, const struct guest_job *job, const struct command *command,
	    struct complaints *complaints)
{
	struct status status = {
		.method = port->deadline->poweroff->method,
		.taint_before = complaints->taint_before,
		.cpus = get_nprocs_conf(),
		.run_ns = command_elapsed_ns(command),
	};

	if (WIFSIGNALED(command->wait_status)) {
		status.signal = WTERMSIG(command->wait_status);
		status.code = 128 + status.signal;
	} else {
		status.code = WEXITSTATUS(command->wait_status);
	}
	port_send(port, FRAME_RETURNED, NULL, 0);
	send_results(port, job);
	settle_disks(port, job, command);
	/* Taint first: the lines that explain it are in the log by now. */
	status.taint_after = complaints_taint(complaints);
	complaints_send_all(complaints, port);
	/* The status means nothing if input was lost: the host has to know that first. */
	if (port->unacknowledged)
		port_acknowledge(port);
	port_send(port, FRAME_STATUS, &status, sizeof(status));
	end_machine(port, status.code);
}
