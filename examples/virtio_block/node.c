// SPDX-License-Identifier: GPL-2.0
/*
 * A block device as a file: whole blocks by read and write; fsync flushes, and so does a
 * write with O_SYNC or O_DSYNC.
 *
 * The kernel's block layer would give it a cache, partitions and a queue. Here each
 * system call is as many calls of the driver as it has blocks, one after the other.
 */
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "block_driver.h"

static void release(struct kref *users)
{
	struct block_driver *driver = container_of(users, struct block_driver, users);

	driver->ops->release(driver);
}

void block_driver_put(struct block_driver *driver)
{
	kref_put(&driver->users, release);
}

/*
 * The kernel holds the lock that block_node_deregister() waits for: while the node is
 * registered, the driver is a user, and there is a count to add to.
 */
static int node_open(struct inode *inode, struct file *file)
{
	struct block_driver *driver =
		container_of(file->private_data, struct block_driver, node);

	kref_get(&driver->users);
	file->private_data = driver;
	return 0;
}

static int node_release(struct inode *inode, struct file *file)
{
	block_driver_put(file->private_data);
	return 0;
}

/* Moves one block between the device and the user's memory. */
static int transfer_block(struct block_driver *driver, u64 block, void *buffer,
			  struct iov_iter *iter)
{
	size_t size = driver->ops->block_size(driver);
	int err;

	if (iov_iter_rw(iter) == WRITE) {
		if (!copy_from_iter_full(buffer, size, iter))
			return -EFAULT;
		return driver->ops->write_block(driver, block, buffer);
	}
	err = driver->ops->read_block(driver, block, buffer);
	if (err)
		return err;
	return copy_to_iter(buffer, size, iter) == size ? 0 : -EFAULT;
}

/*
 * What was done before an error counts; the error comes with the next call.
 *
 * The buffer is zeroed: if a device answers without having written to it, user space
 * gets zeroes, and not what this memory held before.
 */
static ssize_t node_transfer(struct kiocb *iocb, struct iov_iter *iter)
{
	struct block_driver *driver = iocb->ki_filp->private_data;
	u32 size = driver->ops->block_size(driver);
	size_t length = iov_iter_count(iter);
	size_t done = 0;
	void *buffer;
	int err = 0;

	if (!IS_ALIGNED(iocb->ki_pos, size) || !IS_ALIGNED(length, size))
		return -EINVAL;
	buffer = kzalloc(size, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	while (done < length && !err) {
		err = signal_pending(current) ? -ERESTARTSYS :
		      transfer_block(driver, iocb->ki_pos >> ilog2(size), buffer, iter);
		if (!err) {
			iocb->ki_pos += size;
			done += size;
		}
	}
	kfree(buffer);
	return done ?: err;
}

/* With O_SYNC or O_DSYNC a write returns when the device has put it on its medium. */
static ssize_t node_write(struct kiocb *iocb, struct iov_iter *from)
{
	ssize_t done = node_transfer(iocb, from);

	return done > 0 ? generic_write_sync(iocb, done) : done;
}

static int node_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct block_driver *driver = file->private_data;

	return driver->ops->flush(driver);
}

static loff_t node_llseek(struct file *file, loff_t offset, int whence)
{
	struct block_driver *driver = file->private_data;
	loff_t size = driver->ops->num_blocks(driver) << ilog2(driver->ops->block_size(driver));

	return fixed_size_llseek(file, offset, whence, size);
}

static const struct file_operations node_fops = {
	.owner = THIS_MODULE,
	.open = node_open,
	.release = node_release,
	.read_iter = node_transfer,
	.write_iter = node_write,
	.fsync = node_fsync,
	.llseek = node_llseek,
};

int block_node_register(struct block_driver *driver, struct device *parent)
{
	driver->node.minor = MISC_DYNAMIC_MINOR;
	driver->node.name = driver->ops->device_name(driver);
	driver->node.fops = &node_fops;
	driver->node.parent = parent;
	return misc_register(&driver->node);
}

void block_node_deregister(struct block_driver *driver)
{
	misc_deregister(&driver->node);
}
