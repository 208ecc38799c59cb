// SPDX-License-Identifier: GPL-2.0
/*
 * Copies what the kernel logs to QEMU's debug console, from inside of the printk
 * that logs it: on PREEMPT_RT the serial console prints from a thread, and what
 * was logged in the last moment of a machine never gets there.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

/* QEMU's default for isa-debugcon. */
#define PORT	0xe9

/* One line at a time, but not for ever: its owner may have been stopped. */
static DEFINE_RAW_SPINLOCK(lock);
#define PATIENCE_US	10000

/* Context: that of the printk; interrupts off. */
static void copy(void *unused, const char *text, size_t length)
{
	bool locked;
	int us;

	for (us = 0; !(locked = raw_spin_trylock(&lock)) && us < PATIENCE_US; us++)
		udelay(1);
	outsb(PORT, text, length);
	if (!length || text[length - 1] != '\n')
		outb('\n', PORT);
	if (locked)
		raw_spin_unlock(&lock);
}

/* The tracepoint of a line that is logged. Older kernels do not export its name. */
static struct tracepoint *console;

static void find_console(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "console"))
		console = tp;
}

static int __init witness_init(void)
{
	for_each_kernel_tracepoint(find_console, NULL);
	return console ? tracepoint_probe_register(console, copy, NULL) : -ENOENT;
}

static void __exit witness_exit(void)
{
	tracepoint_probe_unregister(console, copy, NULL);
	tracepoint_synchronize_unregister();
}

module_init(witness_init);
module_exit(witness_exit);

MODULE_DESCRIPTION("Copies the kernel's log to QEMU's debug console");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
