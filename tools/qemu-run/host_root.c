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
#include "wire/tree.h"

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

/* here() - where the user stands, as it is called in the root; to be freed, or NULL */
static char *here(const struct options *options)
{
	char *directory = getcwd(NULL, 0);
	const char *inside = directory ? path_below(options->root, directory) : NULL;
	char *result = inside ? copy(inside) : NULL;

	free(directory);
	return result;
}

char *host_root_start(const struct options *options)
{
	char *from, *start;

	if (!options->directory)
		return here(options);
	if (*options->directory == '/')
		return copy(options->directory);
	from = here(options);
	start = print("%s/%s", from ? from : "", options->directory);
	free(from);
	return start;
}

/* is_link() - whether that is a link in the root */
static bool is_link(const struct options *options, const char *path)
{
	char *whole = print("%s%s", options->root, path);
	struct stat st;
	bool link = !lstat(whole, &st) && S_ISLNK(st.st_mode);

	free(whole);
	return link;
}

bool host_root_is_nixos(const struct options *options)
{
	return is_link(options, NIXOS_SYSTEM) || is_link(options, NIXOS_PROFILE);
}

/*
 * part_of() - as much of @path as is shown, if it is in a directory that is the guest's own
 *
 * @itself: show such a directory as a whole, if @path is one
 *
 * Return: to be freed, or NULL.
 */
static char *part_of(const char *path, bool itself)
{
	/* Others' directories lie side by side there: how many parts tell one from another. */
	static const struct {
		const char *directory;
		int parts;
	} shared[] = { { "/run/user", 2 }, { "/run", 1 }, { "/tmp", 1 }, { "/dev/shm", 1 } };
	const char *rest, *end;
	size_t i;
	int n;

	for (i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		rest = path_below(shared[i].directory, path);
		if (!rest)
			continue;
		if (!rest[1])
			return itself ? copy(path) : NULL;
		for (end = rest, n = 0; n < shared[i].parts && *end; n++)
			end = strchrnul(end + 1, '/');
		if (n < shared[i].parts)
			return itself ? copy(path) : NULL;
		return print("%.*s", (int)(end - path), path);
	}
	return NULL;
}

/* show() - adds @part, which is freed, if it is there and in none that is shown already. */
static void show(const struct options *options, struct list *shown, char *part)
{
	char *path = part ? print("%s%s", options->root, part) : NULL;
	bool there = false;
	struct stat st;
	size_t i;

	for (i = 0; part && i < shown->count; i++)
		there |= !!path_below(shown->items[i], part);
	if (!part || there || lstat(path, &st))
		free(part);
	else
		list_add(shown, part);
	free(path);
}

/* show_path() - shows @path as it is written, and with its links resolved. */
static void show_path(const struct options *options, struct list *shown, const char *path)
{
	char *whole = print("%s%s", options->root, path), *real = realpath(whole, NULL);
	const char *inside = real ? path_below(options->root, real) : NULL;

	if (tree_path_is_plain(path + 1))
		show(options, shown, part_of(path, false));
	if (inside)
		show(options, shown, part_of(inside, false));
	free(real);
	free(whole);
}

void host_root_shown(const struct options *options, struct list *shown)
{
	const char *program = options->command.items[0];
	char *start = host_root_start(options), *path;
	bool nixos = host_root_is_nixos(options);
	size_t i;

	if (start && options->directory)
		show_path(options, shown, start);
	else if (start)
		show(options, shown, part_of(start, true));
	if (strchr(program, '/')) {
		path = *program == '/' ? copy(program) :
					 print("%s/%s", start ? start : "", program);
		show_path(options, shown, path);
		free(path);
	}
	free(start);
	for (i = 0; nixos && i < shown->count; i++)
		nixos = !path_below(shown->items[i], NIXOS_SYSTEM);
	if (nixos)
		list_add(shown, copy(NIXOS_SYSTEM));
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

/* hide() - mounts an empty file system over @path. */
static int hide(const char *path)
{
	struct stat st;

	/* A link leads to a place that is not the guest's own. */
	if (lstat(path, &st) || !S_ISDIR(st.st_mode))
		return 0;
	return mount("tmpfs", path, "tmpfs", 0, "mode=0755") ? -errno : 0;
}

/* struct kept - what is shown, from before it is hidden */
struct kept {
	char *path;
	char target[PATH_MAX];	/* of a link, else "" */
	int tree;		/* the mounts of a directory or file */
	mode_t mode;
};

static void keep(struct kept *kept, const char *root, const char *shown)
{
	struct stat st = { 0 };
	ssize_t length;

	kept->path = print("%s%s", root, shown);
	kept->mode = lstat(kept->path, &st) ? 0 : st.st_mode;
	length = readlink(kept->path, kept->target, sizeof(kept->target) - 1);
	kept->target[length < 0 ? 0 : length] = '\0';
	kept->tree = open_tree(AT_FDCWD, kept->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			       AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
}

/* Nothing of this is an error: what is not to be shown is not there in the guest. */
static void put_back(const struct kept *kept)
{
	char *above;

	/* It was not there. The guest makes NixOS's link by itself. */
	if (kept->tree < 0 && !*kept->target)
		return;
	above = print("%.*s", (int)(strrchr(kept->path, '/') - kept->path), kept->path);
	make_directories(above);
	free(above);
	if (*kept->target) {
		(void)!symlink(kept->target, kept->path);
		return;
	}
	if (S_ISDIR(kept->mode))
		mkdir(kept->path, 0755);
	else
		mknod(kept->path, S_IFREG | 0644, 0);
	move_mount(kept->tree, "", AT_FDCWD, kept->path, MOVE_MOUNT_F_EMPTY_PATH);
}

/* make() - as host_root_open(), in the process that may change its mounts */
static int make(const struct options *options)
{
	const char *root = strcmp(options->root, "/") ? options->root : "";
	struct list shown = { 0 };
	struct kept *kept;
	int err, tree;
	size_t i;

	host_root_shown(options, &shown);
	kept = must(calloc(shown.count + 1, sizeof(*kept)));
	err = enter_namespace();
	for (i = 0; i < shown.count && !err; i++)
		keep(&kept[i], root, shown.items[i]);
	for (i = 0; i < sizeof(own) / sizeof(own[0]) && !err; i++) {
		char *path = print("%s%s", root, own[i]);

		err = hide(path);
		free(path);
	}
	if (err)
		return err;
	for (i = 0; i < shown.count; i++)
		put_back(&kept[i]);
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
