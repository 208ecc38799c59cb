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

/* Reads what a process is from "pid (name) state parent ...". False: it has ended. */
static bool read_stat(const char *pid, char *name, char *state, int *parent)
{
	char path[64], text[256], *end = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	/* A name may have blanks and parentheses. */
	if (fgets(text, sizeof(text), file))
		end = strrchr(text, ')');
	fclose(file);
	if (!end || sscanf(end + 1, " %c %d", state, parent) != 2)
		return false;
	*end = '\0';
	snprintf(name, 32, "%s", strchr(text, '(') + 1);
	return true;
}

/* Reads where it waits: "hrtimer_nanosleep+0x9a/0x140 < common_nsleep+0x3f/0x50". */
static void read_stack(const char *pid, char *stack, size_t size)
{
	char path[64], line[256];
	size_t length = 0;
	FILE *file;
	int i;

	stack[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%.16s/stack", pid);
	file = fopen(path, "r");
	if (!file)
		return;
	for (i = 0; i < FRAMES_MAX && fgets(line, sizeof(line), file); i++) {
		char *place = strstr(line, "] ");

		line[strcspn(line, "\n")] = '\0';
		if (place && length < size)
			length += snprintf(stack + length, size - length, "%s%s",
					   i ? " < " : ": ", place + 2);
	}
	fclose(file);
}

static void log_processes(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	int told = 0;

	while (processes && (entry = readdir(processes))) {
		char name[32], state, stack[400];
		int parent;

		/* Init has helpers. Kernel threads are children of process 2. */
		if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == 2 ||
		    !read_stat(entry->d_name, name, &state, &parent) || parent == 2 ||
		    !strcmp(name, "qemu-run-init"))
			continue;
		if (++told > PROCESSES_MAX)
			continue;
		read_stack(entry->d_name, stack, sizeof(stack));
		log_urgent("process %s (%s), state %c%s", entry->d_name, name, state, stack);
	}
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
