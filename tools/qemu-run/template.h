/* SPDX-License-Identifier: GPL-2.0 */
/* A guest booted once, its memory and its devices' state in files. */
#ifndef QEMU_RUN_TEMPLATE_H
#define QEMU_RUN_TEMPLATE_H

#include "session.h"

/* struct template - a booted guest, open */
struct template {
	int memory;		/* its memory */
	int state;		/* its devices' state */
	int by_file;		/* QEMU reads @state by file:, not by fd: */
	long long blocks;	/* the room that its memory took when it was made */
};

/**
 * template_open() - finds the template for this run, or makes it
 * @template: receives it
 * @setup: the run
 * @failed: receives the session with a guest that could not be made a template, if
 *	    that is why there is none
 *
 * Return: 1 when there is one, 0 when this run has to boot cold, -1 when it cannot run
 * at all.
 */
int template_open(struct template *template, const struct setup *setup,
		  struct session **failed);

/**
 * template_close() - closes a template, when the guest that was made of it has ended
 * @template: the template
 *
 * Gives back the room that the run has taken in the memory's file, on tmpfs.
 */
void template_close(struct template *template);

/**
 * template_discard() - removes the template for this run: it does not work
 * @setup: the run
 */
void template_discard(const struct setup *setup);

/**
 * virtio_missing() - what a kernel lacks for a channel by virtio, as restored guests need it
 * @setup: the kernel and its machine
 *
 * By the kernel's configuration and its modules, or by what an earlier boot said.
 *
 * Return: the text, to be freed, or NULL if it lacks nothing.
 */
char *virtio_missing(const struct setup *setup);

#endif
