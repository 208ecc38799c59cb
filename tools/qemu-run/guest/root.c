// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "log.h"
#include "../wire/protocol.h"
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

static int mount_9p(const char *tag, const char *where, unsigned long flags, const char *cache)
{
	char options[128];

	snprintf(options, sizeof(options), OPTIONS "cache=%s", cache);
	return mount(tag, where, "9p", flags, options) ? -errno : 0;
}

int root_make_directories(const char *path)
{
	char part[PATH_MAX], *slash = part;

	if ((size_t)snprintf(part, sizeof(part), "%s/", path) >= sizeof(part))
		return -ENAMETOOLONG;
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
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
	return 0;
}

/* A link costs nothing, but has to be there before the overlay is mounted. */
static int link_modules(const char *place, const char *modules)
{
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), UPPER "/upper%s", place);
	*strrchr(path, '/') = '\0';
	err = root_make_directories(path);
	if (err)
		return err;
	path[strlen(path)] = '/';
	return symlink(modules, path) ? -errno : 0;
}

/* Below the overlay, where it costs no look at the host's file. */
static int write_hosts(const char *hosts)
{
	int err = root_make_directories(UPPER "/upper/etc");

	return err ? err : write_file(UPPER "/upper/etc/hosts", O_CREAT | O_EXCL, hosts);
}

int root_modules(const char *path)
{
	return mount_9p("modules", path, MS_RDONLY, "loose");
}

static int mount_modules(const char *place)
{
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), ROOT "%s", place);
	err = root_make_directories(path);
	return err ? err : root_modules(path);
}

static int mount_overlay(void)
{
	return mount("overlay", ROOT, "overlay", 0,
		     "lowerdir=" LOWER ",upperdir=" UPPER "/upper,workdir=" UPPER "/work") ?
		       -errno : 0;
}

/* What is the guest's own moves into the new root. */
static int move_kept(void)
{
	char path[64];
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		snprintf(path, sizeof(path), ROOT "%s", kept[i]);
		if (mount(kept[i], path, NULL, MS_MOVE, NULL))
			return -errno;
	}
	return 0;
}

/*
 * The new root is moved onto the old one, and not only entered: else the kernel takes
 * this for a chroot, in which user namespaces cannot be made.
 */
static int enter(void)
{
	return chdir(ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/") ?
		       -errno : 0;
}

static int mount_root(const char *place, const char *modules)
{
	int err;

	err = mount_9p("root", LOWER, MS_RDONLY, "loose,noxattr");
	if (!err && *place && *modules)
		err = link_modules(place, modules);
	if (err)
		return err;
	err = mount_overlay();
	if (err)
		return err;
	return *place && !*modules ? mount_modules(place) : 0;
}

/* As the root itself: the host's directory, and over it what the guest writes. */
static int mount_here(const char *here)
{
	char options[2 * PATH_MAX], path[PATH_MAX];
	struct stat st;
	int err;

	/* The path is a value in a list: overlayfs takes ":", "," and "\\" by a backslash. */
	if (strpbrk(here, ":,\\"))
		return 0;
	snprintf(path, sizeof(path), ROOT "%s", here);
	err = root_make_directories(path);
	if (err)
		return err;
	/* Owner and mode of a mount are those of its upper directory. */
	snprintf(options, sizeof(options), LOWER "%s", here);
	if (stat(options, &st) || mkdir(UPPER "/here", 0755) || mkdir(UPPER "/here.work", 0755) ||
	    chown(UPPER "/here", st.st_uid, st.st_gid) || chmod(UPPER "/here", st.st_mode & 07777))
		return -errno;
	snprintf(options, sizeof(options),
		 "lowerdir=" LOWER "%s,upperdir=" UPPER "/here,workdir=" UPPER "/here.work", here);
	return mount("overlay", path, "overlay", 0, options) ? -errno : 0;
}

int root_enter(const char *place, const char *modules, const char *here, const char *closed,
	       const char *hosts)
{
	int err;

	err = *closed ? make_own(closed, 0700) : 0;
	if (!err && *hosts)
		err = write_hosts(hosts);
	if (!err)
		err = mount_root(place, modules);
	if (err)
		return err;
	err = move_kept();
	if (!err && *here)
		err = mount_here(here);
	return err ? err : enter();
}

int root_enter_image(void)
{
	int err = mount_overlay();

	if (!err)
		err = move_kept();
	return err ? err : enter();
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

int root_share(const char *tag, const char *path)
{
	int err = root_make_directories(path);

	return err ? err : mount_9p(tag, path, 0, "mmap");
}
