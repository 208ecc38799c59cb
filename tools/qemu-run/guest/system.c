// SPDX-License-Identifier: GPL-2.0
/*
 * A system's boot, seen from beside it.
 *
 * PID 1 executes the root's init, because an init wants that number, and the kernel's
 * helpers follow its root. Its child, the agent, waits for the system to be ready, and makes
 * it fit to be cloned:
 *
 *   calendar timers  are stopped. A clone's clock jumps from the template's time to now, and
 *		      all that should have happened between would start at once.
 *   modules	      that are mounted by 9p are unmounted: QEMU saves no guest that has them.
 *		      They come back when somebody looks for one. udev keeps their lists open:
 *		      it is stopped, and its sockets start it again at the next event. The
 *		      unmount is one: meanwhile the sockets are closed.
 *   what still runs  may come to an end, or each clone would go on with it.
 *   boot_id	      is a file from now on: see boot_id.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "../wire/protocol.h"
#include "boot.h"
#include "boot_id.h"
#include "log.h"
#include "poweroff.h"
#include "system.h"

/* How often to look whether something has happened. */
#define LOOK_US	     100000
/* How long something may go on reading modules. */
#define UNMOUNT_LOOKS 3000
/* How long nothing is to run, and how long that may take. */
#define QUIET_LOOKS   5
#define BUSY_LOOKS    100

/* "degraded" is as good as "running". */
static const char wait_for_systemd[] =
	"until [ -S /run/systemd/private ]; do sleep 0.1; done\n"
	"systemctl is-system-running --wait >/dev/null\n";

/* Prints the units that failed. */
static const char quieten_systemd[] =
	"units() { systemctl list-units --plain --no-legend \"$@\" | while read -r name rest; do echo \"$name\"; done; }\n"
	"for timer in $(units --type=timer --state=active); do\n"
	"	[ -z \"$(systemctl show -p TimersCalendar --value \"$timer\")\" ] || systemctl stop \"$timer\"\n"
	"done\n"
	"udevadm settle\n"
	"systemctl stop systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udevd.service 2>/dev/null\n"
	"units --state=failed\n";

static const char start_udev[] =
	"systemctl start systemd-udevd-kernel.socket systemd-udevd-control.socket 2>/dev/null";

/* executes() - whether PID 1 executes a program of that name, or by then another than ours */
static bool executes(const char *name)
{
	char program[PATH_MAX], own[PATH_MAX];
	ssize_t length = readlink("/proc/1/exe", program, sizeof(program) - 1);
	ssize_t own_length = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (length < 0 || own_length < 0)
		return false;
	program[length] = '\0';
	own[own_length] = '\0';
	return name ? !strcmp(strrchr(program, '/') + 1, name) : strcmp(program, own) != 0;
}

static int run_script(const char *script)
{
	return run_tool((const char *[]){ "/bin/sh", "-c", script, NULL });
}

static void quieten(void)
{
	char failed[1024];
	FILE *output = popen(quieten_systemd, "re");
	size_t length = output ? fread(failed, 1, sizeof(failed) - 1, output) : 0;

	/* Or who writes the rest would end by a signal. */
	while (output && getc(output) != EOF)
		;
	if (!output || pclose(output))
		die_because("--init", "systemctl does not run");
	if (!length)
		return;
	failed[length] = '\0';
	for (length = 0; failed[length]; length++)
		if (failed[length] == '\n')
			failed[length] = failed[length + 1] ? ' ' : '\0';
	log_urgent(LOG_FAILED "%s", failed);
}

static void wait_for_command(const char *digits)
{
	size_t length = strlen(digits) / 2, i;
	char command[length + 1];

	for (i = 0; i < length; i++) {
		char digit[3] = { digits[2 * i], digits[2 * i + 1] };

		command[i] = strtoul(digit, NULL, 16);
	}
	command[length] = '\0';
	while (run_script(command))
		usleep(LOOK_US);
}

/* modules_mount() - where the modules are mounted by 9p; false if they are not */
static bool modules_mount(char *path)
{
	FILE *mounts = fopen("/proc/self/mounts", "re");
	char line[2 * PATH_MAX];
	bool found = false;

	while (mounts && !found && fgets(line, sizeof(line), mounts))
		found = sscanf(line, "modules %4095s 9p ", path) == 1 && strstr(line, " 9p ");
	if (mounts)
		fclose(mounts);
	return found;
}

static void unmount_modules(void)
{
	char path[PATH_MAX];
	int looks = 0;

	while (modules_mount(path)) {
		if (umount2(path, UMOUNT_NOFOLLOW) && looks++ == UNMOUNT_LOOKS)
			die_because("--init", "a process of the system keeps the kernel's modules open");
		usleep(LOOK_US / 10);
	}
}

/* wait_for_quiet() - returns when no process but this one has run for a while. */
static void wait_for_quiet(void)
{
	int looks, running, quiet = 0;
	char load[64] = "";

	for (looks = 0; looks < BUSY_LOOKS && quiet < QUIET_LOOKS; looks++) {
		usleep(LOOK_US);
		read_start(AT_FDCWD, "/proc/loadavg", load, sizeof(load));
		if (sscanf(load, "%*s %*s %*s %d/", &running) == 1 && running == 1)
			quiet++;
		else
			quiet = 0;
	}
}

void system_boot(const char *init, const char *ready)
{
	bool systemd;
	pid_t pid;

	/* For systemd and udev. The job writes the same. */
	write_file("/proc/sys/kernel/modprobe", 0, "/sbin/modprobe");
	pid = fork();
	if (pid < 0)
		die("--init");
	if (pid) {
		execl(init, init, NULL);
		die_because("--init", strerror(errno));
	}
	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	while (!executes(NULL))
		usleep(LOOK_US);
	systemd = executes("systemd");
	if (systemd)
		run_script(wait_for_systemd);
	else if (!ready)
		die_because("--init", "it is not systemd: give --ready COMMAND, which returns 0 when its system is ready");
	if (ready)
		wait_for_command(ready);
	if (systemd)
		quieten();
	unmount_modules();
	if (systemd)
		run_script(start_udev);
	wait_for_quiet();
	boot_id_prepare();
	/* The system may have settings of its own. See boot(). */
	write_file("/proc/sys/kernel/panic", 0, "-1");
	write_file("/proc/sys/kernel/printk", 0, "8");
}
