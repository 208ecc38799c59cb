// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include "template_key.h"
#include "wire/protocol.h"

/* sum_of_tree() - changes when any file below @path does. */
static uint64_t sum_of_tree(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	struct text line = { 0 };
	uint64_t sum = 0;

	if (directory) {
		while ((entry = readdir(directory))) {
			char *child;

			if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
				continue;
			child = print("%s/%s", path, entry->d_name);
			/* A sum, since a directory has no order. */
			sum += sum_of_tree(child);
			free(child);
		}
		closedir(directory);
	} else {
		text_identity(&line, path);
		sum = hash(line.data);
		text_free(&line);
	}
	return sum;
}

/* Where the distributions have the one that scripts/initramfs packs. */
static const char *const busyboxes[] = {
	"/bin/busybox", "/usr/sbin/busybox", "/usr/bin/busybox-static", "/bin/busybox.static",
};

char *template_key(const struct setup *setup)
{
	const struct options *options = setup->options;
	struct text key = { 0 };
	char *path;
	size_t i;

	text_print(&key, "qemu-run %d\n", PROTOCOL_VERSION);
	text_identity(&key, setup->kernel.image);
	path = print("%s/modules.dep", setup->kernel.modules);
	text_identity(&key, path);
	free(path);
	if (setup->kernel.driver)
		text_identity(&key, setup->kernel.driver);
	text_identity(&key, setup->places.init);
	text_identity(&key, setup->places.qemu);
	for (i = 0; i < sizeof(busyboxes) / sizeof(*busyboxes); i++)
		text_identity(&key, busyboxes[i]);
	path = print("%s/scripts/initramfs", setup->places.top);
	text_identity(&key, path);
	free(path);
	path = print("%s/rootfs", setup->places.top);
	text_print(&key, "rootfs %s %016llx\n", path, (unsigned long long)sum_of_tree(path));
	free(path);
	text_print(&key, "machine %d\nmemory %u\ncpus %u\ndisks %zu\nnic %s\nappend %s\n",
		   options->machine, options->memory_mb, options->cpus,
		   options->disk_count, options->nic ? options->nic : "none",
		   options->append ? options->append : "");
	text_print(&key, "port %d\nroot %d\nshares %zu\n", !options->no_port, !!options->root,
		   options->shares.count);
	if (options->image)
		text_identity(&key, options->image);
	if (options->init)
		text_print(&key, "init %s %s\n", options->init, options->ready ? options->ready : "");
	for (i = 0; i < options->disk_count; i++)
		text_print(&key, "disk %llu %d\n", (unsigned long long)options->disks[i].image.size,
			   options->disks[i].read_only);
	for (i = 0; options->preload && i < options->module_count; i++) {
		const struct module_option *module = &options->modules[i];

		text_print(&key, "module %s %s\n", module->name, module->parameters);
		text_identity(&key, module->name);
	}
	for (i = 0; i < options->qemu.count; i++)
		text_print(&key, "qemu %s\n", options->qemu.items[i]);
	if (setup->kvm) {
		/* The guest has seen this host's processor. */
		char *boot = read_file("/proc/sys/kernel/random/boot_id", 4096);

		text_print(&key, "kvm %s", boot ? boot : "\n");
		free(boot);
	}
	return key.data;
}
