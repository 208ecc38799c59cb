/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host's end of what connects it with the guest's init: a virtio-serial port, or
 * else a serial port, whose bytes have to be acknowledged (see wire/protocol.h).
 */
#ifndef QEMU_RUN_CHANNEL_H
#define QEMU_RUN_CHANNEL_H

#include <stdbool.h>
#include "util.h"
#include "wire/frame.h"

/* The caller stops to read its own input while more than this waits for the guest. */
#define CHANNEL_QUEUE_HIGH (256 * 1024)

/* struct channel - the connection */
struct channel {
	int fd;				/* not blocking, or -1 */
	bool serial;			/* it is a serial port */
	struct frame_reader reader;	/* what has come from the guest */
	/* frames for the guest; of a serial port's, its first in_flight bytes are sent */
	struct text queue;
	uint64_t sent_ns;		/* when the last of it was sent, by now_ns() */
	size_t in_flight;		/* bytes sent and not acknowledged */
	size_t nudged;			/* so much more than SERIAL_WINDOW may be in flight */
	size_t unsettled;		/* bytes of the last nudge, still unacknowledged */
	/* when the guest last acknowledged something, while bytes are in flight */
	uint64_t quiet_since;
	uint32_t sum;			/* frame_sum() of what was acknowledged */
};

/**
 * channel_init() - makes an empty one
 * @channel: the channel
 * @fd: its descriptor, not blocking
 * @serial: a serial port
 */
void channel_init(struct channel *channel, int fd, bool serial);

/**
 * channel_queue() - queues a frame for the guest
 * @channel: the channel
 * @type: the frame's type
 * @data: its bytes
 * @length: how many
 */
void channel_queue(struct channel *channel, uint32_t type, const void *data, size_t length);

/**
 * channel_sendable() - how much channel_send() may send now
 * @channel: the channel
 *
 * Return: bytes.
 */
size_t channel_sendable(const struct channel *channel);

/**
 * channel_send() - sends what the connection takes without waiting
 * @channel: the channel
 */
void channel_send(struct channel *channel);

/**
 * channel_receive() - reads what has come
 * @channel: the channel; its descriptor is closed at the end of the stream
 *
 * Return: whether something had come.
 */
bool channel_receive(struct channel *channel);

/**
 * channel_acknowledge() - notes what the guest has read off its serial port
 * @channel: the channel
 * @frame: FRAME_ACK
 *
 * Return: 0; -EPROTO for a frame that no honest guest sends; -EIO where input was
 * lost on its way.
 */
int channel_acknowledge(struct channel *channel, const struct frame *frame);

/**
 * channel_nudge_due() - when to ask what has become of the bytes in flight
 * @channel: the channel
 *
 * Return: the time by now_ns(), or 0 for never.
 */
uint64_t channel_nudge_due(const struct channel *channel);

/**
 * channel_nudge() - asks the guest what it has read
 * @channel: the channel
 */
void channel_nudge(struct channel *channel);

void channel_free(struct channel *channel);

#endif
