// SPDX-License-Identifier: GPL-2.0
/*
 * What --get asked for. The guest names files below the destination and nothing
 * else; tree.c sees to it that nothing outside is touched.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "run.h"

/* What one --get may bring: a guest gone wild must not fill the host's disk. */
#define GET_BYTES   (16ULL << 30)
#define GET_ENTRIES 1000000

static const char *destination(struct run *run)
{
	return strchr(run->options.gets.items[run->get_index], ':') + 1;
}

static int broken(struct run *run, const char *why)
{
	fail(run, "--get %s: %s", run->options.gets.items[run->get_index], why);
	run->get_failed = true;
	return 0;
}

/* base_of() - the last component of the user's GUESTPATH. */
static char *base_of(struct run *run)
{
	const char *item = run->options.gets.items[run->get_index];
	size_t length = strchr(item, ':') - item, start;

	while (length > 1 && item[length - 1] == '/')
		length--;
	for (start = length; start && item[start - 1] != '/'; start--)
		;
	return print("%.*s", (int)(length - start), item + start);
}

/*
 * The first entry tells what comes. A file goes to the destination itself, or
 * into it where that is a directory, as with cp(1); a directory becomes it.
 */
static int begin(struct run *run, const struct entry *entry)
{
	char *path = copy(destination(run)), *slash, *only = NULL;
	struct stat st;

	run->get = (struct tree_receiver){
		.root = -1,
		.file = -1,
		.left = GET_BYTES,
		.entries = GET_ENTRIES,
	};
	if (S_ISREG(entry->mode)) {
		if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
			only = base_of(run);
		} else {
			slash = strrchr(path, '/');
			only = copy(slash ? slash + 1 : path);
			if (!slash)
				strcpy(path, ".");
			else if (slash == path)
				slash[1] = '\0';
			else
				*slash = '\0';
		}
		if (!*only || !strcmp(only, ".") || !strcmp(only, "..")) {
			free(only);
			free(path);
			return broken(run, "give a file's name");
		}
		run->get.only = only;
	} else if (mkdir(path, 0777) && errno != EEXIST) {
		int err = errno;

		free(path);
		return broken(run, strerror(err));
	}
	run->get.root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(path);
	if (run->get.root < 0)
		return broken(run, strerror(errno));
	run->get_open = true;
	return 0;
}

static int end(struct run *run, int err)
{
	if (run->get_open) {
		int closing = tree_finish(&run->get);

		if (closing && !err)
			err = -closing;
		close(run->get.root);
		free((char *)run->get.only);
	} else if (!err && !run->get_failed) {
		return -1;
	}
	run->get_open = false;
	if (err)
		broken(run, strerror(err));
	run->get_index++;
	return 0;
}

/*
 * The guest calls what it sends "it": the host knows what it asked for, and
 * puts its own name there.
 */
static int forward(struct run *run, const struct frame *frame)
{
	static unsigned char renamed[FRAME_MAX];
	const char *path = (const char *)frame->data + sizeof(struct entry);
	size_t length = frame->length - sizeof(struct entry), name;
	struct frame local = *frame;
	struct entry entry;

	memcpy(&entry, frame->data, sizeof(entry));
	if (length < 2 || memcmp(path, "it", 2) || (length > 2 && path[2] != '/'))
		return -EPROTO;
	if (length == 2) {
		/* The directory itself is there already. */
		if (S_ISDIR(entry.mode) && !run->get.only)
			return 0;
		if (!run->get.only)
			return -EPROTO;
		name = strlen(run->get.only);
		memcpy(renamed, &entry, sizeof(entry));
		memcpy(renamed + sizeof(entry), run->get.only, name);
		local.length = sizeof(entry) + name;
	} else {
		memcpy(renamed, &entry, sizeof(entry));
		memcpy(renamed + sizeof(entry), path + 3, length - 3);
		local.length = frame->length - 3;
	}
	local.data = renamed;
	return tree_receive(&run->get, &local);
}

int get_frame(struct run *run, const struct frame *frame)
{
	struct entry entry;
	int32_t number;
	int err = 0;

	if (!run->started || run->get_index >= run->options.gets.count)
		return -1;
	switch (frame->type) {
	case FRAME_ENTRY:
		if (frame->length <= sizeof(entry))
			return -1;
		memcpy(&entry, frame->data, sizeof(entry));
		if (entry.index != run->get_index)
			return -1;
		if (!run->get_open && !run->get_failed)
			begin(run, &entry);
		if (run->get_failed)
			return 0;
		err = forward(run, frame);
		break;
	case FRAME_DATA:
		if (run->get_failed)
			return 0;
		if (!run->get_open)
			return -1;
		err = tree_receive(&run->get, frame);
		break;
	default:
		if (frame->length != sizeof(number))
			return -1;
		memcpy(&number, frame->data, sizeof(number));
		return number < 0 || number > 4095 ? -1 : end(run, number);
	}
	if (err == -EPROTO) {
		broken(run, "the guest sent what no honest guest sends");
		return -1;
	}
	return err ? broken(run, strerror(-err)) : 0;
}
