// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "option_values.h"
#include "wire/protocol.h"

/* A name of QEMU's: what else its option could hold is not asked for. */
#define NIC_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static int wrong(const char *option, const char *value, const char *what)
{
	say("%s %s: %s", option, value, what);
	return 125;
}

int check_length(const char *text)
{
	if (strlen(text) <= FRAME_MAX)
		return -1;
	say("%.40s...: longer than %d bytes", text, (int)FRAME_MAX);
	return 125;
}

/* grow() - an array with room for one more than @count items of @size bytes */
static void *grow(void *items, size_t count, size_t size)
{
	return must(reallocarray(items, count + 1, size));
}

/*
 * "debug=1,ports=1,2,name=x" is three parameters: a comma before a word and an
 * equals sign starts one, any other is part of a value.
 */
static void separate_parameters(char *text)
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

/* MODULE[,PARAM=VALUE...] */
int parse_module(struct options *options, const char *text)
{
	size_t length = strcspn(text, ",");
	struct module_option module = {
		.name = print("%.*s", (int)length, text),
		.parameters = copy(text[length] ? text + length + 1 : ""),
	};

	separate_parameters(module.parameters);
	options->modules = grow(options->modules, options->module_count, sizeof(module));
	options->modules[options->module_count++] = module;
	return -1;
}

/* own_name() - what a file is called in the guest where the user does not say. */
static char *own_name(const char *path)
{
	/* A link keeps its own name. */
	char *name = base_name(path), *real;

	if (*name && strcmp(name, ".") && strcmp(name, ".."))
		return name;
	/* "dir/." and ".." are called as the directory is. */
	real = realpath(path, NULL);
	if (real) {
		free(name);
		name = copy(strrchr(real, '/') + 1);
		free(real);
	}
	return name;
}

/* PATH[:NAME] */
int parse_file(struct options *options, const char *text)
{
	/* A path that exists as it stands is no pair, whatever colons it has. */
	const char *colon = access(text, F_OK) ? strrchr(text, ':') : NULL;
	bool pair = colon && colon != text && colon[1];
	struct file_option file = {
		.path = pair ? print("%.*s", (int)(colon - text), text) : copy(text),
		.name = pair ? copy(colon + 1) : own_name(text),
	};

	options->files = grow(options->files, options->file_count, sizeof(file));
	options->files[options->file_count++] = file;
	return -1;
}

/* GUESTPATH:HOSTPATH */
int parse_get(struct options *options, const char *text)
{
	const char *colon = strchr(text, ':');
	struct get_option get;

	if (!colon || colon == text || !colon[1])
		return wrong("--get", text, "give GUESTPATH:HOSTPATH");
	get.guest = print("%.*s", (int)(colon - text), text);
	get.host = copy(colon + 1);
	options->gets = grow(options->gets, options->get_count, sizeof(get));
	options->gets[options->get_count++] = get;
	return -1;
}

/* real_directory() - the whole path of a directory, or NULL, having said why */
static char *real_directory(const char *option, const char *path)
{
	char *real = realpath(path, NULL);
	struct stat st;

	if (real && !stat(real, &st) && S_ISDIR(st.st_mode))
		return real;
	wrong(option, path, real ? "not a directory" : strerror(errno));
	free(real);
	return NULL;
}

/* A directory, or a file or block device with a file system in it */
int parse_root(struct options *options, const char *text)
{
	struct stat st;
	bool there = !stat(text, &st);

	free(options->root);
	free(options->image);
	options->root = NULL;
	options->image = NULL;
	if (there && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) {
		options->image = must(realpath(text, NULL));
		return -1;
	}
	if (there && !S_ISDIR(st.st_mode))
		return wrong("--root", text, "neither a directory nor an image");
	options->root = real_directory("--root", text);
	return options->root ? -1 : 125;
}

/* [=PATH] */
int parse_init(struct options *options, const char *text)
{
	options->init = text ? text : INIT;
	/* It goes by the kernel's command line. */
	if (*options->init == '/' && !options->init[strcspn(options->init, " \t\n\"")])
		return -1;
	return wrong("--init", options->init, "give an absolute path without blanks and quotes");
}

int parse_ready(struct options *options, const char *text)
{
	options->ready = text;
	if (*text && strlen(text) <= READY_MAX)
		return -1;
	return wrong("--ready", text, "give a command of at most 400 bytes: it may be a script of the image's");
}

int parse_rw(struct options *options, const char *text)
{
	char *real = real_directory("--rw", text);

	if (real)
		list_add(&options->shares, real);
	return real ? -1 : 125;
}

/* [=REGEX]: complaints that are none; without it, all of them */
static int allow(struct options *options, const char *text, const char *option,
		 const char *value)
{
	char why[256] = "an empty expression allows everything";
	regex_t *regex;
	int err;

	options->allowed = grow(options->allowed, options->allowed_count, sizeof(*regex));
	regex = &options->allowed[options->allowed_count];
	err = regcomp(regex, text, REG_EXTENDED | REG_NOSUB);
	options->allowed_count += !err;
	if (err)
		regerror(err, regex, why, sizeof(why));
	return err || !*text ? wrong(option, value, why) : -1;
}

int parse_splat(struct options *options, const char *text)
{
	options->allow_splats |= !text;
	return text ? allow(options, text, "--allow-splat", text) : -1;
}

int parse_splat_file(struct options *options, const char *path)
{
	char *content = read_file(path, 1 << 20), *rest = content, *line, *place;
	int number, status = -1;

	if (!content)
		return wrong("--allow-splat-file", path,
			     errno == EINVAL ? "no regular file" : strerror(errno));
	for (number = 1; status < 0 && (line = strsep(&rest, "\n")); number++) {
		line[strcspn(line, "\r")] = '\0';
		if (!line[strspn(line, " \t")] || *line == '#')
			continue;
		place = print("%s: line %d", path, number);
		status = allow(options, line, "--allow-splat-file", place);
		free(place);
	}
	free(content);
	return status;
}

/* FILE[,rw|,ro][,raw] */
int parse_disk(struct options *options, const char *text)
{
	struct disk_option disk = { .path = copy(text) };
	char *comma;

	while ((comma = strrchr(disk.path, ','))) {
		if (!strcmp(comma, ",rw"))
			disk.keep = true;
		else if (!strcmp(comma, ",ro"))
			disk.read_only = true;
		else if (!strcmp(comma, ",raw"))
			disk.raw = true;
		else
			break;
		*comma = '\0';
	}
	if (disk.keep && disk.read_only) {
		free(disk.path);
		return wrong("--disk", text, "ro or rw?");
	}
	options->disks = grow(options->disks, options->disk_count, sizeof(disk));
	options->disks[options->disk_count++] = disk;
	return -1;
}

static int machine(struct options *options, const char *from, const char *value)
{
	static const char *const names[] = {
		[MACHINE_PC] = "pc",
		[MACHINE_Q35] = "q35",
		[MACHINE_MICROVM] = "microvm",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]))
			continue;
		options->machine = i;
		return -1;
	}
	return wrong(from, value, "give pc, q35 or microvm");
}

int parse_machine(struct options *options, const char *text)
{
	return machine(options, "--machine", text);
}

int parse_environment(struct options *options)
{
	const char *text = getenv("QEMU_RUN_MACHINE");

	return text ? machine(options, "QEMU_RUN_MACHINE", text) : -1;
}

int parse_seconds(uint64_t *ms, const char *option, const char *text)
{
	double value;
	char *end;

	value = strtod(text, &end);
	/* The driver's own limit is 31 days; the grace goes on top. */
	if (text[strspn(text, "0123456789.")] || *end || value < 0.001 || value > 2678000) {
		say("--%s %s: give seconds, 0.001 to 2678000", option, text);
		return 125;
	}
	*ms = llround(value * 1000);
	return -1;
}

int parse_variable(struct options *options, const char *text)
{
	const char *value;

	if (!*text || *text == '=')
		return wrong("--env", text, "give NAME=VALUE, or NAME to pass on your own");
	if (strchr(text, '=')) {
		list_add(&options->variables, copy(text));
		return -1;
	}
	value = getenv(text);
	if (!value)
		return wrong("--env", text, "not set here: give NAME=VALUE");
	list_add(&options->variables, print("%s=%s", text, value));
	return check_length(options->variables.items[options->variables.count - 1]);
}

int parse_net(struct options *options, const char *text)
{
	(void)text;
	if (!options->nic)
		options->nic = "virtio";
	return -1;
}

int parse_nic(struct options *options, const char *text)
{
	if (!*text || text[strspn(text, NIC_LETTERS)])
		return wrong("--nic", text, "give virtio, or a PCI model of QEMU's: e1000");
	options->nic = text;
	return -1;
}

int parse_forward(struct options *options, const char *text)
{
	static const char usage[] = "give [ADDRESS:]PORT:GUESTPORT, ports from 1 to 65535";
	char *host = copy(text), *guest = strrchr(host, ':'), *colon;
	const char *address = "127.0.0.1", *port = host;
	struct forward_option forward = { 0 };
	struct in_addr parsed;
	long from, to;
	int status;

	if (guest)
		*guest++ = '\0';
	colon = strrchr(host, ':');
	if (colon) {
		*colon = '\0';
		address = host;
		port = colon + 1;
	}
	from = parse_number(port, 1, 65535);
	to = guest ? parse_number(guest, 1, 65535) : -1;
	if (from < 0 || to < 0) {
		status = wrong("--forward", text, usage);
	} else if (inet_pton(AF_INET, address, &parsed) != 1) {
		status = wrong("--forward", text, "give an IPv4 address of this host's, as 127.0.0.1");
	} else {
		snprintf(forward.address, sizeof(forward.address), "%s", address);
		forward.port = from;
		forward.guest_port = to;
		options->forwards = grow(options->forwards, options->forward_count,
					 sizeof(forward));
		options->forwards[options->forward_count++] = forward;
		status = parse_net(options, NULL);
	}
	free(host);
	return status;
}

int parse_memory(struct options *options, const char *text)
{
	long mb = parse_number(text, 128, 1 << 20);

	if (mb < 0)
		return wrong("--memory", text, "give MiB, 128 or more");
	options->memory_mb = mb;
	return -1;
}

int parse_cpus(struct options *options, const char *text)
{
	long cpus = parse_number(text, 1, 64);

	if (cpus < 0)
		return wrong("--cpus", text, "give 1 to 64");
	options->cpus = cpus;
	return -1;
}

int parse_append(struct options *options, const char *text)
{
	if (strlen(text) > 1024)
		return wrong("--append", "TEXT", "longer than 1024 bytes");
	options->append = text;
	return -1;
}

int parse_accel(struct options *options, const char *text)
{
	if (!strcmp(text, "kvm"))
		options->accelerator = ACCEL_KVM;
	else if (!strcmp(text, "tcg"))
		options->accelerator = ACCEL_TCG;
	else if (!strcmp(text, "auto"))
		options->accelerator = ACCEL_AUTO;
	else
		return wrong("--accel", text, "give kvm, tcg or auto");
	return -1;
}

int parse_qemu(struct options *options, const char *text)
{
	list_add(&options->qemu, copy(text));
	return -1;
}
