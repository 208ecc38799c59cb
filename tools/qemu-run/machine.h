/* SPDX-License-Identifier: GPL-2.0 */
/* One QEMU, from its start to its end. */
#ifndef QEMU_RUN_MACHINE_H
#define QEMU_RUN_MACHINE_H

#include <stdbool.h>
#include <sys/types.h>
#include "channel.h"
#include "console.h"
#include "setup.h"

/* The migration URI of the file in descriptor set 1. */
#define FILE_URI "file:/dev/fdset/1"

/* What QEMU's monitor wants to hear before all else: JSON objects, a line each. */
#define QMP_BEGIN "{\"execute\":\"qmp_capabilities\"}"
/* A saved state is without memory that is in a file. */
#define QMP_IGNORE_SHARED \
	"{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":" \
	"[{\"capability\":\"x-ignore-shared\",\"state\":true}]}}"

/* struct boot - how QEMU comes by its guest */
struct boot {
	int initramfs;	/* boot the kernel with it, a file; -1: restore */
	int memory;	/* the file of the guest's memory, or -1 */
	bool shared;	/* what the guest writes goes there: a template, without what a run has */
	int state;	/* the devices' state to restore, or -1 */
	bool by_file;	/* QEMU reads @state by file:, not by fd: */
	bool serial;	/* the channel is a serial port, and the job is packed */
};

/* struct machine - QEMU, and the host's ends of what it is connected to */
struct machine {
	pid_t pid;
	int pidfd;		/* readable once it has ended; -1 where the kernel has none */
	struct channel channel;	/* to the guest's init */
	struct console console;	/* the guest's serial console */
	int monitor;		/* QMP, not blocking, or -1 */
	struct text replies;	/* what came by QMP, for session_reply() */
	int stderr_fd;		/* QEMU's stderr, not blocking, or -1 */
	struct text messages;	/* what came by that */
	bool restored;		/* from a template, not booted */
	bool ended;		/* QEMU has ended and was waited for */
	int wait_status;	/* as waitpid(2) gave it */
	uint64_t start_ns;	/* when it was started, by now_ns() */
	uint64_t end_ns;	/* when it was waited for */
};

/**
 * machine_start() - starts QEMU
 * @machine: receives it; nothing to free after an error
 * @setup: what it is made from
 * @boot: how its guest begins; the descriptors stay the caller's
 *
 * Return: 0 or -1.
 */
int machine_start(struct machine *machine, const struct setup *setup, const struct boot *boot);

/**
 * machine_wait() - whether QEMU has ended; does not wait
 * @machine: the machine
 */
bool machine_wait(struct machine *machine);

/**
 * machine_free() - kills QEMU if it still runs, and frees all
 * @machine: the machine
 */
void machine_free(struct machine *machine);

#endif
