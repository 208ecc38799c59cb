// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "session.h"

#define MESSAGES_KEEP (16 * 1024)
#define REPLIES_KEEP  (1024 * 1024)

/* A guest answers in a tenth of a second, a restored one too. */
#define ANSWER_NS (20 * 1000000000ULL)
/* How long it may take no more of its job, unless --boot-timeout says: a module's init. */
#define START_NS (120 * 1000000000ULL)
/* So long is a panicked kernel silent that does not end. Another may need seconds to stop a CPU. */
#define PANIC_SILENCE_NS (8 * 1000000000ULL)

struct session *session_start(const struct setup *setup, const struct boot *boot,
			      struct streams *streams)
{
	struct session *session = must(calloc(1, sizeof(*session)));

	session->setup = setup;
	session->signals = setup->signals;
	session->streams = streams;
	session->error = setup->error;
	gets_init(&session->gets, setup->options, setup->error);
	if (machine_start(&session->machine, setup, boot)) {
		free(session);
		return NULL;
	}
	if (streams)
		session->machine.console.copy = streams->console;
	return session;
}

/* What is the command's, and not about the run itself. */
static int handle_data(struct session *session, const struct frame *frame)
{
	const struct facts *facts = &session->facts;
	bool result = frame->type == FRAME_ENTRY || frame->type == FRAME_DATA ||
		      frame->type == FRAME_END;

	/* Streams are the command's while it runs, and what --get brings comes after that. */
	if (!session->streams || !facts->started || result != facts->returned)
		return -1;
	switch (frame->type) {
	case FRAME_OUTPUT:
	case FRAME_ERRORS:
		streams_add(session->streams, frame->type == FRAME_ERRORS, frame->data,
			    frame->length);
		return 0;
	case FRAME_CREDIT:
		return streams_credit(session->streams, frame);
	default:
		return gets_receive(&session->gets, frame);
	}
}

static int handle_acknowledgement(struct session *session, const struct frame *frame)
{
	int err = channel_acknowledge(&session->machine.channel, frame);

	if (err == -EIO) {
		error_add(session->error, "input was lost on its way to the guest, by its serial port");
		session->input_lost = true;
	}
	return err;
}

/* Returns -1 for what no honest guest sends. */
static int handle(struct session *session, const struct frame *frame)
{
	int err;

	session->heard_ns = now_ns();
	/* A command can write a panic's text, and init answers then. */
	if (frame->type == FRAME_ALIVE || frame->type == FRAME_ACK ||
	    frame->type == FRAME_RETURNED || session->facts.returned)
		session->panic_ns = 0;
	/* Even after the status: what is to go out may wait for it. */
	if (frame->type == FRAME_ACK)
		return handle_acknowledgement(session, frame);
	if (facts_have_end(&session->facts))
		return -1;
	switch (frame->type) {
	case FRAME_OUTPUT:
	case FRAME_ERRORS:
	case FRAME_CREDIT:
	case FRAME_ENTRY:
	case FRAME_DATA:
	case FRAME_END:
		return handle_data(session, frame);
	case FRAME_ALIVE:
		return session->facts.started ? 0 : -1;
	default:
		err = facts_add(&session->facts, frame, session->setup->options);
		if (!err && facts_have_end(&session->facts))
			channel_queue(&session->machine.channel, FRAME_BYE, NULL, 0);
		return err;
	}
}

/* Whether a reader of ours does not keep up: then the guest has to wait. */
static bool full(const struct session *session)
{
	return session->streams && streams_full(session->streams);
}

int session_frames(struct session *session)
{
	struct frame frame;
	int got;

	while (!full(session) || session->machine.ended) {
		got = frame_next(&session->machine.channel.reader, &frame);
		if (got == 0)
			return 0;
		if (got < 0 || handle(session, &frame)) {
			session->bad_guest = true;
			return -1;
		}
	}
	return 0;
}

/* show() - shows a text on stderr, in turn with what the command writes there. */
static void show(struct session *session, struct text *text)
{
	if (text->length && session->streams)
		streams_show(session->streams, text);
	else if (text->length)
		(void)write_patiently(STDERR_FILENO, text->data, text->length);
	text_free(text);
}

/*
 * watch_panic() - whether the console's text from @from on begins or continues a panic
 *
 * If kernel.panic is 0 there, the machine does not end with it. Init is asked whether it is
 * alive, where it listens.
 */
static void watch_panic(struct session *session, size_t from)
{
	const struct facts *facts = &session->facts;

	/* The text may have come in parts. */
	from = from > strlen(CONSOLE_PANIC) ? from - strlen(CONSOLE_PANIC) : 0;
	if (!session->panic_ns && !console_has(&session->machine.console, from, CONSOLE_PANIC))
		return;
	if (!session->panic_ns && facts->started && !facts->returned && !facts_have_end(facts))
		channel_queue(&session->machine.channel, FRAME_NUDGE, NULL, 0);
	session->panic_ns = now_ns();
}

static bool receive_console(struct session *session)
{
	size_t before = session->machine.console.text.length;
	bool verbose = session->setup->options->verbose;
	struct text shown = { 0 };
	bool something;

	something = console_receive(&session->machine.console, verbose ? &shown : NULL,
				    session->streams && session->streams->terminal.raw);
	show(session, &shown);
	if (something)
		watch_panic(session, before);
	return something;
}

static bool receive_messages(struct session *session)
{
	struct machine *machine = &session->machine;
	size_t before = machine->messages.length;
	struct text shown = { 0 };
	bool something;

	something = text_receive(&machine->messages, &machine->stderr_fd, MESSAGES_KEEP);
	if (session->setup->options->verbose && machine->messages.length > before)
		text_add(&shown, machine->messages.data + before,
			 machine->messages.length - before);
	show(session, &shown);
	return something;
}

/* A disk's host file: full, say. Where QEMU stops its guest for that, nobody lets it go on. */
static void handle_event(struct session *session, const json_t *event)
{
	const char *device, *operation, *action, *reason = "no reason";

	if (json_unpack((json_t *)event, "{s:{s:s,s:s,s:s,s?s}}", "data", "device", &device,
			"operation", &operation, "action", &action, "reason", &reason) ||
	    session->disk_failed)
		return;
	session->stopped = !strcmp(action, "stop");
	/* What a drive of --qemu reports to the guest may have been asked for. */
	if (!session->stopped && strncmp(device, "disk", 4) && strcmp(device, "root"))
		return;
	session->disk_failed = true;
	error_add(session->error, "QEMU cannot %s %s: %s%s", operation, device, reason,
		  session->stopped ? ": it stopped the guest" : "");
}

json_t *session_reply(struct session *session)
{
	struct text *replies = &session->machine.replies;
	const char *newline, *event;
	json_t *object;

	while (replies->length && (newline = memchr(replies->data, '\n', replies->length))) {
		object = json_loadb(replies->data, newline - replies->data, 0, NULL);
		text_drop(replies, newline + 1 - replies->data);
		if (json_object_get(object, "return") || json_object_get(object, "error"))
			return object;
		event = json_string_value(json_object_get(object, "event"));
		if (event && !strcmp(event, "BLOCK_IO_ERROR"))
			handle_event(session, object);
		json_decref(object);
	}
	return NULL;
}

const char *session_refusal(const json_t *reply)
{
	const json_t *error = json_object_get(reply, "error");
	const char *text = json_string_value(json_object_get(error, "desc"));

	return text ? text : error ? "QEMU does not say why" : NULL;
}

/* The commands that restore a template were sent before QEMU was started. */
static void receive_replies(struct session *session)
{
	struct machine *machine = &session->machine;
	json_t *reply;

	text_receive(&machine->replies, &machine->monitor, REPLIES_KEEP);
	while (!session->asking && (reply = session_reply(session))) {
		const char *refusal = session_refusal(reply);

		/* Its first answer comes when the machine is made. */
		session->loading = machine->restored;
		if (refusal && machine->restored && !session->facts.started) {
			session->load_refused = true;
			text_print(&machine->messages, "%s\n", refusal);
		}
		json_decref(reply);
	}
}

/* What QEMU wrote before it ended is still there to be read, and waits for no one. */
static void drain_machine(struct session *session)
{
	struct machine *machine = &session->machine;
	struct text shown = { 0 };

	while (!session_frames(session) && machine->channel.fd >= 0 &&
	       channel_receive(&machine->channel))
		;
	/* Bytes after the last frame: no honest guest sends them. */
	if (facts_have_end(&session->facts) && frame_rest(&machine->channel.reader))
		session->bad_guest = true;
	while (machine->console.fd >= 0 && receive_console(session))
		;
	while (machine->stderr_fd >= 0 && receive_messages(session))
		;
	if (machine->monitor >= 0)
		receive_replies(session);
	console_finish(&machine->console, &shown,
		       session->streams && session->streams->terminal.raw);
	show(session, &shown);
}

static void write_stream(struct session *session, int number)
{
	uint32_t guests = number + 1;

	if (streams_write(session->streams, number, session->error) &&
	    !facts_have_end(&session->facts))
		channel_queue(&session->machine.channel, FRAME_SHUT, &guests, sizeof(guests));
}

/* Returns whether the run is to end. */
static bool handle_signals(struct session *session)
{
	struct signals *signals = session->signals;
	struct terminal *terminal = session->streams ? &session->streams->terminal : NULL;

	if (signals_read(signals))
		return true;
	if (signals->resized && terminal && terminal->raw && session->facts.started &&
	    !session->facts.have_status && !session->facts.deadline_passed) {
		struct winsize window = terminal_window();

		channel_queue(&session->machine.channel, FRAME_WINDOW, &window, sizeof(window));
	}
	/* While this process was stopped, the shell had its own modes set. */
	if (signals->continued && terminal && terminal->raw)
		terminal_begin(terminal);
	signals->resized = false;
	signals->continued = false;
	return false;
}

static bool wants_input(const struct session *session)
{
	const struct channel *channel = &session->machine.channel;
	const struct streams *streams = session->streams;

	return streams && streams->input_open && session->facts.started &&
	       !session->facts.returned && !session->facts.refused &&
	       !session->facts.deadline_passed &&
	       streams_input_room(streams, channel) &&
	       channel->queue.length < CHANNEL_QUEUE_HIGH;
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

/* nudge_due() - when to nudge the guest; while our own readers are slow, never. */
static uint64_t nudge_due(const struct session *session)
{
	return session->facts.started && !full(session) ?
		       channel_nudge_due(&session->machine.channel) : 0;
}

static int stream_fd(const struct session *session, int number)
{
	const struct streams *streams = session->streams;

	return streams && streams->output[number].waiting.length ? streams->output[number].fd : -1;
}

int session_step(struct session *session, uint64_t until)
{
	struct machine *machine = &session->machine;
	struct channel *channel = &machine->channel;
	uint64_t due = nudge_due(session), panic;
	bool was_full = full(session);
	int i;
	enum { SIGNALS, PORT, CONSOLE, MONITOR, MESSAGES, END, INPUT, OUTPUT, ERRORS, EVENTS };
	struct pollfd events[EVENTS] = {
		[SIGNALS] = { .fd = session->signals->fd, .events = POLLIN },
		[PORT] = { .fd = channel->fd,
			   .events = (was_full ? 0 : POLLIN) |
				     (channel_sendable(channel) ? POLLOUT : 0) },
		[CONSOLE] = { .fd = machine->console.fd, .events = POLLIN },
		[MONITOR] = { .fd = machine->monitor, .events = POLLIN },
		[MESSAGES] = { .fd = machine->stderr_fd, .events = POLLIN },
		[END] = { .fd = machine->pidfd, .events = POLLIN },
		[INPUT] = { .fd = wants_input(session) ? STDIN_FILENO : -1, .events = POLLIN },
		[OUTPUT] = { .fd = stream_fd(session, 0), .events = POLLOUT },
		[ERRORS] = { .fd = stream_fd(session, 1), .events = POLLOUT },
	};

	if ((machine->ended || session->bad_guest || session->signals->interrupted) &&
	    !session->over)
		return -1;
	for (i = PORT; session->over && i <= INPUT; i++)
		events[i].fd = -1;
	/* What lies behind what a slow reader has not read may be init's answer. */
	panic = session->panic_ns && !was_full && !session->killed ?
			session->panic_ns + PANIC_SILENCE_NS : 0;
	if (due && (!until || due < until))
		until = due;
	if (panic && (!until || panic < until))
		until = panic;
	if (poll(events, EVENTS, remaining_ms(until)) < 0)
		return errno == EINTR ? 0 : error_add(session->error, "poll: %s", strerror(errno));
	if (due && now_ns() >= due)
		channel_nudge(channel);
	if (events[SIGNALS].revents && handle_signals(session))
		return -1;
	if (events[PORT].revents & POLLOUT)
		channel_send(channel);
	if (!was_full && events[PORT].revents & (POLLIN | POLLHUP))
		channel_receive(channel);
	if (events[CONSOLE].revents)
		receive_console(session);
	if (events[MONITOR].revents)
		receive_replies(session);
	if (events[MESSAGES].revents)
		receive_messages(session);
	if (events[INPUT].revents) {
		int got = streams_input(session->streams, channel);

		if (got < 0) {
			session->input_lost = true;
			return error_add(session->error, "stdin: %s", strerror(-got));
		}
		if (got) {
			session->signals->interrupted = SIGINT;
			return -1;
		}
	}
	if (events[OUTPUT].revents)
		write_stream(session, 0);
	if (events[ERRORS].revents)
		write_stream(session, 1);
	if (session->over || session_frames(session))
		return -1;
	if ((events[END].revents || machine->pidfd < 0) && machine_wait(machine))
		drain_machine(session);
	if (panic && now_ns() >= panic && !events[PORT].revents && !events[CONSOLE].revents)
		session->halted = !machine->ended;
	return machine->ended || session->load_refused || session->halted || session->stopped ?
		       -1 : 0;
}

uint64_t session_start_limit(const struct session *session)
{
	uint64_t sent_ns = session->machine.channel.sent_ns, job_ns = session->facts.job_ns;
	uint64_t since = sent_ns ? sent_ns : session->machine.start_ns;
	uint64_t wanted_ns = session->setup->options->boot_timeout_ms * 1000000;

	if (job_ns && !session->facts.answered)
		return job_ns + ANSWER_NS;
	return (since > job_ns ? since : job_ns) + (wanted_ns ? wanted_ns : START_NS);
}

int session_emit(void *context, uint32_t type, const void *data, uint32_t length)
{
	struct session *session = context;
	struct channel *channel = &session->machine.channel;

	channel_queue(channel, type, data, length);
	while (channel->queue.length > CHANNEL_QUEUE_HIGH && !session->killed) {
		if (session_step(session, session_start_limit(session)))
			return -ECONNRESET;
		session->killed = now_ns() >= session_start_limit(session);
	}
	return session->killed ? -ECONNRESET : 0;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	machine_free(&session->machine);
	facts_free(&session->facts);
	gets_free(&session->gets);
	free(session);
}
