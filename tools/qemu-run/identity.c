// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "identity.h"

/* To sum up a larger file takes longer than what was made of it is worth. */
#define SUM_MAX (16 << 20)

/* How a line begins: a change to the inode is one of the file, or, by its content, may be none. */
#define BY_STAT	   "by stat"
#define BY_CONTENT "by content"

/* stat_text() - what stat(2) says of a file; to be freed */
static char *stat_text(const char *path, bool by_content)
{
	bool inode;
	struct stat st;

	if (stat(path, &st))
		return copy("absent");
	/* Each new name of a file changes its inode. */
	inode = by_content || st.st_nlink == 1 || S_ISDIR(st.st_mode);
	return print("%llx:%llx %lld %lld.%09ld %lld.%09ld", (unsigned long long)st.st_dev,
		     (unsigned long long)st.st_ino, (long long)st.st_size,
		     (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		     inode ? (long long)st.st_ctim.tv_sec : 0, inode ? st.st_ctim.tv_nsec : 0);
}

/* sum_text() - the sum of what is in a file; to be freed; "" for what has none */
static char *sum_text(const char *path)
{
	struct text content = { 0 };
	char *sum;

	if (read_bytes(path, SUM_MAX, &content))
		return copy("");
	sum = print("%016llx", (unsigned long long)hash_bytes(content.data, content.length));
	text_free(&content);
	return sum;
}

static void add(struct text *lines, const char *path, bool by_content)
{
	char *stat = stat_text(path, by_content);
	char *sum = by_content ? sum_text(path) : copy("");

	text_print(lines, "%s\t%s\t%s\t%s\n", by_content ? BY_CONTENT : BY_STAT, stat, sum, path);
	free(sum);
	free(stat);
}

void identity_add(struct text *lines, const char *path)
{
	add(lines, path, true);
}

void identity_add_below(struct text *lines, const char *directory, const char *name)
{
	char *path = print("%s/%s", directory, name);

	add(lines, path, false);
	free(path);
}

void identity_add_tree(struct text *lines, const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	/* A directory changes when a name in it comes or goes. */
	add(lines, path, false);
	while (directory && (entry = readdir(directory))) {
		char *child = print("%s/%s", path, entry->d_name);

		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") &&
		    strcmp(entry->d_name, ".."))
			identity_add_tree(lines, child);
		else if (entry->d_type != DT_DIR)
			add(lines, child, true);
		free(child);
	}
	if (directory)
		closedir(directory);
}

/* line_holds() - whether the file of a line is what it was; @line is taken to pieces */
static bool line_holds(char *line)
{
	char *rest, *kind = strtok_r(line, "\t", &rest), *stat = strsep(&rest, "\t");
	char *sum = strsep(&rest, "\t"), *now;
	bool by_content = kind && !strcmp(kind, BY_CONTENT), same;

	if (!rest)
		return false;
	now = stat_text(rest, by_content);
	same = !strcmp(now, stat);
	free(now);
	if (!same && by_content && *sum) {
		now = sum_text(rest);
		same = !strcmp(now, sum);
		free(now);
	}
	return same;
}

bool identity_holds(const char *lines)
{
	const char *end;
	bool holds = true;

	for (; holds && (end = strchr(lines, '\n')); lines = end + 1) {
		char *line = print("%.*s", (int)(end - lines), lines);

		holds = line_holds(line);
		free(line);
	}
	return holds;
}
