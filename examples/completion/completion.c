// SPDX-License-Identifier: GPL-2.0
/*
 * One task waits until another one says that something is done.
 *
 * A read of /dev/completion sleeps until a write completes it, and then says end of
 * file. One write wakes one reader. A write that comes while nobody waits is kept for
 * the next read.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/wait.h>

/*
 * Counts the writes that no read has used up. (Its counter stops at UINT_MAX, which
 * means "for ever": after four billion writes without a read, no read sleeps again.)
 */
static DECLARE_COMPLETION(written);

/*
 * Who waits in poll(), select() or epoll. A completion has a queue for those who wait
 * for it and no other, so that these need one of their own.
 */
static DECLARE_WAIT_QUEUE_HEAD(pollers);

/* For the log: several may write before a reader has a turn. */
static pid_t last_writer;

/*
 * Interruptible: a signal ends the wait. The kernel turns -ERESTARTSYS into -EINTR, or
 * calls the read again, as the handler of that signal was set up.
 */
static ssize_t completion_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	int err;

	if (try_wait_for_completion(&written)) {
		pr_info("%s (%d) need not wait\n", current->comm, task_pid_nr(current));
		return 0;
	}
	if (file->f_flags & O_NONBLOCK)
		return -EAGAIN;

	pr_info("%s (%d) goes to sleep\n", current->comm, task_pid_nr(current));
	err = wait_for_completion_interruptible(&written);
	if (err) {
		pr_info("%s (%d) was interrupted\n", current->comm, task_pid_nr(current));
		return err;
	}
	pr_info("%s (%d) was woken by %d\n", current->comm, task_pid_nr(current),
		READ_ONCE(last_writer));
	return 0;
}

/*
 * Whatever is written counts once, and is not looked at.
 *
 * complete() before wake_up: who is woken looks whether there is something to read.
 */
static ssize_t completion_write(struct file *file, const char __user *from, size_t count,
				loff_t *pos)
{
	pr_info("%s (%d) wakes a reader, or the next to come\n", current->comm,
		task_pid_nr(current));
	WRITE_ONCE(last_writer, task_pid_nr(current));
	complete(&written);
	wake_up_interruptible(&pollers);
	return count;
}

/* First onto the queue, then look: a write between the two is not missed. */
static __poll_t completion_poll(struct file *file, poll_table *wait)
{
	poll_wait(file, &pollers, wait);
	return EPOLLOUT | EPOLLWRNORM |
	       (completion_done(&written) ? EPOLLIN | EPOLLRDNORM : 0);
}

/*
 * A stream: bytes come one after the other, and there is no position to seek to or to
 * read at. (A read and a write of one file may then run at the same time, as they have to
 * here: no lock of the position is between them.)
 *
 * The owner: an open file holds a reference on the module, and who sleeps in a read
 * holds the file. So an unload fails while anybody sleeps here, and the code that
 * a sleeper returns to is never gone.
 */
static const struct file_operations completion_fops = {
	.owner = THIS_MODULE,
	.open = stream_open,
	.read = completion_read,
	.write = completion_write,
	.poll = completion_poll,
};

static struct miscdevice completion_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KBUILD_MODNAME,
	.fops = &completion_fops,
};

/* Registers the device at load and deregisters it at unload: there is no more to do. */
module_misc_device(completion_device);

MODULE_DESCRIPTION("Example: a task that waits for another");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
