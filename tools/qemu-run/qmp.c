// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "run.h"

/* QEMU answers at once, but may be busy writing a template to a slow disk. */
#define ANSWER_NS (60 * 1000000000ULL)

static int send_command(struct run *run, const char *command, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { .iov_base = (void *)command, .iov_len = strlen(command) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *header;

	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(int));
	}
	if (sendmsg(run->vm.monitor, &message, MSG_NOSIGNAL) != (ssize_t)part.iov_len)
		return fail(run, "QEMU's monitor does not listen: %s", strerror(errno));
	return 0;
}

/* converse() - sends @command and waits for its reply; 1: QEMU refuses, as @reply says. */
static int converse(struct run *run, const char *command, int fd, struct text *reply)
{
	uint64_t end = now_ns() + ANSWER_NS;

	if (send_command(run, command, fd))
		return -1;
	for (;;) {
		char *line = run->qmp.data, *newline;

		while (line && (newline = memchr(run->qmp.data, '\n', run->qmp.length))) {
			bool error = !strncmp(line, "{\"error\"", 8);
			bool done = error || !strncmp(line, "{\"return\"", 9);

			if (done)
				text_add(reply, line, newline - line);
			text_drop(&run->qmp, newline + 1 - line);
			if (done)
				return error;
		}
		if (now_ns() > end)
			return fail(run, "QEMU's monitor does not answer");
		if (pump(run, end))
			return run->interrupted ? -1 : fail(run, "QEMU ended unexpectedly: %s",
							    run->errors.data ? run->errors.data : "no message");
	}
}

int qmp_command(struct run *run, const char *command, int fd, struct text *reply)
{
	struct text own = { 0 };
	int result;

	if (!reply)
		reply = &own;
	result = converse(run, command, fd, reply);
	if (result > 0)
		result = fail(run, "QEMU refuses %.200s: %.400s", command, reply->data);
	text_free(&own);
	return result;
}

int qmp_try(struct run *run, const char *command)
{
	struct text reply = { 0 };
	int result = converse(run, command, -1, &reply);

	text_free(&reply);
	return result;
}
