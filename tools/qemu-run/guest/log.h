/* SPDX-License-Identifier: GPL-2.0 */
/* Lines for the kernel's log, and text for the kernel's files. */
#ifndef QEMU_RUN_GUEST_LOG_H
#define QEMU_RUN_GUEST_LOG_H

/**
 * log_line() - writes a line to the kernel's log
 * @format: as for printf(3)
 */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * log_missing() - tells the host, by the console, what this kernel would need
 * @what: the option, or the device
 *
 * The console shows the line at any log level.
 */
void log_missing(const char *what);

/**
 * write_text() - writes a text to one of the kernel's files
 * @path: the file
 * @text: the text
 *
 * Return: 0 or a negative errno.
 */
int write_text(const char *path, const char *text);

#endif
