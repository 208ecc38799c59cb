// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that a guest can send: frames, the trees of --get, the console, and
 * what is printed and written of them. Built with libFuzzer, by make -C tools/qemu-run fuzz.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../report.h"
#include "../session.h"

/* A directory for one input: all that it may write to is inside/. */
static char sandbox[] = "/dev/shm/qemu-run-fuzz.XXXXXX";
static char *inside;
/* What a guest sends comes by this. */
static int ends[2];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (!mkdtemp(sandbox) || pipe(ends))
		abort();
	inside = print("%s/inside", sandbox);
	return 0;
}

static int remove_node(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	/* Whatever is beside inside/ was written by the guest. */
	if (where->level == 1 && strcmp(path, inside))
		abort();
	if (where->level)
		remove(path);
	return 0;
}

static void make_inside(void)
{
	char *link = print("%s/link", inside);

	if (mkdir(inside, 0700))
		abort();
	/* A way out for whoever follows it. */
	if (symlink("..", link))
		abort();
	free(link);
}

static void add_get(struct options *options, const char *guest, char *host)
{
	options->gets = must(reallocarray(options->gets, options->get_count + 1,
					  sizeof(*options->gets)));
	options->gets[options->get_count++] = (struct get_option){
		.guest = copy(guest),
		.host = host,
	};
}

/* receive() - has the session read the bytes, in pieces, as a socket brings them. */
static void receive(struct session *session, const uint8_t *data, size_t size)
{
	struct channel *channel = &session->machine.channel;
	size_t at = 0, part;

	while (at < size) {
		part = 1 + data[at] * 16u;
		if (part > size - at)
			part = size - at;
		if (write(ends[1], data + at, part) != (ssize_t)part ||
		    frame_read(&channel->reader, ends[0]) != (ssize_t)part)
			abort();
		at += part;
		/* Under way to a guest on a serial port, for it to acknowledge. */
		if (channel->serial && channel->queue.length < SERIAL_WINDOW)
			text_add(&channel->queue, data, size);
		channel->in_flight = channel->serial ? channel->queue.length : 0;
		if (session_frames(session))
			break;
		streams_free(session->streams);
		memset(session->streams->output, 0, sizeof(session->streams->output));
		if (!channel->serial)
			text_free(&channel->queue);
	}
}

static void conclude(const struct setup *setup, struct session *session)
{
	struct report report = {
		.setup = setup,
		.session = session,
		.error = session->error,
		.verdict = outcome_decide(session, 0),
	};

	/* 0 is for a guest that said all of it, and ended QEMU with that code. */
	if (!report.verdict.exit_status &&
	    (!session->facts.returned || !session->facts.have_status || session->bad_guest ||
	     session->facts.status.code || session->machine.wait_status != 1 << 8))
		abort();
	report_lines(&report);
	report_json(&report);
	free(report.verdict.why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct options options = { .json = "/dev/null", .timeout_ms = size & 1 };
	struct setup setup = { .options = &options };
	struct streams streams = { 0 };
	struct error error = { 0 };
	struct session *session = must(calloc(1, sizeof(*session)));

	make_inside();
	list_add(&options.command, copy("command"));
	add_get(&options, "x", copy(inside));
	add_get(&options, "y", print("%s/file", inside));
	add_get(&options, "z", print("%s/tree", inside));
	session->setup = &setup;
	session->streams = &streams;
	session->error = &error;
	session->machine = (struct machine){
		.pidfd = -1,
		.console = { .fd = -1, .copy = -1 },
		.monitor = -1,
		.stderr_fd = -1,
		.start_ns = 1,
		.ended = true,
		.wait_status = size ? data[size - 1] << 8 : 0,
	};
	channel_init(&session->machine.channel, -1, size && data[0] & 2);
	gets_init(&session->gets, &options, &error);
	session->facts.job_ns = 1;
	session->facts.answered = true;
	session->facts.method = POWEROFF_PORT;
	session->facts.started = size && data[0] & 1;

	receive(session, data, size);
	text_add(&session->machine.console.text, data, size);
	conclude(&setup, session);

	session_free(session);
	streams_free(&streams);
	error_free(&error);
	options_free(&options);
	nftw(sandbox, remove_node, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
