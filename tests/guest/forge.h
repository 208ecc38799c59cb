/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames as an honest guest sends them, by the words of a test: the name of a frame, and
 * behind a colon a number. For tests/guest/hostile.c, which sends them from a guest, and
 * for tools/qemu-run/test/session.c, which needs none.
 */
#ifndef FORGE_H
#define FORGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include "../../tools/qemu-run/wire/protocol.h"

/* FRAME_ENTRY of a directory, and of a file below it without the directory between them. */
enum { FORGE_TREE = 1 << 20, FORGE_BELOW };

/* For whoever includes this. */
void send_frame(uint32_t type, const void *data, uint32_t length);

/* What a status says that no word has changed. */
static struct status status = { .method = POWEROFF_PORT };
static uint32_t version = PROTOCOL_VERSION;

/* Sends a frame of that type, with what an honest one has. */
static void forge(uint32_t type, uint32_t number)
{
	struct {
		uint32_t status;
		char text[6];
	} refusal = { number, "forged" };
	struct {
		struct entry entry;
		char path[11];
	} entry = { { .mode = S_IFREG | 0644, .index = number }, "it/sub/file" };
	struct hello hello = { .version = version, .method = status.method };
	struct ack ack = { .bytes = number };
	struct tree_end end = { 0 };

	switch (type) {
	case FRAME_HELLO:
		send_frame(type, &hello, offsetof(struct hello, driver_error));
		break;
	case FRAME_REFUSED:
		send_frame(type, &refusal, sizeof(refusal.status) + sizeof(refusal.text));
		break;
	case FRAME_STATUS:
		status.code = number;
		send_frame(type, &status, sizeof(status));
		break;
	case FRAME_ACK:
		send_frame(type, &ack, sizeof(ack));
		break;
	case FRAME_CREDIT:
		send_frame(type, &number, sizeof(number));
		break;
	case FRAME_DEADLINE:
		send_frame(type, &status.method, sizeof(status.method));
		break;
	case FRAME_ENTRY:
		send_frame(type, &entry, sizeof(entry.entry) + strlen("it"));
		break;
	case FORGE_TREE:
		entry.entry.mode = S_IFDIR | 0755;
		send_frame(FRAME_ENTRY, &entry, sizeof(entry.entry) + strlen("it"));
		break;
	case FORGE_BELOW:
		send_frame(FRAME_ENTRY, &entry, sizeof(entry.entry) + sizeof(entry.path));
		break;
	case FRAME_END:
		send_frame(type, &end, sizeof(end));
		break;
	case FRAME_OUTPUT:
	case FRAME_ERRORS:
	case FRAME_COMPLAINT:
	case FRAME_DATA:
		send_frame(type, "forged", 6);
		break;
	default:
		send_frame(type, "", 0);
	}
}

static const struct {
	const char *name;
	uint32_t type;
} frames[] = {
	{ "hello", FRAME_HELLO },	  { "started", FRAME_STARTED },
	{ "output", FRAME_OUTPUT },	  { "errors", FRAME_ERRORS },
	{ "credit", FRAME_CREDIT },	  { "refused", FRAME_REFUSED },
	{ "complaint", FRAME_COMPLAINT }, { "status", FRAME_STATUS },
	{ "ack", FRAME_ACK },		  { "deadline", FRAME_DEADLINE },
	{ "returned", FRAME_RETURNED },	  { "entry", FRAME_ENTRY },
	{ "data", FRAME_DATA },		  { "end", FRAME_END },
	{ "tree", FORGE_TREE },		  { "below", FORGE_BELOW },
};

/* forge_word() - sends what a word names; false if it names nothing of this kind. */
static bool forge_word(const char *word, size_t length, long number)
{
	size_t i;

	for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		if (strlen(frames[i].name) == length && !memcmp(frames[i].name, word, length))
			break;
	if (i < sizeof(frames) / sizeof(frames[0]))
		forge(frames[i].type, number);
	else if (!strncmp(word, "frame:", 6))
		forge(number, 0);
	else if (!strncmp(word, "signal:", 7))
		status.signal = number;
	else if (!strncmp(word, "method:", 7))
		status.method = number;
	else if (!strncmp(word, "before:", 7)) /* taint, of a kernel that has its job */
		status.taint_before = number;
	else if (!strncmp(word, "after:", 6))
		status.taint_after = number;
	else if (!strncmp(word, "version:", 8))
		version = number;
	else if (!strcmp(word, "oops"))
		send_frame(FRAME_COMPLAINT, "Oops: 0000 [#1]", 15);
	else
		return false;
	return true;
}

#endif
