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
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../util.h"
#include "disks.h"

#define MOUNTS_MAX 64

/* How long a killed process may take to close its files. */
#define KILLED_MS 1000

/* Finds where disks are mounted, and directories of the host, in the order of mounting. */
static size_t find_mounts(char *where[], size_t max)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char line[2 * PATH_MAX];
	struct mntent entry;
	size_t count = 0;

	/* For "share" see root_share(). */
	while (mounts && count < max && getmntent_r(mounts, &entry, line, sizeof(line)))
		if (!strncmp(entry.mnt_fsname, "/dev/", 5) ||
		    !strncmp(entry.mnt_fsname, "share", 5))
			where[count++] = must(strdup(entry.mnt_dir));
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
static void flush_disks(FILE *output)
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
			fprintf(output, "%s cannot be flushed: %s; ", path, strerror(errno));
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
static void settle(FILE *output)
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
			fprintf(output, "%s cannot be written or unmounted: %s; ", where[count],
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

const char *disks_settle(int limit_ms)
{
	static char text[512];
	struct pollfd event = { .events = POLLIN };
	ssize_t length = 0;
	int ends[2];
	pid_t pid;

	kill_all();
	if (pipe2(ends, O_CLOEXEC)) {
		snprintf(text, sizeof(text), "cannot unmount: %s", strerror(errno));
		return text;
	}
	/* A child does it, because a file system may block for ever. At its end it says all. */
	pid = fork();
	if (!pid) {
		FILE *output = must(fdopen(ends[1], "w"));

		settle(output);
		fputc('\n', output);
		fflush(output);
		_exit(0);
	}
	close(ends[1]);
	event.fd = ends[0];
	if (pid > 0 && poll(&event, 1, limit_ms) > 0)
		length = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	if (length > 0)
		text[length] = '\0';
	else
		snprintf(text, sizeof(text),
			 "file data is still being written to disk after %d ms", limit_ms);
	text[strcspn(text, "\n")] = '\0';
	return text[0] ? text : NULL;
}
