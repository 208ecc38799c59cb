/* SPDX-License-Identifier: GPL-2.0 */
/* One machine, and all that is exchanged with it: the one loop. */
#ifndef QEMU_RUN_SESSION_H
#define QEMU_RUN_SESSION_H

#include "facts.h"
#include "get.h"
#include "machine.h"
#include "signals.h"
#include "streams.h"

/**
 * struct session - a conversation with a guest
 * @setup: what the machine was made from
 * @signals: to this process
 * @streams: of the command; NULL while a template is made
 * @error: receives what goes wrong
 * @machine: the machine
 * @facts: what the guest said
 * @gets: what it sent for --get
 * @bad_guest: it sent what no honest guest sends, and gets no more attention
 * @input_lost: some of the command's input was lost on its way
 * @loading: QEMU has made the machine of a template, disks and all, and loads its state
 * @load_refused: QEMU's monitor says that it cannot load it
 * @killed: it hung, and the host gave up on it
 */
struct session {
	const struct setup *setup;
	struct signals *signals;
	struct streams *streams;
	struct error *error;
	struct machine machine;
	struct facts facts;
	struct gets gets;
	bool bad_guest;
	bool input_lost;
	bool loading;
	bool load_refused;
	bool killed;
};

/**
 * session_start() - starts a machine
 * @setup: what it is made from
 * @boot: how its guest begins
 * @signals: to this process
 * @streams: of the command; NULL while a template is made
 * @error: receives what goes wrong, until the session is freed
 *
 * Return: the session, or NULL.
 */
struct session *session_start(const struct setup *setup, const struct boot *boot,
			      struct signals *signals, struct streams *streams,
			      struct error *error);

/**
 * session_step() - one round of the loop: waits, and serves what there is
 * @session: the session
 * @until_ns: come back then, at the latest; 0: no limit
 *
 * Return: 0, or -1 once QEMU has ended or there is no sense in going on.
 */
int session_step(struct session *session, uint64_t until_ns);

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
 * Return: 0, or -ECONNRESET once there is no sense in going on.
 */
int session_emit(void *context, uint32_t type, const void *data, uint32_t length);

/**
 * session_free() - ends the machine if it still runs, and frees all
 * @session: the session, or NULL
 */
void session_free(struct session *session);

#endif
