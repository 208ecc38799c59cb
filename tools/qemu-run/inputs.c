// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "inputs.h"
#include "wire/tree.h"

/* A raw image that a guest may write to. Not every file system has such attributes. */
#define RAW_MARK "user.qemu-run.raw"

/* Whether that port of the host's is free, as QEMU will ask for it. */
static int check_forward(const struct forward_option *forward, struct error *error)
{
	struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons(forward->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, err = 0;

	inet_pton(AF_INET, forward->address, &place.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&place, sizeof(place)) || listen(fd, 1))
		err = error_add(error, "--forward: port %u of %s: %s", forward->port,
				forward->address, strerror(errno));
	close_fd(&fd);
	return err;
}

static int check_file(const struct file_option *file, struct error *error)
{
	if (access(file->path, R_OK))
		return error_add(error, "-f %s: %s", file->path, strerror(errno));
	if (!tree_path_is_plain(file->name))
		return error_add(error, "-f %s:%s: give a name below /root in the guest, without . and .. and a slash at the end",
				 file->path, file->name);
	return 0;
}

static int check_module(const struct module_option *module, struct error *error)
{
	struct stat st;

	if (!module_is_file(module))
		return 0;
	if (access(module->name, R_OK) || stat(module->name, &st))
		return error_add(error, "-m %s: %s", module->name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_add(error, "-m %s: not a regular file", module->name);
	return 0;
}

static int check_share(const struct options *options, const struct share_option *share,
		       struct error *error)
{
	const char *path = share->host;

	/* Mounted at the same path as here, it would lie over all that the guest has. */
	if (!share->guest &&
	    (!strcmp(path, "/") || (options->root && !strcmp(path, options->root))))
		return error_add(error, "%s %s: it is the guest's root: give a directory below it",
				 share->writable ? "--rw" : "--ro", path);
	return 0;
}

/*
 * in_use() - whether another QEMU has that image open, so that ours could not
 *
 * It locks a byte for each thing that it does with an image, and one for each that others
 * may not do: include/block/block-common.h. Without this look a restored QEMU would find
 * out with its guest in memory already, and stop it without an end.
 */
static bool in_use(int file, bool keep)
{
	/* Byte 101: it writes; 201: nobody else may write. */
	struct flock lock = { .l_type = F_WRLCK, .l_start = 101, .l_len = keep ? 101 : 1 };

	return !fcntl(file, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

/* same_disk() - whether two files are one, whatever their names */
static bool same_disk(const struct stat *one, const struct stat *other)
{
	return S_ISBLK(one->st_mode) ? S_ISBLK(other->st_mode) && one->st_rdev == other->st_rdev :
				       one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* The beginning of a qcow2's header, big endian: QEMU's docs/interop/qcow2.txt. */
struct qcow2 {
	char magic[4];
	uint32_t version;
	uint64_t backing_file;
	uint32_t backing_file_length;
	uint32_t cluster_bits;
	uint64_t size;
	uint32_t others[4];
	uint64_t refcount_table;
	uint32_t refcount_table_clusters;
	uint32_t snapshots[3];
	uint64_t incompatible_features; /* this and what follows: from version 3 on */
	uint64_t other_features[2];
	uint32_t refcount_order;
};

#define EXTERNAL_DATA_FILE 4

/*
 * look_at_image() - finds out what an image is; returns why it cannot be used, or NULL
 *
 * A guest could make its raw disk begin as a qcow2 does, one that names a file of the
 * host's as its backing file. So an image that names other files is refused, and one with
 * RAW_MARK stays raw, as one for which the user says @raw.
 */
static const char *look_at_image(struct disk_image *image, int file, bool raw)
{
	union {
		struct qcow2 qcow2;
		char bytes[512];
	} start = { 0 };
	static const char empty[sizeof(start)];
	off_t size = lseek(file, 0, SEEK_END);

	if (size < 0 || pread(file, &start, sizeof(start), 0) < 0)
		return strerror(errno);
	*image = (struct disk_image){
		.size = size,
		.begun = memcmp(&start, empty, sizeof(start)),
	};
	if (raw || memcmp(start.qcow2.magic, "QFI\xfb", 4) ||
	    fgetxattr(file, RAW_MARK, NULL, 0) >= 0)
		return NULL;
	if (start.qcow2.backing_file ||
	    (be32toh(start.qcow2.version) >= 3 &&
	     be64toh(start.qcow2.incompatible_features) & EXTERNAL_DATA_FILE))
		return "a qcow2 that needs another file: make one by qemu-img convert -O qcow2";
	image->qcow2 = true;
	image->size = be64toh(start.qcow2.size);
	return NULL;
}

/*
 * qcow2_is_cut() - whether the last cluster that is counted as used is behind the file's end
 *
 * QEMU reads zeroes there. A disk that a guest writes may be so after a crash, a root not.
 */
static bool qcow2_is_cut(int file)
{
	off_t size = lseek(file, 0, SEEK_END);
	struct qcow2 header = { 0 };
	size_t cluster, entries, i, j;
	unsigned char *block;
	uint32_t bits, order;
	uint64_t *table;
	uint64_t last;
	bool cut;

	if (pread(file, &header, sizeof(header), 0) < 0)
		return false;
	bits = be32toh(header.cluster_bits);
	order = be32toh(header.version) >= 3 ? be32toh(header.refcount_order) : 4;
	/* QEMU's limits, and that of its table, 8 MiB: it says itself what is beyond them. */
	if (bits < 9 || bits > 21 || order > 6 ||
	    (uint64_t)be32toh(header.refcount_table_clusters) << bits > 8 << 20)
		return false;
	cluster = (size_t)1 << bits;
	entries = be32toh(header.refcount_table_clusters) * (cluster / sizeof(*table));
	table = must(calloc(entries + 1, sizeof(*table)));
	block = must(calloc(1, cluster));
	cut = pread(file, table, entries * sizeof(*table), be64toh(header.refcount_table)) !=
	      (ssize_t)(entries * sizeof(*table));
	for (i = entries; i && !table[i - 1]; i--)
		;
	if (i && !cut) {
		cut = pread(file, block, cluster, be64toh(table[i - 1])) != (ssize_t)cluster;
		for (j = cluster; j && !block[j - 1]; j--)
			;
		last = (i - 1) * (cluster * 8 >> order) + ((j - 1) * 8 >> order);
		if (j && !cut)
			cut = last << bits >= (uint64_t)size;
	}
	free(block);
	free(table);
	return cut;
}

static int check_disk(struct disk_option *disks, size_t number, struct error *error)
{
	struct disk_option *disk = &disks[number];
	struct stat st, other;
	const char *why;
	int file, err = 0;
	size_t i;

	/* Not blocking: a FIFO is no disk to wait for. */
	file = open(disk->path, (disk->keep ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
	if (file < 0 || fstat(file, &st))
		err = error_add(error, "--disk %s: %s", disk->path, strerror(errno));
	else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		err = error_add(error, "--disk %s: neither a file nor a block device", disk->path);
	else if (in_use(file, disk->keep))
		err = error_add(error, "--disk %s: in use by another virtual machine", disk->path);
	if (!err) {
		why = look_at_image(&disk->image, file, disk->raw);
		if (why)
			err = error_add(error, "--disk %s: %s", disk->path, why);
		else if (disk->keep && !disk->image.qcow2)
			fsetxattr(file, RAW_MARK, "", 0, 0);
	}
	for (i = 0; i < number && !err; i++)
		if ((disk->keep || disks[i].keep) && !stat(disks[i].path, &other) &&
		    same_disk(&st, &other))
			err = error_add(error, "--disk %s: the same disk as --disk %s, and what is written to one would ruin the other",
					disk->path, disks[i].path);
	close_fd(&file);
	return err;
}

static int check_image(struct options *options, struct error *error)
{
	int file = open(options->image, O_RDONLY | O_CLOEXEC);
	struct disk_image image = { 0 };
	struct stat st, other;
	const char *why;
	size_t i;

	if (file < 0 || fstat(file, &st))
		why = strerror(errno);
	else if (in_use(file, false))
		why = "in use by another virtual machine";
	else
		why = look_at_image(&image, file, false);
	if (!why && image.qcow2 && qcow2_is_cut(file))
		why = "its qcow2 is cut short, or was not closed: see qemu-img check";
	for (i = 0; i < options->disk_count && !why; i++)
		if (options->disks[i].keep && !stat(options->disks[i].path, &other) &&
		    same_disk(&st, &other))
			why = "it is also a --disk that is written to";
	close_fd(&file);
	options->image_is_qcow2 = image.qcow2;
	return why ? error_add(error, "--root %s: %s", options->image, why) : 0;
}

int inputs_check(struct options *options, struct error *error)
{
	size_t i;

	for (i = 0; i < options->forward_count; i++)
		if (check_forward(&options->forwards[i], error))
			return -1;
	for (i = 0; i < options->file_count; i++)
		if (check_file(&options->files[i], error))
			return -1;
	for (i = 0; i < options->module_count; i++)
		if (check_module(&options->modules[i], error))
			return -1;
	for (i = 0; i < options->share_count; i++)
		if (check_share(options, &options->shares[i], error))
			return -1;
	for (i = 0; i < options->disk_count; i++)
		if (check_disk(options->disks, i, error))
			return -1;
	return options->image ? check_image(options, error) : 0;
}
