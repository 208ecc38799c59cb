// SPDX-License-Identifier: GPL-2.0
/*
 * The command line: the text of each option is read once, into its record. A function that
 * does so gets NULL if there is no text, which else stays as long as the options. It says on
 * stderr what is wrong, and returns -1 to go on, or the exit status to end with.
 */
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
#include "host_root.h"
#include "options.h"
#include "wire/protocol.h"
#include "wire/tree.h"
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
	"  -t, --timeout SECONDS    the command's (124)  --boot-timeout SECONDS  (123)\n"
	"      --root DIR|IMAGE  --init[=PATH]  --ready COMMAND  --ro, --rw DIR[:PATH]\n"
	"      --disk FILE[,rw|,ro]  /dev/vda and on; without rw nothing is kept\n"
	"      --net                a network to the outside  --nic MODEL  its card\n"
	"      --forward [ADDRESS:]PORT:GUESTPORT  a TCP port of the host's leads inside\n"
	"      --memory MIB         default: 512    --cpus N         default: 1\n"
	"      --append TEXT        for the kernel  --qemu ARGUMENT  for QEMU itself\n"
	"      --machine MACHINE    pc, q35, microvm --accel kvm|tcg  KVM, if it works\n"
	"      --preload  a template with the modules --kconfig  what a kernel needs\n"
	"      --cold  no template  --clean  remove all  --bare  no driver  --no-port\n"
	"      --tty, --no-tty  a terminal; Ctrl-] three times ends it  -n, --no-stdin\n"
	"      --allow-splat[=REGEX], --allow-splat-file FILE  what is not to be 120\n"
	"      --bisect  --json, --console FILE -v, --verbose  -h, --help -V, --version\n"
	"Exit status: the command's own, or 120 the kernel complained, 121 it panicked,\n"
	"122 the guest ended silently, 123 it hung, 124 the deadline passed, 125 the\n"
	"command could not be run, 126 not be executed, 127 not be found.\n";

/* A name of QEMU's: what else its option could hold is not asked for. */
#define NIC_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static int wrong(const char *option, const char *value, const char *what)
{
	say("%s %s: %s", option, value, what);
	return 125;
}

/* check_length() - whether a frame can hold a word of the command line */
static int check_length(const char *text)
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
static int parse_module(struct options *options, const char *text)
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
static int parse_file(struct options *options, const char *text)
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

/* A directory, or a file or block device with a file system in it */
static int parse_root(struct options *options, const char *text)
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
static int parse_init(struct options *options, const char *text)
{
	options->init = text ? text : INIT;
	/* It goes by the kernel's command line. */
	if (*options->init == '/' && !options->init[strcspn(options->init, " \t\n\"")])
		return -1;
	return wrong("--init", options->init, "give an absolute path without blanks and quotes");
}

static int parse_ready(struct options *options, const char *text)
{
	options->ready = text;
	if (*text && strlen(text) <= READY_MAX)
		return -1;
	return wrong("--ready", text, "give a command of at most 400 bytes: it may be a script of the image's");
}

/*
 * DIR[:PATH]: the last colon before a slash ends the name of the directory, if such a
 * directory is there. What exists as it stands is no pair.
 */
static int parse_share(struct options *options, const char *text, bool writable)
{
	const char *option = writable ? "--rw" : "--ro";
	struct share_option share = { .writable = writable };
	char *host = copy(text), *colon;
	size_t length;

	for (colon = access(text, F_OK) ? strrchr(host, ':') : NULL; colon && !share.guest;
	     colon = memrchr(host, ':', colon - host)) {
		if (colon[1] != '/')
			continue;
		*colon = '\0';
		if (access(host, F_OK))
			*colon = ':';
		else
			share.guest = copy(colon + 1);
	}
	length = share.guest ? strlen(share.guest) : 0;
	while (length > 1 && share.guest[length - 1] == '/')
		share.guest[--length] = '\0';
	share.host = real_directory(option, host);
	free(host);
	if (share.host && share.guest && !tree_path_is_plain(share.guest + 1)) {
		wrong(option, text, "give PATH from the guest's root, below it, without . and ..");
		free(share.host);
		share.host = NULL;
	}
	if (!share.host) {
		free(share.guest);
		return 125;
	}
	options->shares = grow(options->shares, options->share_count, sizeof(share));
	options->shares[options->share_count++] = share;
	return -1;
}

/* place_share() - one inside the root is in the guest where it is seen from there */
static void place_share(struct share_option *share, const char *root)
{
	const char *inside = root ? path_below(root, share->host) : NULL;

	if (!share->guest && inside && inside[1])
		share->guest = copy(inside);
}

/* by_place() - a directory comes before one that is mounted inside of it: for qsort(3) */
static int by_place(const void *one, const void *other)
{
	const struct share_option *a = one, *b = other;

	return strcmp(a->guest ? a->guest : a->host, b->guest ? b->guest : b->host);
}

static int parse_ro(struct options *options, const char *text)
{
	return parse_share(options, text, false);
}

static int parse_rw(struct options *options, const char *text)
{
	return parse_share(options, text, true);
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

static int parse_splat(struct options *options, const char *text)
{
	options->allow_splats |= !text;
	return text ? allow(options, text, "--allow-splat", text) : -1;
}

static int parse_splat_file(struct options *options, const char *path)
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
static int parse_disk(struct options *options, const char *text)
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

static int parse_machine(struct options *options, const char *text)
{
	return machine(options, "--machine", text);
}

/* QEMU_RUN_MACHINE, as if by --machine */
static int parse_environment(struct options *options)
{
	const char *text = getenv("QEMU_RUN_MACHINE");

	return text ? machine(options, "QEMU_RUN_MACHINE", text) : -1;
}

/* As the others, by the option's long name; @ms receives milliseconds. */
static int parse_seconds(uint64_t *ms, const char *option, const char *text)
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
	return check_length(options->variables.items[options->variables.count - 1]);
}

static int parse_net(struct options *options, const char *text)
{
	(void)text;
	if (!options->nic)
		options->nic = "virtio";
	return -1;
}

static int parse_nic(struct options *options, const char *text)
{
	if (!*text || text[strspn(text, NIC_LETTERS)])
		return wrong("--nic", text, "give virtio, or a PCI model of QEMU's: e1000");
	options->nic = text;
	return -1;
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

static int parse_memory(struct options *options, const char *text)
{
	long mb = parse_number(text, 128, 1 << 20);

	if (mb < 0)
		return wrong("--memory", text, "give MiB, 128 or more");
	options->memory_mb = mb;
	return -1;
}

static int parse_cpus(struct options *options, const char *text)
{
	long cpus = parse_number(text, 1, 64);

	if (cpus < 0)
		return wrong("--cpus", text, "give 1 to 64");
	options->cpus = cpus;
	return -1;
}

static int parse_append(struct options *options, const char *text)
{
	if (strlen(text) > 1024)
		return wrong("--append", "TEXT", "longer than 1024 bytes");
	options->append = text;
	return -1;
}

static int parse_accel(struct options *options, const char *text)
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

static int parse_qemu(struct options *options, const char *text)
{
	list_add(&options->qemu, copy(text));
	return -1;
}

/* struct kind - an option, and what becomes of it */
struct kind {
	const char *name;	/* its long name */
	char letter;		/* its short one, or 0 */
	int argument;		/* of getopt_long(3) */
	const char *print;	/* goes to stdout, and ends the program; or NULL */
	bool *flag;		/* is set, or NULL */
	const char **text;	/* receives the value as it stands, or NULL */
	uint64_t *ms;		/* receives seconds as milliseconds, or NULL */
	int *choice;		/* receives choose, or NULL */
	int choose;		/* what the option chooses */
	int (*parse)(struct options *options, const char *text); /* reads the value, or NULL */
};

/* What getopt_long(3) returns for option number 0, if it has no letter. */
#define FIRST 256

static int parse_option(struct options *options, const struct kind *kind, const char *value)
{
	if (kind->print)
		return fputs(kind->print, stdout) < 0 || fflush(stdout) ? 125 : 0;
	if (kind->flag)
		*kind->flag = true;
	if (kind->text)
		*kind->text = value;
	if (kind->choice)
		*kind->choice = kind->choose;
	if (kind->ms)
		return parse_seconds(kind->ms, kind->name, value);
	return kind->parse ? kind->parse(options, value) : -1;
}

int options_parse(struct options *options, int argc, char **argv)
{
	const struct kind kinds[] = {
		{ "kernel", 'k', required_argument, .text = &options->kernel },
		{ "module", 'm', required_argument, .parse = parse_module },
		{ "file", 'f', required_argument, .parse = parse_file },
		{ "get", 0, required_argument, .parse = parse_get },
		{ "env", 'e', required_argument, .parse = parse_variable },
		{ "chdir", 'C', required_argument, .text = &options->directory },
		{ "user", 0, required_argument, .text = &options->user },
		{ "timeout", 't', required_argument, .ms = &options->timeout_ms },
		{ "boot-timeout", 0, required_argument, .ms = &options->boot_timeout_ms },
		{ "root", 0, required_argument, .parse = parse_root },
		{ "init", 0, optional_argument, .parse = parse_init },
		{ "ready", 0, required_argument, .parse = parse_ready },
		{ "ro", 0, required_argument, .parse = parse_ro },
		{ "rw", 0, required_argument, .parse = parse_rw },
		{ "disk", 0, required_argument, .parse = parse_disk },
		{ "net", 0, no_argument, .parse = parse_net },
		{ "nic", 0, required_argument, .parse = parse_nic },
		{ "forward", 0, required_argument, .parse = parse_forward },
		{ "memory", 0, required_argument, .parse = parse_memory },
		{ "cpus", 0, required_argument, .parse = parse_cpus },
		{ "append", 0, required_argument, .parse = parse_append },
		{ "machine", 0, required_argument, .parse = parse_machine },
		{ "accel", 0, required_argument, .parse = parse_accel },
		{ "qemu", 0, required_argument, .parse = parse_qemu },
		{ "preload", 0, no_argument, .flag = &options->preload },
		{ "cold", 0, no_argument, .flag = &options->cold },
		{ "clean", 0, no_argument, .flag = &options->clean },
		{ "kconfig", 0, no_argument, .flag = &options->kconfig },
		{ "bare", 0, no_argument, .flag = &options->bare },
		{ "no-port", 0, no_argument, .flag = &options->no_port },
		{ "tty", 0, no_argument, .choice = &options->terminal, .choose = 1 },
		{ "no-tty", 0, no_argument, .choice = &options->terminal, .choose = 0 },
		{ "no-stdin", 'n', no_argument, .flag = &options->no_stdin },
		{ "allow-splat", 0, optional_argument, .parse = parse_splat },
		{ "allow-splat-file", 0, required_argument, .parse = parse_splat_file },
		{ "bisect", 0, no_argument, .flag = &options->bisect },
		{ "json", 0, required_argument, .text = &options->json },
		{ "console", 0, required_argument, .text = &options->console },
		{ "verbose", 'v', no_argument, .flag = &options->verbose },
		{ "help", 'h', no_argument, .print = help },
		{ "version", 'V', no_argument, .print = "qemu-run " QEMU_POWEROFF_VERSION "\n" },
	};
	enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
	struct option long_options[KINDS + 1] = { 0 };
	/* '+': the command's own options are its own. A letter may have a colon. */
	char letters[1 + 2 * KINDS + 1] = "+", *end = letters + 1;
	int option, status, i;

	for (i = 0; i < KINDS; i++) {
		long_options[i] = (struct option){
			kinds[i].name, kinds[i].argument, NULL,
			kinds[i].letter ? kinds[i].letter : FIRST + i
		};
		if (!kinds[i].letter)
			continue;
		*end++ = kinds[i].letter;
		if (kinds[i].argument == required_argument)
			*end++ = ':';
	}
	*options = (struct options){
		.memory_mb = 512,
		.cpus = 1,
		.terminal = -1,
	};
	status = parse_environment(options);
	for (i = 1; i < argc && status < 0; i++)
		status = check_length(argv[i]);
	while (status < 0 &&
	       (option = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		for (i = 0; i < KINDS && option != long_options[i].val; i++)
			;
		if (i == KINDS) {
			say("see qemu-run --help");
			return 125;
		}
		status = parse_option(options, &kinds[i], optarg);
	}
	if (status >= 0)
		return status;
	options->bare |= options->no_port;
	for (i = 0; i < (int)options->share_count; i++)
		place_share(&options->shares[i], options->root);
	if (options->share_count)
		qsort(options->shares, options->share_count, sizeof(*options->shares), by_place);
	if (options->ready && !options->init)
		options->init = INIT;
	if (options->init && !options->image) {
		say("--init needs an image, since QEMU saves no guest with a live directory: mkfs.erofs FILE DIR makes one for --root");
		return 125;
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
	for (i = 0; i < options->share_count; i++) {
		free(options->shares[i].host);
		free(options->shares[i].guest);
	}
	free(options->modules);
	free(options->files);
	free(options->gets);
	free(options->disks);
	free(options->shares);
	free(options->forwards);
	for (i = 0; i < options->allowed_count; i++)
		regfree(&options->allowed[i]);
	free(options->allowed);
	free(options->root);
	free(options->image);
	list_free(&options->variables);
	list_free(&options->qemu);
	list_free(&options->command);
}
