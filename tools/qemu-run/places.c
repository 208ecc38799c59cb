// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "places.h"

/* For all templates together, unless QEMU_RUN_CACHE_MIB says otherwise. */
#define CACHE_MIB     2048LL
/* A million times as much as anybody has. */
#define CACHE_MIB_MAX (1LL << 40)

#ifndef DATADIR
#define DATADIR "/usr/local/share/qemu-poweroff"
#endif
#ifndef LIBEXECDIR
#define LIBEXECDIR "/usr/local/libexec/qemu-poweroff"
#endif

/* find_program() - a program of PATH by its whole path, or NULL. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char *candidate;

	if (strchr(name, '/'))
		return access(name, X_OK) ? NULL : copy(name);
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	for (;; path = end + 1) {
		end = strchrnul(path, ':');
		candidate = end == path ? print("./%s", name) :
					  print("%.*s/%s", (int)(end - path), path, name);
		if (!access(candidate, X_OK))
			return candidate;
		free(candidate);
		if (!*end)
			return NULL;
	}
}

/* own_directory() - a directory that belongs to this user and to no other. */
static bool own_directory(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 0022) && !access(path, W_OK | X_OK);
}

/*
 * The cache: $XDG_CACHE_HOME, else ~/.cache, else a directory of the user's own
 * among the temporary files, else nowhere.
 */
static char *find_cache(void)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	const char *temporary = getenv("TMPDIR");
	char *path = NULL;

	if (base && *base == '/')
		path = print("%s/qemu-run", base);
	else if (home && *home == '/')
		path = print("%s/.cache/qemu-run", home);
	if (path && !make_directories(path) && own_directory(path))
		return path;
	free(path);

	path = print("%s/qemu-run-%u", temporary && *temporary ? temporary : "/tmp", geteuid());
	/* A name that others can guess: it has to be ours already, or not be there. */
	if ((!mkdir(path, 0700) || errno == EEXIST) && own_directory(path))
		return path;
	free(path);
	return NULL;
}

static int find_limit(long long *bytes, struct error *error)
{
	const char *text = getenv("QEMU_RUN_CACHE_MIB");
	long long mib = text && *text ? parse_number(text, 1, CACHE_MIB_MAX) : CACHE_MIB;

	if (mib < 0)
		return error_add(error, "QEMU_RUN_CACHE_MIB=%s: give MiB, 1 to %lld", text,
				 CACHE_MIB_MAX);
	*bytes = mib << 20;
	return 0;
}

static char *beside(const char *directory, const char *relative)
{
	char *joined = print("%s/%s", directory, relative), *real;

	real = realpath(joined, NULL);
	free(joined);
	return real;
}

int places_find(struct places *places, struct error *error)
{
	const char *qemu = getenv("QEMU"), *build = getenv("BUILD");
	static const char *const tops[] = { "..", "../share/qemu-poweroff", DATADIR };
	char self[PATH_MAX], *scripts = NULL;
	ssize_t length;
	bool in_tree = false;
	size_t i;

	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		return error_add(error, "/proc/self/exe: %s: is /proc mounted?", strerror(errno));
	self[length] = '\0';
	*strrchr(self, '/') = '\0';

	/* In the tree this is build/qemu-run; installed, it is found from bin/, too. */
	for (i = 0; i < sizeof(tops) / sizeof(tops[0]) && !scripts; i++) {
		free(places->top);
		places->top = tops[i][0] == '/' ? beside(tops[i], ".") : beside(self, tops[i]);
		scripts = places->top ? beside(places->top, "scripts/kernel") : NULL;
		in_tree = i == 0;
	}
	if (!scripts)
		return error_add(error, "scripts/kernel: neither beside %s nor in %s: run it from the directory it was built in, or install it",
			    self, DATADIR);
	free(scripts);
	places->init = beside(self, in_tree ? "qemu-run-init" :
					      "../libexec/qemu-poweroff/qemu-run-init");
	if (!places->init)
		places->init = beside(LIBEXECDIR, "qemu-run-init");
	if (!places->init)
		return error_add(error, "qemu-run-init: not found: build it with make");

	places->cache = find_cache();
	if (find_limit(&places->cache_limit, error))
		return -1;
	if (build && *build) {
		places->build = realpath(build, NULL);
		if (!places->build)
			return error_add(error, "BUILD=%s: %s: make the directory, or leave BUILD unset",
				    build, strerror(errno));
	} else if (in_tree && !access(self, W_OK)) {
		places->build = copy(self);
	} else if (places->cache) {
		places->build = copy(places->cache);
	}
	if (!places->build)
		return error_add(error, "no directory to keep kernels in: set XDG_CACHE_HOME, or BUILD");
	setenv("BUILD", places->build, 1);

	if (!qemu || !*qemu)
		qemu = "qemu-system-x86_64";
	places->qemu = find_program(qemu);
	if (!places->qemu)
		return error_add(error, "%s: not found: install qemu-system-x86, or name it with QEMU=",
			    qemu);
	return 0;
}

void places_free(struct places *places)
{
	free(places->top);
	free(places->build);
	free(places->cache);
	free(places->init);
	free(places->qemu);
}
