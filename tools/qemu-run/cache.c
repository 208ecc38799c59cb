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

#define ANSWER_MAX 65536

char *cache_directory(const struct places *places, const char *key)
{
	return print("%s/templates/%016llx", places->cache, (unsigned long long)hash(key));
}

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

/* try_lock() - the lock file at @path, if nobody holds it; -1 with errno. */
static int try_lock(const char *path)
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

int cache_lock(const char *path, struct signals *signals)
{
	int file;

	while ((file = try_lock(path)) < 0) {
		struct pollfd event = { .fd = signals->fd, .events = POLLIN };

		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (poll(&event, 1, 20) > 0 && signals_read(signals))
			return -1;
	}
	return file;
}

static int sweep(const struct places *places, bool all, struct error *error)
{
	char *parent = print("%s/templates", places->cache), *path, *base, *lock;
	DIR *directory = opendir(parent);
	struct dirent *entry;
	struct stat left;
	int file, err = 0;

	while (directory && (entry = readdir(directory))) {
		const char *ending = strchr(entry->d_name, '.');

		if (ending == entry->d_name || (!all && (!ending || strcmp(ending, ".new"))))
			continue;
		base = print("%s/%.*s", parent, (int)strcspn(entry->d_name, "."), entry->d_name);
		path = print("%s/%s", parent, entry->d_name);
		lock = print("%s.lock", base);
		file = try_lock(lock);
		if (file >= 0) {
			if (strcmp(path, lock))
				cache_remove(path);
			if (strcmp(path, lock) && !lstat(path, &left))
				err = error_add(error, "%s: cannot be removed", path);
			if (access(base, F_OK))
				unlink(lock);
			close(file);
		} else if (all && errno == EWOULDBLOCK && ending && !strcmp(ending, ".new")) {
			say("%s: left alone: another run is making it", path);
		}
		free(lock);
		free(path);
		free(base);
	}
	if (directory)
		closedir(directory);
	free(parent);
	return err;
}

void cache_sweep(const struct places *places)
{
	struct error ignored = { 0 };

	/* Of no use to others, and of no harm to this run. */
	(void)sweep(places, false, &ignored);
	error_free(&ignored);
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
	char *parent = print("%s/templates", places->cache);
	bool gone = true;

	/* What cannot be removed would be the oldest again. */
	while (gone) {
		DIR *directory = opendir(parent);
		struct timespec oldest = { 0 };
		struct dirent *entry;
		long long total = 0;
		char *victim = NULL, *lock_path;
		int lock;
		struct stat st;

		while (directory && (entry = readdir(directory))) {
			char *path, *key;

			if (entry->d_name[0] == '.' || strchr(entry->d_name, '.'))
				continue;
			path = print("%s/%s", parent, entry->d_name);
			key = print("%s/key", path);
			total += cache_size(path);
			if (strcmp(path, keep) && !stat(key, &st) &&
			    (!victim || st.st_mtim.tv_sec < oldest.tv_sec ||
			     (st.st_mtim.tv_sec == oldest.tv_sec &&
			      st.st_mtim.tv_nsec < oldest.tv_nsec))) {
				free(victim);
				victim = copy(path);
				oldest = st.st_mtim;
			}
			free(key);
			free(path);
		}
		if (directory)
			closedir(directory);
		if (total <= places->cache_limit || !victim) {
			free(victim);
			break;
		}
		/* A run that has it open goes on undisturbed. */
		cache_remove(victim);
		gone = access(victim, F_OK);
		lock_path = print("%s.lock", victim);
		lock = try_lock(lock_path);
		if (lock >= 0) {
			unlink(lock_path);
			close(lock);
		}
		free(lock_path);
		free(victim);
	}
	free(parent);
}

/* answer_path() - a file with a question, and its answer behind it */
static char *answer_path(const struct places *places, const char *kind, const char *question)
{
	return print("%s/%s/%016llx", places->cache, kind, (unsigned long long)hash(question));
}

char *cache_recall(const struct places *places, const char *kind, const char *question)
{
	char *path, *was, *answer = NULL;
	size_t length = strlen(question);

	if (!places->cache)
		return NULL;
	path = answer_path(places, kind, question);
	was = read_file(path, ANSWER_MAX);
	if (was && !strncmp(was, question, length))
		answer = copy(was + length);
	free(was);
	free(path);
	return answer;
}

void cache_keep(const struct places *places, const char *kind, const char *question,
		const char *answer)
{
	char *path, *content;

	if (!places->cache)
		return;
	path = answer_path(places, kind, question);
	content = print("%s%s", question, answer);
	/* Not kept, it is found out again: that is slower, and no harm. */
	(void)replace_file(path, content);
	free(content);
	free(path);
}

/* remove_files() - the files in a directory of the cache's: all, or half-written ones. */
static void remove_files(const struct places *places, const char *name, bool all)
{
	char *parent = print("%s/%s", places->cache, name);
	DIR *directory = opendir(parent);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char *path = print("%s/%s", parent, entry->d_name);

		if (entry->d_name[0] != '.' && (all || strchr(entry->d_name, '.')))
			unlink(path);
		free(path);
	}
	if (directory)
		closedir(directory);
	free(parent);
}

int cache_clean(const struct places *places, struct error *error)
{
	int err;

	if (!places->cache)
		return 0;
	err = sweep(places, true, error);
	remove_files(places, "lacks", true);
	remove_files(places, "refusals", true);
	remove_files(places, "kernels", false);
	return err;
}
