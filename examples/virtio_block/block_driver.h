/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a driver of a block device offers, whatever the device is. vblk.c offers it;
 * node.c hands it on to user space, and selftest.c tries it.
 */
#ifndef BLOCK_DRIVER_H
#define BLOCK_DRIVER_H

#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/types.h>

struct block_driver;

/**
 * struct block_driver_ops - the functions of a block device
 * @device_name: name, unique among such devices, as in /dev
 * @device_type: what kind of device it is
 * @num_blocks: number of blocks
 * @block_size: bytes in a block, a power of two
 * @read_block: read one block into @buffer
 * @write_block: write one block from @buffer
 * @flush: have the device put on its medium what it was given to write
 * @release: free @driver, which nobody uses any more
 *
 * The device itself reads and writes the buffers: they have @block_size bytes, and come
 * from kmalloc(), not from the stack and not from vmalloc().
 *
 * Context: Process context. The last four may sleep, until the device has answered.
 * Return: @read_block, @write_block and @flush: 0, or
 *	   -EIO if the device failed to do it,
 *	   -EOPNOTSUPP if it does not know how to,
 *	   -ENXIO if it has no such block,
 *	   -EROFS if it can only be read,
 *	   -ENODEV if it is gone, or
 *	   -EINTR if the caller was killed while the device was busy with others.
 */
struct block_driver_ops {
	const char *(*device_name)(const struct block_driver *driver);
	const char *(*device_type)(const struct block_driver *driver);
	u64 (*num_blocks)(const struct block_driver *driver);
	u32 (*block_size)(const struct block_driver *driver);
	int (*read_block)(struct block_driver *driver, u64 block, void *buffer);
	int (*write_block)(struct block_driver *driver, u64 block, void *buffer);
	int (*flush)(struct block_driver *driver);
	void (*release)(struct block_driver *driver);
};

/**
 * struct block_driver - a block device
 * @ops: its functions
 * @users: the driver, as long as the device is there, and each open file
 * @node: its node in /dev
 *
 * A device may go while a file is open. The object lives until the last user puts it;
 * in between, the functions return -ENODEV.
 */
struct block_driver {
	const struct block_driver_ops *ops;
	struct kref users;
	struct miscdevice node;
};

/**
 * block_driver_put() - stop using a block device
 * @driver: the device; freed if that was its last user
 *
 * Context: Process context, may sleep.
 */
void block_driver_put(struct block_driver *driver);

/**
 * block_node_register() - make the device's node in /dev
 * @driver: the device, whose functions are called from now on
 * @parent: where sysfs shows the node
 *
 * Context: Process context, may sleep.
 * Return: 0 or a negative errno.
 */
int block_node_register(struct block_driver *driver, struct device *parent);

/**
 * block_node_deregister() - remove the device's node
 * @driver: the device; files that are open stay so
 *
 * Context: Process context, may sleep.
 */
void block_node_deregister(struct block_driver *driver);

/**
 * block_selftest() - see whether the device keeps what is written to it
 * @driver: the device; the first bytes of block 1 are changed
 *
 * Context: Process context, may sleep.
 * Return: 0, the errno of the function that failed, or -EINVAL if what one returned is
 *	   not as it should be.
 */
int block_selftest(struct block_driver *driver);

#endif /* BLOCK_DRIVER_H */
