// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "cache.h"
#include "identity.h"
#include "initramfs.h"
#include "modules.h"
#include "template_key.h"
#include "wire/protocol.h"

char *template_key(const struct setup *setup)
{
	const struct options *options = setup->options;
	struct text key = { 0 };
	size_t i;

	text_print(&key, "qemu-run %d\n%s\n%s\n%s\n%s\n", PROTOCOL_VERSION, setup->places.top,
		   setup->places.init, setup->places.qemu, setup->kernel.directory);
	text_print(&key, "machine %d\nmemory %u\ncpus %u\ndisks %zu\nnic %s\nappend %s\n",
		   options->machine, options->memory_mb, options->cpus,
		   options->disk_count, options->nic ? options->nic : "none",
		   options->append ? options->append : "");
	text_print(&key, "driver %d\nport %d\nroot %d\nimage %s\nshares %zu\n",
		   !!setup->kernel.driver, !options->no_port, !!options->root,
		   options->image ? options->image : "none", options->share_count);
	if (options->init)
		text_print(&key, "init %s %s\n", options->init, options->ready ? options->ready : "");
	for (i = 0; i < options->disk_count; i++)
		text_print(&key, "disk %llu %d\n", (unsigned long long)options->disks[i].image.size,
			   options->disks[i].read_only);
	for (i = 0; options->preload && i < options->module_count; i++)
		text_print(&key, "module %s %s\n", options->modules[i].name,
			   options->modules[i].parameters);
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

/* add_machine() - adds the files that a kernel's boot depends on. */
static void add_machine(const struct setup *setup, struct text *files)
{
	char *path;

	identity_add(files, setup->kernel.image);
	path = print("%s/modules.dep", setup->kernel.modules);
	identity_add(files, path);
	free(path);
	if (setup->kernel.driver)
		identity_add(files, setup->kernel.driver);
	identity_add(files, setup->places.init);
	identity_add(files, setup->places.qemu);
}

int template_files(const struct setup *setup, struct text *files)
{
	/* Where the distributions have the one that scripts/initramfs packs. */
	static const char *const busyboxes[] = {
		"/bin/busybox", "/usr/sbin/busybox", "/usr/bin/busybox-static",
		"/bin/busybox.static",
	};
	const struct options *options = setup->options;
	const char *packed[INITRAMFS_MODULES];
	size_t count = initramfs_modules(setup, true, packed), i;
	struct modules modules = { 0 };
	char *rootfs;
	int err = 0;

	add_machine(setup, files);
	if (options->image)
		identity_add(files, options->image);
	for (i = 0; i < sizeof(busyboxes) / sizeof(*busyboxes); i++)
		identity_add(files, busyboxes[i]);
	identity_add_below(files, setup->places.top, "scripts/initramfs");
	rootfs = print("%s/rootfs", setup->places.top);
	identity_add_tree(files, rootfs);
	free(rootfs);
	for (i = 0; i < count && !err; i++) {
		const struct module_option module = { .name = (char *)packed[i], .parameters = "" };

		err = modules_add(&modules, setup, &module);
	}
	for (i = 0; options->preload && i < options->module_count && !err; i++)
		err = modules_add(&modules, setup, &options->modules[i]);
	for (i = 0; i < modules.count; i++)
		identity_add(files, modules.items[i].path);
	modules_free(&modules);
	return err;
}

/* question() - what template_keep() keeps the answer to; to be freed */
static char *question(const struct setup *setup, const char *kind)
{
	char *key = template_key(setup), *text = print("%s\n%s", kind, key);

	free(key);
	return text;
}

void template_keep(const struct setup *setup, const char *kind, const char *why)
{
	char *asked = question(setup, kind);
	struct text files = { 0 };

	add_machine(setup, &files);
	if (setup->places.cache)
		cache_keep(setup->places.cache, asked, why, files.data);
	text_free(&files);
	free(asked);
}

char *template_recall(const struct setup *setup, const char *kind)
{
	char *asked = question(setup, kind);
	char *why = setup->places.cache ? cache_recall(setup->places.cache, asked) : NULL;

	free(asked);
	return why;
}
