/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guest said about its run. A hostile command may have taken init's channel:
 * what was said first stands, and a frame that contradicts it, comes twice or out of
 * order is refused.
 */
#ifndef QEMU_RUN_FACTS_H
#define QEMU_RUN_FACTS_H

#include <stdbool.h>
#include "options.h"
#include "wire/frame.h"

/* struct facts - what the guest said */
struct facts {
	/* since its machine was started, it has booted, or loaded a template's modules */
	bool hello;
	uint32_t method;		/* how it ends its machine, as said before the command */
	char driver_error[2048];	/* why the driver did not load in it, if that is so */
	uint64_t job_ns;		/* when it got the job; no deadline can begin before */
	bool answered;			/* it reads the job: nothing of that is done yet */
	bool started;			/* it started the command */
	uint64_t started_ns;		/* when the host heard so, by now_ns() */
	bool refused;			/* it cannot run the command */
	uint32_t refused_status;	/* 125, 126 or 127 */
	char *refusal;			/* why */
	bool deadline_passed;		/* it says that the deadline ends it */
	bool returned;			/* the command has; results of --get, the status follow */
	uint64_t returned_ns;		/* when the host heard so */
	bool have_status;		/* there is a status */
	struct status status;		/* how the command ended */
	uint64_t end_ns;		/* when the host heard the status, deadline or refusal */
	struct list complaints;		/* of the kernel's, or init's, with their details */
	size_t early;			/* how many of these lines came before the command */
	size_t untold;			/* complaints for which there was no room */
	size_t splats;			/* complaints that are not allowed */
	bool last_allowed;		/* the last complaint is */
	uint64_t explained;		/* taint flags that some complaint explains */
	bool oops;			/* the kernel told of an oops while the command ran */
};

/**
 * facts_add() - adds what a frame says
 * @facts: the facts
 * @frame: a frame that is about the run itself
 * @options: what the user wanted
 *
 * Return: 0, or -1 for a frame that no honest guest sends then.
 */
int facts_add(struct facts *facts, const struct frame *frame, const struct options *options);

/**
 * facts_time_is_up() - whether the deadline can have passed in the guest
 * @facts: the facts
 * @at_ns: when, by now_ns()
 * @timeout_ms: of --timeout
 */
bool facts_time_is_up(const struct facts *facts, uint64_t at_ns, uint64_t timeout_ms);

/**
 * facts_have_end() - whether the guest has had its last word: no frame but FRAME_ACK follows
 * @facts: the facts
 */
bool facts_have_end(const struct facts *facts);

/**
 * facts_new_taint() - the kernel's taint flags that came while the command ran
 * @facts: the facts
 */
uint64_t facts_new_taint(const struct facts *facts);

/**
 * facts_taint_words() - what taint flags mean that are complaints
 * @taint: the flags
 *
 * Return: a text, to be freed, or NULL if none of them is set.
 */
char *facts_taint_words(uint64_t taint);

/**
 * facts_killed_by_oops() - whether a signal ended the command and the kernel had an oops
 * @facts: the facts
 */
bool facts_killed_by_oops(const struct facts *facts);

void facts_free(struct facts *facts);

#endif
