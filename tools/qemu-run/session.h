/* SPDX-License-Identifier: GPL-2.0 */
/* One machine, and all that is exchanged with it: the one loop. */
#ifndef QEMU_RUN_SESSION_H
#define QEMU_RUN_SESSION_H

#include <jansson.h>
#include "facts.h"
#include "get.h"
#include "machine.h"
#include "signals.h"
#include "streams.h"

/* struct session - a conversation with a guest */
struct session {
	const struct setup *setup;	/* what the machine was made from */
	struct signals *signals;	/* to this process */
	struct streams *streams;	/* of the command; NULL while a template is made */
	struct error *error;		/* receives what goes wrong */
	struct machine machine;
	struct facts facts;		/* what the guest said */
	struct gets gets;		/* what it sent for --get */
	bool bad_guest;			/* it sent what no honest guest sends: not heard any more */
	bool input_lost;		/* some of the command's input was lost on its way */
	/* QEMU has made the machine of a template, disks and all, and loads its state */
	bool loading;
	bool load_refused;		/* QEMU's monitor says that it cannot load it */
	bool killed;			/* it hung, and the host gave up on it */
	/* when its console last said something, from a panic's text on; 0: no panic */
	uint64_t panic_ns;
	bool halted;			/* its kernel panicked, and stands still */
	uint64_t heard_ns;		/* when it last sent a frame */
	bool over;			/* only our readers are served */
	bool asking;			/* what comes from the monitor is an awaited answer */
	bool disk_failed;		/* QEMU could not read or write a disk */
	bool stopped;			/* QEMU stopped the guest for that */
};

/**
 * session_start() - starts a machine
 * @setup: what it is made from
 * @boot: how its guest begins
 * @streams: of the command; NULL while a template is made
 *
 * Return: the session, or NULL.
 */
struct session *session_start(const struct setup *setup, const struct boot *boot,
			      struct streams *streams);

/**
 * session_step() - one round of the loop: waits, and serves what there is
 * @session: the session
 * @until_ns: come back then, at the latest; 0: no limit
 *
 * Return: 0, or -1 once QEMU has ended or there is no sense in going on.
 */
int session_step(struct session *session, uint64_t until_ns);

/**
 * session_start_limit() - by when the guest is to have taken more of its job, or started it
 * @session: the session
 *
 * Return: by now_ns().
 */
uint64_t session_start_limit(const struct session *session);

/**
 * session_reply() - removes the next reply of QEMU's monitor from what it sent
 * @session: the session
 *
 * Its greeting is dropped, and events are handled.
 *
 * Return: an object with the member "return" or "error", for json_decref(); NULL where
 * there is none yet.
 */
json_t *session_reply(struct session *session);

/**
 * session_refusal() - why QEMU refuses
 * @reply: a reply
 *
 * Return: the text, valid as long as @reply, or NULL if QEMU does not refuse.
 */
const char *session_refusal(const json_t *reply);

/**
 * session_frames() - handles the frames that have been received
 * @session: the session
 *
 * While a reader of ours is slow, they wait.
 *
 * Return: 0, or -1 with @bad_guest set.
 */
int session_frames(struct session *session);

/**
 * session_emit() - queues a frame for the guest: a tree_emit for job.h
 * @context: the session
 * @type: the frame's type
 * @data: its bytes
 * @length: how many
 *
 * Waits while too much is under way.
 *
 * Return: 0, or -ECONNRESET once there is no sense in going on; @killed is set if the guest
 * takes no more.
 */
int session_emit(void *context, uint32_t type, const void *data, uint32_t length);

/**
 * session_free() - ends the machine if it still runs, and frees all
 * @session: the session, or NULL
 */
void session_free(struct session *session);

#endif
