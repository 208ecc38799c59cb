/* SPDX-License-Identifier: GPL-2.0 */
/* The connection to the host, as bytes. */
#ifndef QEMU_RUN_GUEST_CHANNEL_H
#define QEMU_RUN_GUEST_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "../wire/frame.h"

/**
 * struct channel - what connects init with the host
 * @fd: open, not blocking
 * @serial: it is a serial port: what is read from it has to be acknowledged
 * @unacknowledged: bytes read from a serial port since the last FRAME_ACK
 * @sum: frame_sum() of all bytes that were read from a serial port
 */
struct channel {
	int fd;
	bool serial;
	uint32_t unacknowledged;
	uint32_t sum;
};

/**
 * channel_open() - opens the connection to the host
 * @channel: receives it
 * @serial: by the second serial port, and not by virtio
 *
 * Says on the console what the kernel lacks when there is none.
 *
 * Return: 0 or a negative errno.
 */
int channel_open(struct channel *channel, bool serial);

/**
 * channel_read() - reads what has come, and counts it
 * @channel: the channel
 * @reader: receives it
 *
 * Return: as read(2).
 */
ssize_t channel_read(struct channel *channel, struct frame_reader *reader);

/**
 * channel_drain() - waits until a serial port has sent what was written to it
 * @channel: the channel; nothing is done if it is no serial port
 *
 * Waits for about a second at most: the host may read nothing.
 */
void channel_drain(const struct channel *channel);

#endif
