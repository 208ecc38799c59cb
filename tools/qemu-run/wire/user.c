// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "user.h"

/* Numbers from here on stand for "nobody in particular", and -1 for "unchanged". */
#define UID_LIMIT 0xfffffffeUL

static FILE *open_list(const char *root, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int file;

	snprintf(path, sizeof(path), "%s/etc/%s", root, name);
	/* A FIFO there would have us wait for a writer. */
	file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (file >= 0 && !fstat(file, &st) && S_ISREG(st.st_mode))
		return fdopen(file, "r");
	if (file >= 0)
		close(file);
	return NULL;
}

static bool keep(char *to, size_t size, const char *text)
{
	return (size_t)snprintf(to, size, "%s", text) < size;
}

static bool find_entry(struct user_entry *entry, FILE *list, const char *user, bool number)
{
	struct passwd *line;
	bool whole = true;

	while (list && (line = fgetpwent(list))) {
		if (number ? line->pw_uid != entry->ids.uid : strcmp(line->pw_name, user))
			continue;
		whole = keep(entry->name, sizeof(entry->name), line->pw_name) &&
			keep(entry->home, sizeof(entry->home), line->pw_dir) &&
			keep(entry->shell, sizeof(entry->shell), line->pw_shell);
		entry->ids.uid = line->pw_uid;
		entry->ids.gid = line->pw_gid;
		break;
	}
	if (list)
		fclose(list);
	return whole;
}

static bool has_member(const struct group *group, const char *name)
{
	char **member;

	for (member = group->gr_mem; *member; member++)
		if (!strcmp(*member, name))
			return true;
	return false;
}

static bool find_groups(struct user_entry *entry, FILE *list)
{
	struct group *group;
	bool whole = true;

	while (list && whole && *entry->name && (group = fgetgrent(list))) {
		if (!has_member(group, entry->name))
			continue;
		whole = entry->group_count < sizeof(entry->ids.groups) / sizeof(uint32_t);
		if (whole)
			entry->ids.groups[entry->group_count++] = group->gr_gid;
	}
	if (list)
		fclose(list);
	return whole;
}

const char *user_find(struct user_entry *entry, const char *root, const char *user)
{
	bool is_number = *user && !user[strspn(user, "0123456789")];
	unsigned long number;

	errno = 0;
	number = strtoul(user, NULL, 10);
	if (is_number && (errno || number >= UID_LIMIT))
		return "no number of a user";
	*entry = (struct user_entry){ .home = "/", .ids = { number, number, { 0 } } };
	if (!root)
		return is_number ? NULL :
				   "the BusyBox guest has no such user: give a number, or --root";
	if (!find_entry(entry, open_list(root, "passwd"), user, is_number) ||
	    !find_groups(entry, open_list(root, "group")))
		return "a line of etc/passwd that is too long, or more than 1024 groups";
	return *entry->name || is_number ? NULL : "not in etc/passwd of the root";
}
