// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "get.h"

/* What one --get may bring: a guest gone wild must not fill the host's disk. */
#define GET_BYTES   (16ULL << 30)
#define GET_ENTRIES 1000000

static const struct get_option *current(const struct gets *gets)
{
	return &gets->wanted[gets->index];
}

/* The command's status means nothing then, but the frames still have to be read. */
static int give_up(struct gets *gets, const char *why)
{
	error_add(gets->error, "--get %s:%s: %s", current(gets)->guest, current(gets)->host, why);
	gets->failed = true;
	return 0;
}

/*
 * The first entry tells what comes. A file goes to the destination itself, or
 * into it where that is a directory, as with cp(1); a directory becomes it.
 */
static void begin(struct gets *gets, const struct entry *entry)
{
	const struct get_place *place = &gets->places[gets->index];
	bool file = S_ISREG(entry->mode);
	const char *host = current(gets)->host, *slash = strrchr(host, '/'), *why = NULL;
	char *name = !file	   ? base_name(host) :
		     place->is_it ? base_name(current(gets)->guest) :
				    copy(slash ? slash + 1 : host);

	gets->tree = (struct tree_receiver){
		.root = -1,
		.file = -1,
		.left = GET_BYTES,
		.entries = GET_ENTRIES,
	};
	if (place->directory < 0)
		why = strerror(place->err);
	else if (file && !tree_path_is_plain(name))
		why = "give a file's name";
	else if (!file && !place->is_it && mkdirat(place->directory, name, 0777) && errno != EEXIST)
		why = strerror(errno);
	if (!why) {
		gets->tree.root = openat(place->directory, file || place->is_it ? "." : name,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (gets->tree.root < 0)
			why = strerror(errno);
	}
	if (file && !why)
		gets->tree.only = name;
	else
		free(name);
	gets->open = !why;
	if (why)
		give_up(gets, why);
}

/* close_tree() - ends a tree; a file that is open is not whole unless @whole. */
static int close_tree(struct gets *gets, bool whole)
{
	int err = tree_finish(&gets->tree, whole);

	close(gets->tree.root);
	free((char *)gets->tree.only);
	gets->open = false;
	return err;
}

/* note_left_out() - says what the guest did not send */
static void note_left_out(const struct gets *gets, const struct frame *frame, uint32_t count)
{
	const char *name = (const char *)frame->data + sizeof(struct tree_end);
	size_t length = frame->length - sizeof(struct tree_end), i;
	struct text safe = { 0 };

	text_add(&safe, "", 0);
	/* Its name begins with "it": the host knows what it asked for. */
	for (i = 2; i < length && i < 200; i++)
		text_add(&safe, name[i] >= ' ' && name[i] < 0x7f ? &name[i] : "?", 1);
	say("--get %s: left out, since no files: %u, such as %s%s", current(gets)->guest, count,
	    current(gets)->guest, safe.data);
	text_free(&safe);
}

static int end(struct gets *gets, const struct frame *frame)
{
	struct tree_end message;
	int err;

	if (frame->length < sizeof(message))
		return -1;
	memcpy(&message, frame->data, sizeof(message));
	if (message.err < 0 || message.err > 4095)
		return -1;
	err = message.err;
	if (message.left_out && !err)
		note_left_out(gets, frame, message.left_out);
	if (gets->open) {
		int closing = close_tree(gets, !err);

		if (closing && !err)
			err = -closing;
	} else if (!err && !gets->failed) {
		return -1;
	}
	if (err)
		give_up(gets, err == EINVAL ? "neither a file nor a directory" : strerror(err));
	gets->index++;
	return 0;
}

/*
 * The guest calls what it sends "it": the host knows what it asked for, and
 * puts its own name there.
 */
static int forward(struct gets *gets, const struct frame *frame)
{
	static unsigned char renamed[FRAME_MAX];
	const char *path = (const char *)frame->data + sizeof(struct entry);
	size_t length = frame->length - sizeof(struct entry);
	struct frame local = *frame;
	struct entry entry;

	memcpy(&entry, frame->data, sizeof(entry));
	if (length < 2 || memcmp(path, "it", 2) || (length > 2 && path[2] != '/'))
		return -EPROTO;
	if (length == 2) {
		/* The directory itself is there already. */
		if (S_ISDIR(entry.mode) && !gets->tree.only)
			return 0;
		if (!gets->tree.only)
			return -EPROTO;
		path = gets->tree.only;
		length = strlen(path);
	} else {
		path += strlen("it/");
		length -= strlen("it/");
	}
	memcpy(renamed, &entry, sizeof(entry));
	memcpy(renamed + sizeof(entry), path, length);
	local.length = sizeof(entry) + length;
	local.data = renamed;
	return tree_receive(&gets->tree, &local);
}

int gets_receive(struct gets *gets, const struct frame *frame)
{
	struct entry entry;
	int err = 0;

	if (gets->index >= gets->count)
		return -1;
	switch (frame->type) {
	case FRAME_ENTRY:
		if (frame->length <= sizeof(entry))
			return -1;
		memcpy(&entry, frame->data, sizeof(entry));
		if (entry.index != gets->index)
			return -1;
		if (!gets->open && !gets->failed)
			begin(gets, &entry);
		if (gets->failed)
			return 0;
		err = forward(gets, frame);
		break;
	case FRAME_DATA:
		if (gets->failed)
			return 0;
		if (!gets->open)
			return -1;
		err = tree_receive(&gets->tree, frame);
		break;
	default:
		return end(gets, frame);
	}
	if (err == -EPROTO) {
		give_up(gets, "the guest sent what no honest guest sends");
		return -1;
	}
	if (err == -EEXIST)
		return give_up(gets, "what is there already is nothing to replace: a link, a device, another kind of file");
	return err ? give_up(gets, strerror(-err)) : 0;
}

/* Looked up before there is a guest: what one --get brings leads no other one astray. */
static struct get_place find_place(const char *path)
{
	int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct get_place place = { .directory = directory, .is_it = directory >= 0 };
	char *parent = copy(path);

	if (!place.is_it)
		place.directory = open(dirname(parent), O_PATH | O_DIRECTORY | O_CLOEXEC);
	place.err = errno;
	free(parent);
	return place;
}

void gets_init(struct gets *gets, const struct options *options, struct error *error)
{
	size_t i;

	*gets = (struct gets){
		.wanted = options->gets,
		.places = must(calloc(options->get_count + 1, sizeof(*gets->places))),
		.count = options->get_count,
		.error = error,
	};
	for (i = 0; i < gets->count; i++)
		gets->places[i] = find_place(gets->wanted[i].host);
}

bool gets_complete(const struct gets *gets)
{
	return !gets->failed && gets->index == gets->count;
}

void gets_free(struct gets *gets)
{
	size_t i;

	if (gets->open)
		close_tree(gets, false);
	for (i = 0; i < gets->count; i++)
		close_fd(&gets->places[i].directory);
	free(gets->places);
}
