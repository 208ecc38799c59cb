// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/auto_fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "../util.h"
#include "../wire/protocol.h"
#include "log.h"
#include "root.h"

#define LOWER ROOT_LOWER
#define UPPER "/.upper"
#define ROOT  "/.root"

/*
 * access=any: one attach for all users; the guest's kernel checks permissions. msize is also
 * how much a page fault reads ahead, and how much memory an open directory takes: more
 * reads faster, and walks slower. Kernels before 6.4 ignore noxattr; with it, overlayfs
 * does not ask the host for attributes of each file.
 */
#define OPTIONS "trans=virtio,version=9p2000.L,access=any,msize=262144,"

/* Makes the directory where it is missing. */
static int mount_9p(const char *tag, const char *where, unsigned long flags, const char *cache)
{
	int err = make_directories(where);
	char options[128];

	if (err)
		return err;
	snprintf(options, sizeof(options), OPTIONS "cache=%s", cache);
	return mount(tag, where, "9p", flags, options) ? -errno : 0;
}

/* Mounted there by boot(), and of the guest's own in the new root as well. */
static const char *const kept[] = OWN_DIRECTORIES;

/* Opaque: overlayfs does not look for the host's directory below it. */
static int make_own(const char *where, mode_t mode)
{
	char path[64];

	snprintf(path, sizeof(path), UPPER "/upper%s", where);
	if (mkdir(path, mode) || setxattr(path, "trusted.overlay.opaque", "y", 1, 0))
		return -errno;
	return 0;
}

int root_link_kernel(const char *root)
{
	static const char *const names[] = { "config", "System.map" };
	char path[128], target[128];
	struct utsname kernel;
	size_t i;
	int err;

	uname(&kernel);
	snprintf(path, sizeof(path), "%s/boot", root);
	err = make_directories(path);
	for (i = 0; i < sizeof(names) / sizeof(names[0]) && !err; i++) {
		snprintf(path, sizeof(path), "%s/boot/%s-%s", root, names[i], kernel.release);
		snprintf(target, sizeof(target), "/lib/modules/%s/%s", kernel.release, names[i]);
		err = symlink(target, path) ? -errno : 0;
	}
	return err;
}

int root_prepare(void)
{
	size_t i;
	int err;

	if (mkdir(LOWER, 0755) || mkdir(UPPER, 0755) || mkdir(ROOT, 0755) ||
	    mount("tmpfs", UPPER, "tmpfs", 0, "mode=0755") || mkdir(UPPER "/upper", 0755) ||
	    mkdir(UPPER "/work", 0755))
		return -errno;
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		err = make_own(kept[i], 0755);
		if (err)
			return err;
	}
	return root_link_kernel(UPPER "/upper");
}

/* A link costs nothing, but has to be there before the overlay is mounted. */
static int link_modules(const char *place, const char *modules)
{
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), UPPER "/upper%s", place);
	*strrchr(path, '/') = '\0';
	err = make_directories(path);
	if (err)
		return err;
	path[strlen(path)] = '/';
	return symlink(modules, path) ? -errno : 0;
}

static int mount_modules(const char *path)
{
	return mount_9p("modules", path, MS_RDONLY, "loose");
}

static int mount_overlay(void)
{
	return mount("overlay", ROOT, "overlay", 0,
		     "lowerdir=" LOWER ",upperdir=" UPPER "/upper,workdir=" UPPER "/work") ?
		       -errno : 0;
}

/* An overlay: @lower, and over it what the guest writes, as over the root. */
static int mount_shown(const char *lower, const char *path, const struct stat *st)
{
	static unsigned int number;
	char upper[32], work[32], options[128];

	snprintf(upper, sizeof(upper), UPPER "/shown%u", number);
	snprintf(work, sizeof(work), UPPER "/work%u", number++);
	/* Owner and mode of a mount are those of its upper directory. */
	if (mkdir(upper, 0755) || mkdir(work, 0755) || chown(upper, st->st_uid, st->st_gid) ||
	    chmod(upper, st->st_mode & 07777))
		return -errno;
	/* Not by its name, of which overlayfs takes some characters for its own. */
	snprintf(options, sizeof(options), "lowerdir=.,upperdir=%s,workdir=%s", upper, work);
	return (mkdir(path, 0755) && errno != EEXIST) || chdir(lower) ||
	       mount("overlay", path, "overlay", 0, options) ? -errno : 0;
}

/* Where no link leads to them: by 9p, and over it what the guest writes, as DKMS does. */
static int mount_own_modules(const char *place)
{
	char path[PATH_MAX];
	struct stat st;
	int err = mount_modules(UPPER "/modules");

	snprintf(path, sizeof(path), ROOT "%s", place);
	if (!err)
		err = stat(UPPER "/modules", &st) ? -errno : make_directories(path);
	return err ? err : mount_shown(UPPER "/modules", path, &st);
}

static int mount_root(const char *place, const char *modules)
{
	int err;

	err = mount_9p("root", LOWER, MS_RDONLY, "loose,noxattr");
	if (!err && *place && *modules)
		err = link_modules(place, modules);
	/* A root that has the modules of this kernel has its other files, too. */
	if (!err && !*place && rename(UPPER "/upper/boot", UPPER "/boot"))
		err = -errno;
	if (err)
		return err;
	err = mount_overlay();
	return err || !*place || *modules ? err : mount_own_modules(place);
}

/* show() - puts what the host has there into a directory that is the guest's own. */
static int show(const char *where)
{
	char lower[PATH_MAX], path[PATH_MAX], target[PATH_MAX];
	ssize_t length;
	struct stat st;
	int err;

	snprintf(lower, sizeof(lower), LOWER "%s", where);
	snprintf(path, sizeof(path), ROOT "%s", where);
	*strrchr(path, '/') = '\0';
	err = make_directories(path);
	if (err)
		return err;
	path[strlen(path)] = '/';
	length = readlink(lower, target, sizeof(target) - 1);
	if (length >= 0) {
		target[length] = '\0';
		return symlink(target, path) ? -errno : 0;
	}
	if (lstat(lower, &st))
		return strcmp(where, NIXOS_SYSTEM) || symlink(NIXOS_PROFILE, path) ? -errno : 0;
	if (S_ISDIR(st.st_mode))
		return mount_shown(lower, path, &st);
	return mknod(path, S_IFREG | 0644, 0) || mount(lower, path, NULL, MS_BIND, NULL) ?
		       -errno : 0;
}

/*
 * The new root is moved onto the old one, and not only entered: else the kernel takes
 * this for a chroot, in which user namespaces cannot be made.
 */
static int enter(const char *shown)
{
	char path[64];
	size_t i;
	int err;

	/* What is the guest's own moves into the new root. */
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		snprintf(path, sizeof(path), ROOT "%s", kept[i]);
		if (mount(kept[i], path, NULL, MS_MOVE, NULL))
			return -errno;
	}
	for (; *shown; shown += strlen(shown) + 1) {
		err = show(shown);
		if (err)
			log_line("%s is not there: %s", shown, strerror(-err));
	}
	return chdir(ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/") ?
		       -errno : 0;
}

int root_enter(const char *place, const char *modules, const char *closed, const char *hosts,
	       const char *shown)
{
	int err;

	err = *closed ? make_own(closed, 0700) : 0;
	/* Below the overlay, where it costs no look at the host's file. */
	if (!err && *hosts)
		err = make_directories(UPPER "/upper/etc");
	if (!err && *hosts)
		err = write_file(UPPER "/upper/etc/hosts", O_CREAT | O_EXCL, hosts);
	if (!err)
		err = mount_root(place, modules);
	return err ? err : enter(shown);
}

int root_enter_image(void)
{
	int err = mount_overlay();
	struct stat st;

	if (err)
		return err;
	return enter(lstat(LOWER NIXOS_SYSTEM, &st) && lstat(LOWER NIXOS_PROFILE, &st) ?
		     "" : NIXOS_SYSTEM "\0");
}

int root_follow(void)
{
	/* What is mounted over the root of this process is found from it by "..". */
	return chdir("/..") || chroot(".") ? -errno : 0;
}

static bool has_file_system(const char *type)
{
	int context = fsopen(type, FSOPEN_CLOEXEC);

	if (context >= 0)
		close(context);
	return context >= 0;
}

const char *root_missing(bool overlay)
{
	glob_t found;
	int err;

	if (!has_file_system("9p"))
		return "CONFIG_9P_FS";
	if (access("/sys/bus/virtio/drivers/9pnet_virtio", F_OK))
		return "CONFIG_NET_9P_VIRTIO";
	if (overlay && !has_file_system("overlay"))
		return "CONFIG_OVERLAY_FS";
	err = glob("/sys/bus/virtio/drivers/9pnet_virtio/virtio*", 0, NULL, &found);
	if (err == GLOB_NOMATCH)
		return "a driver for virtio (CONFIG_VIRTIO_PCI, on a microvm CONFIG_VIRTIO_MMIO)";
	if (!err)
		globfree(&found);
	return NULL;
}

int root_share(const char *tag, const char *path, bool writable)
{
	return mount_9p(tag, path, writable ? 0 : MS_RDONLY, writable ? "mmap" : "loose");
}

/*
 * The host's directory of modules is mounted when it is needed: most runs need none, and
 * QEMU saves no template with 9p mounted. Autofs tells when, whoever asks: modprobe, the
 * kernel by itself, or BusyBox's shell, which runs its own modprobe and none of PATH.
 */
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
	(void)make_directories(automount->path);
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
		err = mount_modules(automount->path);
		/* Busy: mounted already. A second request may come before the first is answered. */
		if (err && err != -EBUSY)
			mount(automount->packed, automount->path, NULL, MS_BIND, NULL);
		ioctl(automount->trigger, AUTOFS_IOC_READY, packet.wait_queue_token);
	}
}

int root_attend_modules(void)
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
