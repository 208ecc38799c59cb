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

/* enum machine_type - a machine of QEMU's */
enum machine_type {
	MACHINE_PC,		/* with PCI, the oldest and the default */
	MACHINE_Q35,		/* with PCI Express */
	MACHINE_MICROVM,	/* without PCI: its devices are virtio-mmio */
};

/* struct module_option - a module of -m */
struct module_option {
	char *name;		/* FILE.ko, or a module's name */
	char *parameters;	/* as on insmod's command line; "" for none */
};

/* struct file_option - a file or tree of -f */
struct file_option {
	char *path;	/* the host's */
	char *name;	/* what it is called below /root in the guest */
};

/* struct get_option - a file or tree of --get */
struct get_option {
	char *guest;	/* its path in the guest */
	char *host;	/* where it goes to */
};

/* struct disk_image - what a disk image is, by its content */
struct disk_image {
	bool qcow2;	/* it is a qcow2, else raw */
	bool begun;	/* its first sector may hold something */
	uint64_t size;	/* of the disk, in bytes */
};

/* struct disk_option - a disk image of --disk */
struct disk_option {
	char *path;			/* the image */
	bool keep;			/* what the guest writes goes to the image */
	bool read_only;			/* the guest cannot write to it */
	bool raw;			/* it is raw, whatever it begins with */
	struct disk_image image;	/* what it is; known after inputs_check() */
};

/* struct share_option - a directory of the host's, of --ro or --rw */
struct share_option {
	char *host;	/* its whole path here */
	char *guest;	/* its path in the guest; NULL: the same */
	bool writable;	/* the guest may write to it */
};

/* struct forward_option - a TCP port of the host's that leads into the guest */
struct forward_option {
	char address[INET_ADDRSTRLEN];	/* the host's, dotted */
	uint16_t port;			/* the host's */
	uint16_t guest_port;		/* the guest's */
};

/* struct options - the command line */
struct options {
	const char *kernel;		/* a version, a directory, an image; NULL: the default */
	struct module_option *modules;	/* to load before the command starts, in this order */
	struct file_option *files;	/* to copy into the guest */
	struct get_option *gets;	/* to copy out when the command has ended */
	struct disk_option *disks;	/* /dev/vda and on */
	struct share_option *shares;	/* directories of the host's */
	struct forward_option *forwards; /* ports of the host's */
	size_t module_count;		/* how many modules; the other counts likewise */
	size_t file_count;
	size_t get_count;
	size_t disk_count;
	size_t share_count;
	size_t forward_count;
	struct list variables;		/* NAME=value */
	char *root;			/* the guest's root, by its whole path; NULL: BusyBox */
	char *image;			/* the file with the root, by its whole path, or NULL */
	bool image_is_qcow2;		/* known after inputs_check() */
	const char *init;		/* the image's, to be PID 1; NULL: ours is */
	const char *ready;		/* the image's command, 0 when it is ready, or NULL */
	const char *user;		/* to run the command as: name, number; NULL: root */
	struct list qemu;		/* more of QEMU's own arguments */
	const char *directory;		/* where the command starts, or NULL */
	const char *append;		/* more of the kernel's command line, or NULL */
	const char *json;		/* a file for the report, or NULL */
	const char *console;		/* a file for the guest's console, or NULL */
	bool bisect;			/* exit as git bisect run wants it */
	bool no_stdin;			/* the command's standard input is empty */
	const char *nic;		/* virtio, or a PCI model of QEMU's; NULL: no network */
	uint64_t timeout_ms;		/* of the command; 0: none */
	uint64_t boot_timeout_ms;	/* of the boot; 0: its silence is bounded */
	unsigned int memory_mb;		/* the guest's memory */
	unsigned int cpus;		/* the guest's processors */
	enum machine_type machine;	/* QEMU's */
	enum accelerator_choice accelerator; /* what to run on */
	bool cold;			/* boot from scratch */
	bool preload;			/* the modules are the template's */
	bool bare;			/* without the driver */
	bool no_port;			/* without isa-debug-exit */
	bool allow_splats;		/* no complaint of the kernel's is a failure */
	regex_t *allowed;		/* matches of complaints that are none */
	size_t allowed_count;		/* how many */
	bool verbose;			/* show the console and QEMU's command line */
	bool clean;			/* remove the templates */
	bool kconfig;			/* print what a kernel needs */
	int terminal;			/* 1: yes, 0: no, -1: when there is one */
	struct list command;		/* what to run */
};

/**
 * options_parse() - reads the command line
 * @options: receives it
 * @argc: as main() got it
 * @argv: as main() got it
 *
 * Without a command, that is a login shell. Says what is wrong on stderr. Looks at the
 * paths of --root, --ro and --rw, reads the file of --allow-splat-file, and tells PATH from
 * PATH:NAME. Of all else see inputs_check().
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
