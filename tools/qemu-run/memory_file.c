// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "memory_file.h"

#define CHUNK	     (64 * 1024)

/* So much growth, in blocks of 512 bytes, is not worth a look at all of the file. */
#define GROWTH_MAX   ((32 << 20) / 512)

int memory_file_punch(int file)
{
	static const char zeroes[CHUNK];
	static char part[CHUNK];
	struct stat st;
	off_t at, data;

	if (fstat(file, &st))
		return -errno;
	for (at = 0; at < st.st_size; at += CHUNK) {
		data = lseek(file, at, SEEK_DATA);
		if (data < 0)
			break;
		at = data / CHUNK * CHUNK;
		if (pread(file, part, CHUNK, at) != CHUNK)
			return -errno;
		if (!memcmp(part, zeroes, CHUNK) &&
		    fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, CHUNK))
			return errno == EOPNOTSUPP ? 0 : -errno;
	}
	return 0;
}

uint64_t memory_file_blocks(int file)
{
	struct stat st;

	return fstat(file, &st) ? 0 : st.st_blocks;
}

void memory_file_shrink(int file, uint64_t blocks)
{
	if (blocks && memory_file_blocks(file) > blocks + GROWTH_MAX)
		(void)memory_file_punch(file);
}
