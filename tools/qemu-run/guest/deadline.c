// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "deadline.h"
#include "disks.h"
#include "log.h"

/* How much later than init the driver ends the machine. */
#define DRIVER_GRACE_S 2

/*
 * Init, which is there at the deadline, puts the driver off by so much: to tell what the
 * command's processes wait for, to kill them, and to write to the disks. The host waits for
 * ten seconds once it has heard of the deadline.
 */
#define INIT_GRACE_S 8
#define PROCESSES_MS 2000
#define SETTLE_MS    4000

/* How many processes are told, and how many functions of each stack. */
#define PROCESSES_MAX 20
#define FRAMES_MAX    4

void deadline_prepare(struct deadline *deadline)
{
	deadline->armed = false;
	deadline->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (deadline->timer < 0)
		die("no timer");
}

void deadline_arm(struct deadline *deadline, uint64_t timeout_ms)
{
	struct itimerspec timer = {
		.it_value = {
			.tv_sec = timeout_ms / 1000,
			.tv_nsec = timeout_ms % 1000 * 1000000,
		},
	};

	if (!timeout_ms)
		return;
	deadline->armed = true;
	poweroff_arm(124, (timeout_ms + 999) / 1000 + DRIVER_GRACE_S);
	timerfd_settime(deadline->timer, 0, &timer, NULL);
}

void deadline_disarm(struct deadline *deadline)
{
	struct itimerspec never = { 0 };

	if (!deadline->armed)
		return;
	deadline->armed = false;
	poweroff_arm(0, -1);
	timerfd_settime(deadline->timer, 0, &never, NULL);
}

/*
 * log_process() - tells what a process is, and where it waits; returns false for init, its
 * helpers and kernel threads
 *
 * "process 92 (sleep), state S: hrtimer_nanosleep+0x9a/0x140 < common_nsleep+0x3f/0x50"
 */
static bool log_process(const char *pid, bool aloud)
{
	char path[64], stat[256], line[256], stack[400] = "", *end = NULL, *place, state;
	size_t length = 0;
	int parent, i;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	/* "pid (name) state parent ...": a name may have blanks and parentheses. */
	if (read_start(AT_FDCWD, path, stat, sizeof(stat)))
		end = strrchr(stat, ')');
	/* Kernel threads are children of process 2. */
	if (!end || sscanf(end + 1, " %c %d", &state, &parent) != 2 || parent == 2 ||
	    atoi(pid) == 2 || strstr(stat, "(qemu-run-init)"))
		return false;
	*end = '\0';
	snprintf(path, sizeof(path), "/proc/%.16s/stack", pid);
	file = aloud ? fopen(path, "re") : NULL;
	for (i = 0; file && i < FRAMES_MAX && fgets(line, sizeof(line), file); i++) {
		line[strcspn(line, "\n")] = '\0';
		place = strstr(line, "] ");
		if (place && length < sizeof(stack))
			length += snprintf(stack + length, sizeof(stack) - length, "%s%s",
					   i ? " < " : ": ", place + 2);
	}
	if (file)
		fclose(file);
	if (aloud)
		log_urgent("process %s), state %c%s", stat, state, stack);
	return true;
}

static void log_processes(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	int told = 0;

	while (processes && (entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]))
			told += log_process(entry->d_name, told < PROCESSES_MAX);
	if (told > PROCESSES_MAX)
		log_urgent("and %d processes more", told - PROCESSES_MAX);
	if (processes)
		closedir(processes);
}

/*
 * Writes to the console what each process is and waits for, but for init and the kernel's
 * threads. A kernel without CONFIG_STACKTRACE does not tell where a process waits.
 */
static void show_processes(int limit_ms)
{
	struct pollfd event = { .events = POLLIN };
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return;
	/* A child does it, because what a process hangs in may block who looks at it. */
	pid = fork();
	if (!pid) {
		log_processes();
		_exit(0);
	}
	close(ends[1]);
	event.fd = ends[0];
	if (!poll(&event, 1, pid > 0 ? limit_ms : 0))
		log_urgent("this list of processes is not complete: there was no more time");
	close(ends[0]);
}

void deadline_end_machine(const struct deadline *deadline)
{
	const char *unwritten;
	struct stat st;

	/* The command may keep all processors busy. */
	setpriority(PRIO_PROCESS, 0, -20);
	poweroff_arm(124, INIT_GRACE_S);
	/* The host shows it: blocked tasks, then what runs, then the command's processes. */
	if (!stat("/proc/sysrq-trigger", &st)) {
		write_file("/proc/sysrq-trigger", 0, "w");
		write_file("/proc/sysrq-trigger", 0, "l");
	}
	show_processes(PROCESSES_MS);
	unwritten = deadline->disks ? disks_settle(SETTLE_MS) : NULL;
	if (unwritten)
		log_line("%s: data may be lost", unwritten);
	poweroff_now(124);
}
