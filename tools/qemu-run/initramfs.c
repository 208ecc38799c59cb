// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "initramfs.h"
#include "job.h"
#include "modules.h"
#include "process.h"

/* BusyBox, init and three modules are 3 MiB. */
#define ROOT_MAX (256 << 20)
/* A file's size has eight digits in the archive. */
#define FILE_MAX 0xffffffffULL

#define HEADER_LENGTH 110
#define ALIGN(length) (((length) + 3) / 4 * 4)

/* put_header() - of the "newc" format: the name, and the padding up to the file. */
static int put_header(int file, const char *name, unsigned int mode, uint64_t size)
{
	char header[ALIGN(HEADER_LENGTH + 64)] = "";

	/* Inode, mode, owner, group, links, time, size, four of devices, name, sum. */
	snprintf(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s",
		 0, mode, 0, 0, 1, 0, (unsigned int)size, 0, 0, 0, 0,
		 (unsigned int)strlen(name) + 1, 0, name);
	return write_all(file, header, ALIGN(HEADER_LENGTH + strlen(name) + 1));
}

/* struct pack - the file that a job is packed into */
struct pack {
	int file;
	struct error *error;
};

static int put_frame(void *context, uint32_t type, const void *data, uint32_t length)
{
	struct frame_header header = { .length = length, .type = type };
	struct pack *pack = context;
	int err;

	err = write_all(pack->file, &header, sizeof(header));
	if (!err)
		err = write_all(pack->file, data, length);
	if (!err)
		return 0;
	error_add(pack->error, "cannot pack the job: %s", strerror(-err));
	return -ECONNRESET;
}

static int pack_job(const struct setup *setup, int file)
{
	struct pack pack = { .file = file, .error = setup->error };
	const struct job_writer writer = {
		.emit = put_frame,
		.context = &pack,
		.error = setup->error,
	};
	off_t start = lseek(file, 0, SEEK_CUR), begin, end;
	static const char padding[4];
	int err;

	/* Its size is known afterwards. */
	err = put_header(file, PACKED_JOB, S_IFREG | 0600, 0);
	begin = lseek(file, 0, SEEK_CUR);
	if (!err && (job_body(setup, false, &writer) ||
		     put_frame(&pack, FRAME_PACKED_END, NULL, 0)))
		return -1;
	end = lseek(file, 0, SEEK_CUR);
	if (!err && (start < 0 || begin < 0 || end < 0))
		err = -errno;
	if (!err && (uint64_t)(end - begin) > FILE_MAX)
		return error_add(setup->error, "more than 4 GiB for a guest without virtio-serial: use --disk");
	if (!err)
		err = write_all(file, padding, ALIGN(end - begin) - (end - begin));
	if (!err)
		err = put_header(file, "TRAILER!!!", 0, 0);
	if (!err && lseek(file, start, SEEK_SET) < 0)
		err = -errno;
	if (!err)
		err = put_header(file, PACKED_JOB, S_IFREG | 0600, end - begin);
	return err ? error_add(setup->error, "the guest's initramfs: %s", strerror(-err)) : 0;
}

size_t initramfs_modules(const struct setup *setup, bool with_virtio,
			 const char *names[INITRAMFS_MODULES])
{
	const struct options *options = setup->options;
	/* Where the options call for them. The image may have any of these file systems. */
	const struct {
		const char *module;
		bool wanted;
	} modules[] = {
		{ options->machine == MACHINE_MICROVM ? "virtio_mmio" : "virtio_pci", with_virtio },
		{ "virtio_console", with_virtio },
		{ "9pnet_virtio", true },
		{ "9p", true },
		{ "overlay", true },
		{ "autofs4", true },
		{ "virtio_blk", options->disk_count || options->image },
		{ "virtio_net", options->nic && !strcmp(options->nic, "virtio") },
		{ "crc32c_generic", options->image },
		{ "squashfs", options->image },
		{ "erofs", options->image },
		{ "ext4", options->image },
		{ "xfs", options->image },
		{ "btrfs", options->image },
	};
	size_t count = 0, i;

	for (i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (modules[i].wanted && modules_has(&setup->kernel, modules[i].module) == 1)
			names[count++] = modules[i].module;
	return count;
}

/* pack_root() - what scripts/initramfs packs */
static int pack_root(const struct setup *setup, bool with_virtio, int file)
{
	char *script = print("%s/scripts/initramfs", setup->places.top);
	char *init = print("%s:sbin/qemu-run-init", setup->places.init);
	const char *argv[10 + 2 * INITRAMFS_MODULES] = {
		script, "-k", setup->kernel.directory, "-o", "-", "-f", init,
	};
	const char *names[INITRAMFS_MODULES];
	size_t packed = initramfs_modules(setup, with_virtio, names), i;
	struct text archive = { 0 };
	int status, err = 0, count = 7;

	if (setup->kernel.driver)
		names[packed++] = setup->kernel.driver;
	for (i = 0; i < packed; i++) {
		argv[count++] = "-m";
		argv[count++] = names[i];
	}
	status = process_run(argv, &archive, ROOT_MAX, setup->signals, setup->error);
	free(script);
	free(init);
	if (!status)
		err = write_all(file, archive.data, archive.length);
	text_free(&archive);
	if (err)
		return error_add(setup->error, "the guest's initramfs: %s", strerror(-err));
	if (status > 0)
		error_add(setup->error, "the guest's initramfs cannot be packed: see the lines above");
	return status ? -1 : 0;
}

int initramfs_make(const struct setup *setup, bool serial)
{
	/* No name, and so nothing to be left behind. */
	int file = memfd_create("initramfs", MFD_CLOEXEC);

	if (file < 0)
		return error_add(setup->error, "memfd_create: %s", strerror(errno));
	if (pack_root(setup, !serial, file) || (serial && pack_job(setup, file)))
		close_fd(&file);
	return file;
}
