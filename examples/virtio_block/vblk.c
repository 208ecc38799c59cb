// SPDX-License-Identifier: GPL-2.0
/*
 * A driver for a virtio block device, over PCI or memory-mapped: the kernel's virtio
 * bus hides the difference.
 *
 * One request at a time: it is put on the queue, the device is told, and the caller
 * sleeps until the device's interrupt says that it has been answered. See "Virtual I/O
 * Device (VIRTIO)", section 5.2, "Block Device", for the layout of a request.
 *
 * There is no MODULE_DEVICE_TABLE() on purpose: udev would load an example for the disk
 * that a machine has its root file system on.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/container_of.h>
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/workqueue.h>

#include "block_driver.h"

/* The unit of a request's place and of a device's capacity, whatever its block size. */
#define SECTOR_BITS	9

static bool selftest;
module_param(selftest, bool, 0444);
MODULE_PARM_DESC(selftest,
		 "try each device before it can be used; changes its block 1 (default 0)");

/* The numbers in vblk0, vblk1 and so on. */
static DEFINE_IDA(vblk_numbers);

/**
 * struct vblk_request - the parts of a request that are not data
 * @header: what the device is to do
 * @status: how that went; the last byte of a request, written by the device
 *
 * The device reads and writes these by itself, and not every machine keeps its caches
 * and its devices coherent. So they are an allocation of their own: kmalloc() aligns for
 * DMA as the architecture says, and no cache line has anything else that the processor
 * writes while the device has the request.
 */
struct vblk_request {
	struct virtio_blk_outhdr header;
	u8 status;
};

/**
 * struct vblk - one device
 * @driver: what others see of it
 * @vdev: the device on its bus; not to be touched unless there is a @queue
 * @name: vblk and a number
 * @number: that number
 * @block_bits: logarithm of the size of a block
 * @blocks: number of blocks; changes when the device is resized
 * @read_only: the device refuses writes
 * @has_flush: the device has a cache that is flushed by a request
 * @config_work: reads the size again
 * @request_lock: held by who has a request under way; all below belongs to the request
 * @queue_lock: guards @queue and what is put on it and taken from it
 * @queue: where requests are put; NULL when the device is not there (any more)
 * @done: the request is answered
 * @result: 0 or the errno that came of it
 * @request: what the device reads and writes besides the data
 */
struct vblk {
	struct block_driver driver;
	struct virtio_device *vdev;
	char name[16];
	int number;
	unsigned int block_bits;
	atomic64_t blocks;
	bool read_only;
	bool has_flush;
	struct work_struct config_work;

	struct mutex request_lock; /* held while a request is under way */
	spinlock_t queue_lock; /* guards queue and what is put on it and taken from it */
	struct virtqueue *queue;
	struct completion done;
	int result;
	struct vblk_request *request;
};

static struct vblk *to_vblk(const struct block_driver *driver)
{
	return container_of(driver, struct vblk, driver);
}

/* Context: @queue_lock held. */
static void vblk_finish(struct vblk *vblk, int result)
{
	vblk->result = result;
	complete(&vblk->done);
}

/* Looks whether the device has answered. Context: @queue_lock held. */
static bool vblk_collect(struct vblk *vblk, struct virtqueue *queue)
{
	unsigned int length;

	if (!virtqueue_get_buf(queue, &length))
		return false;
	switch (vblk->request->status) {
	case VIRTIO_BLK_S_OK:
		vblk_finish(vblk, 0);
		break;
	case VIRTIO_BLK_S_UNSUPP:
		vblk_finish(vblk, -EOPNOTSUPP);
		break;
	default:
		vblk_finish(vblk, -EIO);
		break;
	}
	return true;
}

/* The device has used the queue. Context: hard interrupt. */
static void vblk_interrupt(struct virtqueue *queue)
{
	struct vblk *vblk = queue->vdev->priv;
	unsigned long flags;

	spin_lock_irqsave(&vblk->queue_lock, flags);
	vblk_collect(vblk, queue);
	spin_unlock_irqrestore(&vblk->queue_lock, flags);
}

/*
 * Puts a request on the queue: first what the device reads, then what it writes.
 * @data is a block, or NULL. Context: @request_lock and @queue_lock held.
 */
static int vblk_submit(struct vblk *vblk, u32 type, u64 block, void *data)
{
	u64 sector = block << (vblk->block_bits - SECTOR_BITS);
	struct scatterlist header, body, status;
	struct scatterlist *request[3] = { &header };
	struct vblk_request *own = vblk->request;
	unsigned int out = 1, in = 0;

	if (!vblk->queue)
		return -ENODEV;
	own->header.type = cpu_to_virtio32(vblk->vdev, type);
	own->header.sector = cpu_to_virtio64(vblk->vdev, sector);
	sg_init_one(&header, &own->header, sizeof(own->header));
	if (data) {
		sg_init_one(&body, data, 1 << vblk->block_bits);
		request[1] = &body;
		if (type == VIRTIO_BLK_T_OUT)
			out++;
		else
			in++;
	}
	/* A device that answers without a word on how it went has not done it. */
	own->status = VIRTIO_BLK_S_IOERR;
	sg_init_one(&status, &own->status, sizeof(own->status));
	request[out + in] = &status;
	in++;

	reinit_completion(&vblk->done);
	return virtqueue_add_sgs(vblk->queue, request, out, in, vblk, GFP_ATOMIC);
}

/*
 * A request from its begin to its end. Once the device has it, nothing ends the wait
 * but an answer, or the end of the device: until then the memory is the device's.
 *
 * To tell the device takes long: in a virtual machine it is an exit. So the interrupt
 * handler of another processor need not wait for it: it is done without the spinlock.
 */
static int vblk_request(struct vblk *vblk, u32 type, u64 block, void *data)
{
	int err = mutex_lock_killable(&vblk->request_lock);
	struct virtqueue *queue;
	bool tell = false;

	if (err)
		return err;
	spin_lock_irq(&vblk->queue_lock);
	queue = vblk->queue;
	err = vblk_submit(vblk, type, block, data);
	if (!err)
		tell = virtqueue_kick_prepare(queue);
	spin_unlock_irq(&vblk->queue_lock);
	if (tell)
		virtqueue_notify(queue);
	if (!err) {
		wait_for_completion_io(&vblk->done);
		err = vblk->result;
	}
	mutex_unlock(&vblk->request_lock);
	return err;
}

static const char *vblk_device_name(const struct block_driver *driver)
{
	return to_vblk(driver)->name;
}

static const char *vblk_device_type(const struct block_driver *driver)
{
	return "virtio-blk";
}

static u64 vblk_num_blocks(const struct block_driver *driver)
{
	return atomic64_read(&to_vblk(driver)->blocks);
}

static u32 vblk_block_size(const struct block_driver *driver)
{
	return 1 << to_vblk(driver)->block_bits;
}

static int vblk_read_block(struct block_driver *driver, u64 block, void *buffer)
{
	struct vblk *vblk = to_vblk(driver);

	if (block >= vblk_num_blocks(driver))
		return -ENXIO;
	return vblk_request(vblk, VIRTIO_BLK_T_IN, block, buffer);
}

static int vblk_write_block(struct block_driver *driver, u64 block, void *buffer)
{
	struct vblk *vblk = to_vblk(driver);

	if (vblk->read_only)
		return -EROFS;
	if (block >= vblk_num_blocks(driver))
		return -ENXIO;
	return vblk_request(vblk, VIRTIO_BLK_T_OUT, block, buffer);
}

static int vblk_flush(struct block_driver *driver)
{
	struct vblk *vblk = to_vblk(driver);

	/* A device without it has written what it says that it has written. */
	if (!vblk->has_flush)
		return READ_ONCE(vblk->queue) ? 0 : -ENODEV;
	return vblk_request(vblk, VIRTIO_BLK_T_FLUSH, 0, NULL);
}

static void vblk_release(struct block_driver *driver)
{
	struct vblk *vblk = to_vblk(driver);

	ida_free(&vblk_numbers, vblk->number);
	kfree(vblk->request);
	kfree(vblk);
}

static const struct block_driver_ops vblk_ops = {
	.device_name = vblk_device_name,
	.device_type = vblk_device_type,
	.num_blocks = vblk_num_blocks,
	.block_size = vblk_block_size,
	.read_block = vblk_read_block,
	.write_block = vblk_write_block,
	.flush = vblk_flush,
	.release = vblk_release,
};

/* Learns how many blocks there are: at first, and whenever that may have changed. */
static int vblk_read_capacity(struct vblk *vblk)
{
	struct virtio_device *vdev = vblk->vdev;
	u64 capacity;

	virtio_cread(vdev, struct virtio_blk_config, capacity, &capacity);
	if (capacity > LLONG_MAX >> SECTOR_BITS) {
		dev_err(&vdev->dev, "%llu sectors: not supported\n", capacity);
		return -EINVAL;
	}
	atomic64_set(&vblk->blocks, capacity >> (vblk->block_bits - SECTOR_BITS));
	return 0;
}

/* A size that is not supported leaves the old one: the device refuses what it has not. */
static void vblk_config_work(struct work_struct *work)
{
	struct vblk *vblk = container_of(work, struct vblk, config_work);
	u64 had = vblk_num_blocks(&vblk->driver), blocks;

	vblk_read_capacity(vblk);
	blocks = vblk_num_blocks(&vblk->driver);
	if (blocks != had)
		dev_info(&vblk->vdev->dev, "%s: resized from %llu to %llu blocks\n",
			 vblk->name, had, blocks);
}

/* Context: hard interrupt, where the device's configuration cannot be read: that may sleep. */
static void vblk_config_changed(struct virtio_device *vdev)
{
	struct vblk *vblk = vdev->priv;

	schedule_work(&vblk->config_work);
}

/* Learns from the device what it is like. */
static int vblk_read_config(struct vblk *vblk)
{
	struct virtio_device *vdev = vblk->vdev;
	u32 block_size;

	if (virtio_cread_feature(vdev, VIRTIO_BLK_F_BLK_SIZE, struct virtio_blk_config,
				 blk_size, &block_size))
		block_size = 1 << SECTOR_BITS;
	if (block_size < 1 << SECTOR_BITS || block_size > PAGE_SIZE ||
	    !is_power_of_2(block_size)) {
		dev_err(&vdev->dev, "blocks of %u bytes: not supported\n", block_size);
		return -EINVAL;
	}

	vblk->block_bits = ilog2(block_size);
	vblk->read_only = virtio_has_feature(vdev, VIRTIO_BLK_F_RO);
	vblk->has_flush = virtio_has_feature(vdev, VIRTIO_BLK_F_FLUSH);
	return vblk_read_capacity(vblk);
}

/* From here on the device takes requests. */
static int vblk_start(struct vblk *vblk)
{
	struct virtqueue *queue = virtio_find_single_vq(vblk->vdev, vblk_interrupt, "requests");

	if (IS_ERR(queue))
		return PTR_ERR(queue);
	spin_lock_irq(&vblk->queue_lock);
	vblk->queue = queue;
	spin_unlock_irq(&vblk->queue_lock);
	virtio_device_ready(vblk->vdev);
	return 0;
}

/*
 * In reverse: no new request, then none under way. The reset makes the device let go of
 * the memory of the one that it has; whoever waits for that is told only after it.
 *
 * Its configuration does not change any more: the bus has seen to that before remove and
 * freeze, and before the end of probe.
 */
static void vblk_stop(struct vblk *vblk)
{
	struct virtqueue *queue = vblk->queue;

	flush_work(&vblk->config_work);
	if (!queue)
		return;
	spin_lock_irq(&vblk->queue_lock);
	vblk->queue = NULL;
	spin_unlock_irq(&vblk->queue_lock);
	virtio_reset_device(vblk->vdev);
	spin_lock_irq(&vblk->queue_lock);
	/* It may have answered at the last moment, and its interrupt be yet to come. */
	if (!vblk_collect(vblk, queue) && virtqueue_detach_unused_buf(queue))
		vblk_finish(vblk, -ENODEV);
	spin_unlock_irq(&vblk->queue_lock);
	/* Who put the last request on the queue may yet be telling the device. */
	mutex_lock(&vblk->request_lock);
	vblk->vdev->config->del_vqs(vblk->vdev);
	mutex_unlock(&vblk->request_lock);
}

static int vblk_probe(struct virtio_device *vdev)
{
	struct vblk *vblk = kzalloc(sizeof(*vblk), GFP_KERNEL);
	int err = -ENOMEM;

	if (!vblk)
		return err;
	vblk->request = kzalloc(sizeof(*vblk->request), GFP_KERNEL);
	if (!vblk->request)
		goto free;
	err = ida_alloc(&vblk_numbers, GFP_KERNEL);
	if (err < 0)
		goto free;
	vblk->number = err;
	snprintf(vblk->name, sizeof(vblk->name), "vblk%d", vblk->number);
	vblk->driver.ops = &vblk_ops;
	kref_init(&vblk->driver.users);
	mutex_init(&vblk->request_lock);
	spin_lock_init(&vblk->queue_lock);
	init_completion(&vblk->done);
	INIT_WORK(&vblk->config_work, vblk_config_work);
	vblk->vdev = vdev;
	vdev->priv = vblk;

	err = vblk_read_config(vblk);
	if (err)
		goto put;
	err = vblk_start(vblk);
	if (err)
		goto put;
	if (selftest) {
		err = block_selftest(&vblk->driver);
		if (err)
			goto stop;
	}
	err = block_node_register(&vblk->driver, &vdev->dev);
	if (err)
		goto stop;
	dev_info(&vdev->dev, "%s: %llu blocks of %u bytes%s\n", vblk->name,
		 vblk_num_blocks(&vblk->driver), 1 << vblk->block_bits,
		 vblk->read_only ? ", read-only" : "");
	return 0;

stop:
	vblk_stop(vblk);
put:
	block_driver_put(&vblk->driver);
	return err;

free:
	kfree(vblk->request);
	kfree(vblk);
	return err;
}

/* In reverse order of probe. */
static void vblk_remove(struct virtio_device *vdev)
{
	struct vblk *vblk = vdev->priv;

	block_node_deregister(&vblk->driver);
	vblk_stop(vblk);
	block_driver_put(&vblk->driver);
}

#ifdef CONFIG_PM_SLEEP
/* All tasks are frozen, and none of them in a request: the kernel waits for those. */
static int vblk_freeze(struct virtio_device *vdev)
{
	vblk_stop(vdev->priv);
	return 0;
}

static int vblk_restore(struct virtio_device *vdev)
{
	struct vblk *vblk = vdev->priv;

	schedule_work(&vblk->config_work);
	return vblk_start(vblk);
}
#endif

static const struct virtio_device_id vblk_ids[] = {
	{ VIRTIO_ID_BLOCK, VIRTIO_DEV_ANY_ID },
	{ }
};

static const unsigned int vblk_features[] = {
	VIRTIO_BLK_F_RO,
	VIRTIO_BLK_F_BLK_SIZE,
	VIRTIO_BLK_F_FLUSH,
};

static struct virtio_driver vblk_driver = {
	.driver.name = KBUILD_MODNAME,
	.driver.owner = THIS_MODULE,
	.id_table = vblk_ids,
	.feature_table = vblk_features,
	.feature_table_size = ARRAY_SIZE(vblk_features),
	.probe = vblk_probe,
	.remove = vblk_remove,
	.config_changed = vblk_config_changed,
#ifdef CONFIG_PM_SLEEP
	.freeze = vblk_freeze,
	.restore = vblk_restore,
#endif
};

module_virtio_driver(vblk_driver);

MODULE_DESCRIPTION("Example: a driver for a virtio block device");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
