/* SPDX-License-Identifier: GPL-2.0 */
/* Modules for the guest, with what they depend on out of the kernel's own tree. */
#ifndef QEMU_RUN_MODULES_H
#define QEMU_RUN_MODULES_H

#include "setup.h"

/* struct module - a module to load */
struct module {
	char *path;		/* its file on the host; may be compressed */
	char *parameters;	/* as on insmod's command line */
	bool soft;		/* only a soft dependency: it may fail to load */
};

/* struct modules - modules in the order in which to load them */
struct modules {
	struct module *items;
	size_t count;
};

/**
 * modules_add() - adds a module, after all that it needs
 * @modules: where to
 * @setup: which kernel, and which other modules the user gives
 * @wanted: a FILE.ko, or the name or alias of a module of the kernel's
 *
 * What is built in is left out.
 *
 * Return: 0 or -1.
 */
int modules_add(struct modules *modules, const struct setup *setup,
		const struct module_option *wanted);

/**
 * modules_has() - whether a kernel has a module, or has it built in
 * @kernel: the kernel
 * @name: the module's name
 *
 * Return: 1 or 0; -1 if the kernel has no list of its modules.
 */
int modules_has(const struct kernel *kernel, const char *name);

/**
 * modules_lack() - whether a kernel lacks an option, as far as is known here
 * @kernel: the kernel
 * @module: what the option builds, or NULL if that is never a module
 * @option: its name, as CONFIG_MODULES
 *
 * Return: 'n': it is off; 'm': its module is not there; 0 if nothing is known to be missing.
 */
char modules_lack(const struct kernel *kernel, const char *module, const char *option);

/**
 * module_read() - reads a module, unpacked
 * @setup: the run
 * @path: the module's file
 * @image: receives it
 *
 * Return: 0; -1 on an error, or when interrupted.
 */
int module_read(const struct setup *setup, const char *path, struct text *image);

void modules_free(struct modules *modules);

#endif
