// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "cache.h"
#include "modules.h"
#include "template_key.h"
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

void virtio_missing_keep(const struct setup *setup, const char *missing)
{
	char *key = template_key(setup);
	struct text files = { 0 };

	template_machine(setup, &files);
	cache_keep(setup->places.cache, "lacks", key, missing, files.data);
	text_free(&files);
	free(key);
}

char *virtio_missing(const struct setup *setup)
{
	char *missing = by_configuration(setup), *key;

	if (missing)
		return missing;
	key = template_key(setup);
	missing = cache_recall(setup->places.cache, "lacks", key);
	free(key);
	return missing;
}

char *virtio_missing_said(const struct session *session)
{
	return session->facts.hello ? NULL : console_said(&session->machine.console, LOG_MISSING);
}
