// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "facts.h"

/* What the guest sends: 20, each with six lines of details. */
#define COMPLAINTS_MAX	140
#define COMPLAINT_CHARS 400
#define REFUSAL_MAX	4096

static int add_hello(struct facts *facts, const struct frame *frame)
{
	bool *said = facts->job_ns ? &facts->answered : &facts->hello;
	struct hello hello;

	if (frame->length != sizeof(hello) || *said)
		return -1;
	memcpy(&hello, frame->data, sizeof(hello));
	if (hello.version != PROTOCOL_VERSION)
		return -1;
	*said = true;
	facts->method = hello.method;
	return 0;
}

static int add_started(struct facts *facts)
{
	if (facts->started || facts->refused || !facts->answered)
		return -1;
	facts->started = true;
	facts->started_ns = now_ns();
	return 0;
}

/* Before the command 125, for a job that cannot be done; else what exec gave. */
static int add_refusal(struct facts *facts, const struct frame *frame)
{
	uint32_t status;

	if (frame->length < sizeof(status) || frame->length > REFUSAL_MAX || facts->returned ||
	    facts->refused)
		return -1;
	memcpy(&status, frame->data, sizeof(status));
	if (facts->started ? status != 126 && status != 127 : status != 125)
		return -1;
	facts->refused = true;
	facts->end_ns = now_ns();
	facts->refused_status = status;
	facts->refusal = print("%.*s", (int)(frame->length - sizeof(status)),
			       (const char *)frame->data + sizeof(status));
	return 0;
}

static int add_complaint(struct facts *facts, const struct frame *frame)
{
	if (facts->complaints.count < COMPLAINTS_MAX)
		list_add(&facts->complaints,
			 print("%.*s", frame->length > COMPLAINT_CHARS ? COMPLAINT_CHARS :
									 (int)frame->length,
			       (const char *)frame->data));
	return 0;
}

static int add_returned(struct facts *facts)
{
	if (!facts->started || facts->refused || facts->returned || facts->deadline_passed)
		return -1;
	facts->returned = true;
	facts->returned_ns = now_ns();
	return 0;
}

static int add_status(struct facts *facts, const struct frame *frame)
{
	struct status status;

	if (frame->length != sizeof(status) || !facts->returned)
		return -1;
	memcpy(&status, frame->data, sizeof(status));
	if (status.code > 255 || status.signal > 64 || status.method != facts->method ||
	    (status.signal && status.code != 128 + status.signal))
		return -1;
	facts->status = status;
	facts->have_status = true;
	facts->end_ns = now_ns();
	return 0;
}

static int add_deadline(struct facts *facts, const struct frame *frame, uint64_t timeout_ms)
{
	uint32_t method;

	if (frame->length != sizeof(method) || !facts->started || !timeout_ms ||
	    facts->deadline_passed || facts->returned)
		return -1;
	memcpy(&method, frame->data, sizeof(method));
	if (method != facts->method || now_ns() - facts->job_ns < timeout_ms * 1000000)
		return -1;
	facts->deadline_passed = true;
	return 0;
}

int facts_add(struct facts *facts, const struct frame *frame, uint64_t timeout_ms)
{
	switch (frame->type) {
	case FRAME_HELLO:
		return add_hello(facts, frame);
	case FRAME_STARTED:
		return add_started(facts);
	case FRAME_REFUSED:
		return add_refusal(facts, frame);
	case FRAME_COMPLAINT:
		return add_complaint(facts, frame);
	case FRAME_RETURNED:
		return add_returned(facts);
	case FRAME_STATUS:
		return add_status(facts, frame);
	case FRAME_DEADLINE:
		return add_deadline(facts, frame, timeout_ms);
	default:
		return -1;
	}
}

bool facts_have_end(const struct facts *facts)
{
	return facts->have_status || facts->refused;
}

uint64_t facts_new_taint(const struct facts *facts)
{
	return facts->status.taint_after & ~facts->status.taint_before;
}

bool facts_complained(const struct facts *facts)
{
	return facts->complaints.count || facts_new_taint(facts) & TAINT_COMPLAINTS;
}

bool facts_complained_beyond(const struct facts *facts, const regex_t *allowed)
{
	size_t i;

	for (i = 0; i < facts->complaints.count; i++) {
		const char *line = facts->complaints.items[i];

		/* Details of the one before begin with blanks. */
		if (strncmp(line, "  ", 2) && regexec(allowed, line, 0, NULL, 0))
			return true;
	}
	return !facts->complaints.count && facts_complained(facts);
}

/* A kernel that had an oops before has the taint already. */
static bool told_of_oops(const struct facts *facts)
{
	size_t i;

	/* "Oops: 0002 [#1]", "invalid opcode: 0000 [#2]": only an oops has a number. */
	for (i = 0; i < facts->complaints.count; i++)
		if (strstr(facts->complaints.items[i], " [#"))
			return true;
	return false;
}

bool facts_killed_by_oops(const struct facts *facts)
{
	return facts->have_status && facts->status.signal &&
	       (facts_new_taint(facts) & TAINT_OOPS || told_of_oops(facts));
}

void facts_free(struct facts *facts)
{
	free(facts->refusal);
	list_free(&facts->complaints);
}
