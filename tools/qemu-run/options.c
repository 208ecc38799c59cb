// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "option_values.h"
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
	"  -t, --timeout SECONDS    the command's (124)  --boot-timeout SECONDS  (123)\n"
	"      --root DIR|IMAGE  --init[=PATH]  --ready COMMAND        --rw DIR  shared\n"
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

/**
 * struct kind - an option, and what becomes of it
 * @name: its long name
 * @letter: its short one, or 0
 * @argument: of getopt_long(3)
 * @flag: is set, or NULL
 * @text: receives the value as it stands, or NULL
 * @ms: receives seconds as milliseconds, or NULL
 * @choice: receives @choose, or NULL
 * @choose: what the option chooses
 * @parse: reads the value, or NULL; see option_values.h
 */
struct kind {
	const char *name;
	char letter;
	int argument;
	bool *flag;
	const char **text;
	uint64_t *ms;
	int *choice;
	int choose;
	int (*parse)(struct options *options, const char *text);
};

/* What getopt_long(3) returns for option number 0, if it has no letter. */
#define FIRST 256

static int parse_option(struct options *options, const struct kind *kind, const char *value)
{
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

static int print_help(struct options *options, const char *text)
{
	(void)options;
	(void)text;
	fputs(help, stdout);
	return fflush(stdout) ? 125 : 0;
}

static int print_version(struct options *options, const char *text)
{
	(void)options;
	(void)text;
	puts("qemu-run " QEMU_POWEROFF_VERSION);
	return fflush(stdout) ? 125 : 0;
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
		{ "help", 'h', no_argument, .parse = print_help },
		{ "version", 'V', no_argument, .parse = print_version },
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
	free(options->modules);
	free(options->files);
	free(options->gets);
	free(options->disks);
	free(options->forwards);
	for (i = 0; i < options->allowed_count; i++)
		regfree(&options->allowed[i]);
	free(options->allowed);
	free(options->root);
	free(options->image);
	list_free(&options->shares);
	list_free(&options->variables);
	list_free(&options->qemu);
	list_free(&options->command);
}
