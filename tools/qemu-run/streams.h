/* SPDX-License-Identifier: GPL-2.0 */
/* The host's stdin, stdout and stderr, which are the command's, and the terminal there. */
#ifndef QEMU_RUN_STREAMS_H
#define QEMU_RUN_STREAMS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <termios.h>
#include "channel.h"
#include "error.h"

/* struct stream - stdout or stderr */
struct stream {
	int fd;			/* its descriptor */
	bool regular;		/* a file: a write never waits for a reader */
	bool socket;		/* a socket */
	bool broken;		/* nothing can be written any more */
	struct text waiting;	/* what is to be written */
};

/* struct terminal - the terminal at stdin */
struct terminal {
	bool raw;		/* it is in raw mode */
	unsigned int escapes;	/* Ctrl-] typed in a row */
	struct termios was;	/* its modes before */
};

/* struct streams - the three of them */
struct streams {
	struct stream output[2];	/* stdout and stderr */
	bool left_out;			/* lines of -v were left out last: stderr is slow */
	bool lost;			/* output was, and not since its reader is gone */
	bool input_open;		/* stdin may be read */
	uint32_t input_sent;		/* bytes of stdin that the command has not consumed yet */
	int console;			/* receives the guest's console; -1: it is not wanted */
	struct terminal terminal;	/* at stdin, if the command gets a terminal */
};

/**
 * streams_init() - looks at what they are
 * @streams: receives it
 */
void streams_init(struct streams *streams);

/**
 * streams_input_flags() - how the command's own reads of stdin have to fail
 *
 * Return: of enum job_flags, or 0.
 */
uint32_t streams_input_flags(void);

/**
 * streams_are_terminal() - whether stdin and stdout are a terminal that is ours
 */
bool streams_are_terminal(void);

/**
 * streams_unblock() - has no use of a terminal or a pipe wait for another process
 *
 * poll(2) says that a pipe can be written to, and another process fills it before this one
 * does. Those others keep descriptions of their own, which wait; programs that are started
 * later share what this opens.
 */
void streams_unblock(void);

/**
 * streams_full() - whether something waits for a reader: then the guest has to, too
 * @streams: the streams
 */
bool streams_full(const struct streams *streams);

/**
 * streams_add() - adds what the command has written
 * @streams: the streams
 * @number: 0 for stdout, 1 for stderr
 * @data: what
 * @length: how many bytes
 */
void streams_add(struct streams *streams, int number, const void *data, size_t length);

/**
 * streams_show() - adds lines of -v to stderr, or leaves them out if its reader is slow
 * @streams: the streams
 * @text: the lines
 */
void streams_show(struct streams *streams, const struct text *text);

/**
 * streams_write() - writes some of what waits; call it when poll(2) says that it can
 * @streams: the streams
 * @number: 0 for stdout, 1 for stderr
 * @error: receives why it cannot be written
 *
 * Return: whether the stream is broken since now.
 */
bool streams_write(struct streams *streams, int number, struct error *error);

/**
 * streams_give_up() - drops what no reader has read in time
 * @streams: the streams; nothing can be written to those that were full
 * @error: receives that output was lost
 */
void streams_give_up(struct streams *streams, struct error *error);

/**
 * streams_input_room() - how much of stdin may be sent now
 * @streams: the streams
 * @channel: where it goes
 *
 * Return: bytes.
 */
size_t streams_input_room(const struct streams *streams, const struct channel *channel);

/**
 * streams_input() - reads stdin and queues it for the command
 * @streams: the streams
 * @channel: where it goes
 *
 * Return: 0, 1 if the user typed what ends the run, or a negative errno: input is lost.
 */
int streams_input(struct streams *streams, struct channel *channel);

/**
 * streams_credit() - notes that the command has consumed some of its input
 * @streams: the streams
 * @frame: FRAME_CREDIT
 *
 * Return: 0, or -1 for a frame that no honest guest sends.
 */
int streams_credit(struct streams *streams, const struct frame *frame);

/**
 * terminal_begin() - puts the terminal into raw mode
 * @terminal: the terminal
 */
void terminal_begin(struct terminal *terminal);

/**
 * terminal_end() - gives it its own modes back
 * @terminal: the terminal
 */
void terminal_end(struct terminal *terminal);

/**
 * terminal_window() - the size of the terminal at stdout, in rows and columns
 */
struct winsize terminal_window(void);

void streams_free(struct streams *streams);

#endif
