// SPDX-License-Identifier: GPL-2.0
/* The one loop: QEMU's end, its channels, our streams, a timer, signals. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"

/* How much a host's stream takes without blocking, once poll(2) says it does. */
#define WRITE_MAX     4096
/* A line of the console longer than this is no line. */
#define LINE_MAX_KEEP 4096
#define COMPLAINTS_MAX 20
/* Ten times as long as the guest's init waits before it says what it has taken. */
#define NUDGE_NS      1000000000ULL
/* With the window less than a tty has room for, and enough for all the input there is. */
#define NUDGE_MAX     (2 * SERIAL_WINDOW)

/* take() - moves what is there from a descriptor; returns whether there was something. */
static bool take(int *fd, struct text *into, size_t keep)
{
	char part[16384];
	ssize_t length;

	length = read(*fd, part, sizeof(part));
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length <= 0) {
		close(*fd);
		*fd = -1;
		return false;
	}
	text_add(into, part, length);
	if (into->length > 2 * keep)
		text_drop(into, into->length - keep);
	return true;
}

/*
 * Shows the console by whole lines. The guest writes what it likes: bytes that
 * would move this terminal's cursor, or worse, are not passed on.
 */
static void show_console(struct run *run, const char *data, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		unsigned char c = data[i];

		if (c == '\n' || run->console_line.length >= LINE_MAX_KEEP) {
			console_flush(run);
			if (c == '\n')
				continue;
		}
		if (c == '\r' || c == '\0')
			continue;
		text_print(&run->console_line,
			   c == '\t' || (c >= ' ' && c < 0x7f) ? "%c" : "\\x%02x", c);
	}
}

void console_flush(struct run *run)
{
	struct text line = { 0 };

	if (!run->console_line.length)
		return;
	text_print(&line, "| %s%s\n", run->console_line.data, run->terminal_raw ? "\r" : "");
	write_all(STDERR_FILENO, line.data, line.length);
	text_free(&line);
	text_free(&run->console_line);
}

static bool take_console(struct run *run)
{
	size_t before = run->console.length;

	if (!take(&run->vm.console, &run->console, SIZE_MAX / 4))
		return false;
	if (run->options.verbose)
		show_console(run, run->console.data + before, run->console.length - before);
	if (run->console.length > 2 * CONSOLE_KEEP)
		text_drop(&run->console, run->console.length - CONSOLE_KEEP);
	return true;
}

static void stream_take(struct run *run, struct stream *stream, const struct frame *frame)
{
	/* Nothing but the command writes there: not before it started. */
	if (!run->started || stream->broken)
		return;
	text_add(&stream->waiting, frame->data, frame->length);
}

static int take_acknowledgement(struct run *run, const struct frame *frame)
{
	struct ack ack;

	if (!run->serial || frame->length != sizeof(ack))
		return -1;
	memcpy(&ack, frame->data, sizeof(ack));
	if (ack.bytes > run->in_flight)
		return -1;
	run->sum = frame_sum(run->sum, run->queue.data, ack.bytes);
	run->in_flight -= ack.bytes;
	/* As much as was under way, and it goes on: nobody waits for anybody. */
	run->unsettled -= run->unsettled < ack.bytes ? run->unsettled : ack.bytes;
	if (!run->unsettled)
		run->nudged = 0;
	run->quiet_since = now_ns();
	text_drop(&run->queue, ack.bytes);
	if (run->sum == ack.sum)
		return 0;
	fail(run, "input was lost on its way to the guest, by its serial port");
	outcome_set(run, OUTCOME_CANNOT_RUN, 125);
	return -1;
}

/* A frame from the guest. Returns -1 for what no honest guest sends. */
static int handle(struct run *run, const struct frame *frame)
{
	uint32_t number;

	/* Even after the status: what is to go out may wait for it. */
	if (frame->type == FRAME_ACK)
		return take_acknowledgement(run, frame);
	if (run->have_status)
		return 0;
	switch (frame->type) {
	case FRAME_HELLO: {
		struct hello hello;

		if (frame->length != sizeof(hello))
			return -1;
		memcpy(&hello, frame->data, sizeof(hello));
		if (hello.version != PROTOCOL_VERSION)
			return -1;
		run->hello = true;
		return 0;
	}
	case FRAME_STARTED:
		run->started = true;
		run->phase[PHASE_STARTED] = now_ns();
		return 0;
	case FRAME_OUTPUT:
		stream_take(run, &run->output[0], frame);
		return 0;
	case FRAME_ERRORS:
		stream_take(run, &run->output[1], frame);
		return 0;
	case FRAME_CREDIT:
		if (frame->length != sizeof(number))
			return -1;
		memcpy(&number, frame->data, sizeof(number));
		if (number > run->input_sent)
			return -1;
		run->input_sent -= number;
		return 0;
	case FRAME_REFUSED:
		if (frame->length < sizeof(number) || frame->length > 4096 || run->refused)
			return -1;
		memcpy(&number, frame->data, sizeof(number));
		if (number < 125 || number > 127)
			return -1;
		run->refused = true;
		run->refused_status = number;
		run->refusal = print("%.*s", (int)(frame->length - sizeof(number)),
				     (const char *)frame->data + sizeof(number));
		return queue_frame(run, FRAME_BYE, NULL, 0);
	case FRAME_COMPLAINT:
		if (run->complaints.count < COMPLAINTS_MAX)
			list_add(&run->complaints,
				 print("%.*s", frame->length > 400 ? 400 : (int)frame->length,
				       (const char *)frame->data));
		return 0;
	case FRAME_ENTRY:
	case FRAME_DATA:
	case FRAME_END:
		return get_frame(run, frame);
	case FRAME_STATUS:
		if (frame->length != sizeof(run->status) || !run->started)
			return -1;
		memcpy(&run->status, frame->data, sizeof(run->status));
		if (run->status.code > 255 || run->status.signal > 64)
			return -1;
		run->have_status = true;
		run->phase[PHASE_STATUS] = now_ns();
		return queue_frame(run, FRAME_BYE, NULL, 0);
	case FRAME_DEADLINE:
		if (frame->length != sizeof(run->deadline_way) || !run->started ||
		    !run->options.timeout_ms)
			return -1;
		memcpy(&run->deadline_way, frame->data, sizeof(run->deadline_way));
		run->deadline_passed = true;
		return 0;
	default:
		return -1;
	}
}

/* Whether our own readers keep up: else the guest has to wait. */
static bool outputs_full(const struct run *run)
{
	return run->output[0].waiting.length || run->output[1].waiting.length;
}

static int take_frames(struct run *run)
{
	struct frame frame;
	int got;

	while (!outputs_full(run) || run->vm.ended) {
		got = frame_next(&run->reader, &frame);
		if (got == 0)
			return 0;
		if (got < 0 || handle(run, &frame)) {
			run->bad_guest = true;
			return -1;
		}
	}
	return 0;
}

/* take_port() - reads what the guest says; returns whether there was something. */
static bool take_port(struct run *run)
{
	unsigned char *where;
	ssize_t length;
	size_t space;

	where = frame_space(&run->reader, &space);
	length = read(run->vm.port, where, space);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length <= 0) {
		close(run->vm.port);
		run->vm.port = -1;
		return false;
	}
	frame_added(&run->reader, length);
	return true;
}

/* port_ready() - how much may go to the guest now. */
static size_t port_ready(const struct run *run)
{
	size_t waiting = run->queue.length - run->in_flight;
	size_t window = SERIAL_WINDOW + run->nudged;
	size_t room = run->in_flight < window ? window - run->in_flight : 0;

	return run->serial && waiting > room ? room : waiting;
}

static void give_port(struct run *run)
{
	ssize_t done;

	done = send(run->vm.port, run->queue.data + run->in_flight, port_ready(run), MSG_NOSIGNAL);
	if (done <= 0)
		return;
	/* A serial port's are kept until it is known that they arrived. */
	if (run->serial) {
		if (!run->in_flight)
			run->quiet_since = now_ns();
		run->in_flight += done;
	} else {
		text_drop(&run->queue, done);
	}
}

/*
 * nudge_due() - when to ask what has become of that which is in flight; 0: never
 *
 * While nothing can have taken it but init, it is only slow; and while our own readers
 * are, we would not hear of it.
 */
static uint64_t nudge_due(const struct run *run)
{
	if (!run->serial || !run->started || !run->in_flight || run->nudged >= NUDGE_MAX ||
	    outputs_full(run))
		return 0;
	return run->quiet_since + NUDGE_NS;
}

/*
 * The guest says what it has taken when it has taken something. Where all that was in
 * flight was lost it says nothing, and waits for more, as we do. So it gets more, at
 * first a little, then as much again: what comes next, and then frames to no purpose,
 * which by their sum are not what was lost, be that as uniform as it may.
 */
static void nudge(struct run *run)
{
	size_t more = run->nudged ? run->nudged : sizeof(struct frame_header);

	run->quiet_since = now_ns();
	run->nudged += more;
	run->unsettled = run->in_flight;
	while (run->queue.length - run->in_flight < more)
		queue_frame(run, FRAME_NUDGE, NULL, 0);
}

static void give_stream(struct run *run, int number)
{
	struct stream *stream = &run->output[number];
	uint32_t guests = number + 1;
	size_t length = stream->waiting.length;
	ssize_t done;

	if (!stream->regular && length > WRITE_MAX)
		length = WRITE_MAX;
	done = write(stream->fd, stream->waiting.data, length);
	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (done < 0) {
		/* The command learns of it as it would here: by SIGPIPE. */
		if (errno != EPIPE) {
			fail(run, "%s: %s", number ? "stderr" : "stdout", strerror(errno));
			run->output_lost = true;
		}
		stream->broken = true;
		text_free(&stream->waiting);
		if (!run->have_status)
			queue_frame(run, FRAME_SHUT, &guests, sizeof(guests));
		return;
	}
	text_drop(&stream->waiting, done);
}

/* The way out of a guest that does not listen: Ctrl-] three times in a row. */
static bool escaped(struct run *run, const unsigned char *data, size_t length)
{
	size_t i;

	for (i = 0; i < length && run->escapes < 3; i++)
		run->escapes = data[i] == ']' - '@' ? run->escapes + 1 : 0;
	return run->escapes >= 3;
}

/* input_room() - how much of our input may be under way from here. */
static size_t input_room(const struct run *run)
{
	size_t window = run->serial ? 2 * SERIAL_WINDOW : INPUT_WINDOW;

	return run->input_sent < window ? window - run->input_sent : 0;
}

static void take_input(struct run *run)
{
	static unsigned char part[FRAME_MAX];
	size_t room = input_room(run);
	ssize_t length;

	length = read(STDIN_FILENO, part, room < sizeof(part) ? room : sizeof(part));
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length < 0)
		length = 0;
	if (!length)
		run->input_open = false;
	if (run->terminal_raw && escaped(run, part, length)) {
		run->interrupted = SIGINT;
		return;
	}
	run->input_sent += length;
	queue_frame(run, FRAME_INPUT, part, length);
}

static void reap(struct run *run)
{
	struct vm *vm = &run->vm;

	if (waitpid(vm->pid, &vm->wait_status, WNOHANG) != vm->pid)
		return;
	vm->ended = true;
	run->phase[PHASE_END] = now_ns();
	/* What it wrote before it ended is still there to be read, and waits for no one. */
	while (!take_frames(run) && vm->port >= 0 && take_port(run))
		;
	while (vm->console >= 0 && take_console(run))
		;
	while (vm->errors >= 0 && take(&vm->errors, &run->errors, 16384))
		;
	console_flush(run);
}

int queue_frame(struct run *run, uint32_t type, const void *data, size_t length)
{
	struct frame_header header = { .length = length, .type = type };

	text_add(&run->queue, &header, sizeof(header));
	text_add(&run->queue, data, length);
	return 0;
}

static int remaining_ms(uint64_t until)
{
	uint64_t now = now_ns();

	if (!until)
		return -1;
	if (until <= now)
		return 0;
	until = (until - now + 999999) / 1000000;
	return until > 3600000 ? 3600000 : (int)until;
}

int pump(struct run *run, uint64_t until)
{
	struct vm *vm = &run->vm;
	uint64_t due = nudge_due(run);
	bool full = outputs_full(run);
	bool input = run->input_open && run->started && !run->have_status &&
		     input_room(run) && run->queue.length < QUEUE_HIGH;
	struct pollfd events[] = {
		{ .fd = run->signals, .events = POLLIN },
		{ .fd = vm->port, .events = (full ? 0 : POLLIN) |
					    (port_ready(run) ? POLLOUT : 0) },
		{ .fd = vm->console, .events = POLLIN },
		{ .fd = vm->monitor, .events = POLLIN },
		{ .fd = vm->errors, .events = POLLIN },
		{ .fd = vm->pidfd, .events = POLLIN },
		{ .fd = input ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = run->output[0].waiting.length ? run->output[0].fd : -1, .events = POLLOUT },
		{ .fd = run->output[1].waiting.length ? run->output[1].fd : -1, .events = POLLOUT },
	};

	if (vm->ended)
		return -1;
	if (due && (!until || due < until))
		until = due;
	if (poll(events, sizeof(events) / sizeof(events[0]), remaining_ms(until)) < 0)
		return errno == EINTR ? 0 : fail(run, "poll: %s", strerror(errno));
	if (due && now_ns() >= due)
		nudge(run);
	if (events[0].revents && signals_pending(run))
		return -1;
	if (events[1].revents & POLLOUT)
		give_port(run);
	if (!full && events[1].revents & (POLLIN | POLLHUP))
		take_port(run);
	if (events[2].revents)
		take_console(run);
	if (events[3].revents) {
		take(&vm->monitor, &run->qmp, 1 << 20);
		if (run->restored && !run->started && run->qmp.data &&
		    strstr(run->qmp.data, "{\"error\""))
			run->restore_failed = true;
	}
	if (events[4].revents) {
		size_t before = run->errors.length;

		take(&vm->errors, &run->errors, 16384);
		if (run->options.verbose && run->errors.length > before)
			write_all(STDERR_FILENO, run->errors.data + before,
				  run->errors.length - before);
	}
	if (events[6].revents)
		take_input(run);
	if (events[7].revents)
		give_stream(run, 0);
	if (events[8].revents)
		give_stream(run, 1);
	if (take_frames(run))
		return -1;
	if (events[5].revents || vm->pidfd < 0)
		reap(run);
	return vm->ended || run->restore_failed || run->interrupted ? -1 : 0;
}
