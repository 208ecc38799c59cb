/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What runs keep for those that follow. Templates:
 *
 *   CACHE/templates/KEY       a template
 *   CACHE/templates/KEY.new   one that is being made
 *   CACHE/templates/KEY.lock  held by who makes it, while others wait
 *
 * and what takes long to find out:
 *
 *   CACHE/kernels/KEY         where scripts/kernel found a kernel
 *   CACHE/lacks/KEY           what a kernel lacks, by its own account
 *   CACHE/refusals/KEY        why QEMU makes no template with some --qemu
 */
#ifndef QEMU_RUN_CACHE_H
#define QEMU_RUN_CACHE_H

#include "places.h"
#include "signals.h"

/**
 * cache_directory() - where a template is, or would be
 * @places: where the cache is
 * @key: what the template was made of
 *
 * Return: its directory, to be freed.
 */
char *cache_directory(const struct places *places, const char *key);

/**
 * cache_lock() - waits for a lock
 * @path: the lock file
 * @signals: may end the wait
 *
 * Return: the file; closing it unlocks. -1 with errno, or when interrupted.
 */
int cache_lock(const char *path, struct signals *signals);

/**
 * cache_remove() - removes a template
 * @path: its directory, or whatever else is there
 */
void cache_remove(const char *path);

/**
 * cache_sweep() - removes what runs that were killed did not finish
 * @places: where the cache is
 *
 * A run that makes a template holds its lock, and loses it when killed.
 */
void cache_sweep(const struct places *places);

/**
 * cache_evict() - removes the least recently used templates beyond the limit
 * @places: where the cache is
 * @keep: a template to keep all the same
 */
void cache_evict(const struct places *places, const char *keep);

/**
 * cache_size() - what a template takes on disk
 * @directory: the template
 *
 * Return: bytes.
 */
long long cache_size(const char *directory);

/**
 * cache_recall() - the answer to a question that an earlier run asked
 * @places: where the cache is
 * @kind: the directory for such questions, "kernels" or another
 * @question: all that the answer depends on
 *
 * Return: the answer, to be freed, or NULL.
 */
char *cache_recall(const struct places *places, const char *kind, const char *question);

/**
 * cache_keep() - keeps an answer for cache_recall(), if there is a place for it
 * @places: where the cache is
 * @kind: as for cache_recall()
 * @question: likewise
 * @answer: the answer
 */
void cache_keep(const struct places *places, const char *kind, const char *question,
		const char *answer);

/**
 * cache_clean() - removes all templates that are not being made
 * @places: where the cache is
 * @error: receives what cannot be removed
 *
 * Return: 0 or -1.
 */
int cache_clean(const struct places *places, struct error *error);

#endif
