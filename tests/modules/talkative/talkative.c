// SPDX-License-Identifier: GPL-2.0
/* A load that fails, after many lines. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>

static unsigned int lines = 200;
module_param(lines, uint, 0);
MODULE_PARM_DESC(lines, "how many lines to log before the load fails (default 200)");

static int __init talkative_init(void)
{
	unsigned int i;

	for (i = 0; i < lines; i++)
		pr_err("line %u of a load that fails in the end\n", i);
	return -ENODEV;
}
module_init(talkative_init);

MODULE_DESCRIPTION("A load that fails, after many lines");
MODULE_LICENSE("GPL");
