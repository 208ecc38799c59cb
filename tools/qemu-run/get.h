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

/**
 * struct get_place - where the answer to one --get goes
 * @directory: the directory that is named, or the one that is to have it; -1: neither is there
 * @is_it: it is the one that is named
 * @err: why it is not there
 */
struct get_place {
	int directory;
	bool is_it;
	int err;
};

/**
 * struct gets - the answers to all --get of a run
 * @wanted: what was asked for
 * @places: where each goes
 * @count: how many
 * @index: the one that comes now
 * @open: its first entry has come
 * @tree: where it goes, while @open
 * @failed: it, or one before it, cannot be written or was not there
 * @error: receives why
 */
struct gets {
	const struct get_option *wanted;
	struct get_place *places;
	size_t count;
	size_t index;
	bool open;
	struct tree_receiver tree;
	bool failed;
	struct error *error;
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
