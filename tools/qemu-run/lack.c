// SPDX-License-Identifier: GPL-2.0
/* Whether a kernel has what a restored guest is talked to by: virtio-serial. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "run.h"

const char *const *lack_modules(const struct run *run)
{
	static const char *const pci[] = { "virtio_pci", "virtio_console", NULL };
	static const char *const mmio[] = { "virtio_mmio", "virtio_console", NULL };

	return run->options.machine == MACHINE_MICROVM ? mmio : pci;
}

/* option_of() - CONFIG_VIRTIO_PCI for virtio_pci. */
static char *option_of(const char *module)
{
	char *option = print("CONFIG_%s", module), *c;

	for (c = option; *c; c++)
		*c = toupper((unsigned char)*c);
	return option;
}

/* configured() - 'y', 'm', or 'n'. */
static char configured(const char *config, const char *option)
{
	char *line = print("\n%s=", option);
	const char *found = strstr(config, line);
	char value = found ? found[strlen(line)] : 'n';

	free(line);
	return value;
}

static char *by_configuration(struct run *run)
{
	char *path = print("%s/config", run->kernel.directory), *lack = NULL;
	char *config = read_file(path, 16 << 20);
	const char *const *modules = lack_modules(run);
	size_t i;

	free(path);
	for (i = 0; modules[i] && !lack; i++) {
		char *option = option_of(modules[i]);
		int there = module_is_there(run, modules[i]);
		char value = config ? configured(config, option) : '?';

		if (value == 'n' || (value == '?' && !there))
			lack = print("%s (%s)", modules[i], option);
		else if (value == 'm' && there != 1)
			lack = print("the module %s (%s=m)", modules[i], option);
		free(option);
	}
	free(config);
	return lack;
}

/* What a boot says depends on; the rest of a template's key does not matter to it. */
static char *make_key(struct run *run)
{
	char *modules = print("%s/modules/modules.dep", run->kernel.directory);
	char *lines[] = { identity(run->kernel.image), identity(modules),
			  identity(run->places.init), identity(run->places.qemu) };
	struct text key = { 0 };
	size_t i;

	text_print(&key, "qemu-run %d\n", PROTOCOL_VERSION);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		text_print(&key, "%s\n", lines[i]);
		free(lines[i]);
	}
	text_print(&key, "machine %d\n", run->options.machine);
	text_print(&key, "append %s\n", run->options.append ? run->options.append : "");
	for (i = 0; i < run->options.qemu.count; i++)
		text_print(&key, "qemu %s\n", run->options.qemu.items[i]);
	free(modules);
	return key.data;
}

static char *path_for(struct run *run, const char *key)
{
	return print("%s/lacks/%016llx", run->places.cache, (unsigned long long)hash(key));
}

static char *remembered(struct run *run)
{
	char *key, *path, *was, *lack = NULL;

	if (!run->places.cache)
		return NULL;
	key = make_key(run);
	path = path_for(run, key);
	was = read_file(path, 65536);
	if (was && !strncmp(was, key, strlen(key)))
		lack = copy(was + strlen(key));
	free(was);
	free(path);
	free(key);
	return lack;
}

static void remember(struct run *run)
{
	char *key, *path, *content;

	if (!run->places.cache)
		return;
	key = make_key(run);
	path = path_for(run, key);
	content = print("%s%s", key, run->lack);
	/* Not kept, it is found out again: a boot more, and no harm. */
	(void)replace_file(path, content);
	free(content);
	free(path);
	free(key);
}

void lack_find(struct run *run)
{
	if (!run->lack)
		run->lack = by_configuration(run);
	if (!run->lack)
		run->lack = remembered(run);
}

bool lack_heard(struct run *run)
{
	if (run->serial || run->interrupted || !run->vm.ended)
		return false;
	free(run->lack);
	run->lack = lack_said(run);
	if (run->lack)
		remember(run);
	return run->lack;
}
