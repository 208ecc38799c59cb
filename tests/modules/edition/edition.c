// SPDX-License-Identifier: GPL-2.0
/* A module that tells which edition of it is loaded: /sys/module/edition/version. */
#include <linux/module.h>

MODULE_DESCRIPTION("A module that tells which edition of it is loaded");
MODULE_VERSION("edition 0");
MODULE_LICENSE("GPL");
