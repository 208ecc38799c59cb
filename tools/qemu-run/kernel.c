// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cache.h"
#include "identity.h"
#include "kernel.h"
#include "process.h"
#include "setup.h"

static bool is_directory(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool exists_below(const char *directory, const char *name)
{
	char *path = print("%s/%s", directory, name);
	bool exists = !access(path, R_OK);

	free(path);
	return exists;
}

static void chomp(char *text)
{
	text[strcspn(text, "\n")] = '\0';
}

/* run_script() - runs scripts/@name -k @kernel; returns as process_run() */
static int run_script(const struct setup *setup, const char *name, const char *kernel,
		      struct text *output)
{
	char *script = print("%s/scripts/%s", setup->places.top, name);
	const char *argv[] = { script, "-k", kernel, NULL };
	int status = process_run(argv, output, 1 << 20, setup->signals, setup->error);

	free(script);
	return status;
}

/*
 * named() - what -k says: a path by its whole name, or the name of a kernel
 *
 * "cloud" is a flavour, even where a file happens to be called so.
 *
 * Return: to be freed; NULL if it is a path to nothing.
 */
static char *named(const struct setup *setup)
{
	const char *name = setup->options->kernel;
	char *path;

	if (!name)
		name = getenv("QEMU_RUN_KERNEL");
	if (!name || !*name)
		return copy("default");
	path = realpath(name, NULL);
	if (path && (strchr(name, '/') || is_directory(path) || !access(name, R_OK)))
		return path;
	free(path);
	if (!strchr(name, '/'))
		return copy(name);
	error_add(setup->error, "-k %s: %s", name, strerror(ENOENT));
	return NULL;
}

/* add_tree() - adds the modules of a build tree that scripts/kernel has laid out. */
static void add_tree(struct text *files, const char *directory)
{
	char *path = print("%s/build/modules.order", directory), *line, *rest = NULL;
	char *order = read_file(path, 4 << 20);

	for (line = order ? strtok_r(order, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		/* Since 6.3 these are objects. */
		char *dot = strrchr(line, '.');
		char *module = print("build/%.*s.ko", dot ? (int)(dot - line) : 0, line);

		identity_add_below(files, directory, module);
		free(module);
	}
	free(order);
	free(path);
}

/* add_files() - adds what scripts/kernel has laid out, and what it was made from. */
static void add_files(struct text *files, const char *directory)
{
	static const char *const names[] = {
		"release", "vmlinux", "vmlinuz", "config", "modules/modules.dep",
		"build/Makefile", "build/vmlinux", "build/arch/x86/boot/bzImage",
		"build/include/generated/utsrelease.h", "build/modules.order",
		"build/modules.builtin",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		identity_add_below(files, directory, names[i]);
	add_tree(files, directory);
}

/*
 * find_directory() - the kernel that -k names, laid out; to be freed, or NULL
 *
 * The script takes as long as a whole run does: its answer is kept, together with the
 * files that it depends on.
 */
static char *find_directory(const struct setup *setup)
{
	char *name = named(setup), *question, *directory;
	struct text files = { 0 }, output = { 0 };

	if (!name || (*name == '/' && exists_below(name, "release") &&
		      exists_below(name, "modules")))
		return name;
	question = print("kernel 2\n%s\n%s\n%s\n", name, setup->places.top, setup->places.build);
	directory = cache_recall(setup->places.build, question);
	if (!directory && !run_script(setup, "kernel", name, &output)) {
		chomp(output.data);
		directory = copy(output.data);
		add_files(&files, directory);
		cache_keep(setup->places.build, question, directory, files.data);
	} else if (!directory && !setup->signals->interrupted) {
		error_add(setup->error, "-k %s: no such kernel: see the lines above", name);
	}
	text_free(&output);
	text_free(&files);
	free(question);
	free(name);
	return directory;
}

static void go_without_driver(struct kernel *kernel, const char *why)
{
	say("kernel %s: %s: going without the driver: its init and the host keep the deadline, and a panic is known by the console",
	    kernel->release, why);
	free(kernel->driver);
	kernel->driver = NULL;
}

/* add_sources() - adds what the driver was built of, and itself. */
static void add_sources(struct text *files, const struct setup *setup)
{
	static const char *const sources[] = {
		"Kbuild", "poweroff.c", "ioport_region.c", "ioport_region.h",
		"deferred_reset.c", "deferred_reset.h", "version.h",
	};
	/* A kernel that is linked again may have other structures. */
	static const char *const of_kernel[] = {
		"vmlinux", "Module.symvers", "include/generated/utsrelease.h",
		"include/generated/autoconf.h",
	};
	char *tree = print("%s/build", setup->kernel.directory), *real = realpath(tree, NULL);
	size_t i;

	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		identity_add_below(files, setup->places.top, sources[i]);
	for (i = 0; i < sizeof(of_kernel) / sizeof(of_kernel[0]); i++)
		identity_add_below(files, real ? real : tree, of_kernel[i]);
	identity_add(files, setup->kernel.driver);
	free(real);
	free(tree);
}

/*
 * find_driver() - has the driver made where it is missing, or of former sources
 *
 * A kernel that it cannot be built for runs without it: the guest's init then writes the
 * port itself. Somebody who bisects builds an image and no more, and asks about another
 * driver than ours.
 */
static int find_driver(struct setup *setup)
{
	struct kernel *kernel = &setup->kernel;
	struct text files = { 0 }, output = { 0 };
	char *question, *known;

	kernel->driver = print("%s/modules/%s/qemu_poweroff.ko", setup->places.build,
			       strrchr(kernel->directory, '/') + 1);
	question = print("driver\n%s\n%s\n", kernel->driver, setup->places.top);
	known = cache_recall(setup->places.build, question);
	if (known) {
		free(known);
	} else if (!exists_below(kernel->directory, "build/Makefile")) {
		go_without_driver(kernel, "no headers to build it with");
	} else if (!exists_below(kernel->directory, "build/Module.symvers")) {
		go_without_driver(kernel, "no Module.symvers in its tree (make modules makes it)");
	} else if (run_script(setup, "module", kernel->directory, &output) ||
		   access(kernel->driver, R_OK)) {
		if (!setup->signals->interrupted)
			go_without_driver(kernel, "qemu_poweroff.ko does not build (see the lines above)");
	} else {
		add_sources(&files, setup);
		cache_keep(setup->places.build, question, "built", files.data);
	}
	text_free(&output);
	text_free(&files);
	free(question);
	return setup->signals->interrupted ? -1 : 0;
}

int kernel_find(struct setup *setup)
{
	struct kernel *kernel = &setup->kernel;
	char *path;

	kernel->directory = find_directory(setup);
	if (!kernel->directory)
		return -1;
	path = print("%s/release", kernel->directory);
	kernel->release = read_file(path, 4096);
	if (!kernel->release)
		error_add(setup->error, "%s: %s", path, strerror(errno));
	free(path);
	if (!kernel->release)
		return -1;
	chomp(kernel->release);
	kernel->modules = print("%s/modules", kernel->directory);
	path = print("%s/config", kernel->directory);
	kernel->config = read_file(path, 16 << 20);
	free(path);
	kernel->image = print("%s/%s", kernel->directory,
			      exists_below(kernel->directory, "vmlinux") ? "vmlinux" : "vmlinuz");
	if (access(kernel->image, R_OK))
		return error_add(setup->error, "%s: %s: /boot may be readable for root alone",
				 kernel->image, strerror(errno));
	return setup->options->bare ? 0 : find_driver(setup);
}

/* remembered() - what scripts/accel found: "kvm", or "tcg" and why. */
static char *remembered(const struct setup *setup)
{
	char *boot = read_file("/proc/sys/kernel/random/boot_id", 4096), *path, *text;

	if (!boot)
		return NULL;
	chomp(boot);
	path = print("%s/accel/%s-%s", setup->places.build, boot,
		     strrchr(setup->kernel.directory, '/') + 1);
	text = read_file(path, 4096);
	if (text)
		chomp(text);
	free(path);
	free(boot);
	return text;
}

int kernel_choose_accelerator(struct setup *setup)
{
	enum accelerator_choice choice = setup->options->accelerator;
	const char *settled = getenv("ACCEL");
	struct text output = { 0 };
	char *answer;

	/* As for the scripts. */
	if (choice == ACCEL_AUTO && settled)
		choice = !strcmp(settled, "tcg") ? ACCEL_TCG :
			 !strcmp(settled, "kvm") ? ACCEL_KVM : ACCEL_AUTO;
	setup->kvm = choice == ACCEL_KVM;
	if (choice == ACCEL_TCG)
		return 0;
	if (access("/dev/kvm", R_OK | W_OK)) {
		if (choice == ACCEL_KVM)
			return error_add(setup->error, "--accel kvm: /dev/kvm: %s",
					 strerror(errno));
		if (errno != ENOENT && setup->options->verbose)
			say("TCG: /dev/kvm: %s", strerror(errno));
		return 0;
	}
	if (choice == ACCEL_KVM)
		return 0;
	answer = remembered(setup);
	if (!answer) {
		/* It tries KVM. */
		if (run_script(setup, "accel", setup->kernel.directory, &output) &&
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

char *kernel_option(const struct kernel *kernel, const char *option)
{
	char *line = print("\n%s=", option);
	const char *found = kernel->config ? strstr(kernel->config, line) : NULL;
	char *value = NULL;

	if (found)
		value = print("%.*s", (int)strcspn(found + strlen(line), "\n"),
			      found + strlen(line));
	else if (kernel->config)
		value = copy("n");
	free(line);
	return value;
}

void kernel_free(struct kernel *kernel)
{
	free(kernel->directory);
	free(kernel->release);
	free(kernel->image);
	free(kernel->modules);
	free(kernel->config);
	free(kernel->driver);
}
