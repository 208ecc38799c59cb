// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "options.h"
#include "../../version.h"

/* 23 lines of 79: with the prompt below it, all of a small terminal. */
static const char help[] =
	"usage: qemu-run [option...] [--] [command [argument...]]\n"
	"Runs the command, or a shell, in a fresh virtual machine, and exits as it did.\n"
	"  -k, --kernel KERNEL      a version (6.1, 6.12, cloud), an image, a build tree\n"
	"  -m, --module MODULE[,PARAM=VALUE...]  load FILE.ko, or a module by name\n"
	"  -f, --file PATH[:NAME]   copy a file or tree into the guest's /root\n"
	"      --get PATH:HOSTPATH  copy a file or tree out when the command has ended\n"
	"  -e, --env NAME[=VALUE]   set a variable  -C, --chdir DIR  --user NAME\n"
	"  -t, --timeout SECONDS    end the machine after that long (status 124)\n"
	"      --root DIR  its root: / of this host, or another   --rw DIR  shared\n"
	"      --disk FILE[,rw]     a disk, /dev/vda and on; without rw nothing is kept\n"
	"      --net                a network to the outside  --nic MODEL  its card\n"
	"      --forward [ADDRESS:]PORT:GUESTPORT  a TCP port of the host's leads inside\n"
	"      --memory MIB         default: 512    --cpus N         default: 1\n"
	"      --append TEXT        for the kernel  --qemu ARGUMENT  for QEMU itself\n"
	"      --machine MACHINE    pc, q35, microvm --accel kvm|tcg  KVM, if it works\n"
	"      --preload            load the modules once, into a template of their own\n"
	"      --cold  no template  --clean  remove all  --bare  no driver  --no-port\n"
	"      --tty, --no-tty  a terminal; Ctrl-] three times ends it  -n, --no-stdin\n"
	"      --allow-splat[=REGEX]  never 120  --bisect       --json, --console FILE\n"
	"  -v, --verbose            console, QEMU's command  -h, --help  -V, --version\n"
	"Exit status: the command's own, or 120 the kernel complained, 121 it panicked,\n"
	"122 the guest ended silently, 123 it hung, 124 the deadline passed, 125 the\n"
	"command could not be run, 126 not be executed, 127 not be found.\n";

enum {
	OPT_GET = 256,
	OPT_DISK,
	OPT_NET,
	OPT_NIC,
	OPT_FORWARD,
	OPT_MEMORY,
	OPT_CPUS,
	OPT_APPEND,
	OPT_MACHINE,
	OPT_ACCEL,
	OPT_COLD,
	OPT_PRELOAD,
	OPT_BARE,
	OPT_NO_PORT,
	OPT_QEMU,
	OPT_TTY,
	OPT_NO_TTY,
	OPT_ALLOW_SPLAT,
	OPT_JSON,
	OPT_CLEAN,
	OPT_BISECT,
	OPT_CONSOLE,
	OPT_ROOT,
	OPT_RW,
	OPT_USER,
};

static const struct option long_options[] = {
	{ "kernel", required_argument, NULL, 'k' },
	{ "module", required_argument, NULL, 'm' },
	{ "file", required_argument, NULL, 'f' },
	{ "get", required_argument, NULL, OPT_GET },
	{ "env", required_argument, NULL, 'e' },
	{ "chdir", required_argument, NULL, 'C' },
	{ "timeout", required_argument, NULL, 't' },
	{ "no-stdin", no_argument, NULL, 'n' },
	{ "bisect", no_argument, NULL, OPT_BISECT },
	{ "console", required_argument, NULL, OPT_CONSOLE },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "rw", required_argument, NULL, OPT_RW },
	{ "user", required_argument, NULL, OPT_USER },
	{ "disk", required_argument, NULL, OPT_DISK },
	{ "net", no_argument, NULL, OPT_NET },
	{ "nic", required_argument, NULL, OPT_NIC },
	{ "forward", required_argument, NULL, OPT_FORWARD },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "cpus", required_argument, NULL, OPT_CPUS },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "machine", required_argument, NULL, OPT_MACHINE },
	{ "accel", required_argument, NULL, OPT_ACCEL },
	{ "cold", no_argument, NULL, OPT_COLD },
	{ "preload", no_argument, NULL, OPT_PRELOAD },
	{ "bare", no_argument, NULL, OPT_BARE },
	{ "no-port", no_argument, NULL, OPT_NO_PORT },
	{ "qemu", required_argument, NULL, OPT_QEMU },
	{ "tty", no_argument, NULL, OPT_TTY },
	{ "no-tty", no_argument, NULL, OPT_NO_TTY },
	{ "allow-splat", optional_argument, NULL, OPT_ALLOW_SPLAT },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "clean", no_argument, NULL, OPT_CLEAN },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

/* A name of QEMU's: what else its option could hold is not asked for. */
#define NIC_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static int wrong(const char *option, const char *value, const char *what)
{
	say("%s %s: %s", option, value, what);
	return 125;
}

/* number() - a whole number in range, or -1. */
static long number(const char *text, long low, long high)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < low || value > high)
		return -1;
	return value;
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
static void parse_module(struct options *options, const char *text)
{
	size_t length = strcspn(text, ",");
	struct module_option module = {
		.name = print("%.*s", (int)length, text),
		.parameters = copy(text[length] ? text + length + 1 : ""),
	};

	separate_parameters(module.parameters);
	options->modules = grow(options->modules, options->module_count, sizeof(module));
	options->modules[options->module_count++] = module;
}

/* own_name() - what a file is called in the guest where the user does not say. */
static char *own_name(const char *path)
{
	size_t length = strlen(path);
	const char *slash;
	char *name, *real;

	/* A link keeps its own name. */
	while (length > 1 && path[length - 1] == '/')
		length--;
	slash = memrchr(path, '/', length);
	name = slash ? print("%.*s", (int)(path + length - slash - 1), slash + 1) :
		       print("%.*s", (int)length, path);
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
static void parse_file(struct options *options, const char *text)
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
}

/* GUESTPATH:HOSTPATH */
static int parse_get(struct options *options, const char *text)
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

/* [=REGEX]: complaints that are none; without it, all of them */
static int parse_splat(struct options *options, const char *text)
{
	char why[256];
	int err;

	options->allow_splat = true;
	if (!text)
		return -1;
	if (options->splat)
		return wrong("--allow-splat", text, "give one expression: A|B");
	options->splat = must(malloc(sizeof(*options->splat)));
	err = regcomp(options->splat, text, REG_EXTENDED | REG_NOSUB);
	if (!err)
		return -1;
	regerror(err, options->splat, why, sizeof(why));
	return wrong("--allow-splat", text, why);
}

/* FILE[,rw] */
static void parse_disk(struct options *options, const char *text)
{
	const char *comma = strrchr(text, ',');
	bool keep = comma && !strcmp(comma, ",rw");
	struct disk_option disk = {
		.path = keep ? print("%.*s", (int)(comma - text), text) : copy(text),
		.keep = keep,
	};

	options->disks = grow(options->disks, options->disk_count, sizeof(disk));
	options->disks[options->disk_count++] = disk;
}

static int parse_machine(struct options *options, const char *from, const char *value)
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

static int parse_timeout(struct options *options, const char *text)
{
	double seconds;
	char *end;

	seconds = strtod(text, &end);
	/* The driver's own limit is 31 days; the grace goes on top. */
	if (end == text || *end || !isfinite(seconds) || seconds < 0.001 || seconds > 2678000)
		return wrong("--timeout", text, "give seconds, 0.001 to 2678000");
	options->timeout_ms = llround(seconds * 1000);
	return -1;
}

static int parse_variable(struct options *options, const char *text)
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
	return -1;
}

static void default_nic(struct options *options)
{
	if (!options->nic)
		options->nic = "virtio";
}

static int parse_forward(struct options *options, const char *text)
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
	from = number(port, 1, 65535);
	to = guest ? number(guest, 1, 65535) : -1;
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
		default_nic(options);
		status = -1;
	}
	free(host);
	return status;
}

static int parse_option(struct options *options, int option, char *value)
{
	char *real;

	switch (option) {
	case 'k':
		options->kernel = value;
		break;
	case 'm':
		parse_module(options, value);
		break;
	case 'f':
		parse_file(options, value);
		break;
	case OPT_GET:
		return parse_get(options, value);
	case 'e':
		return parse_variable(options, value);
	case 'C':
		options->directory = value;
		break;
	case 't':
		return parse_timeout(options, value);
	case OPT_DISK:
		parse_disk(options, value);
		break;
	case 'n':
		options->no_stdin = true;
		break;
	case OPT_BISECT:
		options->bisect = true;
		break;
	case OPT_CONSOLE:
		options->console = value;
		break;
	case OPT_ROOT:
		free(options->root);
		options->root = real_directory("--root", value);
		return options->root ? -1 : 125;
	case OPT_RW:
		real = real_directory("--rw", value);
		if (real)
			list_add(&options->shares, real);
		return real ? -1 : 125;
	case OPT_USER:
		options->user = value;
		break;
	case OPT_NET:
		default_nic(options);
		break;
	case OPT_NIC:
		if (!*value || value[strspn(value, NIC_LETTERS)])
			return wrong("--nic", value, "give virtio, or a PCI model of QEMU's: e1000");
		options->nic = value;
		break;
	case OPT_FORWARD:
		return parse_forward(options, value);
	case OPT_MEMORY:
		if (number(value, 128, 1 << 20) < 0)
			return wrong("--memory", value, "give MiB, 128 or more");
		options->memory_mb = number(value, 128, 1 << 20);
		break;
	case OPT_CPUS:
		if (number(value, 1, 64) < 0)
			return wrong("--cpus", value, "give 1 to 64");
		options->cpus = number(value, 1, 64);
		break;
	case OPT_APPEND:
		if (strlen(value) > 1024)
			return wrong("--append", "TEXT", "longer than 1024 bytes");
		options->append = value;
		break;
	case OPT_MACHINE:
		return parse_machine(options, "--machine", value);
	case OPT_ACCEL:
		if (!strcmp(value, "kvm"))
			options->accelerator = ACCEL_KVM;
		else if (!strcmp(value, "tcg"))
			options->accelerator = ACCEL_TCG;
		else if (strcmp(value, "auto"))
			return wrong("--accel", value, "give kvm, tcg or auto");
		break;
	case OPT_COLD:
		options->cold = true;
		break;
	case OPT_PRELOAD:
		options->preload = true;
		break;
	case OPT_BARE:
		options->bare = true;
		break;
	case OPT_NO_PORT:
		options->bare = true;
		options->no_port = true;
		break;
	case OPT_QEMU:
		list_add(&options->qemu, copy(value));
		break;
	case OPT_TTY:
		options->terminal = 1;
		break;
	case OPT_NO_TTY:
		options->terminal = 0;
		break;
	case OPT_ALLOW_SPLAT:
		return parse_splat(options, value);
	case OPT_JSON:
		options->json = value;
		break;
	case OPT_CLEAN:
		options->clean = true;
		break;
	case 'v':
		options->verbose = true;
		break;
	case 'h':
		fputs(help, stdout);
		return fflush(stdout) ? 125 : 0;
	case 'V':
		puts("qemu-run " QEMU_POWEROFF_VERSION);
		return fflush(stdout) ? 125 : 0;
	default:
		say("see qemu-run --help");
		return 125;
	}
	return -1;
}

int options_parse(struct options *options, int argc, char **argv)
{
	int option, status;

	*options = (struct options){
		.memory_mb = 512,
		.cpus = 1,
		.terminal = -1,
	};
	status = getenv("QEMU_RUN_MACHINE") ?
		 parse_machine(options, "QEMU_RUN_MACHINE", getenv("QEMU_RUN_MACHINE")) : -1;
	if (status >= 0)
		return status;
	/* '+': the command's own options are its own. */
	while ((option = getopt_long(argc, argv, "+k:m:f:e:C:t:nvhV", long_options, NULL)) != -1) {
		status = parse_option(options, option, optarg);
		if (status >= 0)
			return status;
	}
	for (; optind < argc; optind++)
		list_add(&options->command, copy(argv[optind]));
	if (!options->command.count) {
		list_add(&options->command, copy("sh"));
		list_add(&options->command, copy("-l"));
	}
	return -1;
}

bool module_is_file(const struct module_option *module)
{
	return strstr(module->name, ".ko");
}

void options_free(struct options *options)
{
	size_t i;

	for (i = 0; i < options->module_count; i++) {
		free(options->modules[i].name);
		free(options->modules[i].parameters);
	}
	for (i = 0; i < options->file_count; i++) {
		free(options->files[i].path);
		free(options->files[i].name);
	}
	for (i = 0; i < options->get_count; i++) {
		free(options->gets[i].guest);
		free(options->gets[i].host);
	}
	for (i = 0; i < options->disk_count; i++)
		free(options->disks[i].path);
	free(options->modules);
	free(options->files);
	free(options->gets);
	free(options->disks);
	free(options->forwards);
	if (options->splat)
		regfree(options->splat);
	free(options->splat);
	free(options->root);
	list_free(&options->shares);
	list_free(&options->variables);
	list_free(&options->qemu);
	list_free(&options->command);
}
