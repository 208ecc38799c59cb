/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What --get asked for. The guest names files below the destination and nothing else;
 * wire/tree.c sees to it that nothing outside is touched.
 */
#ifndef QEMU_RUN_GET_H
#define QEMU_RUN_GET_H

#include "error.h"
#include "options.h"
#include "wire/tree.h"

/* struct get_place - where the answer to one --get goes */
struct get_place {
	/* the directory that is named, or the one that is to have it; -1: neither is there */
	int directory;
	bool is_it;	/* it is the one that is named */
	int err;	/* why it is not there */
};

/* struct gets - the answers to all --get of a run */
struct gets {
	const struct get_option *wanted; /* what was asked for */
	struct get_place *places;	/* where each goes */
	size_t count;			/* how many */
	size_t index;			/* the one that comes now */
	bool open;			/* its first entry has come */
	struct tree_receiver tree;	/* where it goes, while open */
	bool failed;			/* it or one before: not there, or cannot be written */
	struct error *error;		/* receives why */
};

/**
 * gets_init() - waits for the first
 * @gets: the answers
 * @options: what was asked for
 * @error: receives what cannot be had
 */
void gets_init(struct gets *gets, const struct options *options, struct error *error);

/**
 * gets_receive() - writes what a frame brings
 * @gets: the answers
 * @frame: FRAME_ENTRY, FRAME_DATA or FRAME_END
 *
 * Return: 0, or -1 for a frame that no honest guest sends.
 */
int gets_receive(struct gets *gets, const struct frame *frame);

/**
 * gets_complete() - whether all has arrived, and was written
 * @gets: the answers
 */
bool gets_complete(const struct gets *gets);

void gets_free(struct gets *gets);

#endif
