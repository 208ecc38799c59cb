// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the data of mounted file systems to their disks before the machine ends. Up
 * to QEMU 9.0 the end of the machine is a plain exit(): unwritten data would be lost.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "disks.h"

#define MOUNTS "/proc/self/mountinfo"
#define MOUNTS_MAX 64

/* How long a killed process may take to close its files. */
#define KILLED_MS 1000

/* mountinfo writes blanks and the like as octal numbers: \040. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] && text[2] && text[3]) {
			*to++ = (text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0';
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* Disks, and the directories of the host that may be written to: see root_share(). */
static bool is_written(const char *source)
{
	return !strncmp(source, "/dev/", strlen("/dev/")) ||
	       !strncmp(source, "share", strlen("share"));
}

/* Finds where disks are mounted, in the order of mounting. Returns how many. */
static size_t find_mounts(char *where[], size_t max)
{
	char line[2 * PATH_MAX], path[PATH_MAX], source[PATH_MAX];
	FILE *mounts = fopen(MOUNTS, "re");
	const char *rest;
	size_t count = 0;

	while (mounts && count < max && fgets(line, sizeof(line), mounts)) {
		/* "ID PARENT MAJOR:MINOR ROOT PATH OPTIONS TAGS... - TYPE SOURCE ..." */
		rest = strstr(line, " - ");
		if (!rest || sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1 ||
		    sscanf(rest, " - %*s %4095s", source) != 1 ||
		    !is_written(source))
			continue;
		unescape(path);
		where[count] = strdup(path);
		if (where[count])
			count++;
	}
	if (mounts)
		fclose(mounts);
	return count;
}

/* Unmounts a file system that is written. Returns 0 or a negative errno. */
static int unmount(const char *path)
{
	int root = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	/* Unlike umount2(2), it tells of data that could not be written. */
	int err = root >= 0 && syncfs(root) ? -errno : 0, tries;

	if (root >= 0)
		close(root);
	for (tries = 0; tries < KILLED_MS / 10; tries++) {
		if (!umount2(path, UMOUNT_NOFOLLOW))
			return err;
		if (errno != EBUSY)
			break;
		usleep(10000);
	}
	return err || !mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL) ? err : -errno;
}

/*
 * Flushes the cache of each disk. QEMU then writes its image to the host's disk. A loop
 * device gives its file back once it is not mounted any more.
 */
static void flush_disks(int output)
{
	DIR *directory = opendir("/sys/block");
	struct dirent *entry;
	char path[PATH_MAX];
	int disk;

	while (directory && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		disk = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (disk < 0 ? errno == ENOENT : fsync(disk))
			dprintf(output, "%s cannot be flushed: %s; ", path, strerror(errno));
		ioctl(disk, LOOP_CLR_FD);
		close(disk);
	}
}

static void stop_swapping(void)
{
	FILE *swaps = fopen("/proc/swaps", "re");
	char path[PATH_MAX];

	while (swaps && fscanf(swaps, "%4095s %*[^\n]", path) == 1)
		swapoff(path);
}

/* Unmounts and flushes all disks. Writes what failed to @output, as text. */
static void settle(int output)
{
	static const char *const own[][2] = {
		{ "proc", "/proc" }, { "sysfs", "/sys" }, { "devtmpfs", "/dev" },
	};
	char *where[MOUNTS_MAX];
	size_t count, i;
	int err;

	/* The command may have unmounted these, or mounted others over them. */
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		mount(own[i][0], own[i][1], own[i][0], 0, NULL);
	stop_swapping();
	flush_disks(output);
	count = find_mounts(where, MOUNTS_MAX);
	while (count--) {
		err = unmount(where[count]);
		if (err)
			dprintf(output, "%s cannot be written or unmounted: %s; ", where[count],
				strerror(-err));
	}
	/* File systems of other mount namespaces, too. */
	sync();
	flush_disks(output);
}

/*
 * Kills all processes, the command's and init's helpers: what they hold open, in whatever
 * namespace, is written and closed when they have ended. All are init's to reap.
 */
static void kill_all(void)
{
	int tries;

	for (tries = 0; tries < KILLED_MS / 10; tries++) {
		kill(-1, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (errno == ECHILD)
			break;
		usleep(10000);
	}
}

/* Reads up to the end, or for @limit_ms. Returns whether the end came. */
static bool read_all(int input, char *text, size_t size, int limit_ms)
{
	struct pollfd event = { .fd = input, .events = POLLIN };
	struct timespec now, until;
	size_t length = 0;
	ssize_t got;
	long left;

	clock_gettime(CLOCK_MONOTONIC, &until);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = limit_ms - (now.tv_sec - until.tv_sec) * 1000 -
		       (now.tv_nsec - until.tv_nsec) / 1000000;
		if (left <= 0 || !poll(&event, 1, left))
			return false;
		got = read(input, text + length, size - 1 - length);
		if (got <= 0)
			return true;
		length += got;
		text[length] = '\0';
	}
}

bool disks_settle(int limit_ms, char *text, size_t size)
{
	int pipe_fds[2];
	bool ended;
	pid_t pid;

	text[0] = '\0';
	kill_all();
	/* A child does it, because a file system may block for ever. */
	if (pipe2(pipe_fds, O_CLOEXEC)) {
		snprintf(text, size, "cannot unmount: %s", strerror(errno));
		return false;
	}
	pid = fork();
	if (!pid) {
		close(pipe_fds[0]);
		settle(pipe_fds[1]);
		_exit(0);
	}
	close(pipe_fds[1]);
	ended = pid > 0 && read_all(pipe_fds[0], text, size, limit_ms);
	close(pipe_fds[0]);
	if (!ended)
		snprintf(text, size, "file data is still being written to disk after %d ms",
			 limit_ms);
	return !text[0];
}
