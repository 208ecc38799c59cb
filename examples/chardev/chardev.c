// SPDX-License-Identifier: GPL-2.0
/*
 * A character device with a buffer: what is written to it can be read back.
 *
 * Each device has one buffer of a fixed size, zeroes at first, which all who open the
 * device share. Each open file has a position of its own, kept by the kernel.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>

#define COUNT_MAX	16
#define SIZE_MAX_BYTES	SZ_16M

static unsigned int count = 1;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "number of devices: chardev, chardev1 and so on (1-16, default 1)");

static unsigned int size = 4096;
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "bytes that each device holds (1-16777216, default 4096)");

/**
 * struct chardev - one device
 * @lock: held while bytes go into @buffer or come from it
 * @buffer: what was written, @size bytes
 */
struct chardev {
	struct mutex lock; /* guards the bytes of the buffer */
	char *buffer;
};

static struct chardev chardevs[COUNT_MAX];

/* The major number that the kernel chose, and minor numbers from 0 on. */
static dev_t first_number;

/* Connects these numbers with chardev_fops. */
static struct cdev chardev_cdev;

/* Has udev, or the kernel's devtmpfs, make a node in /dev for each device. */
static struct class chardev_class = {
	.name = KBUILD_MODNAME,
};

static int chardev_open(struct inode *inode, struct file *file)
{
	file->private_data = &chardevs[iminor(inode)];
	return 0;
}

/*
 * An iov_iter is where the user's bytes come from or go to. copy_to_iter() returns how
 * many it has copied: fewer than asked for where the user's memory ends, and none is
 * an error. At the end of the buffer that is 0 without an error: end of file.
 *
 * Interruptible: a task that waits for the lock can be killed.
 */
static ssize_t chardev_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct chardev *chardev = iocb->ki_filp->private_data;
	size_t length = iov_iter_count(to);
	size_t done;

	if (!length || iocb->ki_pos >= size)
		return 0;
	length = min_t(size_t, length, size - iocb->ki_pos);
	if (mutex_lock_interruptible(&chardev->lock))
		return -ERESTARTSYS;
	done = copy_to_iter(chardev->buffer + iocb->ki_pos, length, to);
	mutex_unlock(&chardev->lock);
	if (!done)
		return -EFAULT;
	iocb->ki_pos += done;
	return done;
}

/*
 * copy_from_user() would do as well, but for one thing: where it can copy only a part,
 * it fills the rest with zeroes, and what the buffer had there is lost.
 */
static ssize_t chardev_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct chardev *chardev = iocb->ki_filp->private_data;
	size_t length = iov_iter_count(from);
	size_t done;

	if (!length)
		return 0;
	/* Not 0: most programs would try again for ever. */
	if (iocb->ki_pos >= size)
		return -ENOSPC;
	length = min_t(size_t, length, size - iocb->ki_pos);
	if (mutex_lock_interruptible(&chardev->lock))
		return -ERESTARTSYS;
	done = copy_from_iter(chardev->buffer + iocb->ki_pos, length, from);
	mutex_unlock(&chardev->lock);
	if (!done)
		return -EFAULT;
	iocb->ki_pos += done;
	return done;
}

static loff_t chardev_llseek(struct file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file, offset, whence, size);
}

static const struct file_operations chardev_fops = {
	.owner = THIS_MODULE,
	.open = chardev_open,
	.read_iter = chardev_read,
	.write_iter = chardev_write,
	.llseek = chardev_llseek,
};

static int __init chardev_create(unsigned int index)
{
	struct chardev *chardev = &chardevs[index];
	struct device *device;

	chardev->buffer = kvzalloc(size, GFP_KERNEL);
	if (!chardev->buffer)
		return -ENOMEM;
	mutex_init(&chardev->lock);
	/* Has devtmpfs or udev make the node: /dev/chardev, /dev/chardev1 and so on. */
	device = device_create(&chardev_class, NULL, first_number + index, NULL,
			       index ? KBUILD_MODNAME "%u" : KBUILD_MODNAME, index);
	if (IS_ERR(device)) {
		kvfree(chardev->buffer);
		return PTR_ERR(device);
	}
	return 0;
}

static void chardev_destroy(unsigned int index)
{
	device_destroy(&chardev_class, first_number + index);
	kvfree(chardevs[index].buffer);
}

static int __init chardev_init(void)
{
	unsigned int made;
	int err;

	if (count < 1 || count > COUNT_MAX) {
		pr_err("count=%u: out of range: give 1 to %d\n", count, COUNT_MAX);
		return -ERANGE;
	}
	if (size < 1 || size > SIZE_MAX_BYTES) {
		pr_err("size=%u: out of range: give 1 to %d\n", size, SIZE_MAX_BYTES);
		return -ERANGE;
	}

	err = alloc_chrdev_region(&first_number, 0, count, KBUILD_MODNAME);
	if (err) {
		pr_err("cannot get a device number: error %d\n", err);
		return err;
	}
	err = class_register(&chardev_class);
	if (err) {
		pr_err("cannot register the class: error %d\n", err);
		goto unregister_region;
	}
	for (made = 0; made < count; made++) {
		err = chardev_create(made);
		if (err) {
			pr_err("cannot make device %u: error %d\n", made, err);
			goto destroy_chardevs;
		}
	}
	/*
	 * From here on the devices can be opened, and an open file needs all of the above. So
	 * nothing may fail after this: the kernel frees a module whose load fails, and waits
	 * for no open file.
	 *
	 * The price: device_create() has told udev of the device already, and until now an
	 * open fails with ENXIO. A rule of udev's that opens the node at once may see that.
	 * cdev_device_add() has the opposite order and the opposite price. misc_register() has
	 * neither: its open waits for a lock that it holds meanwhile.
	 */
	cdev_init(&chardev_cdev, &chardev_fops);
	chardev_cdev.owner = THIS_MODULE;
	err = cdev_add(&chardev_cdev, first_number, count);
	if (err) {
		pr_err("cannot add the devices: error %d\n", err);
		goto destroy_chardevs;
	}
	pr_info("major number %d, %u devices of %u bytes\n", MAJOR(first_number), count, size);
	return 0;

destroy_chardevs:
	while (made--)
		chardev_destroy(made);
	class_unregister(&chardev_class);
unregister_region:
	unregister_chrdev_region(first_number, count);
	return err;
}

/* In reverse order of init. No device is open: an open file holds the module. */
static void __exit chardev_exit(void)
{
	unsigned int left = count;

	cdev_del(&chardev_cdev);
	while (left--)
		chardev_destroy(left);
	class_unregister(&chardev_class);
	unregister_chrdev_region(first_number, count);
	pr_info("gave the numbers back\n");
}

module_init(chardev_init);
module_exit(chardev_exit);

MODULE_DESCRIPTION("Example: a character device with a buffer");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
