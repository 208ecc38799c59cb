// SPDX-License-Identifier: GPL-2.0
/*
 * A process of its own makes the view: in its own mount namespace it mounts empty file
 * systems over what is to be hidden, and copies all mounts of the root from there. The copy
 * is in no namespace, and lives as long as its descriptor. QEMU stays where it is, sees the
 * host's files by their own paths and owners, and reads the root by the descriptor. A user
 * namespace, which an ordinary user needs for mounting, would change all owners.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "host_root.h"
#include "wire/protocol.h"

/* The maker may not take longer: it looks at file systems that may be dead. */
#define MAKE_S 5

static const char *const own[] = OWN_DIRECTORIES;

const char *path_below(const char *root, const char *path)
{
	size_t length = strcmp(root, "/") ? strlen(root) : 0;

	if (strncmp(path, root, length) || (path[length] && path[length] != '/'))
		return NULL;
	return path[length] ? path + length : "/";
}

bool path_is_own(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (path_below(own[i], path))
			return true;
	return false;
}

char *host_root_here(const struct options *options)
{
	char *directory = getcwd(NULL, 0);
	const char *inside = directory ? path_below(options->root, directory) : NULL;
	char *result = inside ? copy(inside) : NULL;

	free(directory);
	return result;
}

/* map() - names this user, or its group, in its user namespace */
static void map(const char *path, unsigned int id)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	dprintf(file, "%u %u 1\n", id, id);
	close_fd(&file);
}

/* enter_namespace() - has this process mount for itself alone */
static int enter_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int file;

	if (unshare(CLONE_NEWNS)) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
			return -errno;
		file = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
		dprintf(file, "deny");
		close_fd(&file);
		map("/proc/self/gid_map", gid);
		map("/proc/self/uid_map", uid);
		/* For host_root_open() to take the descriptor. */
		prctl(PR_SET_DUMPABLE, 1);
	}
	/* What the host unmounts while the guest runs is unmounted in the copy, too. */
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) ? -errno : 0;
}

/* hide() - mounts an empty file system over @path, and in it @here, if it is to be there. */
static int hide(const char *path, const char *here)
{
	struct stat st;
	int err;

	/* A link leads to a place that is not the guest's own. */
	if (lstat(path, &st) || !S_ISDIR(st.st_mode))
		return 0;
	if (mount("tmpfs", path, "tmpfs", 0, "mode=0755"))
		return -errno;
	if (!here)
		return 0;
	err = make_directories(here);
	return err ? err : mount(".", here, NULL, MS_BIND | MS_REC, NULL) ? -errno : 0;
}

/* make() - as host_root_open(), in the process that may change its mounts */
static int make(const struct options *options)
{
	const char *root = strcmp(options->root, "/") ? options->root : "";
	char *inside = options->directory ? NULL : host_root_here(options);
	char *here = inside ? print("%s%s", root, inside) : NULL;
	int err = enter_namespace(), tree;
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]) && !err; i++) {
		char *path = print("%s%s", root, own[i]);

		err = hide(path, inside && path_below(own[i], inside) ? here : NULL);
		free(path);
	}
	free(inside);
	free(here);
	if (err)
		return err;
	tree = open_tree(AT_FDCWD, options->root,
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	return tree < 0 ? -errno : tree;
}

int host_root_open(const struct options *options)
{
	struct timeval limit = { .tv_sec = MAKE_S };
	int ends[2], result = -EIO;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	pid = fork();
	if (!pid) {
		close(ends[0]);
		result = make(options);
		/* Stays until its descriptor was taken. */
		if (!write_all(ends[1], &result, sizeof(result)))
			(void)!read(ends[1], &result, 1);
		_exit(0);
	}
	close(ends[1]);
	if (pid > 0 && read(ends[0], &result, sizeof(result)) == sizeof(result) && result >= 0) {
		char *path = print("/proc/%d/fd/%d", pid, result);

		result = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (result < 0)
			result = -errno;
		free(path);
	}
	close(ends[0]);
	/* One that does not answer hangs in a file system, and nobody waits for its end. */
	if (result != -EIO)
		waitpid(pid, NULL, 0);
	return result;
}
