// SPDX-License-Identifier: GPL-2.0
/*
 * A command that lies: it takes the channel of the guest's init, and does what its
 * arguments say, one after the other.
 *
 *	hostile freeze returned status:0 port:0
 *
 * stops init, says in its place that the command has returned 0, and ends the machine
 * with code 0. A word may have a number behind a colon. The name of a frame sends one,
 * as an honest guest would. If no word ends the machine, the last one is followed by
 * the end of this program, and init goes on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "forge.h"

#define PARAMETERS "/sys/module/qemu_poweroff/parameters/"
#define PORT	   0x10f4

/* Init's channel. */
static int channel = -1;

static void __attribute__((noreturn)) fail(const char *what)
{
	perror(what);
	exit(99);
}

/* The descriptor of init's that leads to the host: /dev/vport1p1, or the serial port. */
static int find_channel(void)
{
	char path[64], target[256];
	int fd;

	for (fd = 0; fd < 256; fd++) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/1/fd/%d", fd);
		length = readlink(path, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		if (strstr(target, "/vport") || strstr(target, "/ttyS1"))
			return fd;
	}
	errno = ENOENT;
	fail("/proc/1/fd");
}

static void take_channel(void)
{
	int init = syscall(SYS_pidfd_open, 1, 0);

	channel = syscall(SYS_pidfd_getfd, init, find_channel(), 0);
	if (channel < 0)
		fail("pidfd_getfd");
}

static void write_all(const void *data, size_t length)
{
	struct pollfd event = { .fd = channel, .events = POLLOUT };

	while (write(channel, data, length) != (ssize_t)length) {
		if (errno != EAGAIN)
			fail("channel");
		poll(&event, 1, -1);
	}
}

/*
 * Waits until QEMU has passed on what was written. The loop of QEMU that does so wakes
 * who sleeps in the guest, too, at the end of each round.
 */
static void let_out(void)
{
	usleep(10000);
	usleep(10000);
}

void send_frame(uint32_t type, const void *data, uint32_t length)
{
	char frame[sizeof(struct frame_header) + sizeof(struct hello)];
	struct frame_header header = { .length = length, .type = type };

	memcpy(frame, &header, sizeof(header));
	memcpy(frame + sizeof(header), data, length);
	write_all(frame, sizeof(header) + length);
}

/* Init cannot be stopped by a signal, and by ptrace(2) it can. */
static void freeze(void)
{
	static bool frozen;

	if (frozen)
		return;
	frozen = true;
	if (ptrace(PTRACE_SEIZE, 1, 0, 0) || ptrace(PTRACE_INTERRUPT, 1, 0, 0) ||
	    waitpid(1, NULL, __WALL) != 1)
		fail("ptrace");
}

static void put_number(const char *path, long number)
{
	char text[24];
	int file = open(path, O_WRONLY);

	snprintf(text, sizeof(text), "%ld", number);
	if (file < 0 || write(file, text, strlen(text)) < 0)
		fail(path);
	close(file);
}

static void write_port(long code)
{
	let_out();
	if (!ioperm(PORT, 4, 1)) {
		outb(code, PORT);
	} else {
		put_number(PARAMETERS "code", code);
		put_number(PARAMETERS "delay", 0);
	}
	/* QEMU may take a moment to end. */
	sleep(10);
}

static void end_by(int how)
{
	let_out();
	reboot(how);
}

static void act(const char *word, size_t length, long number)
{
	struct frame_header header = { .length = number, .type = FRAME_OUTPUT };

	if (forge_word(word, length, number))
		return;
	if (!strncmp(word, "header:", 7)) /* promises so much, and no more comes */
		write_all(&header, sizeof(header));
	else if (!strncmp(word, "flood:", 6)) /* frames of that type, for ever */
		for (;;)
			forge(number, 0);
	else if (!strcmp(word, "freeze"))
		freeze();
	else if (!strcmp(word, "disarm")) /* the driver's deadline */
		put_number(PARAMETERS "delay", -1);
	else if (!strncmp(word, "wait:", 5))
		usleep(number * 1000);
	else if (!strncmp(word, "port:", 5))
		write_port(number);
	else if (!strcmp(word, "off"))
		end_by(RB_POWER_OFF);
	else if (!strcmp(word, "reset"))
		end_by(RB_AUTOBOOT);
	else if (!strcmp(word, "hang"))
		pause();
	else if (!strncmp(word, "exit:", 5))
		exit(number);
	else
		fail(word);
}

int main(int argc, char **argv)
{
	int i;

	(void)argc;
	take_channel();
	for (i = 1; argv[i]; i++) {
		size_t length = strcspn(argv[i], ":");

		act(argv[i], length, argv[i][length] ? strtol(argv[i] + length + 1, NULL, 0) : 0);
	}
	return 3;
}
