/* SPDX-License-Identifier: GPL-2.0 */
/* What any program needs and C does not have: qemu-run, and the guest's init. */
#ifndef QEMU_RUN_UTIL_H
#define QEMU_RUN_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct text - a string that grows */
struct text {
	char *data;		/* NUL-terminated, or NULL while empty */
	size_t length;		/* without the NUL */
	size_t capacity;	/* what is allocated */
};

/* struct list - strings, NULL-terminated as execv(2) wants them */
struct list {
	char **items;	/* each allocated */
	size_t count;	/* how many */
};

/**
 * say() - prints a line on stderr, after the program's name
 * @format: as for printf(3)
 */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Out of memory ends the program: there is nothing sensible left to do. Init has its own. */
void *must(void *memory);
char *copy(const char *string);
char *print(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *vprint(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

void text_add(struct text *text, const void *data, size_t length);
void text_print(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Drops the first @length bytes. */
void text_drop(struct text *text, size_t length);
/* Where the last @lines lines begin: an offset. */
size_t text_tail(const struct text *text, int lines);
void text_free(struct text *text);

/**
 * text_receive() - adds what a descriptor has to give
 * @text: where to
 * @fd: not blocking; closed and -1 at the end or on an error
 * @keep: when the text grows to twice as much, only so much of its end is kept
 *
 * Return: whether there was something.
 */
bool text_receive(struct text *text, int *fd, size_t keep);

/* Takes ownership of @item. */
void list_add(struct list *list, char *item);
void list_free(struct list *list);

/**
 * base_name() - the last component of a path; slashes behind it do not count
 * @path: the path
 *
 * Return: to be freed; "" for "/".
 */
char *base_name(const char *path);

/**
 * parse_number() - a whole number of digits alone
 * @text: the number
 * @low: the smallest that is taken, not negative
 * @high: the largest
 *
 * Return: the number, or -1.
 */
long long parse_number(const char *text, long long low, long long high);

/**
 * now_ns() - the monotonic clock
 *
 * Return: nanoseconds.
 */
uint64_t now_ns(void);

/**
 * read_bytes() - a whole file
 * @path: the file; what is no regular file is -EINVAL, and not waited for
 * @limit: larger files are refused
 * @content: empty; receives it
 *
 * Return: 0 or a negative errno.
 */
int read_bytes(const char *path, size_t limit, struct text *content);

/**
 * read_file() - a whole small file, as a string
 * @path: the file
 * @limit: larger files are refused
 *
 * Return: its content, to be freed, or NULL with errno set.
 */
char *read_file(const char *path, size_t limit);

/**
 * close_fd() - closes a file, if there is one
 * @fd: the descriptor, or -1; is -1 afterwards
 */
void close_fd(int *fd);

/**
 * write_all() - writes until done
 * @fd: where to
 * @data: what
 * @length: how much
 *
 * Return: 0 or a negative errno.
 */
int write_all(int fd, const void *data, size_t length);

/**
 * write_patiently() - writes to a reader who may be slow, but not for ever
 * @fd: where to
 * @data: what
 * @length: how much
 *
 * All calls together wait for five seconds at most.
 *
 * Return: 0 or a negative errno: -ETIMEDOUT.
 */
int write_patiently(int fd, const char *data, size_t length);

/**
 * replace_file() - has a file hold a text, all of it or as it was before
 * @path: the file; its directory is made where it is missing
 * @text: the text
 *
 * Return: 0 or a negative errno.
 */
int replace_file(const char *path, const char *text);

/**
 * make_directories() - mkdir -p
 * @path: the directory; what is made, the user's group may not write to
 *
 * Return: 0 or a negative errno.
 */
int make_directories(const char *path);

/**
 * hash() - a number that stands for a string
 * @string: the string
 *
 * To name files by. Not to tell strings apart: compare them.
 *
 * Return: 64 bits of FNV-1a.
 */
uint64_t hash(const char *string);

/* The same of bytes. */
uint64_t hash_bytes(const void *data, size_t length);

#endif
