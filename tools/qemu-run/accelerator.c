// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "accelerator.h"

/* remembered() - what scripts/accel found: "kvm", or "tcg" and why. */
static char *remembered(const struct setup *setup)
{
	char *boot = read_file("/proc/sys/kernel/random/boot_id", 4096), *path, *text;

	if (!boot)
		return NULL;
	boot[strcspn(boot, "\n")] = '\0';
	path = print("%s/accel/%s-%s", setup->places.build, boot,
		     strrchr(setup->kernel.directory, '/') + 1);
	text = read_file(path, 4096);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	free(path);
	free(boot);
	return text;
}

/* wanted() - by the command line, or else by the environment, as for the scripts */
static enum accelerator_choice wanted(const struct options *options)
{
	const char *settled = getenv("ACCEL");

	if (options->accelerator != ACCEL_AUTO || !settled)
		return options->accelerator;
	return !strcmp(settled, "tcg") ? ACCEL_TCG :
	       !strcmp(settled, "kvm") ? ACCEL_KVM : ACCEL_AUTO;
}

int accelerator_choose(struct setup *setup)
{
	enum accelerator_choice choice = wanted(setup->options);
	struct text output = { 0 };
	char *answer;

	setup->kvm = choice == ACCEL_KVM;
	if (choice == ACCEL_TCG)
		return 0;
	if (access("/dev/kvm", R_OK | W_OK)) {
		if (choice == ACCEL_KVM)
			return error_add(setup->error, "--accel kvm: /dev/kvm: %s", strerror(errno));
		if (errno != ENOENT && setup->options->verbose)
			say("TCG: /dev/kvm: %s", strerror(errno));
		return 0;
	}
	if (choice == ACCEL_KVM)
		return 0;
	answer = remembered(setup);
	if (!answer) {
		/* It tries KVM. */
		if (kernel_script(setup, "accel", setup->kernel.directory, &output) &&
		    !setup->signals->interrupted)
			say("scripts/accel does not say whether KVM works: going without");
		text_free(&output);
		answer = remembered(setup);
	}
	setup->kvm = answer && !strncmp(answer, "kvm", 3);
	if (answer && !setup->kvm && setup->options->verbose)
		say("TCG: %s", answer + strcspn(answer, " ") + !!strchr(answer, ' '));
	free(answer);
	return setup->signals->interrupted ? -1 : 0;
}
