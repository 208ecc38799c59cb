/* SPDX-License-Identifier: GPL-2.0 */
/* Where qemu-run finds its own files, QEMU and a cache. */
#ifndef QEMU_RUN_PLACES_H
#define QEMU_RUN_PLACES_H

#include "error.h"

/**
 * struct places - where things are
 * @top: holds scripts/, rootfs/ and the driver's sources
 * @build: where the scripts put what they make
 * @cache: where templates are kept; NULL: nowhere
 * @cache_limit: bytes that the templates may take together
 * @init: the guest's init
 * @qemu: QEMU's binary, by its whole path
 */
struct places {
	char *top;
	char *build;
	char *cache;
	long long cache_limit;
	char *init;
	char *qemu;
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
