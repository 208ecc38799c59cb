/* SPDX-License-Identifier: GPL-2.0 */
/* What a disk image is: raw or qcow2, by its content. */
#ifndef QEMU_RUN_DISK_IMAGE_H
#define QEMU_RUN_DISK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct disk_image - a disk image
 * @qcow2: it is a qcow2, else raw
 * @begun: its first sector may hold something
 * @size: of the disk, in bytes
 */
struct disk_image {
	bool qcow2;
	bool begun;
	uint64_t size;
};

/**
 * disk_image_look() - finds out what an image is
 * @image: receives it
 * @file: the image, open for reading
 * @raw: it is raw, whatever it begins with
 *
 * A guest could make its raw disk begin as a qcow2 does, one that names a file of the
 * host's as its backing file. So an image that names other files is refused, and one that
 * disk_image_mark_raw() has marked stays raw.
 *
 * Return: NULL, or why it cannot be used.
 */
const char *disk_image_look(struct disk_image *image, int file, bool raw);

/**
 * disk_image_mark_raw() - marks a raw image that a guest may write to
 * @file: the image; where its file system has no extended attributes, nothing is done
 */
void disk_image_mark_raw(int file);

#endif
