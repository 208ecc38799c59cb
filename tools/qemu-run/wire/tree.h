/* SPDX-License-Identifier: GPL-2.0 */
/* Files and directories as frames, out of one file system and into another. */
#ifndef QEMU_RUN_TREE_H
#define QEMU_RUN_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include "frame.h"

/**
 * typedef tree_emit - takes one frame of a tree
 * @context: as given to tree_send()
 * @type: FRAME_ENTRY or FRAME_DATA
 * @data: its bytes
 * @length: how many
 *
 * Return: 0 or a negative errno, which ends the walk.
 */
typedef int tree_emit(void *context, uint32_t type, const void *data, uint32_t length);

/**
 * struct tree_left_out - what tree_send() does not send: sockets, devices, FIFOs
 * @count: how many
 * @first: the name of the first
 */
struct tree_left_out {
	uint32_t count;
	char first[PATH_MAX];
};

/**
 * tree_send() - sends a file, or a directory and all below it
 * @path: what to send; a symbolic link here is followed, those below are sent
 * @name: what to call it at the other end; a relative path
 * @index: goes into every entry
 * @emit: takes the frames
 * @context: for @emit
 * @left_out: receives what is left out
 *
 * Return: 0 or a negative errno: -EINVAL if @path itself is no file, directory or link.
 */
int tree_send(const char *path, const char *name, uint32_t index, tree_emit *emit,
	      void *context, struct tree_left_out *left_out);

/**
 * struct tree_receiver - a tree being written below one directory
 * @root: the directory; nothing is ever written outside of it
 * @exact: modes are kept as they come, and what is no regular file is replaced by one
 * @only: when not NULL, a single regular file, called so, is all that may come
 * @file: the file that data goes to, or -1
 * @directory: where it is, while it is open
 * @part: its name there until it is whole
 * @name: its name there after that
 * @mode: its permissions, if @exact
 * @mtime: its modification time, in seconds
 * @left: bytes that may still come
 * @entries: entries that may still come
 */
struct tree_receiver {
	int root;
	bool exact;
	const char *only;
	int file;
	int directory;
	char part[32];
	char name[NAME_MAX + 1];
	mode_t mode;
	int64_t mtime;
	uint64_t left;
	uint64_t entries;
};

/**
 * tree_receive() - takes one frame of a tree
 * @receiver: where it goes
 * @frame: FRAME_ENTRY or FRAME_DATA, of any content: the sender is not trusted
 *
 * Paths are relative, without "..", and are resolved beneath the root without
 * following any symbolic link; an existing file is replaced, not written
 * through. Of the mode only the permission bits count, but for @exact.
 *
 * Return: 0 or a negative errno: -EPROTO for a frame that no honest sender
 * makes, -EFBIG for more than was allowed, -EEXIST for what is not replaced.
 */
int tree_receive(struct tree_receiver *receiver, const struct frame *frame);

/**
 * tree_path_is_plain() - whether a path is relative, and every component an ordinary name
 * @path: the path
 *
 * Return: false if one is empty, "." or "..", or too long.
 */
bool tree_path_is_plain(const char *path);

/**
 * tree_finish() - closes the file that is open, if any, and gives it its name
 * @receiver: the receiver; may be finished twice
 * @whole: the file has arrived whole; else it is removed
 *
 * Until then the file has another name, and an older one keeps its place.
 *
 * Return: 0 or a negative errno.
 */
int tree_finish(struct tree_receiver *receiver, bool whole);

#endif
