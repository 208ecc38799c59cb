// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h"
#include "processes.h"

/* How many processes are told, and how many functions of each stack. */
#define PROCESSES_MAX 20
#define FRAMES_MAX    4

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
	file = fopen(path, "re");
	/* "pid (name) state parent ...": a name may have blanks and parentheses. */
	if (file && fgets(stat, sizeof(stat), file))
		end = strrchr(stat, ')');
	if (file)
		fclose(file);
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

void processes_log(int limit_ms)
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
