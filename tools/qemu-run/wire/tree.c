// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "../util.h"
#include "tree.h"

/* Deeper than any honest tree, and each level holds one descriptor open. */
#define DEPTH_MAX 128

struct walk {
	tree_emit *emit;
	void *context;
	uint32_t index;
	struct tree_left_out *left_out;
	char name[PATH_MAX];
	unsigned char data[FRAME_MAX];
};

static int send_entry(struct walk *walk, const struct stat *st, const char *target)
{
	struct {
		struct entry entry;
		char text[2 * PATH_MAX];
	} message = {
		.entry = {
			.mode = st->st_mode & (S_IFMT | 07777),
			.index = walk->index,
			.mtime = st->st_mtime,
		},
	};
	size_t length = sprintf(message.text, "%s", walk->name);

	if (target)
		length += 1 + sprintf(message.text + length + 1, "%s", target);
	return walk->emit(walk->context, FRAME_ENTRY, &message, sizeof(message.entry) + length);
}

static int send_content(struct walk *walk, int file)
{
	ssize_t length;
	int err;

	for (;;) {
		length = read(file, walk->data, sizeof(walk->data));
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return length ? -errno : 0;
		err = walk->emit(walk->context, FRAME_DATA, walk->data, length);
		if (err)
			return err;
	}
}

static int send_node(struct walk *walk, int parent, const char *path, int depth);

static int send_children(struct walk *walk, int directory, int depth)
{
	size_t length = strlen(walk->name);
	struct dirent *child;
	int err = 0;
	DIR *stream;

	stream = fdopendir(directory);
	if (!stream) {
		err = -errno;
		close(directory);
		return err;
	}
	for (;;) {
		errno = 0;
		child = readdir(stream);
		if (!child) {
			err = -errno;
			break;
		}
		if (!strcmp(child->d_name, ".") || !strcmp(child->d_name, ".."))
			continue;
		if (length + 1 + strlen(child->d_name) >= sizeof(walk->name)) {
			err = -ENAMETOOLONG;
			break;
		}
		sprintf(walk->name + length, "/%s", child->d_name);
		err = send_node(walk, dirfd(stream), child->d_name, depth + 1);
		walk->name[length] = '\0';
		/* Gone since it was listed. */
		if (err == -ENOENT)
			err = 0;
		if (err)
			break;
	}
	closedir(stream);
	return err;
}

static int send_node(struct walk *walk, int parent, const char *path, int depth)
{
	int follow = depth ? AT_SYMLINK_NOFOLLOW : 0;
	char target[PATH_MAX];
	struct stat st;
	ssize_t length;
	int node, err;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	if (fstatat(parent, path, &st, follow))
		return -errno;
	if (S_ISLNK(st.st_mode)) {
		length = readlinkat(parent, path, target, sizeof(target) - 1);
		if (length < 0)
			return -errno;
		target[length] = '\0';
		return send_entry(walk, &st, target);
	}
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		if (!depth)
			return -EINVAL;
		if (!walk->left_out->count++)
			strcpy(walk->left_out->first, walk->name);
		return 0;
	}

	/* Opened first: a file that cannot be read is an error and no empty file. */
	node = openat(parent, path,
		      O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (depth ? O_NOFOLLOW : 0) |
			      (S_ISDIR(st.st_mode) ? O_DIRECTORY : 0));
	if (node < 0)
		return -errno;
	err = send_entry(walk, &st, NULL);
	if (!err && S_ISDIR(st.st_mode)) {
		err = send_children(walk, node, depth);
		/* Once more: what was written into it has changed its time. */
		return err ? err : send_entry(walk, &st, NULL);
	}
	if (!err)
		err = send_content(walk, node);
	close(node);
	return err;
}

int tree_send(const char *path, const char *name, uint32_t index, tree_emit *emit,
	      void *context, struct tree_left_out *left_out)
{
	struct walk walk = {
		.emit = emit,
		.context = context,
		.index = index,
		.left_out = left_out,
	};

	left_out->count = 0;
	if (strlen(name) >= sizeof(walk.name))
		return -ENAMETOOLONG;
	strcpy(walk.name, name);
	return send_node(&walk, AT_FDCWD, path, 0);
}

bool tree_path_is_plain(const char *path)
{
	const char *end;

	for (;; path = end + 1) {
		size_t length;

		end = strchrnul(path, '/');
		length = end - path;
		if (!length || length > NAME_MAX)
			return false;
		if (path[0] == '.' && (length == 1 || (length == 2 && path[1] == '.')))
			return false;
		if (!*end)
			return true;
	}
}

/* open_child() - a directory in a directory, and no link to one */
static int open_child(int parent, const char *name)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, parent, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/*
 * open_parent() - the directory that @path's last component goes into, made
 * where it is missing. @last receives the component, which is a part of @path.
 */
static int open_parent(int root, char *path, const char **last)
{
	int directory = fcntl(root, F_DUPFD_CLOEXEC, 0), child;
	char *slash;

	if (directory < 0)
		return -errno;
	for (; (slash = strchr(path, '/')); path = slash + 1) {
		*slash = '\0';
		child = open_child(directory, path);
		if (child == -ENOENT) {
			if (!mkdirat(directory, path, 0777) || errno == EEXIST)
				child = open_child(directory, path);
			else
				child = -errno;
		}
		close(directory);
		if (child < 0)
			return child;
		directory = child;
	}
	*last = path;
	return directory;
}

static const struct timespec *times_of(int64_t mtime)
{
	static struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };

	times[1].tv_sec = mtime;
	return times;
}

static int make_directory(const struct tree_receiver *receiver, int parent, const char *name,
			  const struct entry *entry)
{
	struct stat st;

	/* What comes next goes into it. */
	if (!mkdirat(parent, name, (entry->mode & 0777) | 0700))
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -EEXIST;
	if (receiver->exact && fchmodat(parent, name, entry->mode & 07777, 0))
		return -errno;
	(void)utimensat(parent, name, times_of(entry->mtime), AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* make_file() - begins a file beside its place, which tree_finish() moves it to. */
static int make_file(struct tree_receiver *receiver, int parent, const char *name,
		     const struct entry *entry)
{
	struct stat st;

	if (!receiver->exact && !fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) &&
	    !S_ISREG(st.st_mode))
		return -EEXIST;
	snprintf(receiver->part, sizeof(receiver->part), ".qemu-run.%d", getpid());
	/* Left by a process of the same number that was killed. */
	if (unlinkat(parent, receiver->part, 0) && errno != ENOENT)
		return -errno;
	receiver->file = openat(parent, receiver->part,
				O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				entry->mode & 0777);
	if (receiver->file < 0)
		return -errno;
	strcpy(receiver->name, name);
	receiver->directory = parent;
	receiver->mode = entry->mode & 07777;
	receiver->mtime = entry->mtime;
	return 0;
}

static int make_link(int parent, const char *name, const char *target)
{
	struct stat st;

	if (!fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode))
		unlinkat(parent, name, 0);
	return symlinkat(target, parent, name) ? -errno : 0;
}

static int receive_entry(struct tree_receiver *receiver, const struct frame *frame)
{
	char text[2 * PATH_MAX + 1], *target = NULL;
	struct entry entry;
	size_t length;
	const char *name = text;
	int parent, err;

	err = tree_finish(receiver, true);
	if (err)
		return err;
	if (frame->length <= sizeof(entry) || frame->length - sizeof(entry) >= sizeof(text))
		return -EPROTO;
	memcpy(&entry, frame->data, sizeof(entry));
	length = frame->length - sizeof(entry);
	memcpy(text, frame->data + sizeof(entry), length);
	text[length] = '\0';
	if (strlen(text) != length) {
		target = text + strlen(text) + 1;
		if (!S_ISLNK(entry.mode) || strlen(target) != length - (target - text))
			return -EPROTO;
	}
	if (S_ISLNK(entry.mode) != !!target || strlen(text) >= PATH_MAX)
		return -EPROTO;
	if (!tree_path_is_plain(text))
		return -EPROTO;
	if (receiver->only && (!S_ISREG(entry.mode) || strcmp(text, receiver->only)))
		return -EPROTO;
	if (!receiver->entries)
		return -EFBIG;
	receiver->entries--;

	parent = open_parent(receiver->root, text, &name);
	if (parent < 0)
		return parent;
	if (S_ISDIR(entry.mode))
		err = make_directory(receiver, parent, name, &entry);
	else if (S_ISREG(entry.mode))
		err = make_file(receiver, parent, name, &entry);
	else if (S_ISLNK(entry.mode))
		err = make_link(parent, name, target);
	else
		err = -EPROTO;
	/* A file that is open keeps it, up to tree_finish(). */
	if (receiver->file < 0)
		close(parent);
	return err;
}

static int receive_data(struct tree_receiver *receiver, const struct frame *frame)
{
	if (receiver->file < 0)
		return -EPROTO;
	if (frame->length > receiver->left)
		return -EFBIG;
	receiver->left -= frame->length;
	return write_all(receiver->file, frame->data, frame->length);
}

int tree_receive(struct tree_receiver *receiver, const struct frame *frame)
{
	int err;

	if (frame->type == FRAME_ENTRY)
		return receive_entry(receiver, frame);
	err = frame->type == FRAME_DATA ? receive_data(receiver, frame) : -EPROTO;
	if (err)
		tree_finish(receiver, false);
	return err;
}

int tree_finish(struct tree_receiver *receiver, bool whole)
{
	int file = receiver->file, err = 0;

	if (file < 0)
		return 0;
	receiver->file = -1;
	/* A time that this file system cannot hold is no reason to fail. */
	(void)futimens(file, times_of(receiver->mtime));
	if (receiver->exact)
		(void)fchmod(file, receiver->mode);
	if (close(file) || !whole ||
	    renameat(receiver->directory, receiver->part, receiver->directory, receiver->name)) {
		err = whole ? -errno : 0;
		unlinkat(receiver->directory, receiver->part, 0);
	}
	close(receiver->directory);
	return err;
}
