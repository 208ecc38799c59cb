// SPDX-License-Identifier: GPL-2.0
/* Modules of the user's, with what they depend on out of the kernel's own tree. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modinfo.h"
#include "run.h"

/* The largest module that Debian ships has 10 MB, with its debugging sections 200. */
#define MODULE_MAX (512 << 20)

/* same_name() - whether two names are one module's: - and _ are the same. */
static bool same_name(const char *a, size_t length, const char *b)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (a[i] != b[i] && !((a[i] == '-' || a[i] == '_') && (b[i] == '-' || b[i] == '_')))
			return false;
	return !b[length];
}

/* is_called() - whether the file at @path, @length long, is the module @name. */
static bool is_called(const char *path, size_t length, const char *name)
{
	const char *start = memrchr(path, '/', length), *end;

	start = start ? start + 1 : path;
	length -= start - path;
	end = memmem(start, length, ".ko", 3);
	return end && same_name(start, end - start, name);
}

/* line_of() - the line of modules.dep about @name, or NULL. */
static char *line_of(const char *dependencies, const char *name)
{
	const char *line, *end, *colon;

	for (line = dependencies; *line; line = end + !!*end) {
		end = strchrnul(line, '\n');
		colon = memchr(line, ':', end - line);
		if (colon && is_called(line, colon - line, name))
			return must(strndup(line, end - line));
	}
	return NULL;
}

static bool is_builtin(struct run *run, const char *name)
{
	char *path = print("%s/modules/modules.builtin", run->kernel.directory);
	char *list = read_file(path, 16 << 20);
	const char *line, *end;
	bool found = false;

	for (line = list; line && *line && !found; line = end + !!*end) {
		end = strchrnul(line, '\n');
		found = is_called(line, end - line, name);
	}
	free(list);
	free(path);
	return found;
}

int module_is_there(struct run *run, const char *name)
{
	char *path = print("%s/modules/modules.dep", run->kernel.directory);
	char *dependencies = read_file(path, 64 << 20), *line = NULL;
	int there = -1;

	free(path);
	if (dependencies && *dependencies) {
		line = line_of(dependencies, name);
		there = line || is_builtin(run, name);
	} else if (is_builtin(run, name)) {
		there = 1;
	}
	free(line);
	free(dependencies);
	return there;
}

static int read_module(struct run *run, const char *path, struct text *image)
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
			return err ? fail(run, "-m %s: %s", path, strerror(-err)) : 0;
		}
		if (access(path, R_OK))
			return fail(run, "-m %s: %s", path, strerror(errno));
		if (run_program(run, argv, image, MODULE_MAX))
			return run->interrupted ? -1 : fail(run, "-m %s: cannot be read", path);
		return 0;
	}
	return fail(run, "-m %s: neither a .ko nor a compressed one", path);
}

static int send_image(struct run *run, const char *name, const char *parameters,
		      const struct text *image)
{
	struct text head = { 0 };
	size_t at, part;
	int err;

	text_add(&head, parameters, strlen(parameters) + 1);
	text_add(&head, name, strlen(name));
	if (head.length > 4096) {
		text_free(&head);
		return fail(run, "-m %s: parameters longer than 4096 bytes", name);
	}
	err = job_put(run, FRAME_MODULE, head.data, head.length);
	text_free(&head);
	for (at = 0; at < image->length && !err; at += part) {
		part = image->length - at < FRAME_MAX ? image->length - at : FRAME_MAX;
		err = job_put(run, FRAME_DATA, image->data + at, part);
	}
	return err ? -1 : job_put(run, FRAME_END, NULL, 0);
}

/* send_by_name() - a module of the kernel's, after all that it needs. */
static int send_by_name(struct run *run, const char *dependencies, const char *name,
			const char *parameters)
{
	char *line = line_of(dependencies, name), *colon, *word, *rest = NULL;
	struct list files = { 0 };
	int err = 0;
	size_t i;

	if (!line)
		return is_builtin(run, name) ?
			       0 :
			       fail(run, "-m %s: kernel %s has no such module", name,
				    run->kernel.release);
	colon = strchr(line, ':');
	*colon = '\0';
	list_add(&files, copy(line));
	for (word = strtok_r(colon + 1, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		list_add(&files, copy(word));
	/* modules.dep names the nearest first: the last has to be loaded first. */
	for (i = files.count; i-- && !err;) {
		char *path = print("%s/modules/%s", run->kernel.directory, files.items[i]);
		struct text image = { 0 };

		err = read_module(run, path, &image);
		if (!err)
			err = send_image(run, files.items[i], i ? "" : parameters, &image);
		text_free(&image);
		free(path);
	}
	list_free(&files);
	free(line);
	return err;
}

/* was_given() - whether another -m brings that module. */
static bool was_given(struct run *run, const char *name)
{
	size_t i;

	for (i = 0; i < run->options.modules.count; i++) {
		const char *module = run->options.modules.items[i];
		size_t length = strcspn(module, ",");

		if (is_called(module, length, name) || same_name(module, length, name))
			return true;
	}
	return false;
}

static int check_version(struct run *run, const char *path, const struct text *image)
{
	const char *version = modinfo(image->data, image->length, "vermagic"), *own;
	size_t length = strlen(run->kernel.release);
	struct text driver = { 0 };
	int err = 0;

	if (!version)
		return fail(run, "-m %s: not a kernel module", path);
	if (strncmp(version, run->kernel.release, length) || version[length] != ' ')
		return fail(run, "-m %s: built for kernel %.*s, and this is kernel %s: build it against %s/build",
			    path, (int)strcspn(version, " "), version, run->kernel.release,
			    run->kernel.directory);
	/* The same release built another way: its own modules tell. */
	if (run->kernel.driver && !read_module(run, run->kernel.driver, &driver)) {
		own = modinfo(driver.data, driver.length, "vermagic");
		if (own && strcmp(own, version))
			err = fail(run, "-m %s: built for '%s', and this kernel is '%s'", path,
				   version, own);
	}
	text_free(&driver);
	return err;
}

static int send_file(struct run *run, const char *dependencies, const char *path,
		     const char *parameters)
{
	struct text image = { 0 };
	char *names, *name, *rest = NULL;
	const char *field;
	int err;

	err = read_module(run, path, &image);
	if (!err)
		err = check_version(run, path, &image);
	if (!err) {
		field = modinfo(image.data, image.length, "depends");
		names = copy(field ? field : "");
		for (name = strtok_r(names, ",", &rest); name && !err;
		     name = strtok_r(NULL, ",", &rest))
			if (!was_given(run, name))
				err = send_by_name(run, dependencies, name, "");
		free(names);
	}
	if (!err)
		err = send_image(run, path, parameters, &image);
	text_free(&image);
	return err;
}

/*
 * "debug=1,ports=1,2,name=x" is three parameters: a comma before a word and an
 * equals sign starts one, any other is part of a value.
 */
static void split_parameters(char *text)
{
	char *comma, *word;

	for (comma = strchr(text, ','); comma; comma = strchr(comma + 1, ',')) {
		word = comma + 1;
		while (isalnum((unsigned char)*word) || *word == '_' || *word == '-' ||
		       *word == '.')
			word++;
		if (word > comma + 1 && *word == '=')
			*comma = ' ';
	}
}

int module_send(struct run *run, const char *argument)
{
	char *name = copy(argument), *parameters = strchr(name, ','), *path, *dependencies;
	int err;

	if (parameters)
		*parameters++ = '\0';
	if (parameters)
		split_parameters(parameters);
	path = print("%s/modules/modules.dep", run->kernel.directory);
	dependencies = read_file(path, 64 << 20);
	free(path);
	if (strstr(name, ".ko"))
		err = send_file(run, dependencies ? dependencies : "", name,
				parameters ? parameters : "");
	else
		err = send_by_name(run, dependencies ? dependencies : "", name,
				   parameters ? parameters : "");
	free(dependencies);
	free(name);
	return err;
}
