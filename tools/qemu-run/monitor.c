// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "monitor.h"

/* QEMU answers at once, but may be busy writing a template to a slow disk. */
#define ANSWER_NS (60 * 1000000000ULL)

static int send_command(struct session *session, const char *command, int fd)
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
	return sendmsg(session->machine.monitor, &message, MSG_NOSIGNAL) == (ssize_t)part.iov_len ?
		       0 : -1;
}

json_t *monitor_try(struct session *session, const char *command, int fd, uint64_t end_ns)
{
	json_t *reply;

	/* Replies to what was asked before, and not waited for. */
	while ((reply = session_reply(session)))
		json_decref(reply);
	if (send_command(session, command, fd))
		return NULL;
	session->asking = true;
	while (!(reply = session_reply(session)))
		if (now_ns() >= end_ns || session_step(session, end_ns))
			break;
	session->asking = false;
	return reply;
}

json_t *monitor_do(struct session *session, const char *command, int fd)
{
	json_t *reply = monitor_try(session, command, fd, now_ns() + ANSWER_NS);
	const char *refusal = session_refusal(reply);

	if (reply && !refusal)
		return reply;
	if (reply)
		error_add(session->error, "QEMU: %s", refusal);
	else if (session->machine.ended)
		error_add(session->error, "QEMU ended unexpectedly: %s",
			  session->machine.messages.data ? session->machine.messages.data :
							   "no message");
	else if (!session->signals->interrupted)
		error_add(session->error, "QEMU's monitor does not answer");
	json_decref(reply);
	return NULL;
}
