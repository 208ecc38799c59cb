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
static char *ask_script(const struct search *search, const char *option, const char *value)
{
	char *script = print("%s/scripts/kernel", search->places->top);
	const char *argv[] = { script, option ? option : value, option ? value : NULL, NULL };
	struct text output = { 0 };
	char *directory = NULL;
	int status;

	status = process_run(argv, &output, 65536, search->signals, search->error);
	if (status == 0) {
		chomp(output.data);
		directory = copy(output.data);
	} else if (!search->signals->interrupted) {
		error_add(search->error, "%s: no such kernel: see the lines above", value ? value : "the default kernel");
	}
	text_free(&output);
	free(script);
	return directory;
}

/*
 * The script takes as long as a whole run does: its answer is kept, together
 * with what it was an answer to.
 */
static char *ask_cached(const struct search *search, const char *option, const char *value)
{
	struct text question = { 0 };
	char *directory;

	text_print(&question, "%s %s\n%s\n%s\n", option ? option : "version",
		   value ? value : "", search->places->top, search->places->build);
	if (option)
		text_identity(&question, value);
	if (option && !strcmp(option, "--build")) {
		char *image = print("%s/arch/x86/boot/bzImage", value);

		text_identity(&question, image);
		free(image);
	}
	directory = cache_recall(search->places, "kernels", question.data);
	if (!directory || !exists_below(directory, "release")) {
		free(directory);
		directory = ask_script(search, option, value);
		if (directory)
			cache_keep(search->places, "kernels", question.data, directory);
	}
	text_free(&question);
	return directory;
}

static char *find_directory(const struct search *search)
{
	const char *name = search->options->kernel;
	char *path, *directory;

	if (!name)
		name = getenv("QEMU_RUN_KERNEL");
	if (!name || !*name)
		return ask_cached(search, NULL, NULL);
	path = realpath(name, NULL);
	/* "cloud" is a flavour, even where a file happens to be called so. */
	if (!path || (!strchr(name, '/') && !is_directory(path) && access(name, R_OK))) {
		free(path);
		if (strchr(name, '/')) {
			error_add(search->error, "-k %s: %s", name, strerror(ENOENT));
			return NULL;
		}
		return ask_cached(search, NULL, name);
	}
	if (!is_directory(path))
		directory = ask_cached(search, "--image", path);
	else if (exists_below(path, "release") && exists_below(path, "modules"))
		return path;
	else
		directory = ask_cached(search, "--build", path);
	free(path);
	return directory;
}

/*
 * came_after() - whether a source came here after the driver was built. A package's
 * files are as old as the package.
 */
static bool came_after(const struct stat *source, const struct stat *built)
{
	if (source->st_ctim.tv_sec != built->st_mtim.tv_sec)
		return source->st_ctim.tv_sec > built->st_mtim.tv_sec;
	return source->st_ctim.tv_nsec > built->st_mtim.tv_nsec;
}

/* driver_is_stale() - whether a source of the driver came after it was built. */
static bool driver_is_stale(const struct search *search, const char *driver)
{
	static const char *const sources[] = {
		"Kbuild", "poweroff.c", "ioport_region.c", "ioport_region.h",
		"deferred_reset.c", "deferred_reset.h", "version.h",
	};
	struct stat built, source;
	bool stale = false;
	size_t i;

	if (stat(driver, &built))
		return true;
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		char *path = print("%s/%s", search->places->top, sources[i]);

		stale = stale || (!stat(path, &source) && came_after(&source, &built));
		free(path);
	}
	return stale;
}

static void go_without_driver(struct kernel *kernel, const char *why)
{
	say("kernel %s: %s: going without the driver: its init and the host keep the deadline, and a panic is known by the console",
	    kernel->release, why);
	free(kernel->driver);
	kernel->driver = NULL;
}

/*
 * The driver is made where it is missing. A kernel that it cannot be built for
 * runs without it: the guest's init then writes the port itself. Somebody who
 * bisects builds an image and no more, and asks about another driver than ours.
 */
static int find_driver(const struct search *search, struct kernel *kernel)
{
	const char *slash = strrchr(kernel->directory, '/');
	char *script;
	int status;

	kernel->driver = print("%s/modules/%s/qemu_poweroff.ko", search->places->build, slash + 1);
	if (!driver_is_stale(search, kernel->driver))
		return 0;
	if (!exists_below(kernel->directory, "build/Makefile")) {
		go_without_driver(kernel, "no headers to build it with");
		return 0;
	}
	if (!exists_below(kernel->directory, "build/Module.symvers")) {
		go_without_driver(kernel, "no Module.symvers in its tree (make modules makes it)");
		return 0;
	}
	script = print("%s/scripts/module", search->places->top);
	{
		const char *argv[] = { script, "-k", kernel->directory, NULL };
		struct text output = { 0 };

		status = process_run(argv, &output, 1 << 20, search->signals, search->error);
		text_free(&output);
	}
	free(script);
	if (search->signals->interrupted)
		return -1;
	if (status || access(kernel->driver, R_OK))
		go_without_driver(kernel, "qemu_poweroff.ko does not build (see the lines above)");
	return 0;
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
