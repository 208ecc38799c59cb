/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's init: what its files share. */
#ifndef QEMU_RUN_GUEST_INIT_H
#define QEMU_RUN_GUEST_INIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "../wire/frame.h"

/* Where the command starts, and where the files of -f go. */
#define HOME "/root"

/**
 * log_line() - a line for whoever reads the kernel's log
 * @format: as for printf(3)
 */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * lacks() - tells the host, by the console, what this kernel would need
 * @what: the option, or the device
 *
 * Whatever the console's log level.
 */
void lacks(const char *what);

/**
 * boot() - makes the machine what a program expects to find
 *
 * File systems, device nodes, the programs' names, the modules, the loopback
 * interface.
 */
void boot(void);

/**
 * run_tool() - runs a program of the guest's to its end
 * @argv: its arguments, the program's path first
 *
 * Return: its exit status, 128 + n for a signal.
 */
int run_tool(const char *const argv[]);

/**
 * write_text() - writes a text to a file of the kernel's
 * @path: the file
 * @text: the text
 *
 * Return: 0 or a negative errno.
 */
int write_text(const char *path, const char *text);

/**
 * struct channel - what connects init with the host
 * @fd: open, not blocking
 * @serial: a serial port: what is read from it has to be acknowledged
 * @taken: bytes read and not yet acknowledged
 * @sum: frame_sum() of all that was read
 */
struct channel {
	int fd;
	bool serial;
	uint32_t taken;
	uint32_t sum;
};

/**
 * channel_open() - opens the connection to the host
 * @channel: receives it
 * @serial: by the second serial port, and not by virtio
 *
 * Says on the console what the kernel lacks when there is none.
 *
 * Return: 0 or a negative errno.
 */
int channel_open(struct channel *channel, bool serial);

/**
 * channel_read() - reads what has come, and keeps count
 * @channel: the channel
 * @data: receives it
 * @size: of @data
 *
 * Return: as read(2).
 */
ssize_t channel_read(struct channel *channel, void *data, size_t size);

/**
 * channel_drain() - waits for what was written to a serial port to come out
 * @serial: the port
 *
 * For no more than about a second: the host may read nothing.
 */
void channel_drain(int serial);

/**
 * struct poweroff - how to end the machine with a code
 * @method: enum poweroff_method
 * @code: qemu_poweroff's parameter, open, or -1
 * @delay: likewise
 * @panic: likewise
 */
struct poweroff {
	uint32_t method;
	int code;
	int delay;
	int panic;
};

/**
 * poweroff_find() - finds the driver, or else the bare port
 * @poweroff: what was found
 */
void poweroff_find(struct poweroff *poweroff);

/**
 * poweroff_arm() - has the driver end the machine later, whatever happens here
 * @poweroff: as found
 * @code: the code to end with
 * @seconds: when; -1: never
 */
void poweroff_arm(const struct poweroff *poweroff, unsigned int code, long seconds);

/**
 * poweroff_now() - ends the machine
 * @poweroff: as found
 * @code: the code to end with, 0-127
 */
void poweroff_now(const struct poweroff *poweroff, unsigned int code) __attribute__((noreturn));

/**
 * disks_watch() - begins to watch for file systems that are mounted
 *
 * Return: a file for disks_settle(), or -1.
 */
int disks_watch(void);

/**
 * disks_settle() - writes to disk what there is to write, and unmounts the disks
 * @mounts: from disks_watch(); if nothing was mounted since, nothing is done
 * @limit_ms: for how long, at the most
 * @text: receives why not all is written
 * @size: of @text
 *
 * Kills the processes that keep a disk from being unmounted.
 *
 * Return: whether all is written.
 */
bool disks_settle(int mounts, int limit_ms, char *text, size_t size);

/**
 * struct child - the command
 * @pid: its process, 0 before and after
 * @input: where its stdin is written to, or -1
 * @output: where its stdout is read from, or -1; the terminal's master
 * @errors: where its stderr is read from, or -1
 */
struct child {
	pid_t pid;
	int input;
	int output;
	int errors;
};

/**
 * child_prepare() - makes the command's process, which waits
 * @child: receives it and its streams
 *
 * Return: 0 or a negative errno.
 */
int child_prepare(struct child *child);

/**
 * child_start() - starts the command
 * @child: as prepared
 * @argv: the command
 * @directory: where it starts
 * @job: whether it gets a terminal
 *
 * Return: 0, or the errno of what kept it from being executed.
 */
int child_start(struct child *child, char *const argv[], const char *directory,
		const struct job *job);

/**
 * load_module() - loads one
 * @image: its bytes
 * @length: how many
 * @parameters: as on insmod's command line
 *
 * Return: 0 or a negative errno.
 */
int load_module(const void *image, size_t length, const char *parameters);

/**
 * complaints_next() - the next line in which the kernel complains of itself
 * @log: /dev/kmsg, open, non-blocking, where the command started
 * @line: receives it
 * @size: of @line
 *
 * Return: whether there was one.
 */
bool complaints_next(int log, char *line, size_t size);

/**
 * taint() - the kernel's taint flags
 * @file: /proc/sys/kernel/tainted, open
 *
 * Return: the flags.
 */
uint64_t taint(int file);

#endif
