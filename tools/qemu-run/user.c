// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user.h"

/* Larger numbers stand for "nobody in particular", and -1 for "unchanged". */
#define UID_MAX 0xfffffffdLL

static FILE *open_list(const char *root, const char *name)
{
	char *path = print("%s/etc/%s", root, name);
	int file = open_regular(path);

	free(path);
	return file < 0 ? NULL : fdopen(file, "r");
}

static void find_entry(struct user_entry *entry, FILE *list, const char *user, bool number)
{
	struct passwd *line;

	while (list && (line = fgetpwent(list))) {
		if (number ? line->pw_uid != entry->uid : strcmp(line->pw_name, user))
			continue;
		entry->name = copy(line->pw_name);
		entry->home = copy(line->pw_dir);
		entry->shell = copy(line->pw_shell);
		entry->uid = line->pw_uid;
		entry->gid = line->pw_gid;
		break;
	}
	if (list)
		fclose(list);
}

static bool has_member(const struct group *group, const char *name)
{
	char **member;

	for (member = group->gr_mem; *member; member++)
		if (!strcmp(*member, name))
			return true;
	return false;
}

static void find_groups(struct user_entry *entry, FILE *list)
{
	struct group *group;

	while (list && entry->name && (group = fgetgrent(list))) {
		if (!has_member(group, entry->name))
			continue;
		entry->groups = must(reallocarray(entry->groups, entry->group_count + 1,
						  sizeof(*entry->groups)));
		entry->groups[entry->group_count++] = group->gr_gid;
	}
	if (list)
		fclose(list);
}

int user_find(struct user_entry *entry, const char *root, const char *user,
	      struct error *error)
{
	long long number = parse_number(user, 0, UID_MAX);
	bool is_number = *user && !user[strspn(user, "0123456789")];

	if (is_number && number < 0)
		return error_add(error, "--user %s: no number of a user", user);
	*entry = (struct user_entry){ .uid = number, .gid = number };
	if (root) {
		find_entry(entry, open_list(root, "passwd"), user, is_number);
		find_groups(entry, open_list(root, "group"));
	}
	if (!entry->name && !is_number)
		return root ? error_add(error, "--user %s: not in etc/passwd of %s", user, root) :
			      error_add(error, "--user %s: the BusyBox guest has no such user: give a number, or --root",
					user);
	if (!entry->home)
		entry->home = copy("/");
	return 0;
}

void user_free(struct user_entry *entry)
{
	free(entry->name);
	free(entry->home);
	free(entry->shell);
	free(entry->groups);
}
