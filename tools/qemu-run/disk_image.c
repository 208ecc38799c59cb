// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "disk_image.h"

#define MARK "user.qemu-run.raw"

/* The beginning of a qcow2's header, big endian: QEMU's docs/interop/qcow2.txt. */
struct qcow2 {
	char magic[4];
	uint32_t version;
	uint64_t backing_file;
	uint32_t backing_file_length;
	uint32_t cluster_bits;
	uint64_t size;
	uint32_t others[10];
	uint64_t incompatible_features; /* from version 3 on */
};

#define EXTERNAL_DATA_FILE 4

static bool has_data_file(const struct qcow2 *header)
{
	return be32toh(header->version) >= 3 &&
	       be64toh(header->incompatible_features) & EXTERNAL_DATA_FILE;
}

const char *disk_image_look(struct disk_image *image, int file, bool raw)
{
	union {
		struct qcow2 qcow2;
		char bytes[512];
	} start = { 0 };
	static const char empty[sizeof(start)];
	off_t size = lseek(file, 0, SEEK_END);

	if (size < 0 || pread(file, &start, sizeof(start), 0) < 0)
		return strerror(errno);
	*image = (struct disk_image){
		.size = size,
		.begun = memcmp(&start, empty, sizeof(start)),
	};
	if (raw || memcmp(start.qcow2.magic, "QFI\xfb", 4) || fgetxattr(file, MARK, NULL, 0) >= 0)
		return NULL;
	if (start.qcow2.backing_file || has_data_file(&start.qcow2))
		return "a qcow2 that needs another file: make one by qemu-img convert -O qcow2";
	image->qcow2 = true;
	image->size = be64toh(start.qcow2.size);
	return NULL;
}

void disk_image_mark_raw(int file)
{
	fsetxattr(file, MARK, "", 0, 0);
}
