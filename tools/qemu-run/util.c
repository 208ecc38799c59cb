// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "util.h"

/* How long, in all, a reader of our own lines may keep this process waiting. */
#define PATIENCE_MS 5000

int write_patiently(int fd, const char *data, size_t length)
{
	static uint64_t patience_ms = PATIENCE_MS;
	struct pollfd event = { .fd = fd, .events = POLLOUT };

	while (length) {
		uint64_t begin = now_ns(), waited;
		int ready = poll(&event, 1, (int)patience_ms);
		ssize_t done = 0;

		/* In all, and not for each line. */
		waited = (now_ns() - begin) / 1000000;
		patience_ms -= waited < patience_ms ? waited : patience_ms;
		if (ready > 0)
			done = write(fd, data, length < PIPE_BUF ? length : PIPE_BUF);
		if (!ready)
			return -ETIMEDOUT;
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (done > 0) {
			data += done;
			length -= done;
		}
	}
	return 0;
}

void say(const char *format, ...)
{
	va_list arguments;
	char *message, *line;

	va_start(arguments, format);
	message = vprint(format, arguments);
	va_end(arguments);
	/* One write: lines of several runs do not mix. */
	line = print("qemu-run: %s\n", message);
	write_patiently(STDERR_FILENO, line, strlen(line));
	free(line);
	free(message);
}

__attribute__((weak)) void *must(void *memory)
{
	static const char message[] = "qemu-run: out of memory\n";

	if (!memory) {
		write_all(STDERR_FILENO, message, sizeof(message) - 1);
		_exit(125);
	}
	return memory;
}

char *copy(const char *string)
{
	return must(strdup(string));
}

char *vprint(const char *format, va_list arguments)
{
	char *result;

	return must(vasprintf(&result, format, arguments) < 0 ? NULL : result);
}

char *print(const char *format, ...)
{
	va_list arguments;
	char *result;

	va_start(arguments, format);
	result = vprint(format, arguments);
	va_end(arguments);
	return result;
}

void text_add(struct text *text, const void *data, size_t length)
{
	if (text->length + length + 1 > text->capacity) {
		text->capacity = 2 * (text->length + length + 1);
		text->data = must(realloc(text->data, text->capacity));
	}
	if (length)
		memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_print(struct text *text, const char *format, ...)
{
	va_list arguments;
	char *more;

	va_start(arguments, format);
	more = vprint(format, arguments);
	va_end(arguments);
	text_add(text, more, strlen(more));
	free(more);
}

void text_drop(struct text *text, size_t length)
{
	if (!length)
		return;
	text->length -= length;
	memmove(text->data, text->data + length, text->length + 1);
}

size_t text_tail(const struct text *text, int lines)
{
	size_t start = text->length;

	while (start && (text->data[start - 1] != '\n' || start == text->length || lines-- > 0))
		start--;
	return start;
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}

bool text_receive(struct text *text, int *fd, size_t keep)
{
	char part[16384];
	ssize_t length;

	length = read(*fd, part, sizeof(part));
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length <= 0) {
		close_fd(fd);
		return false;
	}
	text_add(text, part, length);
	if (text->length > 2 * keep)
		text_drop(text, text->length - keep);
	return true;
}

void list_add(struct list *list, char *item)
{
	list->items = must(realloc(list->items, (list->count + 2) * sizeof(*list->items)));
	list->items[list->count++] = item;
	list->items[list->count] = NULL;
}

void list_free(struct list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct list){ 0 };
}

char *base_name(const char *path)
{
	size_t length = strlen(path), start;

	while (length > 1 && path[length - 1] == '/')
		length--;
	for (start = length; start && path[start - 1] != '/'; start--)
		;
	return print("%.*s", (int)(length - start), path + start);
}

long long parse_number(const char *text, long long low, long long high)
{
	long long value;

	if (!*text || text[strspn(text, "0123456789")])
		return -1;
	errno = 0;
	value = strtoll(text, NULL, 10);
	return errno || value < low || value > high ? -1 : value;
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int read_bytes(const char *path, size_t limit, struct text *content)
{
	char part[16384];
	ssize_t length;
	struct stat st;
	int file, err = 0;

	/* A FIFO is not waited for, until somebody writes to it. */
	file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (file < 0)
		return -errno;
	if (fstat(file, &st) || !S_ISREG(st.st_mode)) {
		close(file);
		return -EINVAL;
	}
	text_add(content, "", 0);
	for (;;) {
		length = read(file, part, sizeof(part));
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			err = -errno;
		if (length <= 0)
			break;
		text_add(content, part, length);
		if (content->length > limit) {
			err = -EFBIG;
			break;
		}
	}
	close(file);
	if (err)
		text_free(content);
	return err;
}

char *read_file(const char *path, size_t limit)
{
	struct text content = { 0 };
	int err = read_bytes(path, limit, &content);

	if (err) {
		errno = -err;
		return NULL;
	}
	return content.data;
}

void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int write_all(int fd, const void *data, size_t length)
{
	const char *from = data;

	while (length) {
		ssize_t done = write(fd, from, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		from += done;
		length -= done;
	}
	return 0;
}

int replace_file(const char *path, const char *text)
{
	char *directory = print("%.*s", (int)(strrchr(path, '/') - path), path);
	char *new = print("%s.%d", path, getpid());
	int file, err;

	err = make_directories(directory);
	file = err ? -1 : open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (!err && file < 0)
		err = -errno;
	if (file >= 0) {
		err = write_all(file, text, strlen(text));
		if (close(file) && !err)
			err = -errno;
		if (!err && rename(new, path))
			err = -errno;
		if (err)
			unlink(new);
	}
	free(new);
	free(directory);
	return err;
}

int make_directories(const char *path)
{
	char *part = copy(path), *slash = part;
	int err = 0;

	while (!err && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			err = -errno;
		*slash = '/';
	}
	err = mkdir(part, 0755) && errno != EEXIST ? -errno : 0;
	/* A read-only file system may say so before it says that the directory exists. */
	if (err && !access(part, X_OK))
		err = 0;
	free(part);
	return err;
}

uint64_t hash_bytes(const void *data, size_t length)
{
	uint64_t value = 0xcbf29ce484222325;
	const unsigned char *from = data;

	while (length--)
		value = (value ^ *from++) * 0x100000001b3;
	return value;
}

uint64_t hash(const char *string)
{
	return hash_bytes(string, strlen(string));
}
