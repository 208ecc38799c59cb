// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's root: what scripts/initramfs packs, and for a guest on a serial
 * port, behind it in an archive of its own, the job. The kernel unpacks both.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "run.h"

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

static int pack_job(struct run *run, int file)
{
	off_t start = lseek(file, 0, SEEK_CUR), begin, end;
	static const char padding[4];
	int err;

	/* Its size is known afterwards. */
	err = put_header(file, PACKED_JOB, S_IFREG | 0600, 0);
	begin = lseek(file, 0, SEEK_CUR);
	if (!err && job_pack(run, file))
		return -1;
	end = lseek(file, 0, SEEK_CUR);
	if (!err && (start < 0 || begin < 0 || end < 0))
		err = -errno;
	if (!err && (uint64_t)(end - begin) > FILE_MAX)
		return fail(run, "more than 4 GiB for a guest without virtio-serial: use --disk");
	if (!err)
		err = write_all(file, padding, ALIGN(end - begin) - (end - begin));
	if (!err)
		err = put_header(file, "TRAILER!!!", 0, 0);
	if (!err && lseek(file, start, SEEK_SET) < 0)
		err = -errno;
	if (!err)
		err = put_header(file, PACKED_JOB, S_IFREG | 0600, end - begin);
	return err ? fail(run, "the guest's initramfs: %s", strerror(-err)) : 0;
}

int initramfs_make(struct run *run, int file)
{
	char *script = print("%s/scripts/initramfs", run->places.top);
	char *init = print("%s:sbin/qemu-run-init", run->places.init);
	const char *argv[16] = { script, "-k", run->kernel.directory, "-o", "-", "-f", init };
	struct text archive = { 0 };
	const char *const *modules = lack_modules(run);
	int status, err = 0, count = 7;
	size_t i;

	/* An image without modules may have them built in: its boot will tell. */
	for (i = 0; modules[i] && !run->serial; i++) {
		if (module_is_there(run, modules[i]) != 1)
			continue;
		argv[count++] = "-m";
		argv[count++] = modules[i];
	}
	if (run->kernel.driver) {
		argv[count++] = "-m";
		argv[count++] = run->kernel.driver;
	}
	status = run_program(run, argv, &archive, ROOT_MAX);
	free(script);
	free(init);
	if (!status)
		err = write_all(file, archive.data, archive.length);
	text_free(&archive);
	if (err)
		return fail(run, "the guest's initramfs: %s", strerror(-err));
	if (status && !run->interrupted && !run->failure)
		fail(run, "the guest's initramfs cannot be packed: see the lines above");
	if (status)
		return -1;
	return run->serial ? pack_job(run, file) : 0;
}
