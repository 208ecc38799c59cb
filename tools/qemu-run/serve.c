// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>
#include "job.h"
#include "last_words.h"
#include "serve.h"

/* How much longer than the guest's own deadline the host waits; more for a slow clock. */
#define GRACE_NS (5 * 1000000000ULL)
/*
 * How long what follows the command's return may take, or as long again as --timeout.
 * Without one: how long the guest may send nothing of it.
 */
#define RESULTS_NS (60 * 1000000000ULL)
/* How many more events to read once a limit has passed: they may have arrived before. */
#define LATE_STEPS 1000
/* From the last word, the guest's or ours, to QEMU's end. */
#define END_NS	 (10 * 1000000000ULL)

static int give_job(struct session *session)
{
	const struct options *options = session->setup->options;
	struct channel *channel = &session->machine.channel;
	const struct job_writer writer = {
		.emit = session_emit,
		.context = session,
		.error = session->error,
	};
	struct job job;

	if (job_head(&job, options, session->error))
		return -1;
	session->facts.job_ns = now_ns();
	channel_queue(channel, FRAME_JOB, &job, sizeof(job));
	explicit_bzero(&job, sizeof(job));
	/* A guest on a serial port has the rest of it in its initramfs. */
	if (channel->serial)
		channel_queue(channel, FRAME_PACKED, NULL, 0);
	else if (job_body(session->setup, options->preload && session->machine.restored, &writer))
		return -1;
	channel_queue(channel, FRAME_START, NULL, 0);
	/* A terminal that is not ours to read: the command sees its end. */
	if (!session->streams->input_open)
		channel_queue(channel, FRAME_INPUT, NULL, 0);
	return 0;
}

/* limit() - the time by which something has to happen, or 0. */
static uint64_t limit(const struct session *session)
{
	const struct channel *channel = &session->machine.channel;
	const struct facts *facts = &session->facts;
	uint64_t timeout_ns = session->setup->options->timeout_ms * 1000000;

	/*
	 * A guest that refuses its job has the rest of it to read. At its deadline it writes
	 * to its disks.
	 */
	if (facts_have_end(facts) || facts->deadline_passed)
		return (facts->end_ns > channel->sent_ns ? facts->end_ns : channel->sent_ns) +
		       END_NS;
	if (!facts->started)
		return session_start_limit(session);
	/* The timeout bounds the command alone. */
	if (facts->returned && timeout_ns)
		return facts->returned_ns + (timeout_ns > RESULTS_NS ? timeout_ns : RESULTS_NS);
	/* Without one, our readers may take their time. */
	if (facts->returned && !streams_full(session->streams))
		return session->heard_ns + RESULTS_NS;
	return timeout_ns ? facts->started_ns + timeout_ns + timeout_ns / 1000 + GRACE_NS : 0;
}

/* late() - whether the limit has passed, and nothing that came before is left unread */
static bool late(struct session *session, uint64_t until)
{
	int steps;

	/* This process may have been stopped: what arrived meanwhile counts. */
	for (steps = 0; steps < LATE_STEPS && until == limit(session); steps++)
		if (session_step(session, 1))
			return false;
	return until == limit(session);
}

static void attend(struct session *session)
{
	uint64_t until;

	for (;;) {
		until = limit(session);
		if (until && now_ns() >= until && late(session, until)) {
			/* A reader of ours is slow: what the guest said lies behind that. */
			if (streams_full(session->streams)) {
				streams_give_up(session->streams, session->error);
				continue;
			}
			session->killed = true;
			return;
		}
		if (session_step(session, until))
			return;
	}
}

/*
 * What QEMU left for our readers, who may be slow. A deadline is one for them, too, with
 * its grace.
 */
static void drain(struct session *session)
{
	uint64_t end = session->setup->options->timeout_ms ? now_ns() + GRACE_NS : 0;

	session->over = true;
	while (streams_full(session->streams) && !session->signals->interrupted) {
		if (end && now_ns() >= end)
			streams_give_up(session->streams, session->error);
		else
			session_step(session, end);
	}
}

void serve(struct session *session)
{
	struct streams *streams = session->streams;

	streams_unblock();
	if (session->setup->options->terminal && streams->input_open)
		terminal_begin(&streams->terminal);
	if (!give_job(session) || session->facts.refused)
		attend(session);
	if (session->killed)
		last_words(session);
	drain(session);
	terminal_end(&streams->terminal);
}
