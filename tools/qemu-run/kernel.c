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

/* What the search for a kernel goes by. */
struct search {
	const struct options *options;
	const struct places *places;
	struct signals *signals;
	struct error *error;
};

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

/* ask_script() - the directory that scripts/kernel prints, or NULL. */
static char *ask_script(const struct search *search, const char *name)
{
	char *script = print("%s/scripts/kernel", search->places->top);
	const char *argv[] = { script, "-k", name, NULL };
	struct text output = { 0 };
	char *directory = NULL;
	int status;

	status = process_run(argv, &output, 65536, search->signals, search->error);
	if (status == 0) {
		chomp(output.data);
		directory = copy(output.data);
	} else if (!search->signals->interrupted) {
		error_add(search->error, "-k %s: no such kernel: see the lines above", name);
	}
	text_free(&output);
	free(script);
	return directory;
}

/*
 * named() - what -k says: a path by its whole name, or the name of a kernel
 *
 * "cloud" is a flavour, even where a file happens to be called so.
 *
 * Return: to be freed; NULL if it is a path to nothing.
 */
static char *named(const struct search *search)
{
	const char *name = search->options->kernel;
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
	error_add(search->error, "-k %s: %s", name, strerror(ENOENT));
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
static char *find_directory(const struct search *search)
{
	char *name = named(search), *question, *directory;
	struct text files = { 0 };

	if (!name || (*name == '/' && exists_below(name, "release") &&
		      exists_below(name, "modules")))
		return name;
	question = print("%s\n%s\n%s\n", name, search->places->top,
			 search->places->build);
	directory = cache_recall(search->places->build, "kernel", question);
	if (!directory) {
		directory = ask_script(search, name);
		if (directory) {
			add_files(&files, directory);
			cache_keep(search->places->build, "kernel", question, directory,
				   files.data);
		}
	}
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
static void add_sources(const struct search *search, const struct kernel *kernel,
			struct text *files)
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
	char *tree = print("%s/build", kernel->directory), *real = realpath(tree, NULL);
	size_t i;

	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		identity_add_below(files, search->places->top, sources[i]);
	for (i = 0; i < sizeof(of_kernel) / sizeof(of_kernel[0]); i++)
		identity_add_below(files, real ? real : tree, of_kernel[i]);
	identity_add(files, kernel->driver);
	free(real);
	free(tree);
}

static int build_driver(const struct search *search, struct kernel *kernel)
{
	char *script = print("%s/scripts/module", search->places->top);
	const char *argv[] = { script, "-k", kernel->directory, NULL };
	struct text output = { 0 };
	int status = process_run(argv, &output, 1 << 20, search->signals, search->error);

	text_free(&output);
	free(script);
	return status || access(kernel->driver, R_OK) ? -1 : 0;
}

/*
 * find_driver() - has the driver made where it is missing, or of former sources
 *
 * A kernel that it cannot be built for runs without it: the guest's init then writes the
 * port itself. Somebody who bisects builds an image and no more, and asks about another
 * driver than ours.
 */
static int find_driver(const struct search *search, struct kernel *kernel)
{
	struct text files = { 0 };
	char *question, *known;

	kernel->driver = print("%s/modules/%s/qemu_poweroff.ko", search->places->build,
			       strrchr(kernel->directory, '/') + 1);
	question = print("%s\n%s\n", kernel->driver, search->places->top);
	known = cache_recall(search->places->build, "driver", question);
	if (known) {
		free(known);
	} else if (!exists_below(kernel->directory, "build/Makefile")) {
		go_without_driver(kernel, "no headers to build it with");
	} else if (!exists_below(kernel->directory, "build/Module.symvers")) {
		go_without_driver(kernel, "no Module.symvers in its tree (make modules makes it)");
	} else if (build_driver(search, kernel)) {
		if (!search->signals->interrupted)
			go_without_driver(kernel, "qemu_poweroff.ko does not build (see the lines above)");
	} else {
		add_sources(search, kernel, &files);
		cache_keep(search->places->build, "driver", question, "built", files.data);
	}
	text_free(&files);
	free(question);
	return search->signals->interrupted ? -1 : 0;
}

int kernel_find(struct kernel *kernel, const struct options *options,
		const struct places *places, struct signals *signals, struct error *error)
{
	const struct search search = {
		.options = options,
		.places = places,
		.signals = signals,
		.error = error,
	};
	char *path;

	kernel->directory = find_directory(&search);
	if (!kernel->directory)
		return -1;
	path = print("%s/release", kernel->directory);
	kernel->release = read_file(path, 4096);
	if (!kernel->release)
		error_add(error, "%s: %s", path, strerror(errno));
	free(path);
	if (!kernel->release)
		return -1;
	chomp(kernel->release);
	kernel->modules = print("%s/modules", kernel->directory);
	kernel->image = print("%s/vmlinux", kernel->directory);
	if (access(kernel->image, R_OK)) {
		free(kernel->image);
		kernel->image = print("%s/vmlinuz", kernel->directory);
	}
	if (access(kernel->image, R_OK))
		return error_add(error, "%s: %s: /boot may be readable for root alone",
				 kernel->image, strerror(errno));
	return options->bare ? 0 : find_driver(&search, kernel);
}

unsigned long kernel_hz(const struct kernel *kernel)
{
	static const char option[] = "\nCONFIG_HZ=";
	char *path = print("%s/config", kernel->directory);
	char *config = read_file(path, 16 << 20);
	const char *found = config ? strstr(config, option) : NULL;
	unsigned long hz = found ? strtoul(found + strlen(option), NULL, 10) : 0;

	free(config);
	free(path);
	return hz;
}

void kernel_free(struct kernel *kernel)
{
	free(kernel->directory);
	free(kernel->release);
	free(kernel->image);
	free(kernel->modules);
	free(kernel->driver);
}
