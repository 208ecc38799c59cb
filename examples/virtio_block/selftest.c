// SPDX-License-Identifier: GPL-2.0
/*
 * The first program for a block driver: what is written can be read back.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": selftest: " fmt

#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "block_driver.h"

/* Block 0 may have a boot sector or a partition table. */
#define BLOCK	1
#define TEXT	"0123"

/* Whether the device is what the driver is for, and has the block that is used here. */
static int check_device(struct block_driver *driver)
{
	const struct block_driver_ops *ops = driver->ops;
	const char *name = ops->device_name(driver), *type = ops->device_type(driver);
	u64 blocks = ops->num_blocks(driver);
	u32 size = ops->block_size(driver);

	pr_info("%s: %s, %llu blocks of %u bytes\n", name, type, blocks, size);
	if (strncmp(name, "vblk", 4) || strcmp(type, "virtio-blk") || size < 512 ||
	    !is_power_of_2(size) || blocks <= BLOCK) {
		pr_err("%s: not a virtio block device with a block %d\n", name, BLOCK);
		return -EINVAL;
	}
	return 0;
}

static int check_block(struct block_driver *driver, char *written, char *read)
{
	const struct block_driver_ops *ops = driver->ops;
	const char *step;
	int err;

	step = "read";
	err = ops->read_block(driver, BLOCK, written);
	if (err)
		goto failed;
	memcpy(written, TEXT, strlen(TEXT));
	step = "write";
	err = ops->write_block(driver, BLOCK, written);
	if (err)
		goto failed;
	step = "flush";
	err = ops->flush(driver);
	if (err)
		goto failed;
	step = "read back";
	err = ops->read_block(driver, BLOCK, read);
	if (err)
		goto failed;

	if (memcmp(written, read, ops->block_size(driver))) {
		pr_err("block %d is not what was written to it\n", BLOCK);
		return -EINVAL;
	}
	pr_info("block %d begins with %s and is as it was written\n", BLOCK, TEXT);
	return 0;

failed:
	pr_err("cannot %s block %d: error %d\n", step, BLOCK, err);
	return err;
}

int block_selftest(struct block_driver *driver)
{
	size_t size = driver->ops->block_size(driver);
	char *written, *read;
	int err = check_device(driver);

	if (err)
		return err;
	/* Zeroed: what a device does not write is not to be found on its medium. */
	written = kzalloc(size, GFP_KERNEL);
	read = kzalloc(size, GFP_KERNEL);
	err = written && read ? check_block(driver, written, read) : -ENOMEM;
	kfree(read);
	kfree(written);
	return err;
}
