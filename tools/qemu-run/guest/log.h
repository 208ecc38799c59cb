/* SPDX-License-Identifier: GPL-2.0 */
/* Lines for the kernel's log and from it, and texts for files and from them. */
#ifndef QEMU_RUN_GUEST_LOG_H
#define QEMU_RUN_GUEST_LOG_H

#include <stddef.h>

/**
 * log_at() - writes a line to the kernel's log
 * @level: of the log; 0 is shown on the console whatever its own level is
 * @format: as for printf(3)
 */
void log_at(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_line(...)	log_at(4, __VA_ARGS__)
#define log_urgent(...) log_at(0, __VA_ARGS__)

/**
 * log_read() - reads the kernel's own lines that are new
 * @log: /dev/kmsg, open for reading, not blocking; lseek(2) to its end before
 * @text: receives the lines, each behind a newline and two blanks
 * @size: of @text, 2048 or more; if not all lines fit, the first ones are left out
 *
 * Return: the length of @text; 0 if the kernel logged nothing, and @text is not written.
 */
size_t log_read(int log, char *text, size_t size);

/**
 * read_start() - reads the beginning of a file
 * @directory: where @path starts if it is relative, or AT_FDCWD
 * @path: the file
 * @text: receives what was read, and NUL behind it
 * @size: of @text
 *
 * Return: the length of @text, 0 if the file cannot be read.
 */
size_t read_start(int directory, const char *path, char *text, size_t size);

/**
 * write_file() - writes a text to a file, such as one of the kernel's
 * @path: the file
 * @flags: for open(2): 0, or O_CREAT | O_EXCL for a file that is not there
 * @text: the text
 *
 * Return: 0 or a negative errno.
 */
int write_file(const char *path, int flags, const char *text);

#endif
