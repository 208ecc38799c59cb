// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "command.h"
#include "disks.h"
#include "log.h"
#include "program.h"

/* More than the buffers of a terminal hold. */
#define TERMINAL_MAX (1 << 20)

/* How long disks may take to be written to and unmounted. */
#define SETTLE_MS 30000
/* The same after the timeout: a user who sets one wants the run to end soon after it. */
#define SETTLE_GRACE_MS 3000

void command_prepare(struct command *command)
{
	sigset_t signals;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	/* BusyBox's halt, poweroff and reboot ask init: by these. An agent is not asked. */
	if (getpid() == 1) {
		sigaddset(&signals, SIGUSR1);
		sigaddset(&signals, SIGUSR2);
		sigaddset(&signals, SIGTERM);
	}
	sigprocmask(SIG_BLOCK, &signals, NULL);
	command->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (command->signals < 0 || child_prepare(&command->child))
		die("no process for the command");
	/* The first call faults in the clock's page; or each clone would do it again. */
	command->started_ns = now_ns();
}

void command_start(struct command *command, const struct guest_job *job, struct port *port,
		   struct deadline *deadline)
{
	const char *what, *why;
	int err;

	command->started_ns = now_ns();
	command->terminal = job->options.flags & JOB_TERMINAL;
	deadline->disks = job->options.flags & JOB_DISKS;
	deadline_arm(deadline, job->options.timeout_ms);
	port_send(port, FRAME_STARTED, NULL, 0);
	err = child_start(&command->child, job);
	if (!err)
		return;
	deadline_disarm(deadline);
	why = program_failure(job->arguments.items, job->directory, err, &what);
	refuse(port, err == ENOENT ? 127 : 126, what, why);
}

static void store_input(struct command *command, const struct frame *frame)
{
	size_t end, part;

	if (!frame->length) {
		command->input_end = true;
		return;
	}
	if (command->input_length + frame->length > sizeof(command->input))
		return;
	end = (command->input_start + command->input_length) % sizeof(command->input);
	part = sizeof(command->input) - end;
	if (part > frame->length)
		part = frame->length;
	memcpy(command->input + end, frame->data, part);
	memcpy(command->input, frame->data + part, frame->length - part);
	command->input_length += frame->length;
}

/* Writes input to the command. Drops input that the command will never read. */
static void write_input(struct command *command, struct port *port)
{
	uint32_t gone = 0;
	ssize_t done;
	size_t part;

	while (command->input_length) {
		part = sizeof(command->input) - command->input_start;
		if (part > command->input_length)
			part = command->input_length;
		done = part;
		if (command->child.input >= 0) {
			done = write(command->child.input, command->input + command->input_start,
				     part);
			if (done < 0 && errno == EAGAIN)
				break;
			if (done < 0) {
				close_fd(&command->child.input);
				done = part;
			}
		}
		command->input_start = (command->input_start + done) % sizeof(command->input);
		command->input_length -= done;
		gone += done;
	}
	if (gone)
		port_send(port, FRAME_CREDIT, &gone, sizeof(gone));
	/* The input of a terminal ends by Ctrl-D alone. */
	if (command->input_end && !command->input_length && !command->terminal)
		close_fd(&command->child.input);
}

static void set_window(struct command *command, const struct frame *frame)
{
	struct winsize size;

	memcpy(&size, frame->data, sizeof(size));
	ioctl(command->child.output, TIOCSWINSZ, &size);
}

static void shut_stream(struct command *command, const struct frame *frame)
{
	uint32_t stream;

	memcpy(&stream, frame->data, sizeof(stream));
	close_fd(stream == 1 ? &command->child.output : &command->child.errors);
}

/* Acts on the frames that have been received, some of them perhaps with the job. */
static void run_frames(struct command *command, struct port *port)
{
	struct frame frame;

	while (port_parse(port, &frame)) {
		switch (frame.type) {
		case FRAME_INPUT:
			store_input(command, &frame);
			break;
		case FRAME_WINDOW:
			set_window(command, &frame);
			break;
		case FRAME_SHUT:
			shut_stream(command, &frame);
			break;
		case FRAME_NUDGE:
			if (!port->serial)
				port_send(port, FRAME_ALIVE, NULL, 0);
			break;
		default:
			port_bad_frame(port);
		}
	}
	write_input(command, port);
}

/* Sends what a stream holds. Returns false when it holds nothing just now. */
static bool send_output(struct port *port, int *stream, uint32_t type)
{
	ssize_t length;

	if (*stream < 0)
		return false;
	length = port_send_from(port, *stream, type);
	if (length > 0)
		return true;
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	/* End of file; a terminal ends with EIO. */
	close_fd(stream);
	return false;
}

/*
 * Sends what the command wrote before it ended: no more than a stream holds. What its
 * daemons write later is not waited for, and they may write faster than it is sent.
 */
static void send_rest(struct port *port, int stream, uint32_t type)
{
	ssize_t left = fcntl(stream, F_GETPIPE_SZ), length = 1;

	if (left < 0)
		left = TERMINAL_MAX;
	for (; left > 0 && length > 0; left -= length)
		length = port_send_from(port, stream, type);
}

/* What the command wrote before it asked for this is sent; its status will not come. */
static void obey(struct command *command, struct port *port, bool again)
{
	const char *unwritten;

	send_rest(port, command->child.output, FRAME_OUTPUT);
	send_rest(port, command->child.errors, FRAME_ERRORS);
	unwritten = port->deadline->disks ? disks_settle(SETTLE_MS) : NULL;
	if (unwritten)
		log_line("%s: data may be lost", unwritten);
	reboot(again ? RB_AUTOBOOT : RB_POWER_OFF);
}

static void read_signals(struct command *command, struct port *port, struct deadline *deadline)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(command->signals, &info, sizeof(info)) > 0)
		if (info.ssi_signo != SIGCHLD)
			obey(command, port, info.ssi_signo == SIGTERM);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != command->child.pid)
			continue;
		command->ended = true;
		command->wait_status = status;
		deadline_disarm(deadline);
	}
}

void command_run(struct command *command, struct port *port, struct deadline *deadline,
		 struct complaints *complaints)
{
	struct child *child = &command->child;

	run_frames(command, port);
	while (!command->ended) {
		struct pollfd events[] = {
			{ .fd = port->fd, .events = POLLIN },
			{ .fd = command->signals, .events = POLLIN },
			{ .fd = deadline->timer, .events = POLLIN },
			{ .fd = child->output, .events = POLLIN },
			{ .fd = child->errors, .events = POLLIN },
			{ .fd = command->input_length ? child->input : -1, .events = POLLOUT },
			{ .fd = complaints->log, .events = POLLIN },
		};
		int ready = poll(events, sizeof(events) / sizeof(events[0]),
				 port_patience_ms(port));

		if (!ready)
			port_acknowledge(port);
		if (ready <= 0)
			continue;
		if (events[2].revents) {
			port_report_deadline(port);
			deadline_end_machine(deadline);
		}
		port_watch_host(port, events[0].revents);
		/* POLLHUP: the host has gone, and each read would return the end of file. */
		if ((events[0].revents & (POLLIN | POLLHUP)) == POLLIN && port_receive(port))
			run_frames(command, port);
		if (events[5].revents)
			write_input(command, port);
		if (events[3].revents)
			send_output(port, &child->output, FRAME_OUTPUT);
		if (events[4].revents)
			send_output(port, &child->errors, FRAME_ERRORS);
		/* As they come: the log keeps the newest records only. */
		if (events[6].revents)
			complaints_send(complaints, port);
		if (events[1].revents)
			read_signals(command, port, deadline);
	}
	send_rest(port, child->output, FRAME_OUTPUT);
	send_rest(port, child->errors, FRAME_ERRORS);
}

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
			  (int64_t)((now_ns() - command->started_ns) / 1000000);

	if (!job->options.timeout_ms || left_ms > SETTLE_MS - SETTLE_GRACE_MS)
		return SETTLE_MS;
	return (left_ms > 0 ? left_ms : 0) + SETTLE_GRACE_MS;
}

static void settle_disks(struct port *port, const struct guest_job *job,
			 const struct command *command)
{
	const char *unwritten = NULL;
	char line[1024];

	if (port->deadline->disks)
		unwritten = disks_settle(settle_limit_ms(job, command));
	if (!unwritten)
		return;
	snprintf(line, sizeof(line), "init: %s: data may be lost", unwritten);
	port_send(port, FRAME_COMPLAINT, line, strlen(line));
}

void command_report(const struct command *command, const struct guest_job *job,
		    struct port *port, struct complaints *complaints)
{
	struct status status = {
		.method = poweroff_method(),
		.taint_before = complaints->taint_before,
		.cpus = job->cpus,
		.run_ns = now_ns() - command->started_ns,
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
	status.taint_after = complaints_send_all(complaints, port);
	/* The status means nothing if input was lost: the host has to know that first. */
	if (port->unacknowledged)
		port_acknowledge(port);
	port_send(port, FRAME_STATUS, &status, sizeof(status));
	end_machine(port, status.code);
}
