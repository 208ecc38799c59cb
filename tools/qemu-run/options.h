/* SPDX-License-Identifier: GPL-2.0 */
/* The command line. */
#ifndef QEMU_RUN_OPTIONS_H
#define QEMU_RUN_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include "util.h"

enum accelerator_choice {
	ACCEL_AUTO,
	ACCEL_TCG,
	ACCEL_KVM,
};

/**
 * enum machine - a machine of QEMU's
 * @MACHINE_PC: with PCI, the oldest and the default
 * @MACHINE_Q35: with PCI Express
 * @MACHINE_MICROVM: without PCI: its devices are virtio-mmio
 */
enum machine {
	MACHINE_PC,
	MACHINE_Q35,
	MACHINE_MICROVM,
};

/**
 * struct forward - a TCP port of the host's that leads into the guest
 * @address: the host's, dotted
 * @port: the host's
 * @guest_port: the guest's
 */
struct forward {
	char address[INET_ADDRSTRLEN];
	uint16_t port;
	uint16_t guest_port;
};

/**
 * struct options - the command line
 * @kernel: a version, a directory, an image; NULL: the default
 * @modules: FILE.ko[,param=value...] or NAME[,param=value...]
 * @files: PATH[:NAME]
 * @gets: GUESTPATH:HOSTPATH
 * @disks: FILE[,rw]
 * @forwards: [ADDRESS:]PORT:GUESTPORT
 * @forward_count: how many
 * @variables: NAME=value
 * @directory: where the command starts, or NULL
 * @append: more of the kernel's command line, or NULL
 * @json: a file, or NULL
 * @timeout_ms: 0: none
 * @memory_mb: the guest's memory
 * @cpus: the guest's processors
 * @machine: QEMU's
 * @accelerator: what to run on
 * @cold: boot from scratch
 * @preload: the modules are the template's
 * @qemu: more of QEMU's own arguments
 * @no_port: without isa-debug-exit
 * @nic: the network card on a user-mode network, virtio or a PCI model of
 *       QEMU's; NULL: no network
 * @bare: without the driver
 * @allow_splat: a complaint of the kernel's is no failure
 * @verbose: console and QEMU's command line
 * @clean: remove the templates
 * @terminal: 1: yes, 0: no, -1: when there is one
 * @command: what to run; empty: a shell
 */
struct options {
	const char *kernel;
	struct list modules;
	struct list files;
	struct list gets;
	struct list disks;
	struct forward *forwards;
	size_t forward_count;
	struct list variables;
	struct list qemu;
	const char *directory;
	const char *append;
	const char *json;
	const char *nic;
	uint64_t timeout_ms;
	unsigned int memory_mb;
	unsigned int cpus;
	enum machine machine;
	enum accelerator_choice accelerator;
	bool cold;
	bool preload;
	bool bare;
	bool no_port;
	bool allow_splat;
	bool verbose;
	bool clean;
	int terminal;
	struct list command;
};

/**
 * options_parse() - reads the command line
 * @options: receives it
 * @argc: as main() got it
 * @argv: as main() got it
 *
 * Says what is wrong on stderr.
 *
 * Return: -1 to go on, or the exit status to end with at once.
 */
int options_parse(struct options *options, int argc, char **argv);

#endif
