// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "cache.h"
#include "modules.h"
#include "virtio.h"

const char *const *virtio_modules(const struct options *options)
{
	static const char *const pci[] = { "virtio_pci", "virtio_console", NULL };
	static const char *const mmio[] = { "virtio_mmio", "virtio_console", NULL };

	return options->machine == MACHINE_MICROVM ? mmio : pci;
}

/* option_of() - CONFIG_VIRTIO_PCI for virtio_pci. */
static char *option_of(const char *module)
{
	char *option = print("CONFIG_%s", module), *c;

	for (c = option; *c; c++)
		*c = toupper((unsigned char)*c);
	return option;
}

static char *by_configuration(const struct setup *setup)
{
	const char *const *modules = virtio_modules(setup->options);
	char *missing = NULL;
	size_t i;

	for (i = 0; modules[i] && !missing; i++) {
		char *option = option_of(modules[i]);
		char lack = modules_lack(&setup->kernel, modules[i], option);

		if (lack)
			missing = print(lack == 'm' ? "the module %s (%s=m)" : "%s (%s)",
					modules[i], option);
		free(option);
	}
	return missing;
}

/* What a boot says depends on; the rest of a template's key does not matter to it. */
static char *make_key(const struct setup *setup)
{
	char *modules = print("%s/modules.dep", setup->kernel.modules);
	struct text key = { 0 };
	size_t i;

	text_print(&key, "qemu-run %d\n", PROTOCOL_VERSION);
	text_identity(&key, setup->kernel.image);
	text_identity(&key, modules);
	text_identity(&key, setup->places.init);
	text_identity(&key, setup->places.qemu);
	text_print(&key, "machine %d\n", setup->options->machine);
	text_print(&key, "append %s\n", setup->options->append ? setup->options->append : "");
	for (i = 0; i < setup->options->qemu.count; i++)
		text_print(&key, "qemu %s\n", setup->options->qemu.items[i]);
	free(modules);
	return key.data;
}

void virtio_missing_keep(const struct setup *setup, const char *missing)
{
	char *key = make_key(setup);

	cache_keep(&setup->places, "lacks", key, missing);
	free(key);
}

char *virtio_missing(const struct setup *setup)
{
	char *missing = by_configuration(setup), *key;

	if (missing)
		return missing;
	key = make_key(setup);
	missing = cache_recall(&setup->places, "lacks", key);
	free(key);
	return missing;
}

char *virtio_missing_said(const struct session *session)
{
	return session->facts.hello ? NULL : console_said(&session->machine.console, LOG_MISSING);
}
