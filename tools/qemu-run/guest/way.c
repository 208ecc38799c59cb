// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <unistd.h>
#include "init.h"

#define PARAMETERS "/sys/module/qemu_poweroff/parameters/"
/* isa-debug-exit, where qemu-run puts it. */
#define PORT	   0x10f4
/* How long QEMU may take to end once it was told. */
#define END_US	   200000

void way_find(struct way *way)
{
	way->code = open(PARAMETERS "code", O_WRONLY | O_CLOEXEC);
	way->delay = open(PARAMETERS "delay", O_WRONLY | O_CLOEXEC);
	way->panic = open(PARAMETERS "panic_code", O_WRONLY | O_CLOEXEC);
	/*
	 * The port itself, when init is there to write it: the driver would first
	 * say so on the console, a tenth of a whole run. A kernel that is locked
	 * down does not let us.
	 */
	if (!ioperm(PORT, 4, 1))
		way->way = WAY_PORT;
	else if (way->code >= 0 && way->delay >= 0)
		way->way = WAY_DRIVER;
	else
		way->way = WAY_NONE;
}

/* The files of sysfs take a whole write each; a failure shows in what follows. */
static void put_number(int file, long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", number);
	(void)!pwrite(file, text, strlen(text), 0);
}

void way_arm(const struct way *way, unsigned int code, long seconds)
{
	if (way->code < 0 || way->delay < 0)
		return;
	/*
	 * Past the deadline, the host has a guest that takes no interrupts panic by
	 * an NMI. Of such a panic the driver's end would cut off the text: the kernel
	 * shows it last. The text is then how the host knows of any panic.
	 */
	if (seconds >= 0 && way->panic >= 0)
		put_number(way->panic, -1);
	if (seconds >= 0)
		put_number(way->code, code);
	put_number(way->delay, seconds);
}

void way_take(const struct way *way, unsigned int code)
{
	if (way->way == WAY_PORT) {
		outb(code, PORT);
		/* From QEMU 9.1 on, the write returns and the machine ends a moment later. */
		usleep(END_US);
	}
	if (way->code >= 0 && way->delay >= 0) {
		put_number(way->code, code);
		put_number(way->delay, 0);
		usleep(END_US);
	}
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
