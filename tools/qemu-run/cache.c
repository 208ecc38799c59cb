// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cache.h"
#include "identity.h"

/* The files of a kernel with 8000 modules. */
#define ANSWER_MAX (4 << 20)

static int remove_node(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	(void)remove(path);
	return 0;
}

void cache_remove(const char *path)
{
	/* Whatever is there: a file, a link, a tree. */
	if (unlink(path) && errno != ENOENT)
		nftw(path, remove_node, 16, FTW_DEPTH | FTW_PHYS);
}

/* interrupted() - waits a little; returns whether this run is to end. */
static bool interrupted(struct signals *signals)
{
	struct pollfd event = { .fd = signals->fd, .events = POLLIN };

	return poll(&event, 1, 20) > 0 && signals_read(signals);
}

int cache_lock(const char *path, struct signals *signals)
{
	bool mended = false;
	struct stat ours, there;
	int file, err;

	for (;;) {
		file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		/* A directory or a link is no lock of ours. */
		if (file < 0 && (errno == EISDIR || errno == ELOOP) && !mended) {
			mended = true;
			cache_remove(path);
			continue;
		}
		if (file < 0)
			return -1;
		if (flock(file, LOCK_EX | LOCK_NB)) {
			err = errno;
			close(file);
			if (err == EWOULDBLOCK && signals && !interrupted(signals))
				continue;
			errno = err;
			return -1;
		}
		/* Whoever held it may have removed it: then this one locks nothing. */
		if (!fstat(file, &ours) && !stat(path, &there) && ours.st_ino == there.st_ino &&
		    ours.st_dev == there.st_dev)
			return file;
		close(file);
	}
}

/* struct entry - a name in the directory of templates: KEY, KEY.new or KEY.lock */
struct entry {
	char *path;
	bool is_template;
	long long used_ns;
	long long size;
};

static int by_use(const void *left, const void *right)
{
	long long one = ((const struct entry *)left)->used_ns;
	long long other = ((const struct entry *)right)->used_ns;

	return (one > other) - (one < other);
}

/* list() - all that is there, the least recently used first; returns how many. */
static size_t list(const struct places *places, struct entry **entries)
{
	char *parent = print("%s/templates", places->cache), *key;
	DIR *directory = opendir(parent);
	struct dirent *name;
	size_t count = 0;
	struct stat st;

	*entries = NULL;
	while (directory && (name = readdir(directory))) {
		struct entry entry = { .is_template = !strchr(name->d_name, '.') };

		if (name->d_name[0] == '.')
			continue;
		entry.path = print("%s/%s", parent, name->d_name);
		entry.size = entry.is_template ? cache_size(entry.path) : 0;
		key = print("%s/key", entry.path);
		if (!stat(key, &st))
			entry.used_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
		free(key);
		*entries = must(reallocarray(*entries, count + 1, sizeof(entry)));
		(*entries)[count++] = entry;
	}
	if (directory)
		closedir(directory);
	free(parent);
	if (count)
		qsort(*entries, count, sizeof(**entries), by_use);
	return count;
}

static void free_entries(struct entry *entries, size_t count)
{
	while (count)
		free(entries[--count].path);
	free(entries);
}

int cache_drop(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char *base = print("%.*s", (int)(name + strcspn(name, ".") - path), path);
	char *lock_path = print("%s.lock", base);
	int lock = cache_lock(lock_path, NULL), err = lock < 0 ? -errno : 0;
	struct stat left;

	if (!err && strcmp(path, lock_path)) {
		/* A run that has it open goes on undisturbed. */
		cache_remove(path);
		err = lstat(path, &left) ? 0 : -EPERM;
	}
	/* A lock of nothing is litter. */
	if (lock >= 0 && access(base, F_OK))
		unlink(lock_path);
	close_fd(&lock);
	free(lock_path);
	free(base);
	return err;
}

long long cache_size(const char *directory)
{
	char *path = print("%s/memory", directory);
	struct stat st;
	long long size = stat(path, &st) ? 0 : (long long)st.st_blocks * 512;

	free(path);
	return size;
}

void cache_evict(const struct places *places, const char *keep)
{
	struct entry *entries;
	size_t count = list(places, &entries), i;
	long long total = 0;

	for (i = 0; i < count; i++)
		total += entries[i].size;
	for (i = 0; i < count && total > places->cache_limit; i++) {
		if (!entries[i].is_template || !strcmp(entries[i].path, keep))
			continue;
		/* What cannot be removed is not waited for. */
		(void)cache_drop(entries[i].path);
		total -= entries[i].size;
	}
	free_entries(entries, count);
}

char *cache_answer(const char *path, const char *question)
{
	char *was = read_file(path, ANSWER_MAX), *answer = NULL, *end;
	size_t length = strlen(question);

	if (was && !strncmp(was, question, length)) {
		end = strchr(was + length, '\n');
		if (end && identity_holds(end + 1))
			answer = print("%.*s", (int)(end - was - length), was + length);
	}
	free(was);
	return answer;
}

int cache_note(const char *path, const char *question, const char *answer, const char *files)
{
	char *content = print("%s%s\n%s", question, answer, files);
	int err = strchr(answer, '\n') ? -EINVAL : replace_file(path, content);

	free(content);
	return err;
}

static char *answer_path(const char *cache, const char *question)
{
	return print("%s/answers/%016llx", cache, (unsigned long long)hash(question));
}

char *cache_recall(const char *cache, const char *question)
{
	char *path = answer_path(cache, question), *answer = cache_answer(path, question);

	free(path);
	return answer;
}

void cache_keep(const char *cache, const char *question, const char *answer, const char *files)
{
	char *path = answer_path(cache, question);

	/* Not kept, it is found out again: that is slower, and no harm. */
	(void)cache_note(path, question, answer, files);
	free(path);
}

int cache_clean(const struct places *places, bool all, struct error *error)
{
	char *answers;
	struct entry *entries;
	size_t count, i;
	int err = 0;

	if (!places->cache)
		return 0;
	answers = print("%s/answers", places->cache);
	count = list(places, &entries);
	for (i = 0; i < count; i++) {
		bool half_made = strstr(strrchr(entries[i].path, '/'), ".new");
		int left = all || half_made ? cache_drop(entries[i].path) : 0;

		if (all && left == -EPERM)
			err = error_add(error, "%s: cannot be removed", entries[i].path);
		else if (all && half_made && left == -EWOULDBLOCK)
			say("%s: left alone: another run is making it", entries[i].path);
	}
	if (all)
		cache_remove(answers);
	free_entries(entries, count);
	free(answers);
	return err;
}
