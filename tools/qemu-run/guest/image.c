// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../util.h"
#include "../wire/protocol.h"
#include "../wire/user.h"
#include "boot.h"
#include "image.h"
#include "log.h"
#include "root.h"

/**
 * struct kind - a file system, by its magic number
 * @type: as mount(2) has it; NULL for one that cannot be a root
 * @option: of the kernel's configuration, or what to say of a disk without @type
 * @offset: where the number is
 * @magic: the number
 */
struct kind {
	const char *type;
	const char *option;
	off_t offset;
	const char *magic;
};

/* include/uapi/linux/magic.h, and each file system's own header. */
static const struct kind kinds[] = {
	{ "squashfs", "CONFIG_SQUASHFS", 0, "hsqs" },
	{ "erofs", "CONFIG_EROFS_FS", 1024, "\xe2\xe1\xf5\xe0" },
	{ "xfs", "CONFIG_XFS_FS", 0, "XFSB" },
	{ "btrfs", "CONFIG_BTRFS_FS", 65536 + 64, "_BHRfS_M" },
	{ "ext4", "CONFIG_EXT4_FS", 1024 + 56, "\x53\xef" },
	{ NULL, "it is encrypted (LUKS): give an image that is not", 0, "LUKS\xba\xbe" },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* kind_of() - what is on a disk or a partition, or NULL if it is nothing known */
static const struct kind *kind_of(const char *device)
{
	int disk = open(device, O_RDONLY | O_CLOEXEC);
	const struct kind *kind, *found = NULL;
	char start[16];

	for (kind = kinds; disk >= 0 && !found && kind < kinds + KINDS; kind++)
		if (pread(disk, start, strlen(kind->magic), kind->offset) ==
			    (ssize_t)strlen(kind->magic) &&
		    !memcmp(start, kind->magic, strlen(kind->magic)))
			found = kind;
	if (disk >= 0)
		close(disk);
	return found;
}

/* Of an erofs, the kernel finds out only when it reads what is missing. */
static bool erofs_is_cut(const char *device)
{
	/* struct erofs_super_block: blkszbits at 12, blocks_lo at 36 */
	struct {
		uint8_t before[12];
		uint8_t block_bits;
		uint8_t between[23];
		uint32_t blocks;
	} super;
	int disk = open(device, O_RDONLY | O_CLOEXEC);
	bool cut = disk >= 0 && pread(disk, &super, sizeof(super), 1024) == sizeof(super) &&
		   super.block_bits < 32 &&
		   lseek(disk, 0, SEEK_END) < (off_t)super.blocks << super.block_bits;

	if (disk >= 0)
		close(disk);
	return cut;
}

/* mount_kind() - mounts a file system at ROOT_LOWER; returns why not, or NULL. */
static const char *mount_kind(const char *device, const struct kind *kind)
{
	const char *const modprobe[] = { BUSYBOX, "modprobe", "-q", kind->type, NULL };

	if (!kind->type)
		return kind->option;
	if (!strcmp(kind->type, "erofs") && erofs_is_cut(device))
		return "its erofs is cut short: the file has less than its file system";
	/* A failure is no error: it may be built in. */
	run_tool(modprobe);
	if (!mount(device, ROOT_LOWER, kind->type, MS_RDONLY, NULL))
		return NULL;
	if (errno == ENODEV)
		return print("this kernel lacks %s (%s)", kind->type, kind->option);
	/* A journal that is to be replayed: the kernel cannot, since the disk is read-only. */
	if (errno == EROFS)
		return print("its %s was not unmounted: let fsck, or a mount for writing, replay its journal",
			     kind->type);
	return print("its %s cannot be mounted: %s: damaged, cut short, or compressed as this kernel cannot read it?",
		     kind->type, strerror(errno));
}

/* is_root() - whether what is mounted looks like a Linux root, and not like a /boot */
static bool is_root(void)
{
	return !access(ROOT_LOWER "/etc", F_OK) && !access(ROOT_LOWER "/usr", F_OK);
}

static const char *mount_partition(const char *name)
{
	const char *why =
		print("no file system, and no partition with one, that can be a root (squashfs, erofs, ext4, xfs, btrfs)");
	char pattern[64], device[64];
	const struct kind *kind;
	const char *failure;
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "/sys/block/%s/%s[0-9]*", name, name);
	if (glob(pattern, 0, NULL, &found))
		return why;
	for (i = 0; i < found.gl_pathc; i++) {
		snprintf(device, sizeof(device), "/dev%s", strrchr(found.gl_pathv[i], '/'));
		kind = kind_of(device);
		if (!kind)
			continue;
		failure = mount_kind(device, kind);
		if (!failure && is_root()) {
			why = NULL;
			break;
		}
		/* A root that cannot be mounted says more than a /boot that can. */
		if (failure)
			why = failure;
		else
			umount(ROOT_LOWER);
	}
	globfree(&found);
	return why;
}

/* find_disk() - the name of the image's disk, such as "vda"; false if there is none */
static bool find_disk(char *name, size_t size)
{
	bool there = false;
	char serial[32];
	glob_t found;
	size_t i;

	if (glob("/sys/block/vd*/serial", 0, NULL, &found))
		return false;
	/* The last one: the user may have called a disk so, and those come before it. */
	for (i = 0; i < found.gl_pathc; i++) {
		if (!read_start(AT_FDCWD, found.gl_pathv[i], serial, sizeof(serial)) ||
		    strcmp(serial, ROOT_SERIAL))
			continue;
		there = true;
		*strrchr(found.gl_pathv[i], '/') = '\0';
		snprintf(name, size, "%s", strrchr(found.gl_pathv[i], '/') + 1);
	}
	globfree(&found);
	return there;
}

/* own_name() - puts the guest's name before what the image's /etc/hosts says. */
static void own_name(void)
{
	char hosts[8192] = "127.0.1.1 " GUEST_NAME "\n";
	size_t length = strlen(hosts);
	size_t more = read_start(AT_FDCWD, "/etc/hosts", hosts + length, sizeof(hosts) - length);

	if (!more)
		strcpy(hosts + length, "127.0.0.1 localhost\n::1 localhost\n");
	/* What is longer stays as it is. */
	if (length + more >= sizeof(hosts) - 1)
		return;
	unlink("/etc/hosts");
	write_file("/etc/hosts", O_CREAT | O_EXCL, hosts);
}

/*
 * Does what each clone will do first. The loader and libc are then in memory, and where in
 * PATH a program is not to be found.
 */
static void warm(void)
{
	static struct user_entry user;
	pid_t pid = fork();

	if (!pid) {
		setenv("PATH", LOGIN_PATH, 1);
		user_find(&user, "", "0");
		(void)!chdir(user.home);
		execlp("sh", "sh", "-c", "exec true", NULL);
		_exit(127);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

const char *image_enter(void)
{
	/* btrfs and ext4 ask for crc32c by this module, of which no dependency tells. */
	static const char *const modprobe[] = { BUSYBOX, "modprobe", "-q", "-a",
						"crc32c_generic", "overlay", NULL };
	char name[16], device[32];
	const struct kind *kind;
	const char *why;
	int err;

	run_tool(modprobe);
	if (!find_disk(name, sizeof(name)))
		return "this kernel lacks virtio_blk (CONFIG_VIRTIO_BLK)";
	snprintf(device, sizeof(device), "/dev/%s", name);
	kind = kind_of(device);
	why = kind ? mount_kind(device, kind) : mount_partition(name);
	if (why)
		return why;
	err = root_enter_image();
	if (err == -ENODEV)
		return "this kernel lacks overlay (CONFIG_OVERLAY_FS)";
	if (err)
		return strerror(-err);
	mkdir(HOME, 0700);
	own_name();
	warm();
	return NULL;
}
