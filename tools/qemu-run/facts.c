// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "facts.h"

/* How many lines are kept; of what is not allowed, as many again. */
#define COMPLAINTS_MAX	140
#define COMPLAINT_CHARS 400
#define REFUSAL_MAX	4096

static int add_hello(struct facts *facts, const struct frame *frame)
{
	bool *said = facts->job_ns ? &facts->answered : &facts->hello;
	struct hello hello = { 0 };

	if (frame->length < offsetof(struct hello, driver_error) ||
	    frame->length >= sizeof(hello) || *said)
		return -1;
	memcpy(&hello, frame->data, frame->length);
	if (hello.version != PROTOCOL_VERSION)
		return -1;
	*said = true;
	facts->method = hello.method;
	memcpy(facts->driver_error, hello.driver_error, sizeof(facts->driver_error));
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

static bool is_allowed(const struct options *options, const char *line)
{
	size_t i;

	for (i = 0; i < options->allowed_count; i++)
		if (!regexec(&options->allowed[i], line, 0, NULL, 0))
			return true;
	return options->allow_splats;
}

/* explained_by() - the taint flags that come with the report that a line belongs to */
static uint64_t explained_by(const char *line)
{
	return strstr(line, "soft lockup") ? TAINT_LOCKUP :
	       strstr(line, " [#")	   ? TAINT_OOPS :
	       strstr(line, "BUG")	   ? TAINT_WARNING | TAINT_BAD_PAGE | TAINT_OOPS :
	       strstr(line, "WARNING: ")   ? TAINT_WARNING : 0;
}

/* Takes @line. Each one counts, whether or not there is room to keep it. */
static void keep_complaint(struct facts *facts, const struct options *options, char *line)
{
	bool detail = !strncmp(line, COMPLAINT_DETAIL, strlen(COMPLAINT_DETAIL));

	if (!detail)
		facts->last_allowed = is_allowed(options, line);
	facts->splats += !detail && !facts->last_allowed;
	facts->explained |= explained_by(line);
	/* "Oops: 0002 [#1]", "invalid opcode: 0000 [#2]": only an oops has a number. */
	facts->oops |= facts->started && strstr(line, " [#");
	if (facts->complaints.count < COMPLAINTS_MAX * (facts->last_allowed ? 1 : 2)) {
		list_add(&facts->complaints, line);
		facts->early = facts->started ? facts->early : facts->complaints.count;
	} else {
		facts->untold += !detail;
		free(line);
	}
}

static int add_returned(struct facts *facts)
{
	if (!facts->started || facts->refused || facts->returned || facts->deadline_passed)
		return -1;
	facts->returned = true;
	facts->returned_ns = now_ns();
	return 0;
}

char *facts_taint_words(uint64_t taint)
{
	/* Documentation/admin-guide/tainted-kernels.rst; those that are complaints. */
	static const struct {
		uint64_t flag;
		const char *words;
	} flags[] = {
		{ TAINT_MACHINE_CHECK, "M: machine check" }, { TAINT_BAD_PAGE, "B: bad page" },
		{ TAINT_OOPS, "D: oops or BUG" },	     { TAINT_WARNING, "W: warning" },
		{ TAINT_LOCKUP, "L: soft lockup" },
	};
	struct text text = { 0 };
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (taint & flags[i].flag)
			text_print(&text, "%s%s", text.length ? ", " : "taint ", flags[i].words);
	return text.data;
}

static int add_status(struct facts *facts, const struct frame *frame,
		      const struct options *options)
{
	struct status status;
	char *taint;

	if (frame->length != sizeof(status) || !facts->returned)
		return -1;
	memcpy(&status, frame->data, sizeof(status));
	if (status.code > 255 || status.signal > 64 || status.method != facts->method ||
	    (status.signal && status.code != 128 + status.signal))
		return -1;
	facts->status = status;
	facts->have_status = true;
	facts->end_ns = now_ns();
	/* What the log does not say, the kernel has said all the same. */
	taint = facts_taint_words(status.taint_after & TAINT_COMPLAINTS & ~facts->explained);
	if (taint)
		keep_complaint(facts, options, print("%s, and no line of the log says why", taint));
	free(taint);
	return 0;
}

bool facts_time_is_up(const struct facts *facts, uint64_t at_ns, uint64_t timeout_ms)
{
	/* The guest's clock may be faster than the host's by a thousandth. */
	return at_ns - facts->job_ns >= timeout_ms * 999000;
}

static int add_deadline(struct facts *facts, const struct frame *frame, uint64_t timeout_ms)
{
	uint32_t method;

	if (frame->length != sizeof(method) || !facts->started || !timeout_ms ||
	    facts->deadline_passed || facts->returned)
		return -1;
	memcpy(&method, frame->data, sizeof(method));
	if (method != facts->method || !facts_time_is_up(facts, now_ns(), timeout_ms))
		return -1;
	facts->deadline_passed = true;
	facts->end_ns = now_ns();
	return 0;
}

int facts_add(struct facts *facts, const struct frame *frame, const struct options *options)
{
	int length;

	switch (frame->type) {
	case FRAME_HELLO:
		return add_hello(facts, frame);
	case FRAME_STARTED:
		return add_started(facts);
	case FRAME_REFUSED:
		return add_refusal(facts, frame);
	case FRAME_COMPLAINT:
		length = frame->length > COMPLAINT_CHARS ? COMPLAINT_CHARS : (int)frame->length;
		keep_complaint(facts, options, print("%.*s", length, (const char *)frame->data));
		return 0;
	case FRAME_RETURNED:
		return add_returned(facts);
	case FRAME_STATUS:
		return add_status(facts, frame, options);
	case FRAME_DEADLINE:
		return add_deadline(facts, frame, options->timeout_ms);
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

bool facts_killed_by_oops(const struct facts *facts)
{
	return facts->have_status && facts->status.signal &&
	       (facts_new_taint(facts) & TAINT_OOPS || facts->oops);
}

void facts_free(struct facts *facts)
{
	free(facts->refusal);
	list_free(&facts->complaints);
}
