// SPDX-License-Identifier: GPL-2.0
/* The smallest module that does anything: it greets when it is loaded and when it goes. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/module.h>

static char *whom = "world";
module_param(whom, charp, 0444);
MODULE_PARM_DESC(whom, "whom to greet (default world)");

static int __init hello_init(void)
{
	pr_info("hello, %s\n", whom);
	return 0;
}
module_init(hello_init);

static void __exit hello_exit(void)
{
	pr_info("goodbye, %s\n", whom);
}
module_exit(hello_exit);

MODULE_DESCRIPTION("Example: the smallest module");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
