// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "frame.h"

ssize_t frame_read(struct frame_reader *reader, int fd)
{
	ssize_t length;

	if (reader->start) {
		memmove(reader->buffer, reader->buffer + reader->start,
			reader->end - reader->start);
		reader->end -= reader->start;
		reader->start = 0;
	}
	length = read(fd, reader->buffer + reader->end, sizeof(reader->buffer) - reader->end);
	if (length > 0)
		reader->end += length;
	return length;
}

int frame_next(struct frame_reader *reader, struct frame *frame)
{
	struct frame_header header;
	size_t have = reader->end - reader->start;

	if (have < sizeof(header))
		return 0;
	memcpy(&header, reader->buffer + reader->start, sizeof(header));
	if (header.length > FRAME_MAX)
		return -EPROTO;
	if (have - sizeof(header) < header.length)
		return 0;
	frame->type = header.type;
	frame->length = header.length;
	frame->data = reader->buffer + reader->start + sizeof(header);
	reader->start += sizeof(header) + header.length;
	return 1;
}

bool frame_rest(const struct frame_reader *reader)
{
	return reader->start != reader->end;
}

uint32_t frame_sum(uint32_t sum, const void *data, size_t length)
{
	const unsigned char *from = data;

	while (length--)
		sum = (sum ^ *from++) * 0x01000193;
	return sum;
}
