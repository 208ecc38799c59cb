/* SPDX-License-Identifier: GPL-2.0 */
/* Frames out of a stream of bytes. */
#ifndef QEMU_RUN_FRAME_H
#define QEMU_RUN_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "protocol.h"

struct frame {
	uint32_t type;
	uint32_t length;
	const unsigned char *data; /* valid until the reader reads again */
};

/*
 * Bytes [start, end) of the buffer are read and not yet taken. Room for two
 * frames: a whole read fits behind a frame of which one byte is missing.
 */
struct frame_reader {
	size_t start;
	size_t end;
	unsigned char buffer[2 * (FRAME_MAX + sizeof(struct frame_header))];
};

/**
 * frame_read() - reads more bytes
 * @reader: the reader, all zeroes when empty; has room once frame_next() returned 0
 * @fd: where from
 *
 * Moves what is left to the front of the buffer: frames taken before are gone.
 *
 * Return: as read(2); the bytes are the last before @reader->end.
 */
ssize_t frame_read(struct frame_reader *reader, int fd);

/**
 * frame_next() - takes the next frame
 * @reader: the reader
 * @frame: receives the frame
 *
 * Return: 1 for a frame, 0 when more bytes are needed, -EPROTO when what came
 * cannot be a frame: the stream is lost.
 */
int frame_next(struct frame_reader *reader, struct frame *frame);

/**
 * frame_rest() - whether there are bytes that have not been taken
 * @reader: the reader
 */
bool frame_rest(const struct frame_reader *reader);

/* What frame_sum() starts with. */
#define FRAME_SUM 0x811c9dc5

/**
 * frame_sum() - adds bytes to a sum, to see whether some were lost
 * @sum: so far; FRAME_SUM before the first
 * @data: the bytes
 * @length: how many
 *
 * Return: 32 bits of FNV-1a.
 */
uint32_t frame_sum(uint32_t sum, const void *data, size_t length);

#endif
