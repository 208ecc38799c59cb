// SPDX-License-Identifier: GPL-2.0
/*
 * The host's directory of modules is mounted when it is needed: most runs need none, and
 * QEMU saves no template with 9p mounted. Autofs tells when, whoever asks: modprobe, the
 * kernel by itself, or BusyBox's shell, which runs its own modprobe and none of PATH.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/auto_fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "modules.h"
#include "root.h"

struct automount {
	char path[128];
	char packed[32]; /* a path to what the mount covers */
	int trigger;
	int requests;
};

/* Autofs does not hold up the process group that mounts it: this is to be one of its own. */
static int automount(struct automount *automount)
{
	int packed, requests[2];
	char options[96];

	/* A root that is an image may not have it. */
	(void)root_make_directories(automount->path);
	packed = open(automount->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (packed < 0 || setpgid(0, 0) || pipe2(requests, O_CLOEXEC))
		return -errno;
	snprintf(automount->packed, sizeof(automount->packed), "/proc/self/fd/%d", packed);
	snprintf(options, sizeof(options), "fd=%d,pgrp=%d,minproto=5,maxproto=5,direct",
		 requests[1], getpid());
	if (mount("modules", automount->path, "autofs", 0, options))
		return -errno;
	close(requests[1]);
	automount->requests = requests[0];
	automount->trigger = open(automount->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return automount->trigger < 0 ? -errno : 0;
}

static void attend(const struct automount *automount)
{
	struct autofs_v5_packet packet;
	int err;

	while (read(automount->requests, &packet, sizeof(packet)) > 0) {
		err = root_modules(automount->path);
		/* Busy: mounted already. A second request may come before the first is answered. */
		if (err && err != -EBUSY)
			mount(automount->packed, automount->path, NULL, MS_BIND, NULL);
		ioctl(automount->trigger, AUTOFS_IOC_READY, packet.wait_queue_token);
	}
}

int modules_attend(void)
{
	struct automount modules;
	struct utsname kernel;
	int report[2], err;
	pid_t pid;

	/* A mount without them would have the kernel run modprobe, which waits for that mount. */
	if (root_missing(false))
		return -ENODEV;
	uname(&kernel);
	snprintf(modules.path, sizeof(modules.path), "/lib/modules/%s", kernel.release);
	if (pipe2(report, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		err = automount(&modules);
		(void)!write(report[1], &err, sizeof(err));
		close(report[1]);
		if (!err)
			attend(&modules);
		_exit(0);
	}
	close(report[1]);
	if (read(report[0], &err, sizeof(err)) != sizeof(err))
		err = -ECHILD;
	close(report[0]);
	return err;
}
