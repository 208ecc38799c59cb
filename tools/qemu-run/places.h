/* SPDX-License-Identifier: GPL-2.0 */
/* Where qemu-run finds its own files, QEMU and a cache. */
#ifndef QEMU_RUN_PLACES_H
#define QEMU_RUN_PLACES_H

#include "error.h"

/* struct places - where things are */
struct places {
	char *top;		/* holds scripts/, rootfs/ and the driver's sources */
	char *build;		/* where the scripts put what they make */
	char *cache;		/* where templates are kept; NULL: nowhere */
	long long cache_limit;	/* bytes that the templates may take together */
	char *init;		/* the guest's init */
	char *qemu;		/* QEMU's binary, by its whole path */
};

/**
 * places_find() - finds them
 * @places: receives them
 * @error: receives what is missing
 *
 * Sets BUILD in the environment, for the scripts.
 *
 * Return: 0 or -1.
 */
int places_find(struct places *places, struct error *error);

void places_free(struct places *places);

#endif
