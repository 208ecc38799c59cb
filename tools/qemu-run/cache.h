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
 *   CACHE/answers/KEY         what a kernel lacks, with which --qemu QEMU makes no template
 *   BUILD/answers/KEY         where scripts/kernel found a kernel
 */
#ifndef QEMU_RUN_CACHE_H
#define QEMU_RUN_CACHE_H

#include "places.h"
#include "signals.h"

/**
 * cache_lock() - takes a lock
 * @path: the lock file
 * @signals: may end the wait for it; NULL: it is not waited for
 *
 * Return: the file; closing it unlocks. -1 with errno, or when interrupted.
 */
int cache_lock(const char *path, struct signals *signals);

/**
 * cache_remove() - removes a directory or whatever else is there
 * @path: the directory; if it is a template's, the lock is the caller's
 */
void cache_remove(const char *path);

/**
 * cache_drop() - removes a template, one half made, or a lock that locks nothing
 * @path: its place
 *
 * Return: 0; -EWOULDBLOCK if another run makes it, -EPERM if it cannot be removed, or
 * another negative errno.
 */
int cache_drop(const char *path);

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
 * cache_answer() - the answer that a file has to a question
 * @path: the file
 * @question: all that the answer depends on, but for files; ends with a newline
 *
 * Return: the answer, to be freed; NULL if there is none to this question, or a file that
 * it depends on is another one now.
 */
char *cache_answer(const char *path, const char *question);

/**
 * cache_note() - writes an answer for cache_answer()
 * @path: the file
 * @question: as for cache_answer()
 * @answer: one line, without its newline
 * @files: the files that it depends on, see identity.h
 *
 * Return: 0 or a negative errno.
 */
int cache_note(const char *path, const char *question, const char *answer, const char *files);

/**
 * cache_recall() - the answer to a question that an earlier run asked
 * @cache: the directory that has answers/
 * @question: as for cache_answer(); begins with what is asked, a word
 *
 * Return: as cache_answer().
 */
char *cache_recall(const char *cache, const char *question);

/**
 * cache_keep() - keeps an answer for cache_recall(), if there is a place for it
 * @cache: the directory that has answers/
 * @question: as for cache_recall()
 * @answer: as for cache_note()
 * @files: likewise
 */
void cache_keep(const char *cache, const char *question, const char *answer, const char *files);

/**
 * cache_clean() - removes templates
 * @places: where the cache is
 * @all: all that are not being made, and the answers; else only what runs that were killed
 *	 did not finish: a run that makes a template holds its lock, and loses it when killed
 * @error: receives what cannot be removed of all
 *
 * Return: 0 or -1.
 */
int cache_clean(const struct places *places, bool all, struct error *error);

#endif
