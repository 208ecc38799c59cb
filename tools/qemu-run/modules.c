// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <libkmod.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "modules.h"
#include "process.h"

/* The largest module that Debian ships has 10 MB, with its debugging sections 200. */
#define MODULE_MAX (512 << 20)

/* struct search - one call of modules_add(), with a context of libkmod's for the kernel's tree */
struct search {
	struct modules *modules;
	const struct setup *setup;
	struct kmod_ctx *context;
};

static struct kmod_ctx *open_tree(const struct kernel *kernel)
{
	/* The guest's modules have nothing to do with this host's modprobe.d. */
	static const char *const no_configuration[] = { NULL };
	struct kmod_ctx *context = must(kmod_new(kernel->modules, no_configuration));

	kmod_set_log_priority(context, 0);
	return context;
}

/* lookup() - the modules of that name or alias; NULL: none. */
static struct kmod_list *lookup(struct kmod_ctx *context, const char *name)
{
	struct kmod_list *found = NULL;

	return kmod_module_new_from_lookup(context, name, &found) < 0 ? NULL : found;
}

/* given() - whether a -m of the user's brings that module. */
static bool given(const struct options *options, const char *name)
{
	size_t i;

	for (i = 0; i < options->module_count; i++) {
		char *own = copy(basename(options->modules[i].name)), *c;
		bool same;

		if (strstr(own, ".ko"))
			*strstr(own, ".ko") = '\0';
		for (c = own; *c; c++)
			if (*c == '-')
				*c = '_';
		same = !strcmp(own, name);
		free(own);
		if (same)
			return true;
	}
	return false;
}

static bool is_listed(const struct modules *modules, const char *path)
{
	size_t i;

	for (i = 0; i < modules->count; i++)
		if (!strcmp(modules->items[i].path, path))
			return true;
	return false;
}

static void append(struct modules *modules, const char *path, const char *parameters, bool soft)
{
	struct module module = {
		.path = copy(path),
		.parameters = copy(parameters),
		.soft = soft,
	};

	modules->items = must(reallocarray(modules->items, modules->count + 1, sizeof(module)));
	modules->items[modules->count++] = module;
}

static void add_found(struct search *search, struct kmod_module *module,
		      const char *parameters, bool soft);

static void add_list(struct search *search, struct kmod_list *list, const char *parameters,
		     bool soft)
{
	struct kmod_list *entry;

	kmod_list_foreach(entry, list) {
		struct kmod_module *module = kmod_module_get_module(entry);

		add_found(search, module, parameters, soft);
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
}

/* A module of the kernel's tree. What is listed already is not added again. */
static void add_found(struct search *search, struct kmod_module *module,
		      const char *parameters, bool soft)
{
	const char *path = kmod_module_get_path(module);
	struct kmod_list *before = NULL, *after = NULL;

	/* One that is built in has no path. */
	if (!path || is_listed(search->modules, path))
		return;
	kmod_module_get_softdeps(module, &before, &after);
	add_list(search, before, "", true);
	add_list(search, kmod_module_get_dependencies(module), "", soft);
	append(search->modules, path, parameters, soft);
	add_list(search, after, "", true);
}

static int add_name(struct search *search, const char *name, const char *parameters, bool soft)
{
	struct kmod_list *found = lookup(search->context, name);

	if (!found && !soft && (strchr(name, '/') || !access(name, F_OK)))
		return error_add(search->setup->error, "-m %s: no module: give a built one, FILE.ko, or the name of one of kernel %s",
				 name, search->setup->kernel.release);
	if (!found && !soft)
		return error_add(search->setup->error, "-m %s: kernel %s has no such module", name,
				 search->setup->kernel.release);
	add_list(search, found, parameters, soft);
	return 0;
}

/* field() - a field of a module's .modinfo; valid as long as the list. */
static const char *field(struct kmod_list *info, const char *key)
{
	struct kmod_list *entry;

	kmod_list_foreach(entry, info)
		if (!strcmp(kmod_module_info_get_key(entry), key))
			return kmod_module_info_get_value(entry);
	return NULL;
}

/* read_info() - the .modinfo of a module file, or NULL */
static struct kmod_list *read_info(struct kmod_ctx *context, const char *path)
{
	struct kmod_list *info = NULL;
	struct kmod_module *module;

	if (kmod_module_new_from_path(context, path, &module) < 0)
		return NULL;
	if (kmod_module_get_info(module, &info) < 0)
		info = NULL;
	kmod_module_unref(module);
	return info;
}

/* Whether the module at @path, with @info, was built for the kernel of this run. */
static int check_version(struct search *search, const char *path, struct kmod_list *info)
{
	const struct kernel *kernel = &search->setup->kernel;
	const char *version = field(info, "vermagic"), *own;
	size_t length = strlen(kernel->release);
	struct kmod_list *driver = NULL;
	int err = 0;

	if (!version)
		return error_add(search->setup->error, "-m %s: not a kernel module", path);
	if (strncmp(version, kernel->release, length) || version[length] != ' ')
		return error_add(search->setup->error, "-m %s: built for kernel %.*s, and this is kernel %s: build it against %s/build",
				 path, (int)strcspn(version, " "), version, kernel->release,
				 kernel->directory);
	/* The same release built another way: our own driver for it tells. */
	if (kernel->driver)
		driver = read_info(search->context, kernel->driver);
	own = field(driver, "vermagic");
	if (own && strcmp(own, version))
		err = error_add(search->setup->error, "-m %s: built for '%s', and this kernel is '%s'",
				path, version, own);
	kmod_module_info_free_list(driver);
	return err;
}

/* add_words() - adds the modules that a field of .modinfo names. */
static int add_words(struct search *search, const char *value, const char *separators, bool soft)
{
	char *words = copy(value ? value : ""), *rest = NULL, *word;
	bool before = true;
	int err = 0;

	for (word = strtok_r(words, separators, &rest); word && !err;
	     word = strtok_r(NULL, separators, &rest)) {
		if (!strcmp(word, "pre:") || !strcmp(word, "post:"))
			before = *word == 'p' && word[1] == 'r';
		else if (before && !given(search->setup->options, word))
			err = add_name(search, word, "", soft);
	}
	free(words);
	return err;
}

/* Libkmod may know no compression: it is given the file unpacked. */
static int add_file(struct search *search, const char *path, const char *parameters)
{
	int file = memfd_create("module", MFD_CLOEXEC), err;
	char *unpacked = print("/proc/self/fd/%d", file);
	struct kmod_list *info = NULL;
	struct text image = { 0 };

	err = module_read(search->setup, path, &image);
	if (!err && (file < 0 || write_all(file, image.data, image.length)))
		err = error_add(search->setup->error, "-m %s: no memory to unpack it", path);
	if (!err) {
		info = read_info(search->context, unpacked);
		err = check_version(search, path, info);
	}
	text_free(&image);
	free(unpacked);
	close_fd(&file);
	if (!err)
		err = add_words(search, field(info, "softdep"), " ", true);
	if (!err)
		err = add_words(search, field(info, "depends"), ",", false);
	if (!err)
		append(search->modules, path, parameters, false);
	kmod_module_info_free_list(info);
	return err;
}

int modules_add(struct modules *modules, const struct setup *setup,
		const struct module_option *wanted)
{
	struct search search = {
		.modules = modules,
		.setup = setup,
		.context = open_tree(&setup->kernel),
	};
	int err;

	if (module_is_file(wanted))
		err = add_file(&search, wanted->name, wanted->parameters);
	else
		err = add_name(&search, wanted->name, wanted->parameters, false);
	kmod_unref(search.context);
	return err;
}

int modules_has(const struct kernel *kernel, const char *name)
{
	struct kmod_ctx *context = open_tree(kernel);
	struct kmod_list *found = lookup(context, name);
	char *list = print("%s/modules.dep.bin", kernel->modules);
	int has = found ? 1 : access(list, R_OK) ? -1 : 0;

	free(list);
	kmod_module_unref_list(found);
	kmod_unref(context);
	return has;
}

char modules_lack(const struct kernel *kernel, const char *module, const char *option)
{
	char *set = kernel_option(kernel, option), value = set ? *set : '?';
	int there = value != 'n' && module ? modules_has(kernel, module) : -1;

	free(set);
	return value == 'n' || (value == '?' && !there) ? 'n' :
	       value == 'm' && there != 1	       ? 'm' : '\0';
}

int module_read(const struct setup *setup, const char *path, struct text *image)
{
	static const struct {
		const char *ending;
		const char *program[3];
	} packers[] = {
		{ ".xz", { "xz", "-dc", "--" } },
		{ ".zst", { "zstd", "-dcq", "--" } },
		{ ".gz", { "gzip", "-dc", "--" } },
		{ ".ko", { NULL } },
	};
	size_t i, length = strlen(path);
	int err;

	for (i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
		size_t ending = strlen(packers[i].ending);
		const char *argv[] = { packers[i].program[0], packers[i].program[1],
				       packers[i].program[2], path, NULL };

		if (length < ending || strcmp(path + length - ending, packers[i].ending))
			continue;
		if (!argv[0]) {
			err = read_bytes(path, MODULE_MAX, image);
			return err ? error_add(setup->error, "-m %s: %s", path, strerror(-err)) : 0;
		}
		if (access(path, R_OK))
			return error_add(setup->error, "-m %s: %s", path, strerror(errno));
		if (process_run(argv, image, MODULE_MAX, setup->signals, setup->error))
			return setup->signals->interrupted ? -1 :
			       error_add(setup->error, "-m %s: cannot be read", path);
		return 0;
	}
	return error_add(setup->error, "-m %s: neither a .ko nor a compressed one", path);
}

void modules_free(struct modules *modules)
{
	size_t i;

	for (i = 0; i < modules->count; i++) {
		free(modules->items[i].path);
		free(modules->items[i].parameters);
	}
	free(modules->items);
}
