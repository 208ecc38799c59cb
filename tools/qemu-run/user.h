/* SPDX-License-Identifier: GPL-2.0 */
/* The user that --user names, by the guest's own list of users. */
#ifndef QEMU_RUN_USER_H
#define QEMU_RUN_USER_H

#include <sys/types.h>
#include "error.h"

/**
 * struct user_entry - a user
 * @name: the login name, or NULL for a number that no user has
 * @home: the home directory
 * @shell: the login shell, or NULL
 * @uid: the user's number
 * @gid: the number of the main group
 * @groups: the other groups
 * @group_count: how many
 */
struct user_entry {
	char *name;
	char *home;
	char *shell;
	uid_t uid;
	gid_t gid;
	uint32_t *groups;
	size_t group_count;
};

/**
 * user_find() - looks a user up
 * @entry: receives the user
 * @root: the directory that has etc/passwd and etc/group; NULL: there is none, and
 *	  root is the only user
 * @user: a name or a number
 * @error: receives why there is no such user
 *
 * Return: 0 or -1.
 */
int user_find(struct user_entry *entry, const char *root, const char *user,
	      struct error *error);

void user_free(struct user_entry *entry);

#endif
