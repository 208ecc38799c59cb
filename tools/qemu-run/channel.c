// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "channel.h"

/* Ten times as long as the guest's init waits before it acknowledges what it has. */
#define NUDGE_NS      1000000000ULL
/* With the window less than a tty has room for, and enough for all the input there is. */
#define NUDGE_MAX     (2 * SERIAL_WINDOW)

void channel_init(struct channel *channel, int fd, bool serial)
{
	*channel = (struct channel){ .fd = fd, .serial = serial, .sum = FRAME_SUM };
}

void channel_queue(struct channel *channel, uint32_t type, const void *data, size_t length)
{
	struct frame_header header = { .length = length, .type = type };

	text_add(&channel->queue, &header, sizeof(header));
	text_add(&channel->queue, data, length);
}

size_t channel_sendable(const struct channel *channel)
{
	size_t waiting = channel->queue.length - channel->in_flight;
	size_t window = SERIAL_WINDOW + channel->nudged;
	size_t room = channel->in_flight < window ? window - channel->in_flight : 0;

	return channel->serial && waiting > room ? room : waiting;
}

void channel_send(struct channel *channel)
{
	ssize_t done = send(channel->fd, channel->queue.data + channel->in_flight,
			    channel_sendable(channel), MSG_NOSIGNAL);

	if (done <= 0)
		return;
	channel->sent_ns = now_ns();
	if (!channel->serial) {
		text_drop(&channel->queue, done);
		return;
	}
	/* Kept until it is known that they arrived. */
	if (!channel->in_flight)
		channel->quiet_since = now_ns();
	channel->in_flight += done;
}

bool channel_receive(struct channel *channel)
{
	ssize_t length = frame_read(&channel->reader, channel->fd);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length <= 0) {
		close_fd(&channel->fd);
		return false;
	}
	return true;
}

int channel_acknowledge(struct channel *channel, const struct frame *frame)
{
	struct ack ack;

	if (!channel->serial || frame->length != sizeof(ack))
		return -EPROTO;
	memcpy(&ack, frame->data, sizeof(ack));
	if (ack.bytes > channel->in_flight)
		return -EPROTO;
	channel->sum = frame_sum(channel->sum, channel->queue.data, ack.bytes);
	channel->in_flight -= ack.bytes;
	channel->unsettled -= channel->unsettled < ack.bytes ? channel->unsettled : ack.bytes;
	if (!channel->unsettled)
		channel->nudged = 0;
	channel->quiet_since = now_ns();
	text_drop(&channel->queue, ack.bytes);
	return channel->sum == ack.sum ? 0 : -EIO;
}

uint64_t channel_nudge_due(const struct channel *channel)
{
	if (!channel->serial || !channel->in_flight || channel->nudged >= NUDGE_MAX)
		return 0;
	return channel->quiet_since + NUDGE_NS;
}

/*
 * The guest acknowledges what it has read when it has read something. If all bytes in
 * flight were lost, it says nothing and waits for more, and so does the host. So the
 * host sends more: at first a little, then as much again. These are the next bytes of
 * the queue, and then frames without a purpose. Their sum differs from that of the lost
 * bytes, even if those are all the same.
 */
void channel_nudge(struct channel *channel)
{
	size_t more = channel->nudged ? channel->nudged : sizeof(struct frame_header);

	channel->quiet_since = now_ns();
	channel->nudged += more;
	channel->unsettled = channel->in_flight;
	while (channel->queue.length - channel->in_flight < more)
		channel_queue(channel, FRAME_NUDGE, NULL, 0);
}

void channel_free(struct channel *channel)
{
	close_fd(&channel->fd);
	text_free(&channel->queue);
}
