/* SPDX-License-Identifier: GPL-2.0 */
/* The user that --user names, by the lists of the root that is the guest's. */
#ifndef QEMU_RUN_USER_H
#define QEMU_RUN_USER_H

#include <limits.h>
#include <stddef.h>
#include "protocol.h"

/* PATH of a user who logs in. */
#define LOGIN_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/**
 * struct user_entry - a user
 * @name: the login name; empty for a number that no user has
 * @home: the home directory
 * @shell: the login shell; empty where @name is
 * @ids: the numbers of the user and of its groups
 * @group_count: how many groups there are besides the main one
 */
struct user_entry {
	char name[256];
	char home[PATH_MAX];
	char shell[PATH_MAX];
	struct user ids;
	size_t group_count;
};

/**
 * user_find() - looks a user up
 * @entry: receives the user
 * @root: the directory that has etc/passwd and etc/group, "" for /; NULL: there is none,
 *	  and only numbers are users
 * @user: a name or a number
 *
 * Return: NULL, or why there is no such user.
 */
const char *user_find(struct user_entry *entry, const char *root, const char *user);

#endif
