/* SPDX-License-Identifier: GPL-2.0 */
/* The command line. */
#ifndef QEMU_RUN_OPTIONS_H
#define QEMU_RUN_OPTIONS_H

#include <netinet/in.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include "util.h"

/* What --init executes without a path, and how long a command of --ready may be. */
#define INIT	  "/sbin/init"
#define READY_MAX 400

enum accelerator_choice {
	ACCEL_AUTO,
	ACCEL_TCG,
	ACCEL_KVM,
};

/**
 * enum machine_type - a machine of QEMU's
 * @MACHINE_PC: with PCI, the oldest and the default
 * @MACHINE_Q35: with PCI Express
 * @MACHINE_MICROVM: without PCI: its devices are virtio-mmio
 */
enum machine_type {
	MACHINE_PC,
	MACHINE_Q35,
	MACHINE_MICROVM,
};

/**
 * struct module_option - a module of -m
 * @name: FILE.ko, or a module's name
 * @parameters: as on insmod's command line; "" for none
 */
struct module_option {
	char *name;
	char *parameters;
};

/**
 * struct file_option - a file or tree of -f
 * @path: the host's
 * @name: what it is called below /root in the guest
 */
struct file_option {
	char *path;
	char *name;
};

/**
 * struct get_option - a file or tree of --get
 * @guest: its path in the guest
 * @host: where it goes to
 */
struct get_option {
	char *guest;
	char *host;
};

/* struct disk_image - what a disk image is, by its content */
struct disk_image {
	bool qcow2;	/* it is a qcow2, else raw */
	bool begun;	/* its first sector may hold something */
	uint64_t size;	/* of the disk, in bytes */
};

/**
 * struct disk_option - a disk image of --disk
 * @path: the image
 * @keep: what the guest writes goes to the image
 * @read_only: the guest cannot write to it
 * @raw: it is raw, whatever it begins with
 * @image: what it is; known after inputs_check()
 */
struct disk_option {
	char *path;
	bool keep;
	bool read_only;
	bool raw;
	struct disk_image image;
};

/**
 * struct forward_option - a TCP port of the host's that leads into the guest
 * @address: the host's, dotted
 * @port: the host's
 * @guest_port: the guest's
 */
struct forward_option {
	char address[INET_ADDRSTRLEN];
	uint16_t port;
	uint16_t guest_port;
};

/**
 * struct options - the command line
 * @kernel: a version, a directory, an image; NULL: the default
 * @modules: to load before the command starts, in this order
 * @files: to copy into the guest
 * @gets: to copy out when the command has ended
 * @disks: /dev/vda and on
 * @forwards: ports of the host's
 * @module_count: how many @modules; the other counts likewise
 * @variables: NAME=value
 * @shares: directories of the host, by their whole paths, to read and to write
 * @root: the directory of the host that is the guest's root, by its whole path; NULL:
 *	  BusyBox in memory
 * @image: the file with the guest's root, by its whole path, or NULL
 * @image_is_qcow2: known after inputs_check()
 * @init: the init of the image, which is to be PID 1; NULL: ours is
 * @ready: a command of the image's that returns 0 when its system is ready, or NULL
 * @user: the user to run the command as, a name or a number; NULL: root
 * @qemu: more of QEMU's own arguments
 * @directory: where the command starts, or NULL
 * @append: more of the kernel's command line, or NULL
 * @console: a file for the guest's console, or NULL
 * @bisect: exit as git bisect run wants it
 * @no_stdin: the command's standard input is empty
 * @json: a file for the report, or NULL
 * @nic: the network card on a user-mode network, virtio or a PCI model of
 *       QEMU's; NULL: no network
 * @timeout_ms: of the command; 0: none
 * @boot_timeout_ms: of the boot; 0: its silence is bounded
 * @memory_mb: the guest's memory
 * @cpus: the guest's processors
 * @machine: QEMU's
 * @accelerator: what to run on
 * @cold: boot from scratch
 * @preload: the modules are the template's
 * @bare: without the driver
 * @no_port: without isa-debug-exit
 * @allow_splats: no complaint of the kernel's is a failure
 * @allowed: matches of complaints that are none
 * @allowed_count: how many
 * @verbose: show the console and QEMU's command line
 * @clean: remove the templates
 * @kconfig: print what a kernel needs
 * @terminal: 1: yes, 0: no, -1: when there is one
 * @command: what to run
 */
struct options {
	const char *kernel;
	struct module_option *modules;
	struct file_option *files;
	struct get_option *gets;
	struct disk_option *disks;
	struct forward_option *forwards;
	size_t module_count;
	size_t file_count;
	size_t get_count;
	size_t disk_count;
	size_t forward_count;
	struct list variables;
	struct list shares;
	char *root;
	char *image;
	bool image_is_qcow2;
	const char *init;
	const char *ready;
	const char *user;
	struct list qemu;
	const char *directory;
	const char *append;
	const char *json;
	const char *console;
	bool bisect;
	bool no_stdin;
	const char *nic;
	uint64_t timeout_ms;
	uint64_t boot_timeout_ms;
	unsigned int memory_mb;
	unsigned int cpus;
	enum machine_type machine;
	enum accelerator_choice accelerator;
	bool cold;
	bool preload;
	bool bare;
	bool no_port;
	bool allow_splats;
	regex_t *allowed;
	size_t allowed_count;
	bool verbose;
	bool clean;
	bool kconfig;
	int terminal;
	struct list command;
};

/**
 * options_parse() - reads the command line
 * @options: receives it
 * @argc: as main() got it
 * @argv: as main() got it
 *
 * Without a command, that is a login shell. Says what is wrong on stderr. Looks at
 * no file but to tell PATH from PATH:NAME: see inputs_check().
 *
 * Return: -1 to go on, or the exit status to end with at once.
 */
int options_parse(struct options *options, int argc, char **argv);

/**
 * module_is_file() - whether a module is given as a file, not by its name
 * @module: the module
 */
bool module_is_file(const struct module_option *module);

/**
 * options_free() - frees what the parser allocated
 * @options: the options
 */
void options_free(struct options *options);

#endif
