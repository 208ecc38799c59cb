// SPDX-License-Identifier: GPL-2.0
/*
 * A load of two steps, and what becomes of the first if the second fails.
 *
 * The load registers /dev/hello and then /dev/goodbye; each can be read. Where the
 * second fails, the first is taken back, although no line of registration_init() says
 * so: a struct registration that goes out of scope deregisters what it holds.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/slab.h>

static char *whom = "world";
module_param(whom, charp, 0444);
MODULE_PARM_DESC(whom, "whom to greet (default world)");

/* A byte, so that the kernel refuses what is no minor number at all. */
static unsigned char minor = MISC_DYNAMIC_MINOR;
module_param(minor, byte, 0444);
MODULE_PARM_DESC(minor, "minor number of /dev/goodbye (0-255, default 255: any free one)");

/**
 * struct greeter - a device that says one line, allocated at load and freed at unload
 * @device: what the kernel knows of it
 * @length: length of @text
 * @text: the line
 */
struct greeter {
	struct miscdevice device;
	size_t length;
	char text[];
};

static ssize_t greeter_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	/* The kernel's open of a misc device leaves a pointer to it there. */
	const struct greeter *greeter =
		container_of(file->private_data, struct greeter, device);

	return simple_read_from_buffer(to, count, pos, greeter->text, greeter->length);
}

/* The owner: the module cannot be unloaded while one of its devices is open. */
static const struct file_operations greeter_fops = {
	.owner = THIS_MODULE,
	.read = greeter_read,
};

/**
 * struct registration - a greeter that is registered, or none
 * @greeter: the one that is registered; NULL in an empty handle
 *
 * All zeroes is the empty handle. A handle has one owner: hand it on with
 * registration_take() and never by assignment.
 *
 * A local handle declared ``__free(registration)`` deregisters its greeter when it
 * goes out of scope, if it has one and it was not taken before.
 */
struct registration {
	struct greeter *greeter;
};

/*
 * Fills an empty handle, or leaves it empty. @name must stay valid until the release.
 *
 * From misc_register() on, others can open the device: all that they need is in place
 * before that.
 */
static int registration_register(struct registration *registration, const char *name,
				 int device_minor)
{
	size_t length = snprintf(NULL, 0, "%s, %s\n", name, whom);
	struct greeter *greeter __free(kfree) =
		kzalloc(struct_size(greeter, text, length + 1), GFP_KERNEL);
	int err;

	if (!greeter)
		return -ENOMEM;
	greeter->length = length;
	snprintf(greeter->text, length + 1, "%s, %s\n", name, whom);
	greeter->device.minor = device_minor;
	greeter->device.name = name;
	greeter->device.fops = &greeter_fops;
	err = misc_register(&greeter->device);
	if (err)
		return err;

	registration->greeter = no_free_ptr(greeter);
	return 0;
}

/* Empties the handle; an empty one is left alone. */
static void registration_release(struct registration *registration)
{
	struct greeter *greeter = registration->greeter;

	if (!greeter)
		return;
	registration->greeter = NULL;
	misc_deregister(&greeter->device);
	kfree(greeter);
}

DEFINE_FREE(registration, struct registration, registration_release(&_T))

/* Moves the registration to the caller, and empties the handle. */
static struct registration __must_check registration_take(struct registration *from)
{
	struct registration taken = *from;

	*from = (struct registration){};
	return taken;
}

/* From a load that succeeded to the unload. */
static struct registration hello;
static struct registration goodbye;

static int __init registration_init(void)
{
	struct registration first __free(registration) = {};
	struct registration second __free(registration) = {};
	int err;

	err = registration_register(&first, "hello", MISC_DYNAMIC_MINOR);
	if (err) {
		pr_err("cannot register /dev/hello: error %d\n", err);
		return err;
	}
	err = registration_register(&second, "goodbye", minor);
	if (err) {
		pr_err("cannot register /dev/goodbye: error %d%s\n", err,
		       err == -EBUSY ? ": see /proc/misc for who has the minor number" : "");
		return err;
	}

	/* Nothing can fail any more: the module takes them over. */
	hello = registration_take(&first);
	goodbye = registration_take(&second);
	pr_info("hello, %s\n", whom);
	return 0;
}

/* In reverse order of init. */
static void __exit registration_exit(void)
{
	registration_release(&goodbye);
	registration_release(&hello);
	pr_info("goodbye, %s\n", whom);
}

module_init(registration_init);
module_exit(registration_exit);

MODULE_DESCRIPTION("Example: a load of two steps that may fail, and an unload");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
