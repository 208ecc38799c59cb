// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "accelerator.h"
#include "process.h"

/* remembered() - what scripts/accel found: "kvm", or "tcg" and why. */
static char *remembered(const struct places *places, const struct kernel *kernel)
{
	char *boot = read_file("/proc/sys/kernel/random/boot_id", 4096), *path, *text;

	if (!boot)
		return NULL;
	boot[strcspn(boot, "\n")] = '\0';
	path = print("%s/accel/%s-%s", places->build, boot,
		     strrchr(kernel->directory, '/') + 1);
	text = read_file(path, 4096);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	free(path);
	free(boot);
	return text;
}

/* find_out() - has scripts/accel try KVM. */
static int find_out(const struct places *places, const struct kernel *kernel,
		    struct signals *signals, struct error *error)
{
	char *script = print("%s/scripts/accel", places->top);
	const char *argv[] = { script, "-k", kernel->directory, NULL };
	struct text output = { 0 };
	int status = process_run(argv, &output, 4096, signals, error);

	free(script);
	text_free(&output);
	if (signals->interrupted)
		return -1;
	if (status)
		say("scripts/accel does not say whether KVM works: going without");
	return 0;
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

int accelerator_choose(struct accelerator *accelerator, const struct options *options,
		       const struct places *places, const struct kernel *kernel,
		       struct signals *signals, struct error *error)
{
	enum accelerator_choice choice = wanted(options);
	char *answer;

	*accelerator = (struct accelerator){ .kvm = choice == ACCEL_KVM };
	if (choice == ACCEL_TCG)
		return 0;
	if (access("/dev/kvm", R_OK | W_OK)) {
		if (choice == ACCEL_KVM)
			return error_add(error, "--accel kvm: /dev/kvm: %s", strerror(errno));
		if (errno != ENOENT && options->verbose)
			say("TCG: /dev/kvm: %s", strerror(errno));
		return 0;
	}
	if (choice == ACCEL_KVM)
		return 0;
	answer = remembered(places, kernel);
	if (!answer) {
		if (find_out(places, kernel, signals, error))
			return -1;
		answer = remembered(places, kernel);
	}
	accelerator->kvm = answer && !strncmp(answer, "kvm", 3);
	if (answer && !accelerator->kvm && options->verbose)
		say("TCG: %s", answer + strcspn(answer, " ") + !!strchr(answer, ' '));
	free(answer);
	return 0;
}
