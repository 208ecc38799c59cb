// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <unistd.h>
#include "../util.h"
#include "../wire/protocol.h"
#include "log.h"
#include "poweroff.h"

#define PARAMETERS "/sys/module/qemu_poweroff/parameters/"
/* isa-debug-exit, where qemu-run puts it. */
#define PORT	   0x10f4
/* How long QEMU may take to end once it was told. */
#define END_US	   200000

/* The parameters of qemu_poweroff are open, or -1. */
static struct {
	uint32_t method;
	int code;
	int delay;
	int panic;
} poweroff;

void poweroff_find(void)
{
	poweroff.code = open(PARAMETERS "code", O_WRONLY | O_CLOEXEC);
	poweroff.delay = open(PARAMETERS "delay", O_WRONLY | O_CLOEXEC);
	poweroff.panic = open(PARAMETERS "panic_code", O_WRONLY | O_CLOEXEC);
	/*
	 * Init prefers to write the port itself. The driver would log a line first, and
	 * that takes a tenth of a whole run. A kernel that is locked down refuses ioperm().
	 */
	if (!ioperm(PORT, 4, 1))
		poweroff.method = POWEROFF_PORT;
	else if (poweroff.code >= 0 && poweroff.delay >= 0)
		poweroff.method = POWEROFF_DRIVER;
	else
		poweroff.method = POWEROFF_NONE;
}

uint32_t poweroff_method(void)
{
	return poweroff.method;
}

/* Writes a parameter of the driver. Failures are not checked: the machine then goes on. */
static void put_number(int file, long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", number);
	(void)!pwrite(file, text, strlen(text), 0);
}

void poweroff_arm(unsigned int code, long seconds)
{
	if (poweroff.code < 0 || poweroff.delay < 0)
		return;
	/*
	 * After the deadline the host sends an NMI to a guest that takes no interrupts,
	 * and the guest panics. The kernel prints that panic's text last. The driver
	 * would end the machine before it is out, so it has to leave panics alone. The
	 * host then knows a panic by its text.
	 */
	if (seconds >= 0 && poweroff.panic >= 0)
		put_number(poweroff.panic, -1);
	if (seconds >= 0)
		put_number(poweroff.code, code);
	put_number(poweroff.delay, seconds);
}

void poweroff_now(unsigned int code)
{
	if (poweroff.method == POWEROFF_PORT) {
		outb(code, PORT);
		/* From QEMU 9.1 on, the write returns, and the machine ends a moment later. */
		usleep(END_US);
	}
	if (poweroff.code >= 0 && poweroff.delay >= 0) {
		put_number(poweroff.code, code);
		put_number(poweroff.delay, 0);
		usleep(END_US);
	}
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

void die(const char *what)
{
	die_because(what, strerror(errno));
}

void die_because(const char *what, const char *why)
{
	log_urgent(LOG_CANNOT "%s: %s", what, why);
	poweroff_find();
	poweroff_now(125);
}

/* In place of that of util.c: the end of init is a panic. */
void *must(void *memory)
{
	if (!memory)
		die("memory");
	return memory;
}
