// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "blk.h"

int blk_look(const uint8_t *begun, size_t count)
{
	char path[16];
	size_t i;
	int disk;

	for (i = 0; i < count; i++) {
		/* vda to vdz, vdaa and on: see virtblk_name_format(). */
		if (i < 26)
			snprintf(path, sizeof(path), "/dev/vd%c", (int)('a' + i));
		else
			snprintf(path, sizeof(path), "/dev/vd%c%c", (int)('a' + i / 26 - 1),
				 (int)('a' + i % 26));
		if (access(path, F_OK))
			return -ENODEV;
		if (!begun[i])
			continue;
		disk = open(path, O_RDONLY | O_CLOEXEC);
		if (disk < 0)
			continue;
		/* It fails where partitions cannot be, and that is no error. */
		ioctl(disk, BLKRRPART);
		close(disk);
	}
	return 0;
}
